//! Whether many signatures hold, by one sum of points: what [`Verifier::verify_again`](crate::Verifier::verify_again) and
//! [`Proof::all_hold`](crate::sshsig::Proof::all_hold) rest on. It is no rule for what comes from others; why not is said in
//! [`verifier`](crate::verifier).
//!
//! Each signature is an equation `R + hA - sB = 0`. The equations are summed up with random weights. Each R needs a term of
//! its own, but all equations of one key share the term of A. That is why this is not `ed25519_dalek::verify_batch`, which
//! has a term for every A and costs twice as much.

use crate::sshsig::{Signature, SignedData};
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul};
use ed25519_dalek::VerifyingKey;
use parv_model::DeviceId;
use sha2::{Digest, Sha512};
use std::collections::BTreeMap;

/// Whether all of these signatures, each on its data, hold. `key` gives the usable public key of a device and is asked once
/// for each.
pub(crate) fn all_hold<'a>(
    mut signed: impl Iterator<Item = (&'a Signature, &'a SignedData)>,
    mut key: impl FnMut(&DeviceId) -> Option<VerifyingKey>,
) -> bool {
    let mut sum = Sum::default();
    signed.all(|(signature, data)| sum.add(signature, data, &mut key).is_some()) && sum.vanishes()
}

#[derive(Default)]
struct Sum {
    equations: Vec<Equation>,
    keys: Vec<VerifyingKey>,
    places: BTreeMap<DeviceId, usize>,
    /// Of everything that the equations are made of.
    transcript: Sha512,
}

struct Equation {
    r: EdwardsPoint,
    s: Scalar,
    h: Scalar,
    /// The place of its key.
    key: usize,
}

impl Sum {
    /// Adds a signature on `data`; none if it is no signature at all, or its key is not usable.
    fn add(
        &mut self,
        signature: &Signature,
        data: &SignedData,
        key: impl FnOnce(&DeviceId) -> Option<VerifyingKey>,
    ) -> Option<()> {
        let place = match self.places.get(&signature.device) {
            Some(&place) => place,
            None => {
                self.keys.push(key(&signature.device)?);
                self.places.insert(signature.device, self.keys.len() - 1);
                self.keys.len() - 1
            }
        };
        let (r_bytes, s_bytes) = signature.bytes.split_first_chunk::<32>()?;
        let s_bytes: &[u8; 32] = s_bytes.try_into().ok()?;
        let key_bytes = signature.device.as_bytes();
        let hash = Sha512::new().chain_update(r_bytes).chain_update(key_bytes).chain_update(data.as_bytes()).finalize();
        // The hash stands for R, A and the data.
        self.transcript.update(hash);
        self.transcript.update(s_bytes);
        self.equations.push(Equation {
            r: CompressedEdwardsY(*r_bytes).decompress()?,
            s: Option::from(Scalar::from_canonical_bytes(*s_bytes))?,
            h: Scalar::from_bytes_mod_order_wide(&hash.into()),
            key: place,
        });
        Some(())
    }

    /// Whether all equations hold; if one does not, the chance that they seem to is one in 2¹²⁸.
    fn vanishes(self) -> bool {
        let weights = weights(&self.transcript.finalize().into(), self.equations.len());
        let mut base = Scalar::ZERO;
        let mut of_keys = vec![Scalar::ZERO; self.keys.len()];
        for (Equation { s, h, key, .. }, weight) in self.equations.iter().zip(&weights) {
            base -= weight * s;
            of_keys[*key] += weight * h;
        }
        let scalars = weights.iter().chain(&of_keys).chain([&base]);
        let keys = self.keys.iter().map(VerifyingKey::to_edwards);
        let points = self.equations.iter().map(|equation| equation.r).chain(keys).chain([ED25519_BASEPOINT_POINT]);
        EdwardsPoint::vartime_multiscalar_mul(scalars, points).is_identity()
    }
}

/// So many weights of 128 bits, which nobody can foresee who has not fixed all signatures before.
fn weights(transcript: &[u8; 64], count: usize) -> Vec<Scalar> {
    let block = |number: usize| -> [u8; 64] {
        Sha512::new().chain_update(transcript).chain_update(number.to_le_bytes()).finalize().into()
    };
    let weight = |bytes: &[u8; 16]| Scalar::from(u128::from_le_bytes(*bytes));
    (0..count.div_ceil(4))
        .flat_map(|number| block(number).as_chunks().0.to_vec())
        .take(count)
        .map(|w| weight(&w))
        .collect()
}
