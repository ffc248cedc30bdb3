//! Certificates: whatever is accepted has one spelling, and is genuine.

use parv_identity::certificate::{AccountCertificate, DeviceCertificate};
use pem::{EncodeConfig, LineEnding, Pem};

/// Input that is no PEM text is taken as what would be inside one, so that the fuzzer need not learn Base64.
pub(crate) fn as_pem(bytes: &[u8], label: &str) -> Vec<u8> {
    if bytes.starts_with(b"-----") {
        return bytes.to_vec();
    }
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF).set_line_wrap(64);
    pem::encode_config(&Pem::new(label, bytes), config).into_bytes()
}

/// What is read is written the same, and no certificate is both an account's and a device's.
pub fn hold(bytes: &[u8]) {
    let pem = as_pem(bytes, "CERTIFICATE");
    let account = AccountCertificate::from_pem(&pem);
    let device = DeviceCertificate::from_pem(&pem);
    if let Ok(account) = &account {
        assert_eq!(account.pem(), pem);
        assert!(device.is_err(), "one certificate for both uses");
        assert!(account.validity().not_before <= account.validity().not_after);
    }
    if let Ok(device) = &device {
        assert_eq!(device.pem(), pem);
        assert!(!device.serial().as_bytes().is_empty());
        assert!(device.validity().not_before <= device.validity().not_after);
    }
}
