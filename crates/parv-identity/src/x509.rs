//! What certificates and revocation lists have in common: names, dates, and signing with a key of ours.
//!
//! x509-parser takes the fields out, rcgen builds the bytes. A reader in this crate takes the fields it needs, has the same
//! bytes built again with the [signature that was read](Signer::Replay), and compares: that one comparison settles version,
//! algorithms, extensions, encodings, their order and that nothing follows.

use crate::IdentityError;
use crate::certificate::Validity;
use crate::key::{self, AccountKey};
use parv_model::limits::MAX_TIME;
use parv_model::{DisplayName, Uri};
use rcgen::{DistinguishedName, DnType, KeyIdMethod, PKCS_ED25519, PublicKeyData, SignatureAlgorithm};
use time::OffsetDateTime;
use x509_parser::der_parser::asn1_rs::BitString;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

/// The attribute `userId` (0.9.2342.19200300.100.1.1, RFC 4519): an account's or device's public key in hex.
const UID: &[u64] = &[0, 9, 2342, 19_200_300, 100, 1, 1];

/// The longest common name, in characters (`ub-common-name` of RFC 5280).
const MAX_COMMON_NAME_CHARS: usize = 64;

/// The part of a public key that stands in the key identifier extensions, in bytes (as long as the usual SHA-1).
const KEY_ID_BYTES: usize = 20;

/// A distinguished name: `CN=<name>, UID=<public key in hex>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub common_name: String,
    pub key: [u8; 32],
}

impl Name {
    /// A name that may stand in a certificate.
    pub(crate) fn new(common_name: &str, key: [u8; 32]) -> Result<Self, IdentityError> {
        let fits = common_name.chars().count() <= MAX_COMMON_NAME_CHARS;
        if !fits || DisplayName::parse(common_name).is_none() {
            return Err(IdentityError::Name(common_name.chars().take(2 * MAX_COMMON_NAME_CHARS).collect()));
        }
        Ok(Self { common_name: common_name.to_owned(), key })
    }

    /// Takes the name out of a parsed one. That it has these two attributes in this order is settled by the rebuilding.
    pub(crate) fn read(what: &'static str, name: &X509Name<'_>) -> Result<Self, IdentityError> {
        let malformed = |why: &str| IdentityError::Malformed { what, why: why.to_owned() };
        let mut texts = name.iter_attributes().map(|attribute| attribute.as_str());
        let (Some(Ok(common_name)), Some(Ok(uid)), None) = (texts.next(), texts.next(), texts.next()) else {
            return Err(malformed("a name is not a common name and a uid"));
        };
        let key: Uri = uid.parse().map_err(|_| malformed("a uid is not a public key in hex"))?;
        Self::new(common_name, *key.as_bytes())
    }

    /// The name for the builder.
    pub(crate) fn distinguished(&self) -> DistinguishedName {
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, self.common_name.as_str());
        name.push(DnType::CustomDnType(UID.to_vec()), Uri::from_bytes(self.key).to_string());
        name
    }

    /// The key identifier for the builder: the beginning of the key itself, no hash needed.
    pub(crate) fn key_id(&self) -> KeyIdMethod {
        KeyIdMethod::PreSpecified(self.key[..KEY_ID_BYTES].to_vec())
    }
}

/// The public key of a subject, for the builder.
pub(crate) struct Subject<'a>(pub &'a [u8; 32]);

impl PublicKeyData for Subject<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

/// Who puts the signature under what is built.
pub(crate) enum Signer<'a> {
    /// The account itself: something new is issued.
    Issue(&'a AccountKey, [u8; 32]),
    /// The signature that was read: something is built again, to compare. It is verified separately.
    Replay([u8; 32], [u8; 64]),
}

impl<'a> Signer<'a> {
    /// Issues with this key.
    pub(crate) fn issue(key: &'a AccountKey) -> Self {
        Self::Issue(key, *key.uri().as_bytes())
    }
}

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        match self {
            Signer::Issue(_, public_key) | Signer::Replay(public_key, _) => public_key,
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

impl rcgen::SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(match self {
            Signer::Issue(key, _) => key.sign(message).to_vec(),
            Signer::Replay(_, signature) => signature.to_vec(),
        })
    }
}

/// The 64 bytes of an Ed25519 signature.
pub(crate) fn read_signature(what: &'static str, bits: &BitString<'_>) -> Result<[u8; 64], IdentityError> {
    let malformed = |_| IdentityError::Malformed { what, why: "the signature has not 64 bytes".to_owned() };
    bits.data.as_ref().try_into().map_err(malformed)
}

/// Refuses public keys of small order and second encodings of a key.
pub(crate) fn check_key(bytes: &[u8; 32]) -> Result<(), IdentityError> {
    match key::verifying_key(bytes) {
        Some(_) => Ok(()),
        None => Err(IdentityError::UnusableKey(Uri::from_bytes(*bytes).to_string())),
    }
}

/// Checks that the account with this key has signed these bytes.
pub(crate) fn check_signature(
    what: &'static str,
    account: &[u8; 32],
    signed: &[u8],
    signature: &[u8; 64],
) -> Result<(), IdentityError> {
    check_key(account)?;
    if !key::verify(account, signed, signature) {
        return Err(IdentityError::BadSignature { what });
    }
    Ok(())
}

/// A period as read from two dates.
pub(crate) fn read_period(from: ASN1Time, to: ASN1Time) -> Result<Validity, IdentityError> {
    Validity::new(from.timestamp(), to.timestamp())
}

/// A date for the builder; `seconds` lies in a checked [`Validity`].
pub(crate) fn date(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds.clamp(0, MAX_TIME)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// What the builder refused; it can only be something that was just checked, so it is told as it is.
pub(crate) fn build_error(what: &'static str) -> impl Fn(rcgen::Error) -> IdentityError {
    move |error| IdentityError::Malformed { what, why: error.to_string() }
}
