//! Who sends push messages (RFC 8292, VAPID): vouchers that the receiving device signs in advance.
//!
//! A push service wants to know that messages to a subscription come from whom it was made for, and many bind a
//! subscription to one key (section 4 there). The devices that wake another one differ and change, and a key of their own
//! would show the service which subscriptions share friends. So the key is the subscription's own, kept by the device that
//! subscribed; with a lease it hands out tokens, each good for half a day, that end with the lease (decision 0031). Of a
//! token only the signature travels: the rest follows from it.

use crate::PushKeyError;
use crate::keys::{self, PUBLIC_KEY_BYTES};
use crate::text;
use p256::SecretKey;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long after one token the next one ends. A token may end at most a day after it is used (section 2): this leaves half
/// a day for clocks that differ.
pub const TOKEN_SPAN: Duration = Duration::from_secs(12 * 3600);

/// How much longer a token must be good when it is used, so that it is still good when it arrives.
const MARGIN: Duration = Duration::from_secs(300);

/// Size of a signature, in bytes.
pub(crate) const SIGNATURE_BYTES: usize = 64;

/// The key that a subscription's senders are known by. It stays with the device that subscribed.
pub struct VapidKey(SecretKey);

impl VapidKey {
    /// A new key from the operating system's randomness.
    pub fn generate() -> Result<Self, PushKeyError> {
        keys::generate().map(Self)
    }

    /// The key that [`VapidKey::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PushKeyError> {
        SecretKey::from_slice(bytes).map(Self).map_err(|_| PushKeyError::NotAKey)
    }

    /// The secret key: for a private file.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.to_bytes().to_vec())
    }

    /// The public key, which a push service can bind a subscription to (`applicationServerKey`).
    pub fn public(&self) -> [u8; PUBLIC_KEY_BYTES] {
        keys::public(&self.0)
    }

    /// Signs the tokens with which others may send to the push service at `origin` from one time to the other, both since
    /// 1970. `contact` tells the service whom to ask when something is wrong.
    pub fn vouch(&self, origin: &str, contact: Option<&str>, from: Duration, until: Duration) -> Vouchers {
        let key = SigningKey::from(&self.0);
        let first_end = from.as_secs() + TOKEN_SPAN.as_secs();
        let ends = (first_end..).step_by(TOKEN_SPAN.as_secs() as usize);
        let needed = ends.take_while(|end| *end < until.as_secs() + TOKEN_SPAN.as_secs());
        let sign = |end| -> Signature { key.sign(unsigned(origin, contact, end).as_bytes()) };
        let signatures = needed.map(|end| sign(end).to_bytes().into()).collect();
        Vouchers { key: self.public(), contact: contact.map(str::to_owned), first_end, signatures }
    }
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VapidKey({}, secret)", text::text(self.public()))
    }
}

/// Tokens that were signed in advance, for one push service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouchers {
    /// The public key that they are signed with.
    pub(crate) key: [u8; PUBLIC_KEY_BYTES],
    /// Whom the push service may ask.
    pub(crate) contact: Option<String>,
    /// When the first one ends, in seconds since 1970; each further one ends [`TOKEN_SPAN`] later.
    pub(crate) first_end: u64,
    /// Of each its signature.
    pub(crate) signatures: Vec<[u8; SIGNATURE_BYTES]>,
}

impl Vouchers {
    /// The value of the header `Authorization` for a message to `origin` at that time since 1970; none if there is no
    /// token for that time.
    pub fn authorization(&self, origin: &str, now: Duration) -> Option<String> {
        let wanted = (now + MARGIN).as_secs();
        let number = wanted.saturating_sub(self.first_end).div_ceil(TOKEN_SPAN.as_secs());
        let signature = self.signatures.get(usize::try_from(number).ok()?)?;
        let end = number.checked_mul(TOKEN_SPAN.as_secs())?.checked_add(self.first_end)?;
        let unsigned = unsigned(origin, self.contact.as_deref(), end);
        Some(format!("vapid t={unsigned}.{}, k={}", text::text(signature), text::text(self.key)))
    }
}

/// A token without its signature: a JSON Web Token of type ES256 (RFC 7515) with fields in one order.
fn unsigned(origin: &str, contact: Option<&str>, end: u64) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let contact = contact.map(|contact| format!(r#","sub":{}"#, quoted(contact))).unwrap_or_default();
    let claims = format!(r#"{{"aud":{},"exp":{end}{contact}}}"#, quoted(origin));
    format!("{}.{}", text::text(r#"{"typ":"JWT","alg":"ES256"}"#), text::text(claims))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::bytes;
    use p256::ecdsa::VerifyingKey;
    use p256::ecdsa::signature::Verifier;

    const ORIGIN: &str = "https://push.example.net";

    /// RFC 8292, section 2.4.
    #[test]
    fn the_example_of_the_rfc() {
        let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3N\
                     jgsInN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0";
        let signature = "i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA";
        let key = "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
        let vouchers = Vouchers {
            key: bytes(key).unwrap().try_into().unwrap(),
            contact: Some("mailto:push@example.com".to_owned()),
            first_end: 1_453_523_768,
            signatures: vec![bytes(signature).unwrap().try_into().unwrap()],
        };
        let authorization = vouchers.authorization(ORIGIN, Duration::from_secs(1_453_500_000)).unwrap();
        assert_eq!(authorization, format!("vapid t={token}.{signature}, k={key}"));
        let (key, signature) = (bytes(key).unwrap(), bytes(signature).unwrap());
        let key = VerifyingKey::from_sec1_bytes(&key).unwrap();
        key.verify(token.as_bytes(), &Signature::from_slice(&signature).unwrap()).unwrap();
    }

    #[test]
    fn there_is_a_token_for_every_time_of_a_lease_and_none_for_another() {
        let key = VapidKey::generate().unwrap();
        let key = VapidKey::from_bytes(&key.to_bytes()).unwrap();
        let (from, until) = (Duration::from_secs(1_700_000_000), Duration::from_secs(1_700_000_000 + 7 * 86_400));
        let vouchers = key.vouch(ORIGIN, None, from, until);
        assert!(vouchers.signatures.len() <= 15);
        let verifying = VerifyingKey::from_sec1_bytes(&key.public()).unwrap();
        for at in (from.as_secs()..until.as_secs() - MARGIN.as_secs()).step_by(3571) {
            let authorization = vouchers.authorization(ORIGIN, Duration::from_secs(at)).unwrap();
            let (token, _) = authorization.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let signature = Signature::from_slice(&bytes(signature).unwrap()).unwrap();
            verifying.verify(signed.as_bytes(), &signature).unwrap();
            let claims = bytes(signed.split_once('.').unwrap().1).unwrap();
            let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
            assert_eq!(claims["aud"], ORIGIN);
            let end = claims["exp"].as_u64().unwrap();
            assert!((at + MARGIN.as_secs()..=at + 86_400).contains(&end), "{end} for {at}");
        }
        assert_eq!(vouchers.authorization(ORIGIN, until + TOKEN_SPAN), None);
        assert_eq!(vouchers.authorization(ORIGIN, Duration::MAX - MARGIN), None);
    }
}
