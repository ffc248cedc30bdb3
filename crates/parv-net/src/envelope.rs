//! What one device says to another: a media type and a body, as one CBOR map.
//!
//! The encoding is the deterministic one of RFC 8949 §4.2.1, and nothing else is read: one envelope has one spelling.
//! Fields that are not known are ignored, so that later versions can add some (protocol, "Streams").

use crate::NetError;
use crate::limits::{MAX_BODY_BYTES, MAX_FRAME_BYTES, MAX_MIME_BYTES};
use parv_model::cbor::{self, Value};

/// One message to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What the body is, such as `application/invite`: visible ASCII, at most [`MAX_MIME_BYTES`] bytes.
    pub mime: String,
    /// The body, at most [`MAX_BODY_BYTES`] bytes.
    pub body: Vec<u8>,
}

impl Envelope {
    /// An envelope with that type and body.
    pub fn new(mime: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { mime: mime.into(), body: body.into() }
    }

    /// Its bytes, if it keeps the limits.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, NetError> {
        self.check()?;
        let body = Value::Bytes(self.body.clone());
        Ok(cbor::encode(&cbor::map([("body", body), ("mime", Value::Text(self.mime.clone()))])))
    }

    /// The envelope with these bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, NetError> {
        if bytes.len() > MAX_FRAME_BYTES {
            return Err(NetError::TooLong { what: "the envelope", bytes: bytes.len(), limit: MAX_FRAME_BYTES });
        }
        let fields = cbor::decode(bytes).map_err(malformed)?.into_map().map_err(|_| malformed("not a map"))?;
        let (mut mime, mut body) = (None, None);
        for (key, value) in fields {
            match (key.as_text(), value) {
                (Some("mime"), Value::Text(text)) => mime = Some(text),
                (Some("body"), Value::Bytes(bytes)) => body = Some(bytes),
                (Some("mime" | "body"), _) => return Err(malformed("a field has the wrong type")),
                _ => {}
            }
        }
        let envelope =
            Self { mime: mime.ok_or_else(|| malformed("no mime"))?, body: body.ok_or_else(|| malformed("no body"))? };
        envelope.check()?;
        Ok(envelope)
    }

    fn check(&self) -> Result<(), NetError> {
        if self.body.len() > MAX_BODY_BYTES {
            return Err(NetError::TooLong { what: "the body", bytes: self.body.len(), limit: MAX_BODY_BYTES });
        }
        if self.mime.len() > MAX_MIME_BYTES {
            return Err(NetError::TooLong { what: "the media type", bytes: self.mime.len(), limit: MAX_MIME_BYTES });
        }
        if self.mime.is_empty() || !self.mime.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(malformed("the media type is not visible ASCII"));
        }
        Ok(())
    }
}

fn malformed(why: impl ToString) -> NetError {
    NetError::Malformed { what: "the envelope", why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, Value)]) -> Vec<u8> {
        cbor::encode(&Value::Map(fields.iter().map(|(key, value)| (Value::from(*key), value.clone())).collect()))
    }

    #[test]
    fn an_envelope_comes_back_from_its_bytes() {
        for size in [0, 1, 23, 24, 256, MAX_BODY_BYTES] {
            let envelope = Envelope::new("text/plain; charset=utf-8", vec![3; size]);
            let bytes = envelope.encode().unwrap();
            assert!(bytes.len() <= MAX_FRAME_BYTES);
            assert_eq!(Envelope::decode(&bytes).unwrap(), envelope);
        }
    }

    #[test]
    fn it_has_one_spelling() {
        let good = Envelope::new("a/b", "hi").encode().unwrap();
        assert_eq!(hex(&good), "a264626f6479426869646d696d6563612f62");
        let (body, mime) = (Value::Bytes(b"hi".to_vec()), Value::from("a/b"));
        for other in [
            map(&[("mime", mime.clone()), ("body", body.clone())]),
            map(&[("body", body.clone()), ("body", body.clone()), ("mime", mime.clone())]),
            [good.as_slice(), &[0]].concat(),
            // The map's length in two bytes, the body in a chunk of its own.
            [&[0xb8, 2], &good[1..]].concat(),
            [&good[..6], &[0x5f, 0x42, b'h', b'i', 0xff], &good[9..]].concat(),
        ] {
            assert!(Envelope::decode(&other).is_err(), "{}", hex(&other));
        }
    }

    #[test]
    fn unknown_fields_are_ignored() {
        let fields = [("body", Value::Bytes(vec![1])), ("later", Value::from(7)), ("mime", Value::from("a/b"))];
        // Sorted by their bytes: shorter keys first.
        let [body, later, mime] = fields;
        assert_eq!(Envelope::decode(&map(&[body, mime, later])).unwrap(), Envelope::new("a/b", [1]));
    }

    #[test]
    fn nonsense_is_refused() {
        let deep = vec![0x81; MAX_FRAME_BYTES];
        let huge = [0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];
        for wrong in [&[][..], &[0x60], &[0xa0], &[0xff], &deep, &huge, &vec![0; MAX_FRAME_BYTES + 1]] {
            assert!(Envelope::decode(wrong).is_err());
        }
        let wrong_type = map(&[("body", Value::from("text")), ("mime", Value::from("a/b"))]);
        assert!(Envelope::decode(&wrong_type).is_err());
        for envelope in [
            Envelope::new("a/b", vec![0; MAX_BODY_BYTES + 1]),
            Envelope::new("a".repeat(MAX_MIME_BYTES + 1), []),
            Envelope::new("", []),
            Envelope::new("a/b\n", []),
        ] {
            assert!(envelope.encode().is_err());
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let good = Envelope::new("a/b", vec![5; 40]).encode().unwrap();
        for cut in 0..good.len() {
            assert!(Envelope::decode(&good[..cut]).is_err());
            for bit in 0..8 {
                let mut flipped = good.clone();
                flipped[cut] ^= 1 << bit;
                let _ = Envelope::decode(&flipped);
            }
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
