//! Short sealed texts: XChaCha20-Poly1305 under a derived key, bound to the device that sealed them.
//!
//! ```text
//! byte[24] nonce
//! byte[n]  the text under the key and the nonce, the device's id as associated data
//! byte[16] the tag
//! ```

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use parv_model::DeviceId;

const NONCE_BYTES: usize = 24;

/// What texts are sealed with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SealingKey([u8; 32]);

impl SealingKey {
    /// The key for one use, named by `context`, that everybody derives who knows `material`.
    pub(crate) fn derive(context: &'static str, material: &[u8]) -> Self {
        Self(blake3::derive_key(context, material))
    }

    /// Seals a text of `device`. Fails when the system gives no randomness.
    pub(crate) fn seal(&self, text: &[u8], device: &DeviceId) -> Result<Vec<u8>, getrandom::Error> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce)?;
        let payload = Payload { msg: text, aad: device.as_bytes() };
        let sealed = self.cipher().encrypt(XNonce::from_slice(&nonce), payload).expect("a short text can be sealed");
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The text that `device` sealed with this key; none if it was another device, another key or somebody bent it.
    pub(crate) fn open(&self, bytes: &[u8], device: &DeviceId) -> Option<Vec<u8>> {
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
        let payload = Payload { msg: sealed, aad: device.as_bytes() };
        self.cipher().decrypt(XNonce::from_slice(nonce), payload).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_opens_what_the_same_device_sealed() {
        let (key, device) = (SealingKey::derive("test", b"ours"), DeviceId::from_bytes([3; 32]));
        let sealed = key.seal(b"words", &device).unwrap();
        assert_eq!(key.open(&sealed, &device).as_deref(), Some(&b"words"[..]));
        assert_eq!(SealingKey::derive("test", b"theirs").open(&sealed, &device), None);
        assert_eq!(SealingKey::derive("other", b"ours").open(&sealed, &device), None);
        assert_eq!(key.open(&sealed, &DeviceId::from_bytes([4; 32])), None);
        for cut in 0..sealed.len() {
            assert_eq!(key.open(&sealed[..cut], &device), None);
        }
        for byte in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[byte] ^= 1;
            assert_eq!(key.open(&bent, &device), None);
        }
    }
}
