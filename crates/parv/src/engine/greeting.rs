//! What two devices say when they meet: each shows its certificates, and whether it has seen the other's.

use super::certificates::{Certificates, CertificatesError};
use parv_model::{DeviceId, Uri};
use parv_validator::Credentials;
use serde::{Deserialize, Serialize};

/// A hello (`application/parv-hello`), as JSON.
#[derive(Serialize, Deserialize)]
pub(super) struct Greeting {
    #[serde(flatten)]
    certificates: Certificates,
    /// Whether the sender has seen the receiver's.
    answer: bool,
}

impl Greeting {
    /// That of the own device.
    pub(super) fn own(credentials: &Credentials, answer: bool) -> Self {
        Self { certificates: Certificates::own(credentials), answer }
    }

    /// Its bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are always JSON")
    }

    /// Whose device says so, and whether it is an answer. The connection has proved that it is this device; the time is in
    /// seconds since 1970.
    pub(super) fn read(body: &[u8], device: DeviceId, now: i64) -> Result<(Uri, bool), CertificatesError> {
        let greeting: Self = serde_json::from_slice(body)?;
        Ok((greeting.certificates.account_of(device, now)?, greeting.answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parv_identity::Identity;

    #[test]
    fn a_hello_shows_certificates_and_nonsense_is_refused() {
        const NOW: i64 = 1_700_000_000;
        let (ann, _) = Identity::create("Ann", "phone", NOW).unwrap();
        let text = |pem: &[u8]| String::from_utf8(pem.to_vec()).unwrap();
        let (account, device) = (text(ann.account_certificate.pem()), text(ann.device_certificate.pem()));
        let hello = serde_json::json!({ "account": account, "device": device, "answer": true }).to_string();
        assert_eq!(Greeting::read(hello.as_bytes(), ann.device_id(), NOW).unwrap(), (ann.uri(), true));
        assert!(Greeting::read(hello.as_bytes(), DeviceId::from_bytes([1; 32]), NOW).is_err());
        for nonsense in [&b""[..], b"{}", b"[1]", b"\xff"] {
            assert!(Greeting::read(nonsense, ann.device_id(), NOW).is_err());
        }
    }
}
