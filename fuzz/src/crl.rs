//! Revocation lists: whatever is accepted has one spelling.

use crate::certificate::as_pem;
use parv_identity::Crl;

/// What is read is written the same.
pub fn hold(bytes: &[u8]) {
    let pem = as_pem(bytes, "X509 CRL");
    if let Ok(crl) = Crl::from_pem(&pem) {
        assert_eq!(crl.pem(), pem);
    }
}
