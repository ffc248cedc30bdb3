//! RSA public keys: PKCS #1 v1.5 signatures (RFC 8017, 8.2). Only the public half of RSA is ever used here, so the timing
//! of private keys (RUSTSEC-2023-0071) is no concern.

use rsa::pkcs8::DecodePublicKey;
use rsa::{Pkcs1v15Sign, RsaPublicKey};
use sha2::{Digest, Sha256, Sha384, Sha512};

/// The hash under a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// An RSA public key of at most 4096 bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(RsaPublicKey);

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` in DER; `None` for anything but a usable RSA key.
    pub(crate) fn from_spki(der: &[u8]) -> Option<Self> {
        RsaPublicKey::from_public_key_der(der).ok().map(Self)
    }

    /// Whether this key signed these bytes.
    pub(crate) fn verifies(&self, hash: Hash, bytes: &[u8], signature: &[u8]) -> bool {
        let verified = match hash {
            Hash::Sha256 => self.0.verify(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(bytes), signature),
            Hash::Sha384 => self.0.verify(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(bytes), signature),
            Hash::Sha512 => self.0.verify(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(bytes), signature),
        };
        verified.is_ok()
    }

    /// Whether this key signed these bytes the way devices sign commits: PKCS #1 v1.5 with SHA-512.
    pub fn signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        self.verifies(Hash::Sha512, bytes, signature)
    }
}
