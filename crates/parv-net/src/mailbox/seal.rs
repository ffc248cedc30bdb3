//! Sealing a letter: Noise_X, so that only the recipient can read it and knows from whom it is.
//!
//! The static keys are the devices' own: an Ed25519 key becomes an X25519 key by the birational map between the two
//! curves, as libsodium's `crypto_sign_ed25519_*_to_curve25519` does. Whoever knows a device's id can write to it. The
//! slot stands in the prologue, which binds a letter to its recipient, its sender and its purpose.
//!
//! Noise_X has no forward secrecy against a later theft of the recipient's key, and nothing against replays: those are
//! met by the signed record around it and by whoever reads letters.

use super::Slot;
use crate::NetError;
use crate::limits::{LETTER_SEAL_BYTES, MAX_LETTER_BYTES};
use ed25519_dalek::{SigningKey, VerifyingKey};
use parv_model::DeviceId;
use snow::params::NoiseParams;
use snow::resolvers::DefaultResolver;
use snow::{Builder, HandshakeState};
use zeroize::Zeroizing;

const PATTERN: &str = "Noise_X_25519_ChaChaPoly_BLAKE2s";

/// A device's secret half for sealing and opening.
pub(crate) struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKey {
    /// That of the device with this seed.
    pub(crate) fn of_seed(seed: &[u8; 32]) -> Self {
        Self(Zeroizing::new(SigningKey::from_bytes(seed).to_scalar_bytes()))
    }

    /// Seals a letter.
    pub(crate) fn seal(&self, recipient: &DeviceId, slot: &Slot, body: &[u8]) -> Result<Vec<u8>, NetError> {
        if body.len() > MAX_LETTER_BYTES {
            return Err(NetError::TooLong { what: "the letter", bytes: body.len(), limit: MAX_LETTER_BYTES });
        }
        let theirs = public_key(recipient).ok_or_else(|| malformed("its recipient's id is no key"))?;
        let mut noise = self.start(slot, Some(&theirs))?;
        let mut sealed = vec![0; body.len() + LETTER_SEAL_BYTES];
        let length = noise.write_message(body, &mut sealed).map_err(malformed)?;
        sealed.truncate(length);
        Ok(sealed)
    }

    /// Opens a letter of that sender.
    pub(crate) fn open(&self, sender: &DeviceId, slot: &Slot, sealed: &[u8]) -> Result<Vec<u8>, NetError> {
        let theirs = public_key(sender).ok_or_else(|| malformed("its sender's id is no key"))?;
        let mut noise = self.start(slot, None)?;
        let mut body = vec![0; sealed.len()];
        let length = noise.read_message(sealed, &mut body).map_err(malformed)?;
        if noise.get_remote_static() != Some(&theirs) {
            return Err(malformed("it was sealed by somebody else"));
        }
        body.truncate(length);
        Ok(body)
    }

    fn start(&self, slot: &Slot, recipient: Option<&[u8; 32]>) -> Result<HandshakeState, NetError> {
        let params: NoiseParams = PATTERN.parse().map_err(|error: snow::Error| malformed(error))?;
        let builder = Builder::with_resolver(params, Box::new(DefaultResolver));
        let builder = builder.prologue(slot.as_bytes()).and_then(|builder| builder.local_private_key(&*self.0));
        let started = builder.and_then(|builder| match recipient {
            Some(key) => builder.remote_public_key(key)?.build_initiator(),
            None => builder.build_responder(),
        });
        started.map_err(malformed)
    }
}

/// A device's X25519 key; none if its id is no point of the curve, or one with which anybody agrees on a secret.
fn public_key(device: &DeviceId) -> Option<[u8; 32]> {
    let key = VerifyingKey::from_bytes(device.as_bytes()).ok().filter(|key| !key.is_weak())?;
    Some(key.to_montgomery().to_bytes())
}

