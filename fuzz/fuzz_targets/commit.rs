//! Raw commit bytes: whatever is accepted is canonical, and nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parv_model::Commit;
use parv_validator::CheckedCommit;

fuzz_target!(|bytes: &[u8]| {
    let decoded = Commit::decode(bytes);
    if let Ok((commit, armour)) = &decoded {
        assert_eq!(commit.encode(armour), bytes, "an accepted commit has one spelling");
    }
    if CheckedCommit::check(bytes).is_ok() {
        assert!(decoded.is_ok(), "what is checked is decodable");
    }
});
