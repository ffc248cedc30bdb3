//! SSHSIG armour: whatever is accepted has one spelling, and proves one thing only.

use parv_identity::DeviceKey;
use parv_identity::sshsig;
use parv_model::DeviceId;

/// What every signature of the seeds was made for.
pub const PAYLOAD: &[u8] = b"payload";

/// Whose signatures the seeds are.
pub fn signer() -> DeviceKey {
    DeviceKey::from_seed([7; 32])
}

/// What is decoded encodes to the same text. A signature of our signer that is good is the one that the signer makes:
/// Ed25519 has no second one for who lacks the key.
pub fn hold(bytes: &[u8]) {
    let Ok(armour) = std::str::from_utf8(bytes) else { return };
    let Ok(signature) = sshsig::decode(armour) else { return };
    assert_eq!(signature.encode(), armour, "an accepted signature has one spelling");
    let line = sshsig::public_key_line(&signature.device);
    assert!(sshsig::allowed_signers_line(&signature.device).ends_with(&line));
    let good = signature.verify(PAYLOAD).is_ok();
    let signer = signer();
    if signature.device == signer.device_id() {
        assert_eq!(good, armour == sshsig::sign(&signer, PAYLOAD), "a second signature is good");
    }
    assert!(signature.device != DeviceId::from_bytes([0; 32]) || !good, "a key of small order signed");
}
