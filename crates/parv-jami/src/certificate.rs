//! Certificates of accounts and devices: X.509 with RSA keys, in PEM.
//!
//! Names in certificates are claims. What counts is who signed: an account certificate is signed by the authority that comes
//! in the same file, a device certificate by its account.

use crate::id::{Account, Device};
use crate::key::{Hash, PublicKey};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// The largest certificate file, in bytes: a chain of a few RSA-4096 certificates.
pub const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;

/// The longest chain in one file.
const MAX_CHAIN: usize = 4;

/// The attribute `userId` (RFC 4519) of a name, in dotted form.
const UID: &str = "0.9.2342.19200300.100.1.1";

/// Why bytes are no usable certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not PEM, or not with this number of certificates in it.
    #[error("it is not {0} in PEM")]
    Pem(&'static str),
    /// Not X.509, or with another key than RSA.
    #[error("it is not an X.509 certificate with an RSA key of at most 4096 bits")]
    Malformed,
    /// A certificate of the chain is not signed by the next one.
    #[error("it is not signed by the authority that comes with it")]
    Chain,
    /// The issuer of a device has no account in its name.
    #[error("it does not name the account that issued it")]
    Issuer,
}

/// An account's certificate whose chain holds by signatures.
#[derive(Debug, Clone)]
pub struct AccountCertificate {
    /// Whose it is.
    pub account: Account,
    /// Its key.
    pub key: PublicKey,
    /// The last second it is good, since 1970.
    pub expires: i64,
}

impl AccountCertificate {
    /// Reads the certificate and the chain above it.
    pub fn from_pem(text: &[u8]) -> Result<Self, CertificateError> {
        let files = blocks(text).ok_or(CertificateError::Pem("a chain of certificates"))?;
        if files.is_empty() || files.len() > MAX_CHAIN {
            return Err(CertificateError::Pem("a chain of one to four certificates"));
        }
        let chain = files.iter().map(|der| parse(der)).collect::<Result<Vec<_>, _>>()?;
        let keys = chain.iter().map(public_key).collect::<Result<Vec<_>, _>>()?;
        for (index, certificate) in chain.iter().enumerate() {
            // The last one vouches for itself.
            let issuer = keys.get(index + 1).unwrap_or(&keys[index]);
            if !is_signed_by(certificate, issuer) {
                return Err(CertificateError::Chain);
            }
        }
        Ok(Self {
            account: Account::of_key(chain[0].public_key().raw),
            key: keys[0].clone(),
            expires: chain[0].validity().not_after.timestamp(),
        })
    }
}

/// A device's certificate. Whether its account signed it is still to be asked.
#[derive(Debug, Clone)]
pub struct DeviceCertificate {
    /// Whose it is.
    pub device: Device,
    /// The account that is said to have issued it.
    pub issuer: Account,
    /// Its key.
    pub key: PublicKey,
    /// The last second it is good, since 1970.
    pub expires: i64,
    der: Vec<u8>,
}

impl DeviceCertificate {
    /// Reads one certificate.
    pub fn from_pem(text: &[u8]) -> Result<Self, CertificateError> {
        let mut files = blocks(text).ok_or(CertificateError::Pem("a certificate"))?;
        let (Some(der), true) = (files.pop(), files.is_empty()) else {
            return Err(CertificateError::Pem("one certificate"));
        };
        let certificate = parse(&der)?;
        let uid = certificate.issuer().iter_attributes().find(|attribute| attribute.attr_type().to_id_string() == UID);
        let issuer = uid.and_then(|uid| uid.as_str().ok()?.parse().ok()).ok_or(CertificateError::Issuer)?;
        Ok(Self {
            device: Device::of_key(certificate.public_key().raw),
            issuer,
            key: public_key(&certificate)?,
            expires: certificate.validity().not_after.timestamp(),
            der,
        })
    }

    /// Whether the account signed it.
    pub fn is_issued_by(&self, account: &AccountCertificate) -> bool {
        self.issuer == account.account && parse(&self.der).is_ok_and(|parsed| is_signed_by(&parsed, &account.key))
    }
}

/// The certificates in a PEM text.
fn blocks(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let blocks = ::pem::parse_many(text).ok()?;
    let all = blocks.iter().all(|block| block.tag() == "CERTIFICATE");
    all.then(|| blocks.into_iter().map(::pem::Pem::into_contents).collect())
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(CertificateError::Malformed),
    }
}

fn public_key(certificate: &X509Certificate<'_>) -> Result<PublicKey, CertificateError> {
    PublicKey::from_spki(certificate.public_key().raw).ok_or(CertificateError::Malformed)
}

fn is_signed_by(certificate: &X509Certificate<'_>, issuer: &PublicKey) -> bool {
    let hash = match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.11" => Hash::Sha256,
        "1.2.840.113549.1.1.12" => Hash::Sha384,
        "1.2.840.113549.1.1.13" => Hash::Sha512,
        _ => return false,
    };
    issuer.verifies(hash, certificate.tbs_certificate.as_ref(), &certificate.signature_value.data)
}
