//! Keys on the curve P-256, which Web Push is bound to.

use crate::PushKeyError;
use p256::{PublicKey, SecretKey};
use zeroize::Zeroizing;

/// Size of a public key, in bytes: a point, not compressed.
pub const PUBLIC_KEY_BYTES: usize = 65;

/// Size of a secret key, in bytes.
pub(crate) const SECRET_KEY_BYTES: usize = 32;

/// A new key from the operating system's randomness.
pub(crate) fn generate() -> Result<SecretKey, PushKeyError> {
    let mut bytes = Zeroizing::new([0; SECRET_KEY_BYTES]);
    loop {
        getrandom::fill(&mut *bytes).map_err(PushKeyError::NoRandomness)?;
        // One number in 2³² is zero or no smaller than the order of the curve.
        if let Ok(key) = SecretKey::from_slice(&*bytes) {
            return Ok(key);
        }
    }
}

/// The public half of a key.
pub(crate) fn public(key: &SecretKey) -> [u8; PUBLIC_KEY_BYTES] {
    point(&key.public_key())
}

pub(crate) fn point(key: &PublicKey) -> [u8; PUBLIC_KEY_BYTES] {
    (*key.to_sec1_bytes()).try_into().expect("points of this curve are not compressed")
}

/// The public key with these bytes: a point of the curve, not compressed.
pub(crate) fn read_public(bytes: &[u8]) -> Option<PublicKey> {
    (bytes.len() == PUBLIC_KEY_BYTES).then(|| PublicKey::from_sec1_bytes(bytes).ok()).flatten()
}
