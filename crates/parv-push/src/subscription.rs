//! Both ends of a push message: where it goes and for whom it is sealed, and the keys that open it (RFC 8291).
//!
//! The sender agrees on a key with the receiver's public key and a secret that only holders of the subscription know, so
//! that the push service in between reads nothing and cannot make messages up.

use crate::content_encoding::{self, EncodingError, SALT_BYTES, Sealed};
use crate::endpoint::Endpoint;
use crate::keys::{self, PUBLIC_KEY_BYTES, SECRET_KEY_BYTES};
use crate::text;
use hkdf::Hkdf;
use p256::{PublicKey, SecretKey, ecdh};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// Size of the authentication secret, in bytes.
pub const AUTH_BYTES: usize = 16;

/// The most that a message may say, in bytes. It is padded to this length, so that the push service cannot tell messages
/// apart by their size.
pub const MAX_CONTENT_BYTES: usize = 1024;

/// Why a key cannot be had or used.
#[derive(Debug, thiserror::Error)]
pub enum PushKeyError {
    /// The operating system gives no randomness.
    #[error("the system gives no randomness")]
    NoRandomness(#[source] getrandom::Error),
    /// Not a key.
    #[error("not a P-256 key")]
    NotAKey,
    /// The message is not for this device, or was changed.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The message is longer than any message may be.
    #[error("a push message says at most {MAX_CONTENT_BYTES} bytes and this one says {0}")]
    TooLong(usize),
}

/// Where push messages to a device go, and for whom they are sealed. Whoever has it can send.
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The push resource (RFC 8030): messages are posted there.
    pub endpoint: Endpoint,
    receiver: PublicKey,
    auth: [u8; AUTH_BYTES],
}

impl Subscription {
    /// A subscription with the receiver's public key and authentication secret, as user agents give them (`p256dh`, `auth`).
    pub fn new(endpoint: Endpoint, receiver: &[u8], auth: [u8; AUTH_BYTES]) -> Result<Self, PushKeyError> {
        Ok(Self { endpoint, receiver: keys::read_public(receiver).ok_or(PushKeyError::NotAKey)?, auth })
    }

    /// The receiver's public key.
    pub fn receiver(&self) -> [u8; PUBLIC_KEY_BYTES] {
        keys::point(&self.receiver)
    }

    /// The authentication secret.
    pub fn auth(&self) -> &[u8; AUTH_BYTES] {
        &self.auth
    }

    /// Seals a message for the receiver: the body of a push request.
    pub fn seal(&self, content: &[u8]) -> Result<Vec<u8>, PushKeyError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(PushKeyError::NoRandomness)?;
        let padding = MAX_CONTENT_BYTES.checked_sub(content.len()).ok_or(PushKeyError::TooLong(content.len()))?;
        Ok(self.seal_with(&keys::generate()?, salt, content, padding))
    }

    fn seal_with(&self, sender: &SecretKey, salt: [u8; SALT_BYTES], content: &[u8], padding: usize) -> Vec<u8> {
        let public = sender.public_key();
        let secret = agree(sender, &self.receiver, &self.auth, &self.receiver, &public);
        content_encoding::seal(&*secret, salt, &keys::point(&public), content, padding)
    }
}

/// The authentication secret is not shown.
impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// What opens the messages to a device. It stays there.
pub struct ReceiverKeys {
    secret: SecretKey,
    auth: [u8; AUTH_BYTES],
}

impl ReceiverKeys {
    /// New keys from the operating system's randomness.
    pub fn generate() -> Result<Self, PushKeyError> {
        let mut auth = [0; AUTH_BYTES];
        getrandom::fill(&mut auth).map_err(PushKeyError::NoRandomness)?;
        Ok(Self { secret: keys::generate()?, auth })
    }

    /// The keys that [`ReceiverKeys::to_bytes`] gave.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PushKeyError> {
        let (secret, auth) = bytes.split_at_checked(SECRET_KEY_BYTES).ok_or(PushKeyError::NotAKey)?;
        let secret = SecretKey::from_slice(secret).map_err(|_| PushKeyError::NotAKey)?;
        Ok(Self { secret, auth: auth.try_into().map_err(|_| PushKeyError::NotAKey)? })
    }

    /// The secret key and the authentication secret, one after the other: for a private file.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([self.secret.to_bytes().as_slice(), &self.auth].concat())
    }

    /// The subscription at that endpoint whose messages these keys open.
    pub fn subscription(&self, endpoint: Endpoint) -> Subscription {
        Subscription { endpoint, receiver: self.secret.public_key(), auth: self.auth }
    }

    /// Opens the body of a push message.
    pub fn open(&self, body: &[u8]) -> Result<Vec<u8>, PushKeyError> {
        let sealed = Sealed::read(body)?;
        let sender = keys::read_public(sealed.key_id).ok_or(PushKeyError::NotAKey)?;
        let secret = agree(&self.secret, &sender, &self.auth, &self.secret.public_key(), &sender);
        Ok(sealed.open(&*secret)?)
    }
}

