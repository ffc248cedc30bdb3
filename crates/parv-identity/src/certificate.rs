//! Certificates of accounts and devices: X.509 v3, Ed25519, PEM.
//!
//! An account certificate is the self-signed CA of an account; a device certificate is what the account issues to one of
//! its devices. Names are `CN=<free text>, UID=<public key in hex>`, and the UID is what counts: a device certificate is
//! checked by the key that its issuer UID *is*, so a chain is one of signatures, never of names, and no other certificate
//! is needed to check one. Stock OpenSSL accepts the chain too.
//!
//! The forms, exactly:
//! - account: version 3; serial; issuer = subject; key usage keyCertSign + cRLSign (critical); subject key identifier;
//!   basic constraints CA, path length 0 (critical);
//! - device: version 3; serial; issuer = the account's subject; authority key identifier; key usage digitalSignature
//!   (critical); extended key usage clientAuth; subject key identifier; basic constraints empty (critical).
//!
//! Key identifiers are the first 20 bytes of the key. Dates before 2050 are UTCTime, later ones GeneralizedTime.

use crate::IdentityError;
use crate::key::AccountKey;
use crate::pem::Kind;
use crate::x509::{self, Name, Signer, Subject};
use parv_model::limits::{MAX_CERTIFICATE_BYTES, MAX_TIME};
use parv_model::{DeviceId, Uri};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyUsagePurpose, SerialNumber,
};
use std::fmt;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// How long a new account certificate is valid, in seconds: 20 years. The account is the key; a short life would only lose
/// people who were away.
pub const ACCOUNT_VALIDITY_SECONDS: i64 = 20 * YEAR_SECONDS;

/// How long a new device certificate is valid, in seconds: 2 years. Long enough to lie in a drawer, short enough that a
/// forgotten device ends by itself.
pub const DEVICE_VALIDITY_SECONDS: i64 = 2 * YEAR_SECONDS;

/// A mean Gregorian year, in seconds.
const YEAR_SECONDS: i64 = 31_556_952;

const ACCOUNT: Kind = Kind { what: "account certificate", label: "CERTIFICATE", limit: MAX_CERTIFICATE_BYTES };
const DEVICE: Kind = Kind { what: "device certificate", label: "CERTIFICATE", limit: MAX_CERTIFICATE_BYTES };

/// The period in which a certificate is good, in seconds since 1970, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Validity {
    /// The first second.
    pub not_before: i64,
    /// The last second.
    pub not_after: i64,
}

impl Validity {
    /// A period from 1970 to the year 9999, the latter end not before the former.
    pub fn new(not_before: i64, not_after: i64) -> Result<Self, IdentityError> {
        if not_before < 0 || not_after > MAX_TIME || not_before > not_after {
            return Err(IdentityError::Period { not_before, not_after });
        }
        Ok(Self { not_before, not_after })
    }

    /// The period that begins in 1970 and ends `seconds` after `now`.
    ///
    /// New certificates begin in 1970, because they are judged by the attested time of a conversation (validation §7), and
    /// that may lie years back where nobody has written: a device that was made today must be able to write there.
    pub fn until(now: i64, seconds: i64) -> Self {
        Self { not_before: 0, not_after: now.saturating_add(seconds).clamp(0, MAX_TIME) }
    }

    /// Whether this second lies in the period.
    pub fn contains(&self, second: i64) -> bool {
        (self.not_before..=self.not_after).contains(&second)
    }
}

/// The serial number of a certificate: positive, at most 20 bytes as DER writes it (RFC 5280). Ordered as numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial([u8; Serial::MAX_BYTES]);

impl Serial {
    const MAX_BYTES: usize = 20;

    /// A new one, of 16 random bytes: no two certificates of an account ever share it.
    pub fn random() -> Result<Self, IdentityError> {
        let mut bytes = [0; Self::MAX_BYTES];
        getrandom::fill(&mut bytes[4..]).map_err(IdentityError::NoRandomness)?;
        bytes[4] |= 0x40; // positive, and as good as always of the same length
        Ok(Self(bytes))
    }

