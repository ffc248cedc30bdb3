//! Raw commit bytes: whatever is accepted has one spelling.

use parv_model::{Commit, Message};
use parv_validator::CheckedCommit;

/// What is decoded encodes to the same bytes; what is checked is decodable, and its parts are too.
pub fn hold(bytes: &[u8]) {
    let decoded = Commit::decode(bytes);
    if let Ok((commit, armour)) = &decoded {
        assert_eq!(commit.encode(armour), bytes, "an accepted commit has one spelling");
        assert!(commit.payload().len() < bytes.len(), "the signature is part of the commit");
    }
    let Ok(checked) = CheckedCommit::check(bytes) else { return };
    let (commit, armour) = decoded.expect("what is checked is decodable");
    assert_eq!(checked.commit(), &commit);
    assert_eq!(Ok(checked.message()), Message::decode(&commit.message).as_ref());
    let signature = parv_identity::sshsig::decode(&armour).expect("what is checked has a canonical signature");
    assert_eq!((signature.device, signature.verify(&commit.payload())), (commit.device, Ok(())));
}
