//! The committed seeds through every target's property, without a fuzzer.

use parv_fuzz::{announcement, fetch, hello, history, pack};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn every_seed_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (target, hold) in parv_fuzz::TARGETS {
        let seeds: Vec<_> = fs::read_dir(folder.join(target)).expect("a folder of seeds").collect();
        assert!(!seeds.is_empty(), "{target} has no seeds");
        for seed in seeds {
            let path = seed.expect("a file").path();
            let bytes = fs::read(&path).expect("a readable file");
            // Whole, cut in the middle, and with a byte changed: nothing of it may panic.
            hold(&bytes);
            hold(&bytes[..bytes.len() / 2]);
            if let Some(middle) = bytes.len().checked_sub(1).map(|last| last / 2) {
                let mut changed = bytes.clone();
                changed[middle] ^= 0x20;
                hold(&changed);
            }
        }
    }
}

fn seed(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name)).expect("a seed")
}

/// The seeds are worth something only as long as they are read as what they were made for.
#[test]
fn the_seeds_mean_what_they_are_called() {
    let packs = ["whole", "whole-byte-by-byte", "half", "too-many", "too-few", "unneeded-file", "lies", "named-base"];
    let taken = packs.map(|name| pack::fetched(&seed(&format!("pack/{name}"))).is_some());
    assert_eq!(taken, [true, true, false, false, false, false, false, false], "{packs:?}");
    let commits = pack::fetched(&seed("pack/whole"));
    assert!(commits.is_some_and(|count| count > 10), "{commits:?} commits");
    assert_eq!(fetch::fetched(&seed("fetch/update")), commits);
    assert_eq!(fetch::fetched(&seed("fetch/clone")), commits);
    assert_eq!(fetch::fetched(&seed("fetch/refused")), None);
    assert!(hello::is_believed(&seed("hello/real")) && !hello::is_believed(&seed("hello/another-account")));
    assert_eq!(seed("announcement/plain"), announcement::plain());
    for (name, accepted, refused) in [
        ("texts", 5, 0),
        ("duel", 9, 0),
        ("forgers", 5, 8),
        ("a-banned-device", 7, 0),
        ("a-revoked-device", 7, 0),
        ("three-ways", 9, 0),
    ] {
        let played = history::played(&seed(&format!("history/{name}")));
        assert!(played.0 >= accepted && played.1 >= refused, "{name}: {played:?} accepted and refused");
    }
}

#[test]
fn every_target_has_a_program_and_a_line_in_the_readme() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(here.join("README.md")).expect("a README");
    let named: BTreeSet<&str> = parv_fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
    for target in &named {
        assert!(readme.contains(&format!("| `{target}` |")), "{target} is not in the README");
    }
    let programs: BTreeSet<String> = fs::read_dir(here.join("fuzz_targets"))
        .expect("the programs")
        .map(|entry| entry.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert!(programs.iter().map(String::as_str).eq(named), "{programs:?}");
}