    /// The serial number with these bytes (big-endian; zeros in front do not count), if it is one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        let digits = &bytes[zeros..];
        let mut padded = [0; Self::MAX_BYTES];
        padded.get_mut(Self::MAX_BYTES.checked_sub(digits.len())?..)?.copy_from_slice(digits);
        (!digits.is_empty() && padded[0] < 0x80).then_some(Self(padded))
    }

    /// Its bytes, big-endian, without zeros in front.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0[self.0.iter().take_while(|&&byte| byte == 0).count()..]
    }

    pub(crate) fn read(what: &'static str, bytes: &[u8]) -> Result<Self, IdentityError> {
        let why = "a serial number is not positive or longer than 20 bytes";
        Self::from_bytes(bytes).ok_or_else(|| IdentityError::Malformed { what, why: why.to_owned() })
    }

    pub(crate) fn for_builder(&self) -> SerialNumber {
        SerialNumber::from_slice(self.as_bytes())
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

/// The certificate of an account, signed by itself: genuine by construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountCertificate {
    pem: Vec<u8>,
    subject: Name,
    validity: Validity,
}

impl AccountCertificate {
    /// Issues a certificate of this account for itself, with a random serial number.
    pub fn issue(key: &AccountKey, common_name: &str, validity: Validity) -> Result<Self, IdentityError> {
        Self::issue_with_serial(key, common_name, &Serial::random()?, validity)
    }

    /// The same with a serial number of the caller's choice: the same arguments give the same bytes.
    pub fn issue_with_serial(
        key: &AccountKey,
        common_name: &str,
        serial: &Serial,
        validity: Validity,
    ) -> Result<Self, IdentityError> {
        let validity = Validity::new(validity.not_before, validity.not_after)?;
        let subject = Name::new(common_name, *key.uri().as_bytes())?;
        let der = Self::build(&subject, serial, validity, &Signer::issue(key))?;
        Self::from_pem(&ACCOUNT.encode(der))
    }

    /// Reads a certificate and checks everything that can be checked about it alone: form, key, signature.
    ///
    /// # Errors
    /// Whatever is not byte for byte what [`issue`](Self::issue) would have written, or not signed by the account it names.
    pub fn from_pem(pem: &[u8]) -> Result<Self, IdentityError> {
        let what = ACCOUNT.what;
        let der = ACCOUNT.decode(pem)?;
        let parsed = parse(what, &der)?;
        let subject = Name::read(what, &parsed.subject)?;
        let serial = Serial::read(what, parsed.raw_serial())?;
        let validity = x509::read_period(parsed.validity.not_before, parsed.validity.not_after)?;
        let signature = x509::read_signature(what, &parsed.signature_value)?;
        if Self::build(&subject, &serial, validity, &Signer::Replay(subject.key, signature))? != der {
            return Err(IdentityError::NotCanonical { what });
        }
        x509::check_signature(what, &subject.key, parsed.tbs_certificate.as_ref(), &signature)?;
        Ok(Self { pem: pem.to_vec(), subject, validity })
    }

    fn build(
        subject: &Name,
        serial: &Serial,
        validity: Validity,
        signer: &Signer<'_>,
    ) -> Result<Vec<u8>, IdentityError> {
        let mut form = common_form(subject, serial, validity);
        form.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        form.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = form.self_signed(signer).map_err(x509::build_error(ACCOUNT.what))?;
        Ok(certificate.der().to_vec())
    }

    /// The certificate as it stands in a conversation's tree.
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }

    /// The account.
    pub fn uri(&self) -> Uri {
        Uri::from_bytes(self.subject.key)
    }

    /// What the account calls itself. A claim; petnames and profiles come before it.
    pub fn common_name(&self) -> &str {
        &self.subject.common_name
    }

    /// When it is good.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The name under which the account issues, if `key` is its key.
    pub(crate) fn issuer_name(&self, key: &AccountKey) -> Result<&Name, IdentityError> {
        if self.uri() != key.uri() {
            let (expected, found) = (key.uri().to_string(), self.uri().to_string());
            return Err(IdentityError::Mismatch { what: ACCOUNT.what, expected, found });
        }
        Ok(&self.subject)
    }
}

