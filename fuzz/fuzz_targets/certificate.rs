//! Certificates, revocation lists and signatures: whatever is accepted has one spelling, and nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parv_identity::certificate::{AccountCertificate, DeviceCertificate};
use parv_identity::crl::Crl;
use parv_identity::sshsig;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = AccountCertificate::from_pem(bytes) {
        assert_eq!(certificate.pem(), bytes);
    }
    if let Ok(certificate) = DeviceCertificate::from_pem(bytes) {
        assert_eq!(certificate.pem(), bytes);
    }
    if let Ok(crl) = Crl::from_pem(bytes) {
        assert_eq!(crl.pem(), bytes);
    }
    if let Ok(armour) = std::str::from_utf8(bytes)
        && let Ok(signature) = sshsig::decode(armour)
    {
        assert_eq!(signature.encode(), armour);
    }
});
