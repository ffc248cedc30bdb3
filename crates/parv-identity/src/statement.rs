//! What a device says outside of conversations, signed: who it is for, and from when to when it counts, stand inside.
//!
//! The signed bytes are `"parv statement"`, a zero byte, the context, a zero byte and what is said. A context belongs to
//! one kind of statement, so that none passes for another, nor for a commit (SSHSIG), a certificate or a libp2p record.

use crate::key::{self, DeviceKey};
use parv_model::DeviceId;

const MARK: &[u8] = b"parv statement";

/// Size of a signature, in bytes.
pub const SIGNATURE_BYTES: usize = 64;

/// The device's signature on what it says in this context, which has no zero bytes.
pub fn sign(key: &DeviceKey, context: &'static str, said: &[u8]) -> [u8; SIGNATURE_BYTES] {
    key.sign(&signed_bytes(context, said))
}

/// Whether the device said that in this context.
pub fn holds(device: &DeviceId, context: &'static str, said: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
    key::verify(device.as_bytes(), &signed_bytes(context, said), signature)
}

fn signed_bytes(context: &'static str, said: &[u8]) -> Vec<u8> {
    [MARK, &[0], context.as_bytes(), &[0], said].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_the_devices_in_its_context_only() {
        let (key, other) = (DeviceKey::from_seed([1; 32]), DeviceKey::from_seed([2; 32]));
        let signature = sign(&key, "test", b"said");
        let device = key.device_id();
        assert!(holds(&device, "test", b"said", &signature));
        assert!(!holds(&device, "test", b"sai", &signature));
        assert!(!holds(&device, "tests", b"aid", &signature));
        assert!(!holds(&device, "other", b"said", &signature));
        assert!(!holds(&other.device_id(), "test", b"said", &signature));
        assert_ne!(signature, key.sign(b"said"));
    }
}
