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

const CRL: Kind = Kind {
    what: "revocation list",
    label: "X509 CRL",
    limit: MAX_CRL_BYTES,
};

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
    /// [`TooLarge`](IdentityError::TooLarge) for more serial numbers than fit in [`MAX_CRL_BYTES`].
    pub fn issue(
        account_key: &AccountKey,
        account: &AccountCertificate,
        number: u64,
        revoked: &BTreeSet<Serial>,
        this_update: i64,
        next_update: i64,
    ) -> Result<Self, IdentityError> {
        let period = Validity::new(this_update, next_update)?;
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
        let next_update = parsed
            .next_update()
            .ok_or_else(|| malformed("no next update".to_owned()))?;
        let period = x509::read_period(parsed.last_update(), next_update)?;
        let serials = parsed
            .iter_revoked_certificates()
            .map(|entry| Serial::read(what, entry.raw_serial()));
        let revoked = serials.collect::<Result<BTreeSet<_>, _>>()?;
        let signature = x509::read_signature(what, &parsed.signature_value)?;
        if Self::build(&issuer, number, &revoked, period, Signer::Replay(issuer.key, signature))? != der {
            return Err(IdentityError::NotCanonical { what });
        }
        x509::check_signature(what, &issuer.key, parsed.tbs_cert_list.as_ref(), &signature)?;
        Ok(Self {
            pem: pem.to_vec(),
            issuer,
            number,
            revoked,
            period,
        })
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
        let list = form
            .signed_by(&Issuer::new(issuer_form, signer))
            .map_err(x509::build_error(CRL.what))?;
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
