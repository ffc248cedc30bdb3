//! Checking many signatures on commits.
//!
//! A conversation has many commits and few devices, so keys are decoded once. And what was accepted before can be checked
//! again together, in one sum of points, which costs a quarter of as many single checks.
//!
//! # Two ways
//! [`Verifier::verify`] is *the* acceptance rule (validation §3), the same as [`Signature::verify`].
//!
//! [`Verifier::verify_again`] is for signatures that this device has accepted by that rule before and has kept since. It
//! recognises every one of them, and takes no signature that was made without the key, but for a chance of one in 2¹²⁸.
//! It is a little more lenient: whoever *has* the key can make signatures with a component of small order that a sum may
//! or may not take, depending on what else is in it. Taken as a rule for what comes from others, it would let a member
//! write commits that some devices take and others refuse. As a check of what lies on the own disk, it finds damage and
//! forgery all the same; whoever could exploit the difference would have to be a member and write on that disk, and could
//! do worse there.

use crate::key;
use crate::sshsig::{Signature, SignedData, SshsigError};
use crate::sum;
use ed25519_dalek::VerifyingKey;
use parv_model::DeviceId;
use std::collections::BTreeMap;

/// How many signatures are summed up at a time. More would gain little and cost memory.
const BATCH: usize = 512;

/// Knows the keys that it has met. Meant for one batch of work: it never forgets one.
#[derive(Debug, Default)]
pub struct Verifier {
    keys: BTreeMap<DeviceId, Option<VerifyingKey>>,
}

impl Verifier {
    /// One that has met no keys yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn key(&mut self, device: &DeviceId) -> Result<VerifyingKey, SshsigError> {
        let known = self.keys.entry(*device).or_insert_with(|| key::verifying_key(device.as_bytes()));
        known.ok_or(SshsigError::UnusableKey)
    }

    /// Checks that the device signed this, by the strict rule; see [`Signature::verify`].
    ///
    /// # Errors
    /// When it did not, or when its key may not sign.
    pub fn verify(&mut self, signature: &Signature, data: &SignedData) -> Result<(), SshsigError> {
        let key = self.key(&signature.device)?;
        let holds = key::verify_with(&key, data.as_bytes(), &signature.bytes);
        holds.then_some(()).ok_or(SshsigError::Bad(signature.device))
    }

    /// Checks signatures that were accepted before, each with what it is over, together; see the [module](self). The verdicts
    /// come in their order. Where one is bad, the strict rule says of each of its batch whether it is.
    pub fn verify_again(&mut self, signed: &[(Signature, SignedData)]) -> Vec<Result<(), SshsigError>> {
        signed.chunks(BATCH).flat_map(|batch| self.verify_batch(batch)).collect()
    }

    fn verify_batch(&mut self, batch: &[(Signature, SignedData)]) -> Vec<Result<(), SshsigError>> {
        let signed = batch.iter().map(|(signature, data)| (signature, data));
        if sum::all_hold(signed, |device| self.key(device).ok()) {
            return vec![Ok(()); batch.len()];
        }
        batch.iter().map(|(signature, data)| self.verify(signature, data)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::DeviceKey;
    use crate::sshsig;

    /// Signatures of three devices, each on a payload of its own.
    fn signed(count: usize) -> Vec<(Signature, Vec<u8>)> {
        let keys: Vec<DeviceKey> = (1..4).map(|seed| DeviceKey::from_seed([seed; 32])).collect();
        let sign = |number: usize| {
            let payload = format!("payload {number}").into_bytes();
            let armour = sshsig::sign(&keys[number % 3], &payload);
            (sshsig::decode(&armour).expect("our own"), payload)
        };
        (0..count).map(sign).collect()
    }

    fn over(payload: &[u8]) -> SignedData {
        SignedData::of([payload])
    }

    fn again(signed: &[(Signature, Vec<u8>)]) -> Vec<Result<(), SshsigError>> {
        let signed: Vec<_> = signed.iter().map(|(signature, payload)| (*signature, over(payload))).collect();
        Verifier::new().verify_again(&signed)
    }

    #[test]
    fn all_good_ones_are_recognised_in_any_number() {
        for count in [0, 1, 2, BATCH - 1, BATCH, BATCH + 1] {
            let signed = signed(count);
            assert_eq!(again(&signed), vec![Ok(()); count]);
            let mut verifier = Verifier::new();
            assert!(signed.iter().all(|(signature, payload)| verifier.verify(signature, &over(payload)).is_ok()));
        }
    }

    #[test]
    fn a_bad_one_is_found_among_the_others() {
        let good = signed(40);
        let bad = |change: fn(&mut (Signature, Vec<u8>))| {
            let mut signed = good.clone();
            change(&mut signed[17]);
            let verdicts = again(&signed);
            assert!(verdicts.iter().enumerate().all(|(place, verdict)| verdict.is_ok() == (place != 17)));
            let (signature, payload) = &signed[17];
            assert_eq!(verdicts[17], signature.verify(payload), "both rules say the same of it");
            assert_eq!(verdicts[17], Verifier::new().verify(signature, &over(payload)));
        };
        bad(|(_, payload)| payload.push(b'!'));
        bad(|(signature, _)| signature.bytes[0] ^= 1);
        bad(|(signature, _)| signature.bytes[40] ^= 1);
        bad(|(signature, _)| signature.bytes[63] |= 0xe0);
        bad(|(signature, _)| signature.device = DeviceKey::from_seed([9; 32]).device_id());
        bad(|(signature, _)| {
            let mut neutral = [0; 32];
            neutral[0] = 1;
            signature.device = DeviceId::from_bytes(neutral);
        });
    }

    /// Two that are wrong by opposite amounts would cancel out in a sum without random weights.
    #[test]
    fn errors_do_not_cancel_out() {
        let mut signed = signed(2);
        signed[0].0.bytes[32] = signed[0].0.bytes[32].wrapping_add(1);
        signed[1].0.bytes[32] = signed[1].0.bytes[32].wrapping_sub(1);
        assert!(again(&signed).iter().all(Result::is_err));
    }
}
