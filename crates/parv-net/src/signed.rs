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
