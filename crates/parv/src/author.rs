//! The own account as an author: certificates, name, and the key that signs.

use crate::Account;
use parv_identity::DeviceKey;
use parv_model::{DeviceId, DisplayName, Refusal, Uri};
use parv_validator::{CheckedCommit, Credentials, Draft, Signed};

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

    /// The key of this device.
    pub(crate) fn key(&self) -> &DeviceKey {
        &self.key
    }

    pub(crate) fn device(&self) -> DeviceId {
        self.credentials.device.device()
    }

    /// What was drafted as a commit of this device at `time`, signed.
    pub(crate) fn sign(&self, draft: &Draft, time: i64) -> Result<Signed, Refusal> {
        CheckedCommit::sign(&draft.commit(self.name.clone(), self.device(), time), &self.key)
    }
}
