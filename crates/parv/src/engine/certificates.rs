//! The certificates by which a device shows whose it is: in a hello to a peer, and sealed in its address record.
//!
//! In the record they are sealed with a key that follows from the account's URI, so that whoever looks for a person can
//! tell that person's devices from others without dialling any, and whoever merely keeps records learns of no person.

use crate::sealed::SealingKey;
use parv_identity::{AccountCertificate, DeviceCertificate};
use parv_model::{DeviceId, Uri};
use parv_validator::Credentials;
use serde::{Deserialize, Serialize};

/// The context of the key that certificates are sealed with.
const SEAL_CONTEXT: &str = "parv 1 certificates in an address record";

/// A device's certificate and that of its account.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Certificates {
    /// The account's certificate, PEM.
    account: String,
    /// The device's certificate, PEM.
    device: String,
}

/// Why certificates are not believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificatesError {
    #[error("malformed: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Certificate(#[from] parv_identity::IdentityError),
    #[error("it shows the certificate of another device")]
    OtherDevice,
    #[error("the device's certificate is not from the account that it shows")]
    OtherAccount,
    #[error("a certificate is not valid now")]
    Expired,
    #[error("it cannot be opened with the key of that account")]
    Sealed,
}

impl Certificates {
    /// Those of the own device.
    pub(super) fn own(credentials: &Credentials) -> Self {
        let text = |pem: &[u8]| String::from_utf8_lossy(pem).into_owned();
        Self { account: text(credentials.account.pem()), device: text(credentials.device.pem()) }
    }

    /// Whose device it is, if they prove it at that time, in seconds since 1970.
    pub(super) fn account_of(&self, device: DeviceId, now: i64) -> Result<Uri, CertificatesError> {
        let account = AccountCertificate::from_pem(self.account.as_bytes())?;
        let certificate = DeviceCertificate::from_pem(self.device.as_bytes())?;
        if certificate.device() != device {
            return Err(CertificatesError::OtherDevice);
        }
        if certificate.account() != account.uri() {
            return Err(CertificatesError::OtherAccount);
        }
        if !certificate.validity().contains(now) || !account.validity().contains(now) {
            return Err(CertificatesError::Expired);
        }
        Ok(account.uri())
    }

    /// Seals them for those who know the account's URI. `None` when the system gives no randomness.
    pub(super) fn seal(&self, account: &Uri, device: DeviceId) -> Option<Vec<u8>> {
        let text = serde_json::to_vec(self).expect("texts are always JSON");
        sealing_key(account).seal(&text, &device).ok()
    }

    /// Opens what [`Certificates::seal`] made, and checks that the device is the account's.
    pub(super) fn prove(sealed: &[u8], account: &Uri, device: DeviceId, now: i64) -> Result<(), CertificatesError> {
        let opened = sealing_key(account).open(sealed, &device).ok_or(CertificatesError::Sealed)?;
        let shown: Self = serde_json::from_slice(&opened)?;
        match shown.account_of(device, now)? == *account {
            true => Ok(()),
            false => Err(CertificatesError::OtherAccount),
        }
    }
}

fn sealing_key(account: &Uri) -> SealingKey {
    SealingKey::derive(SEAL_CONTEXT, account.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parv_identity::Identity;

    const NOW: i64 = 1_700_000_000;

    fn shown(account: &Identity, device: &Identity) -> Certificates {
        let text = |pem: &[u8]| String::from_utf8(pem.to_vec()).unwrap();
        let (account, device) = (text(account.account_certificate.pem()), text(device.device_certificate.pem()));
        Certificates { account, device }
    }

    #[test]
    fn only_a_device_of_that_account_is_believed() {
        let (ann, _) = Identity::create("Ann", "phone", NOW).unwrap();
        let (bob, _) = Identity::create("Bob", "phone", NOW).unwrap();
        let own = shown(&ann, &ann);
        assert_eq!(own.account_of(ann.device_id(), NOW).unwrap(), ann.uri());
        let late = NOW + 200 * 366 * 86_400;
        assert!(matches!(own.account_of(ann.device_id(), late), Err(CertificatesError::Expired)));
        assert!(matches!(own.account_of(bob.device_id(), NOW), Err(CertificatesError::OtherDevice)));
        let mixed = shown(&ann, &bob);
        assert!(matches!(mixed.account_of(bob.device_id(), NOW), Err(CertificatesError::OtherAccount)));
    }

    #[test]
    fn who_knows_the_uri_can_tell_the_persons_devices_and_nobody_else_can_read_them() {
        let (ann, _) = Identity::create("Ann", "phone", NOW).unwrap();
        let (bob, _) = Identity::create("Bob", "phone", NOW).unwrap();
        let sealed = shown(&ann, &ann).seal(&ann.uri(), ann.device_id()).unwrap();
        assert!(sealed.len() <= parv_net::limits::MAX_CREDENTIAL_BYTES);
        Certificates::prove(&sealed, &ann.uri(), ann.device_id(), NOW).unwrap();
        let refused = |sealed: &[u8], uri: &Uri, device| Certificates::prove(sealed, uri, device, NOW).is_err();
        assert!(refused(&sealed, &bob.uri(), ann.device_id()));
        assert!(refused(&sealed, &ann.uri(), bob.device_id()), "taken over into another device's record");
        assert!(refused(&sealed[..30], &ann.uri(), ann.device_id()) && refused(b"", &ann.uri(), ann.device_id()));
        // Who knows the URI can seal, but not make the account's certificate.
        let forged = shown(&bob, &bob).seal(&ann.uri(), bob.device_id()).unwrap();
        assert!(refused(&forged, &ann.uri(), bob.device_id()));
    }
}
