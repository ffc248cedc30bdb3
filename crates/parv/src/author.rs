//! The own account as an author: certificates, name, and the key that signs.

use crate::Account;
use parv_identity::{DeviceKey, sshsig};
use parv_model::{Commit, DeviceId, DisplayName, Uri};
use parv_validator::Credentials;

/// Who writes when this device writes.
pub(crate) struct Author {
    pub(crate) credentials: Credentials,
    pub(crate) name: DisplayName,
    key: DeviceKey,
}

impl Author {
    pub(crate) fn of(account: &Account) -> Self {
        let identity = account.identity();
        let credentials = Credentials {
            account: identity.account_certificate.clone(),
            device: identity.device_certificate.clone(),
            crl: identity.crl.clone(),
        };
        Self { credentials, name: account.display_name().clone(), key: identity.device_key.clone() }
    }

    pub(crate) fn uri(&self) -> Uri {
        self.credentials.account.uri()
    }

    pub(crate) fn device(&self) -> DeviceId {
        self.credentials.device.device()
    }

    /// The bytes of the commit with this device's signature.
    pub(crate) fn sign(&self, commit: &Commit) -> Vec<u8> {
        commit.encode(&sshsig::sign(&self.key, &commit.payload()))
    }
}
