//! The committed seeds through every target's property, without a fuzzer.

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
