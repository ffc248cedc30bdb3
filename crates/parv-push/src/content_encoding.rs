//! `aes128gcm`, the encrypted content encoding of HTTP (RFC 8188), for contents of one record.
//!
//! ```text
//! salt (16) │ record size (4, big-endian) │ length of the key id (1) │ key id │ one sealed record
//! ```
//!
//! The sealed record is the content, the byte 2 (the last record) and zeros as padding. A push message is a single record
//! (RFC 8291, section 4), so nothing else is written, and more than one is refused.

use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes128Gcm, Key, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Size of the salt, in bytes.
pub(crate) const SALT_BYTES: usize = 16;

const HEADER_BYTES: usize = SALT_BYTES + 4 + 1;
const TAG_BYTES: usize = 16;
const LAST_RECORD: u8 = 2;

/// Content that cannot be opened: not in this form, or not sealed with that key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// It is shorter than its header says.
    #[error("the encrypted content is cut short")]
    Short,
    /// It has more than one record, or records of an impossible size.
    #[error("the encrypted content is not a single record")]
    Records,
    /// It was changed, or is for somebody else.
    #[error("the content cannot be decrypted with this key")]
    Sealed,
    /// What is inside has no end mark.
    #[error("the decrypted content has no padding delimiter")]
    Padding,
}

/// Seals content with a key that was agreed upon. `padding` zeros hide its length.
pub(crate) fn seal(secret: &[u8], salt: [u8; SALT_BYTES], key_id: &[u8], content: &[u8], padding: usize) -> Vec<u8> {
    const RECORD_BYTES: u32 = 4096;
    let (cipher, nonce) = cipher(secret, &salt);
    let mut record = content.to_vec();
    record.push(LAST_RECORD);
    record.resize(record.len() + padding, 0);
    let sealed = cipher.encrypt(&nonce, record.as_slice()).expect("a short record can be sealed");
    debug_assert!(sealed.len() <= RECORD_BYTES as usize);
    let key_id_length = u8::try_from(key_id.len()).expect("key ids are points of a curve, or tests'");
    [salt.as_slice(), &RECORD_BYTES.to_be_bytes(), &[key_id_length], key_id, &sealed].concat()
}

/// Sealed content, its parts told apart.
pub(crate) struct Sealed<'a> {
    salt: &'a [u8],
    /// By what the key was agreed upon.
    pub(crate) key_id: &'a [u8],
    record: &'a [u8],
}

impl<'a> Sealed<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, EncodingError> {
        let (header, rest) = bytes.split_at_checked(HEADER_BYTES).ok_or(EncodingError::Short)?;
        let (salt, sizes) = header.split_at(SALT_BYTES);
        let record_bytes = u32::from_be_bytes([sizes[0], sizes[1], sizes[2], sizes[3]]) as usize;
        let (key_id, record) = rest.split_at_checked(usize::from(sizes[4])).ok_or(EncodingError::Short)?;
        if record.len() > record_bytes || record_bytes < TAG_BYTES + 2 {
            return Err(EncodingError::Records);
        }
        Ok(Self { salt, key_id, record })
    }

    pub(crate) fn open(&self, secret: &[u8]) -> Result<Vec<u8>, EncodingError> {
        let (cipher, nonce) = cipher(secret, self.salt);
        let mut content = cipher.decrypt(&nonce, self.record).map_err(|_| EncodingError::Sealed)?;
        let end = content.iter().rposition(|byte| *byte != 0).ok_or(EncodingError::Padding)?;
        if content[end] != LAST_RECORD {
            return Err(EncodingError::Padding);
        }
        content.truncate(end);
        Ok(content)
    }
}

/// Key and nonce of the first record.
fn cipher(secret: &[u8], salt: &[u8]) -> (Aes128Gcm, Nonce<aes_gcm::aead::consts::U12>) {
    let material = Hkdf::<Sha256>::new(Some(salt), secret);
    let (mut key, mut nonce) = (Zeroizing::new([0; 16]), [0; 12]);
    material.expand(b"Content-Encoding: aes128gcm\0", &mut *key).expect("16 bytes are few");
    material.expand(b"Content-Encoding: nonce\0", &mut nonce).expect("12 bytes are few");
    (Aes128Gcm::new(&Key::<Aes128Gcm>::from(*key)), nonce.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::bytes;

    const CONTENT: &[u8] = b"I am the walrus";

    /// RFC 8188, section 3.1.
    #[test]
    fn the_example_of_the_rfc() {
        let secret = bytes("yqdlZ-tYemfogSmv7Ws5PQ").unwrap();
        let salt = bytes("I1BsxtFttlv3u_Oo94xnmw").unwrap().try_into().unwrap();
        let body = bytes("I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg").unwrap();
        assert_eq!(seal(&secret, salt, b"", CONTENT, 0), body);
        let sealed = Sealed::read(&body).unwrap();
        assert_eq!(sealed.key_id, b"");
        assert_eq!(sealed.open(&secret).unwrap(), CONTENT);
    }

    /// RFC 8188, section 3.2: the same content with a byte of padding, in two records.
    #[test]
    fn several_records_are_refused() {
        let body = "uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA";
        assert_eq!(Sealed::read(&bytes(body).unwrap()).err(), Some(EncodingError::Records));
    }

    #[test]
    fn whatever_is_changed_is_noticed() {
        let secret = [7; 16];
        let body = seal(&secret, [1; 16], b"id", CONTENT, 100);
        assert_eq!(Sealed::read(&body).unwrap().open(&secret).unwrap(), CONTENT);
        assert!(Sealed::read(&body).unwrap().open(&[8; 16]).is_err());
        for at in 0..body.len() {
            assert!(Sealed::read(&body[..at]).and_then(|sealed| sealed.open(&secret)).is_err(), "cut at {at}");
            let mut changed = body.clone();
            changed[at] ^= 1;
            let opened = Sealed::read(&changed).and_then(|sealed| sealed.open(&secret));
            // The key id and the record size are bound by whoever agrees upon the key, not by this layer.
            assert!(opened.is_err() || (SALT_BYTES..HEADER_BYTES + 2).contains(&at), "byte {at}");
        }
    }

    #[test]
    fn nothing_but_padding_is_refused() {
        let (cipher, nonce) = cipher(&[7; 16], &[1; 16]);
        for record in [&[0; 20][..], b"text\x01", b""] {
            let sealed = cipher.encrypt(&nonce, record).unwrap();
            let body = [&[1; 16][..], &4096u32.to_be_bytes(), &[0], &sealed].concat();
            assert_eq!(Sealed::read(&body).unwrap().open(&[7; 16]), Err(EncodingError::Padding));
        }
    }
}
