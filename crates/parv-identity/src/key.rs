//! Account and device keys, and the one rule by which signatures are accepted.
//!
//! The two are distinct types, because what an account key signs (certificates, revocation lists) and what a device key
//! signs (commits) never mix. Neither signs arbitrary bytes for others: signing is done by the rooms that put the context
//! around it.

use crate::IdentityError;
use curve25519_dalek::constants::EIGHT_TORSION;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{self, DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use parv_model::{DeviceId, Uri};
use std::fmt;
use std::sync::LazyLock;
use zeroize::Zeroizing;

macro_rules! key_type {
    ($(#[$doc:meta])* $name:ident, $id:ident, $id_fn:ident) => {
        $(#[$doc])*
        pub struct $name(SigningKey);

        impl $name {
            /// A new key from the operating system's randomness.
            pub fn generate() -> Result<Self, IdentityError> {
                let mut seed = Zeroizing::new([0; 32]);
                getrandom::fill(&mut *seed).map_err(IdentityError::NoRandomness)?;
                Ok(Self(SigningKey::from_bytes(&seed)))
            }

            /// The key that grows from this seed (the private key of RFC 8032).
            pub fn from_seed(seed: [u8; 32]) -> Self {
                Self(SigningKey::from_bytes(&Zeroizing::new(seed)))
            }

            /// The seed: whoever has it has the key.
            pub fn seed(&self) -> Zeroizing<[u8; 32]> {
                Zeroizing::new(self.0.to_bytes())
            }

            /// The public half of the key.
            pub fn $id_fn(&self) -> $id {
                $id::from_bytes(self.0.verifying_key().to_bytes())
            }

            /// The Ed25519 signature of `message`.
            pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
                self.0.sign(message).to_bytes()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({}, secret)"), self.$id_fn())
            }
        }
    };
}

key_type!(
    /// The secret key of an account. It issues and revokes devices and is needed for nothing else; between two such acts it
    /// lies in the [archive](crate::archive). Wiped from memory when dropped, never shown by `Debug`.
    AccountKey, Uri, uri
);
key_type!(
    /// The secret key of a device: signs its commits and is its identity on the network. Wiped from memory when dropped,
    /// never shown by `Debug`.
    #[derive(Clone)]
    DeviceKey, DeviceId, device_id
);

impl DeviceKey {
    /// The key as PKCS#8 (version 1, which every OpenSSL reads) in PEM.
    pub(crate) fn to_pkcs8_pem(&self) -> pkcs8::Result<Zeroizing<String>> {
        KeypairBytes { secret_key: self.0.to_bytes(), public_key: None }.to_pkcs8_pem(LineEnding::LF)
    }

    /// The key in such a PEM text.
    pub(crate) fn from_pkcs8_pem(pem: &str) -> pkcs8::Result<Self> {
        SigningKey::from_pkcs8_pem(pem).map(Self)
    }
}

/// The public key with these bytes, if it is one that may sign: a point in its canonical encoding and of full order. A key
/// of small order would make one signature good for many messages, a second encoding would be a second name for one key.
pub(crate) fn verifying_key(bytes: &[u8; 32]) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_bytes(bytes).ok()?;
    let canonical = VerifyingKey::from(key.to_edwards()) == key;
    (canonical && !key.is_weak()).then_some(key)
}

/// Whether the holder of this public key signed `message`: the one acceptance rule for signatures (validation §3).
pub(crate) fn verify(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    verifying_key(public_key).is_some_and(|key| verify_with(&key, message, signature))
}

/// The same with a key that [`verifying_key`] gave. This is what `VerifyingKey::verify_strict` says, in a tenth less time: that
/// decodes the point R of the signature first. The mere equation says what bytes R must have, in their one encoding, so if it
/// holds they are a point's, and all that is left to see is that this is none of the eight of small order.
pub(crate) fn verify_with(key: &VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    static SMALL_ORDER: LazyLock<[[u8; 32]; 8]> =
        LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress().to_bytes()));
    let signature = Signature::from_bytes(signature);
    key.verify(message, &signature).is_ok() && !SMALL_ORDER.contains(signature.r_bytes())
}

#[cfg(test)]
mod vectors;

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
    }

    #[test]
    fn weak_and_oddly_encoded_keys_are_none() {
        let p = "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
        let weak_or_odd = [
            "0000000000000000000000000000000000000000000000000000000000000000", // order 4
            "0100000000000000000000000000000000000000000000000000000000000000", // the neutral element
            "0100000000000000000000000000000000000000000000000000000000000080", // the same with the other sign
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
            p,                                                                  // 0 again
            "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // 3 again: full order, second encoding
        ];
        for key in weak_or_odd {
            assert!(verifying_key(&bytes(key)).is_none(), "{key} was taken");
        }
        // The point with y = 3 itself is a good key: only its second spelling was refused.
        assert!(verifying_key(&bytes("0300000000000000000000000000000000000000000000000000000000000000")).is_some());
    }

    #[test]
    fn a_signature_that_a_weak_key_makes_good_for_everything_is_bad() {
        let neutral = bytes("0100000000000000000000000000000000000000000000000000000000000000");
        let mut signature = [0; 64]; // R = neutral, S = 0: satisfies the bare equation for every message
        signature[0] = 1;
        assert!(!verify(&neutral, b"anything", &signature));
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = DeviceKey::from_seed([7; 32]);
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("DeviceKey({}, secret)", key.device_id()));
        assert!(!shown.contains("0707"));
    }

    #[test]
    fn pkcs8_and_back() {
        let key = DeviceKey::generate().unwrap();
        let pem = key.to_pkcs8_pem().unwrap();
        assert_eq!(DeviceKey::from_pkcs8_pem(&pem).unwrap().device_id(), key.device_id());
    }
}
