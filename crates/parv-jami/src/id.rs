//! How Jami names accounts and devices: by hashes of their public keys.

use sha2::{Digest, Sha256};

parv_model::id_type!(
    /// An account: the SHA-1 of its public key (the DER form of its `SubjectPublicKeyInfo`).
    Account, 20, "an account"
);
parv_model::id_type!(
    /// A device: the SHA-256 of its public key (the DER form of its `SubjectPublicKeyInfo`).
    Device, 32, "a device"
);

impl Account {
    /// The account with this public key.
    pub fn of_key(spki: &[u8]) -> Self {
        // Two keys that were made to collide are two accounts.
        let hash = sha1dc::mitigate::digest(spki).unwrap_or_else(|attack| attack.digest());
        Self::from_bytes(hash.to_bytes())
    }
}

impl Device {
    /// The device with this public key.
    pub fn of_key(spki: &[u8]) -> Self {
        Self::from_bytes(Sha256::digest(spki).into())
    }
}
