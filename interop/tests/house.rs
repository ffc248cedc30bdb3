//! Who may import whom (`ARCHITECTURE.md`): the arrows point downwards only, and some crates are for one floor alone.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// For each room the rooms below it that it may know. Test helpers in `dev-dependencies` may point anywhere.
const MAY_IMPORT: [(&str, &[&str]); 10] = [
    ("parv-model", &[]),
    ("parv-identity", &["parv-model"]),
    ("parv-validator", &["parv-model", "parv-identity"]),
    ("parv-jami", &["parv-model", "parv-validator"]),
    ("parv-store", &["parv-model", "parv-identity", "parv-validator"]),
    ("parv-net", &["parv-model", "parv-identity"]),
    ("parv-push", &["parv-model", "parv-identity"]),
    ("parv", &["parv-model", "parv-identity", "parv-validator", "parv-jami", "parv-store", "parv-net", "parv-push"]),
    ("parv-daemon", &["parv"]),
    // The hostile node of the demo is built by hand from the lower floors.
    ("parv-cli", &["parv", "parv-daemon", "parv-model", "parv-identity", "parv-store", "parv-net"]),
];

/// Crates of others that only one floor may see.
const ONLY_IN: [(&str, &str); 10] = [
    ("rsa", "parv-jami"),
    ("gix", "parv-store"),
    ("gix-pack", "parv-store"),
    ("gix-packetline", "parv-store"),
    ("libp2p", "parv-net"),
    ("libp2p-stream", "parv-net"),
    ("p256", "parv-push"),
    ("aes-gcm", "parv-push"),
    ("tokio-rustls", "parv-push"),
    ("clap", "parv-cli"),
];

/// What the sans-IO floors must not even be able to name.
const NO_IO: [&str; 6] = ["tokio", "gix", "libp2p", "tempfile", "getrandom", "rustix"];

/// The direct dependencies of every package of the workspace, without those for tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .output()
        .expect("cargo runs, as it runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let dependencies = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().expect("a list of dependencies").iter();
        let normal = all.filter(|dependency| dependency["kind"].is_null());
        normal.map(|dependency| dependency["name"].as_str().expect("a name").to_owned()).collect()
    };
    packages.iter().map(|p| (p["name"].as_str().expect("a name").to_owned(), dependencies(p))).collect()
}

#[test]
fn arrows_point_downwards_only() {
    let dependencies = dependencies();
    let rooms: BTreeSet<&str> = MAY_IMPORT.iter().map(|(room, _)| *room).collect();
    for (room, may_import) in MAY_IMPORT {
        let found = dependencies.get(room).unwrap_or_else(|| panic!("there is no crate {room}"));
        for import in found.iter().filter(|name| rooms.contains(name.as_str())) {
            assert!(may_import.contains(&import.as_str()), "{room} must not import {import}");
        }
    }
    let houses: BTreeSet<&str> =
        dependencies.keys().map(String::as_str).filter(|name| name.starts_with("parv")).collect();
    for house in houses {
        let annex =
            ["parv-proptests", "parv-interop", "parv-bench", "parv-bench-drt", "parv-bench-rules"].contains(&house);
        assert!(annex || rooms.contains(house), "{house} has no floor in this test");
    }
}

#[test]
fn some_crates_are_for_one_floor_alone() {
    for (room, found) in dependencies() {
        for (name, only) in ONLY_IN {
            assert!(!found.contains(name) || room == only || room == "parv-bench", "{room} must not import {name}");
        }
        if ["parv-model", "parv-validator", "parv-jami"].contains(&room.as_str()) {
            for name in NO_IO {
                assert!(!found.contains(name), "{room} is sans-IO and must not import {name}");
            }
        }
    }
}