impl fmt::Debug for ReceiverKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceiverKeys({}, secret)", text::text(keys::public(&self.secret)))
    }
}

/// The input keying material that both sides come to (RFC 8291, section 3.4).
fn agree(
    own: &SecretKey,
    other: &PublicKey,
    auth: &[u8; AUTH_BYTES],
    receiver: &PublicKey,
    sender: &PublicKey,
) -> Zeroizing<[u8; 32]> {
    let shared = ecdh::diffie_hellman(own.to_nonzero_scalar(), other.as_affine());
    let material = Hkdf::<Sha256>::new(Some(auth), shared.raw_secret_bytes());
    let info = [b"WebPush: info\0".as_slice(), &keys::point(receiver), &keys::point(sender)].concat();
    let mut secret = Zeroizing::new([0; 32]);
    material.expand(&info, &mut *secret).expect("32 bytes are few");
    secret
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::bytes;

    /// The keys of RFC 8291, section 5 and appendix A.
    fn example() -> ReceiverKeys {
        let [secret, auth] = ["q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94", "BTBZMqHH6r4Tts7J_aSIgg"];
        ReceiverKeys::from_bytes(&[bytes(secret).unwrap(), bytes(auth).unwrap()].concat()).unwrap()
    }

    fn endpoint() -> Endpoint {
        "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV".parse().unwrap()
    }

    #[test]
    fn the_example_of_the_rfc() {
        let subscription = example().subscription(endpoint());
        let receiver = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        assert_eq!(text::text(subscription.receiver()), receiver);
        let sender = SecretKey::from_slice(&bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw").unwrap()).unwrap();
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").unwrap().try_into().unwrap();
        let content = b"When I grow up, I want to be a watermelon";
        let body = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEq\
                    KK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(text::text(subscription.seal_with(&sender, salt, content, 0)), body);
        assert_eq!(example().open(&bytes(body).unwrap()).unwrap(), content);
    }

    #[test]
    fn only_the_receiver_opens_a_message_and_all_are_of_one_length() {
        let keys = ReceiverKeys::generate().unwrap();
        let subscription = keys.subscription(endpoint());
        let (short, long) = (subscription.seal(b"").unwrap(), subscription.seal(&[7; MAX_CONTENT_BYTES]).unwrap());
        assert_eq!((short.len(), keys.open(&short).unwrap()), (long.len(), vec![]));
        assert_eq!(keys.open(&long).unwrap(), [7; MAX_CONTENT_BYTES]);
        assert!(matches!(subscription.seal(&[0; MAX_CONTENT_BYTES + 1]), Err(PushKeyError::TooLong(1025))));
        let other = ReceiverKeys::generate().unwrap();
        assert!(matches!(other.open(&long), Err(PushKeyError::Encoding(EncodingError::Sealed))));
        // Who knows the public key but not the secret beside it can make nothing up.
        let guessed = Subscription { auth: [0; AUTH_BYTES], ..subscription };
        assert!(keys.open(&guessed.seal(b"made up").unwrap()).is_err());
    }

    #[test]
    fn keys_come_back_from_their_bytes_and_nonsense_is_refused() {
        let keys = ReceiverKeys::generate().unwrap();
        let sealed = keys.subscription(endpoint()).seal(b"hi").unwrap();
        assert_eq!(ReceiverKeys::from_bytes(&keys.to_bytes()).unwrap().open(&sealed).unwrap(), b"hi");
        for nonsense in [&[][..], &[1; 47], &[1; 49], &[0; 48], &[0xff; 48]] {
            assert!(ReceiverKeys::from_bytes(nonsense).is_err());
        }
        for nonsense in [&[][..], &[4; 65], &[0; 65], &[2; 33]] {
            assert!(Subscription::new(endpoint(), nonsense, [0; AUTH_BYTES]).is_err());
        }
        for at in 0..sealed.len() {
            assert!(keys.open(&sealed[..at]).is_err());
            let mut bent = sealed.clone();
            bent[at] ^= 0x80;
            assert!(keys.open(&bent).is_err() || (16..20).contains(&at), "byte {at}");
        }
    }
}