/// The certificate of a device, signed by the account it names: genuine by construction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCertificate {
    pem: Vec<u8>,
    subject: Name,
    issuer: Name,
    serial: Serial,
    validity: Validity,
}

impl DeviceCertificate {
    /// Issues a certificate of this account for one of its devices.
    pub fn issue(
        account_key: &AccountKey,
        account: &AccountCertificate,
        device: &DeviceId,
        common_name: &str,
        serial: &Serial,
        validity: Validity,
    ) -> Result<Self, IdentityError> {
        let validity = Validity::new(validity.not_before, validity.not_after)?;
        let issuer = account.issuer_name(account_key)?;
        let subject = Name::new(common_name, *device.as_bytes())?;
        let der = Self::build(&subject, issuer, serial, validity, Signer::issue(account_key))?;
        Self::from_pem(&DEVICE.encode(der))
    }

    /// Reads a certificate and checks everything that can be checked about it alone: form, keys, and that the account it
    /// names has signed it.
    ///
    /// # Errors
    /// Whatever is not byte for byte what [`issue`](Self::issue) would have written, or not signed by the account it names.
    pub fn from_pem(pem: &[u8]) -> Result<Self, IdentityError> {
        let what = DEVICE.what;
        let der = DEVICE.decode(pem)?;
        let parsed = parse(what, &der)?;
        let subject = Name::read(what, &parsed.subject)?;
        let issuer = Name::read(what, &parsed.issuer)?;
        let serial = Serial::read(what, parsed.raw_serial())?;
        let validity = x509::read_period(parsed.validity.not_before, parsed.validity.not_after)?;
        let signature = x509::read_signature(what, &parsed.signature_value)?;
        if Self::build(&subject, &issuer, &serial, validity, Signer::Replay(issuer.key, signature))? != der {
            return Err(IdentityError::NotCanonical { what });
        }
        x509::check_key(&subject.key)?;
        x509::check_signature(what, &issuer.key, parsed.tbs_certificate.as_ref(), &signature)?;
        Ok(Self { pem: pem.to_vec(), subject, issuer, serial, validity })
    }

    fn build(
        subject: &Name,
        issuer: &Name,
        serial: &Serial,
        validity: Validity,
        signer: Signer<'_>,
    ) -> Result<Vec<u8>, IdentityError> {
        let mut form = common_form(subject, serial, validity);
        form.is_ca = IsCa::ExplicitNoCa;
        form.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        form.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        form.use_authority_key_identifier_extension = true;
        let mut issuer_form = CertificateParams::default();
        issuer_form.distinguished_name = issuer.distinguished();
        issuer_form.key_identifier_method = issuer.key_id();
        let certificate = form
            .signed_by(&Subject(&subject.key), &Issuer::new(issuer_form, signer))
            .map_err(x509::build_error(DEVICE.what))?;
        Ok(certificate.der().to_vec())
    }

    /// The certificate as it stands in a conversation's tree.
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }

    /// The device.
    pub fn device(&self) -> DeviceId {
        DeviceId::from_bytes(self.subject.key)
    }

    /// The account whose device it is.
    pub fn account(&self) -> Uri {
        Uri::from_bytes(self.issuer.key)
    }

    /// What the device is called.
    pub fn common_name(&self) -> &str {
        &self.subject.common_name
    }

    /// Its number, by which the account revokes it.
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// When it is good.
    pub fn validity(&self) -> Validity {
        self.validity
    }
}

/// What both kinds of certificate have in common.
fn common_form(subject: &Name, serial: &Serial, validity: Validity) -> CertificateParams {
    let mut form = CertificateParams::default();
    form.not_before = x509::date(validity.not_before);
    form.not_after = x509::date(validity.not_after);
    form.serial_number = Some(serial.for_builder());
    form.distinguished_name = subject.distinguished();
    form.key_identifier_method = subject.key_id();
    form
}

fn parse<'a>(what: &'static str, der: &'a [u8]) -> Result<X509Certificate<'a>, IdentityError> {
    let malformed = |error| IdentityError::Malformed { what, why: format!("not x.509: {error}") };
    X509Certificate::from_der(der).map(|(_, parsed)| parsed).map_err(malformed)
}

#[cfg(test)]
mod tests;
