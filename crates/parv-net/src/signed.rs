//! What devices sign for the distributed table: an envelope of libp2p (RFC 0002) around bytes of one kind, in one
//! spelling.

use crate::NetError;
use crate::peer::device_id;
use libp2p::core::SignedEnvelope;
use libp2p::identity::Keypair;
use parv_model::DeviceId;

/// A kind of signed bytes: none is taken for one of another kind.
pub(crate) struct Kind {
    /// What it is called in errors.
    pub(crate) what: &'static str,
    /// The domain that is signed along.
    pub(crate) domain: &'static str,
    /// What the envelope says it holds.
    pub(crate) payload_type: &'static [u8],
    /// How large it may be, envelope included.
    pub(crate) max_bytes: usize,
}

impl Kind {
    /// The payload in an envelope signed with that key.
    pub(crate) fn seal(&self, payload: Vec<u8>, key: &Keypair) -> Result<Vec<u8>, NetError> {
        let envelope = SignedEnvelope::new(key, self.domain.to_owned(), self.payload_type.to_vec(), payload)
            .map_err(|error| self.malformed(error))?;
        let bytes = envelope.into_protobuf_encoding();
        self.check_size(&bytes)?;
        Ok(bytes)
    }

    /// Who signed it, and the payload.
    pub(crate) fn open(&self, bytes: &[u8]) -> Result<(DeviceId, Vec<u8>), NetError> {
        self.check_size(bytes)?;
        let envelope = SignedEnvelope::from_protobuf_encoding(bytes).map_err(|error| self.malformed(error))?;
        let (payload, signer) = envelope
            .payload_and_signing_key(self.domain.to_owned(), self.payload_type)
            .map_err(|error| self.malformed(error))?;
        let device = device_id(&signer.to_peer_id()).ok_or_else(|| self.malformed("not signed by a device"))?;
        let payload = payload.to_vec();
        match envelope.into_protobuf_encoding() == bytes {
            true => Ok((device, payload)),
            false => Err(self.malformed("the envelope has another spelling")),
        }
    }

    /// The error for what is not of this kind.
    pub(crate) fn malformed(&self, why: impl ToString) -> NetError {
        NetError::Malformed { what: self.what, why: why.to_string() }
    }

    fn check_size(&self, bytes: &[u8]) -> Result<(), NetError> {
        match bytes.len() <= self.max_bytes {
            true => Ok(()),
            false => Err(NetError::TooLong { what: self.what, bytes: bytes.len(), limit: self.max_bytes }),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A device that can sign.
    pub(crate) fn signer(seed: u8) -> (Keypair, DeviceId) {
        let pair = Keypair::ed25519_from_bytes([seed; 32]).unwrap();
        let device = device_id(&pair.public().to_peer_id()).unwrap();
        (pair, device)
    }

    #[test]
    fn an_envelope_is_of_its_kind_its_signer_and_one_spelling() {
        let kind = |domain, payload_type| Kind { what: "the test", domain, payload_type, max_bytes: 1000 };
        let good = kind("a", b"/a");
        let (pair, device) = signer(1);
        let bytes = good.seal(b"said".to_vec(), &pair).unwrap();
        assert_eq!(good.open(&bytes).unwrap(), (device, b"said".to_vec()));
        for other in [kind("a", b"/b"), kind("b", b"/a"), Kind { max_bytes: bytes.len() - 1, ..kind("a", b"/a") }] {
            assert!(other.open(&bytes).is_err());
        }
        // An empty field of a number that the envelope does not have: read over by the decoder, but another spelling.
        assert!(good.open(&[bytes.as_slice(), &[0x32, 0]].concat()).is_err());
        assert!(good.seal(vec![0; 1000], &pair).is_err());
    }
}
