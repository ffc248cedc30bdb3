//! A device id and a libp2p peer id are two spellings of one Ed25519 public key.

use crate::NetError;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use parv_model::DeviceId;

/// What stands before the key in the bytes of a peer id: an identity multihash of 36 bytes that holds the protobuf
/// message "public key of type Ed25519, 32 bytes".
const PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// The peer id of a device.
pub fn peer_id(device: &DeviceId) -> PeerId {
    let bytes = [PREFIX.as_slice(), device.as_bytes()].concat();
    PeerId::from_bytes(&bytes).expect("an identity multihash of at most 42 bytes is a peer id")
}

/// The device with that peer id; none if its key is not an Ed25519 key, so that it is no device of ours.
pub fn device_id(peer: &PeerId) -> Option<DeviceId> {
    let bytes = peer.to_bytes();
    let key = bytes.strip_prefix(&PREFIX)?;
    key.try_into().ok().map(DeviceId::from_bytes)
}

/// The device that an address ends in: `…/p2p/<peer id>`. None if it names nobody.
pub(crate) fn device_in(address: &Multiaddr) -> Result<Option<DeviceId>, NetError> {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => {
            let device = device_id(&peer).ok_or_else(|| NetError::Address {
                address: address.clone(),
                why: "the peer's key is not an Ed25519 key",
            })?;
            Ok(Some(device))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libp2p::identity::Keypair;

    #[test]
    fn ids_go_both_ways() {
        for seed in 0..50u8 {
            let pair = Keypair::ed25519_from_bytes([seed; 32]).unwrap();
            let key = pair.public().try_into_ed25519().unwrap().to_bytes();
            let device = DeviceId::from_bytes(key);
            assert_eq!(peer_id(&device), pair.public().to_peer_id());
            assert_eq!(device_id(&peer_id(&device)), Some(device));
        }
    }

    #[test]
    fn a_device_id_that_is_no_point_of_the_curve_is_still_a_name() {
        let device = DeviceId::from_bytes([0xff; 32]);
        assert_eq!(device_id(&peer_id(&device)), Some(device));
    }

    #[test]
    fn a_hashed_key_is_no_device() {
        assert_eq!(device_id(&PeerId::random()), None);
        let address = format!("/ip4/127.0.0.1/tcp/1/p2p/{}", PeerId::random()).parse().unwrap();
        assert!(matches!(device_in(&address), Err(NetError::Address { .. })));
    }
}
