//! Revocation lists: an account's word on which of its devices are no longer its own. X.509 v2 with a CRL number, PEM.
//!
//! The form, exactly: version 2; issuer = the account's subject; this and next update; entries by ascending serial number,
//! each dated this update and without extensions; authority key identifier; CRL number. `openssl verify -crl_check` takes
//! it. Which of two lists holds is the validator's business (higher number, superset).

use crate::IdentityError;
use crate::certificate::{AccountCertificate, DeviceCertificate, Serial, Validity};
use crate::key::AccountKey;
use crate::pem::Kind;
use crate::x509::{self, Name, Signer};
use parv_model::Uri;
use parv_model::limits::MAX_CRL_BYTES;
use rcgen::{
    CertificateParams, CertificateRevocationListParams, Issuer, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use std::collections::BTreeSet;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

const CRL: Kind = Kind { what: "revocation list", label: "X509 CRL", limit: MAX_CRL_BYTES };

/// A revocation list, signed by the account it names: genuine by construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crl {
    pem: Vec<u8>,
    issuer: Name,
    number: u64,
    revoked: BTreeSet<Serial>,
    period: Validity,
}

impl Crl {
    /// Issues a list of this account. `this_update` and `next_update` are seconds since 1970, the latter after the former;
    /// stock tools call a list stale after its next update, conversations do not.
    ///
    /// # Errors
    /// [`TooLarge`](IdentityError::TooLarge) for more serial numbers than fit in [`MAX_CRL_BYTES`],
    /// [`Period`](IdentityError::Period) for a next update that is not later than this one.
    pub fn issue(
        account_key: &AccountKey,
        account: &AccountCertificate,
        number: u64,
        revoked: &BTreeSet<Serial>,
        this_update: i64,
        next_update: i64,
    ) -> Result<Self, IdentityError> {
        let period = Validity::new(this_update, next_update)?;
        if this_update == next_update {
            return Err(IdentityError::Period { not_before: this_update, not_after: next_update });
        }
        let issuer = account.issuer_name(account_key)?;
        let der = Self::build(issuer, number, revoked, period, Signer::issue(account_key))?;
        Self::from_pem(&CRL.encode(der))
    }

    /// Reads a list and checks everything that can be checked about it alone: form, key, signature.
    ///
    /// # Errors
    /// Whatever is not byte for byte what [`issue`](Self::issue) would have written, or not signed by the account it names.
    pub fn from_pem(pem: &[u8]) -> Result<Self, IdentityError> {
        let what = CRL.what;
        let malformed = |why: String| IdentityError::Malformed { what, why };
        let der = CRL.decode(pem)?;
        let (_, parsed) =
            CertificateRevocationList::from_der(&der).map_err(|error| malformed(format!("not x.509: {error}")))?;
        let issuer = Name::read(what, parsed.issuer())?;
        let number = parsed.crl_number().and_then(|number| u64::try_from(number).ok());
        let number = number.ok_or_else(|| malformed("no crl number, or one of more than 64 bits".to_owned()))?;
        let next_update = parsed.next_update().ok_or_else(|| malformed("no next update".to_owned()))?;
        let period = x509::read_period(parsed.last_update(), next_update)?;
        let serials = parsed.iter_revoked_certificates().map(|entry| Serial::read(what, entry.raw_serial()));
        let revoked = serials.collect::<Result<BTreeSet<_>, _>>()?;
        let signature = x509::read_signature(what, &parsed.signature_value)?;
        if Self::build(&issuer, number, &revoked, period, Signer::Replay(issuer.key, signature))? != der {
            return Err(IdentityError::NotCanonical { what });
        }
        x509::check_signature(what, &issuer.key, parsed.tbs_cert_list.as_ref(), &signature)?;
        Ok(Self { pem: pem.to_vec(), issuer, number, revoked, period })
    }

    fn build(
        issuer: &Name,
        number: u64,
        revoked: &BTreeSet<Serial>,
        period: Validity,
        signer: Signer<'_>,
    ) -> Result<Vec<u8>, IdentityError> {
        let entry = |serial: &Serial| RevokedCertParams {
            serial_number: serial.for_builder(),
            revocation_time: x509::date(period.not_before),
            reason_code: None,
            invalidity_date: None,
        };
        let form = CertificateRevocationListParams {
            this_update: x509::date(period.not_before),
            next_update: x509::date(period.not_after),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: issuer.key_id(),
        };
        let mut issuer_form = CertificateParams::default();
        issuer_form.distinguished_name = issuer.distinguished();
        issuer_form.key_usages = vec![KeyUsagePurpose::CrlSign];
        let list = form.signed_by(&Issuer::new(issuer_form, signer)).map_err(x509::build_error(CRL.what))?;
        Ok(list.der().to_vec())
    }