fn malformed(why: impl ToString) -> NetError {
    NetError::Malformed { what: "the letter", why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::Purpose;

    fn device(seed: u8) -> (SealingKey, DeviceId) {
        let seed = [seed; 32];
        let device = DeviceId::from_bytes(SigningKey::from_bytes(&seed).verifying_key().to_bytes());
        (SealingKey::of_seed(&seed), device)
    }

    #[test]
    fn a_letter_is_opened_by_its_recipient_in_its_slot_only() {
        let ((ann, ann_id), (bob, bob_id), (eve, eve_id)) = (device(1), device(2), device(3));
        let slot = Slot::new(&bob_id, &ann_id, Purpose::Invitation);
        for size in [0, 1, 300, MAX_LETTER_BYTES] {
            let body = vec![7; size];
            let sealed = ann.seal(&bob_id, &slot, &body).unwrap();
            assert_eq!(sealed.len(), size + LETTER_SEAL_BYTES);
            assert_eq!(bob.open(&ann_id, &slot, &sealed).unwrap(), body);
            assert!(eve.open(&ann_id, &slot, &sealed).is_err());
            assert!(bob.open(&eve_id, &slot, &sealed).is_err());
            for other in [
                Slot::new(&bob_id, &ann_id, Purpose::Contact),
                Slot::new(&eve_id, &ann_id, Purpose::Invitation),
                Slot::new(&bob_id, &eve_id, Purpose::Invitation),
            ] {
                assert!(bob.open(&ann_id, &other, &sealed).is_err());
            }
        }
        assert!(ann.seal(&bob_id, &slot, &vec![0; MAX_LETTER_BYTES + 1]).is_err());
        // The same words are sealed anew each time.
        assert_ne!(ann.seal(&bob_id, &slot, b"hi").unwrap(), ann.seal(&bob_id, &slot, b"hi").unwrap());
    }

    #[test]
    fn no_changed_byte_goes_unnoticed() {
        let ((ann, ann_id), (bob, bob_id)) = (device(1), device(2));
        let slot = Slot::new(&bob_id, &ann_id, Purpose::WakeUp);
        let sealed = ann.seal(&bob_id, &slot, b"news").unwrap();
        for at in 0..sealed.len() {
            assert!(bob.open(&ann_id, &slot, &sealed[..at]).is_err());
            // The topmost bit of an X25519 key means nothing (RFC 7748), but is hashed along.
            for bit in 0..8 {
                let mut flipped = sealed.clone();
                flipped[at] ^= 1 << bit;
                assert!(bob.open(&ann_id, &slot, &flipped).is_err(), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn nobody_writes_to_a_key_that_is_none() {
        let (ann, ann_id) = device(1);
        let mut identity = [0; 32];
        identity[0] = 1;
        let off_the_curve = (2..).map(|y| [y; 32]).find(|bytes| VerifyingKey::from_bytes(bytes).is_err()).unwrap();
        for wrong in [identity, [0; 32], off_the_curve].map(DeviceId::from_bytes) {
            let slot = Slot::new(&wrong, &ann_id, Purpose::Invitation);
            assert!(ann.seal(&wrong, &slot, b"hi").is_err());
            assert!(ann.open(&wrong, &slot, &[0; 200]).is_err());
        }
    }

    #[test]
    fn keys_are_converted_as_libsodium_does() {
        // Seed and results of libsodium's test/default/ed25519_convert.c.
        let hex = |text: &str| -> [u8; 32] {
            std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        };
        let seed = hex("421151a459faeade3d247115f94aedae42318124095afabe4d1451a559faedee");
        let device = DeviceId::from_bytes(SigningKey::from_bytes(&seed).verifying_key().to_bytes());
        let public = hex("f1814f0e8ff1043d8a44d25babff3cedcae6c22c3edaa48f857ae70de2baae50");
        assert_eq!(public_key(&device), Some(public));
        let mut secret = *SealingKey::of_seed(&seed).0;
        (secret[0], secret[31]) = (secret[0] & 248, secret[31] & 127 | 64);
        assert_eq!(secret, hex("8052030376d47112be7f73ed7a019293dd12ad910b654455798b4667d73de166"));
    }
}