    /// The list as it stands in a conversation's tree.
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }

    /// The account that speaks.
    pub fn account(&self) -> Uri {
        Uri::from_bytes(self.issuer.key)
    }

    /// The number of the list; later lists of an account have higher ones.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When it was made, in seconds since 1970. A claim.
    pub fn this_update(&self) -> i64 {
        self.period.not_before
    }

    /// The serial numbers of the certificates that are revoked.
    pub fn revoked(&self) -> &BTreeSet<Serial> {
        &self.revoked
    }

    /// Whether this certificate is one of this account and revoked by it.
    pub fn revokes(&self, certificate: &DeviceCertificate) -> bool {
        certificate.account() == self.account() && self.revoked.contains(certificate.serial())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use IdentityError::{BadSignature, Mismatch, NotCanonical, NotPem, Period, TooLarge};

    const LIFE: Validity = Validity { not_before: 0, not_after: 2_000_000_000 };

    fn account(seed: u8) -> (AccountKey, AccountCertificate) {
        let key = AccountKey::from_seed([seed; 32]);
        let certificate = AccountCertificate::issue(&key, "Alice", LIFE).unwrap();
        (key, certificate)
    }

    fn serials(numbers: impl IntoIterator<Item = u16>) -> BTreeSet<Serial> {
        numbers.into_iter().map(|number| Serial::from_bytes(&number.to_be_bytes()).unwrap()).collect()
    }

    fn list(numbers: impl IntoIterator<Item = u16>) -> Crl {
        let (key, alice) = account(1);
        Crl::issue(&key, &alice, 7, &serials(numbers), 1_700_000_000, 1_800_000_000).unwrap()
    }

    #[test]
    fn revokes_what_it_lists_of_its_own_account() {
        let crl = list([300, 2, 255, 256]);
        assert_eq!((crl.number(), crl.this_update()), (7, 1_700_000_000));
        assert_eq!(*crl.revoked(), serials([2, 255, 256, 300]));
        for (seed, serial, revoked) in [(1, 256, true), (1, 257, false), (2, 256, false)] {
            let (key, certificate) = account(seed);
            let device = crate::DeviceKey::from_seed([9; 32]).device_id();
            let serial = serials([serial]).pop_first().unwrap();
            let phone = crate::DeviceCertificate::issue(&key, &certificate, &device, "phone", &serial, LIFE).unwrap();
            assert_eq!(crl.revokes(&phone), revoked, "account {seed}, serial {serial}");
        }
        assert!(list([]).revoked().is_empty());
    }

    #[test]
    fn a_thousand_devices_fit_and_too_many_do_not() {
        let (key, alice) = account(1);
        let random = |count| (0..count).map(|_| Serial::random().unwrap()).collect::<BTreeSet<_>>();
        let issue = |revoked| Crl::issue(&key, &alice, u64::MAX, &revoked, 1_700_000_000, 1_800_000_000);
        assert_eq!(issue(random(1000)).unwrap().number(), u64::MAX);
        assert!(matches!(issue(random(2000)), Err(TooLarge { .. })));
    }

    #[test]
    fn only_the_account_itself_speaks_for_it() {
        let ((alice_key, alice), (mallory_key, mallory)) = (account(1), account(66));
        let issue = |key, certificate| Crl::issue(key, certificate, 1, &serials([1]), 1, 2);
        assert!(issue(&alice_key, &alice).is_ok());
        assert!(matches!(issue(&mallory_key, &alice), Err(Mismatch { .. })));
        assert_eq!(issue(&mallory_key, &mallory).unwrap().account(), mallory.uri());
        let signer = Signer::Issue(&mallory_key, *alice.uri().as_bytes());
        let name = Name::new("Alice", *alice.uri().as_bytes()).unwrap();
        let forged = Crl::build(&name, 1, &serials([1]), Validity { not_before: 1, not_after: 2 }, signer).unwrap();
        assert!(matches!(Crl::from_pem(&CRL.encode(forged)), Err(BadSignature { .. })));
    }

    #[test]
    fn the_next_update_comes_after_this_one() {
        let (key, alice) = account(1);
        for next_update in [5, 4] {
            assert!(matches!(Crl::issue(&key, &alice, 1, &BTreeSet::new(), 5, next_update), Err(Period { .. })));
        }
    }

    #[test]
    fn damaged_and_respelled_lists_are_refused() {
        let crl = list([1, 2]);
        let der = CRL.decode(crl.pem()).unwrap();
        assert_eq!(Crl::from_pem(crl.pem()).unwrap(), crl);
        for at in 0..der.len() {
            assert!(Crl::from_pem(&CRL.encode(der[..at].to_vec())).is_err());
            for mask in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff] {
                let mut damaged = der.clone();
                damaged[at] ^= mask;
                assert!(Crl::from_pem(&CRL.encode(damaged)).is_err(), "a changed byte {at} went unnoticed");
            }
        }
        assert!(matches!(Crl::from_pem(&der), Err(NotPem { .. })));
        assert!(matches!(Crl::from_pem(&crl.pem().repeat(2)), Err(NotPem { .. })));
        assert!(matches!(Crl::from_pem(&CRL.encode([&der[..], b"\0"].concat())), Err(NotCanonical { .. })));
    }

    /// The form must never change by itself, as with another version of the builder.
    #[test]
    fn the_form_is_the_one_that_conversations_hold() {
        let crl = list([1, 0x8000]);
        assert_eq!(std::str::from_utf8(crl.pem()).unwrap(), include_str!("../tests/fixtures/account.crl"));
    }
}
