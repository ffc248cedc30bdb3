//! Conversations that daemons of Jami wrote, judged here: the same people, infos and messages as the daemon reports, and a
//! refusal for what was crafted (`interop/fixtures/jami/README.md`).

use parv::jami::{self, Judge, Report, Said};
use parv::{Refusal, Rule};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/jami")
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("a fixture is readable")).expect("a fixture is JSON")
}

/// The bundles in a folder, by name.
fn bundles(folder: &Path) -> BTreeMap<String, PathBuf> {
    let files = std::fs::read_dir(folder).expect("the fixtures are there").map(|file| file.expect("readable").path());
    let bundles = files.filter(|path| path.extension().is_some_and(|extension| extension == "bundle"));
    bundles.map(|path| (path.file_stem().expect("a name").to_string_lossy().into_owned(), path)).collect()
}

fn audit(bundle: &Path, judge: Judge) -> Report {
    jami::audit(bundle, judge).unwrap_or_else(|error| panic!("{}: {error}", bundle.display()))
}

/// A message as the daemon tells it to its clients, without the place it shows it in.
fn told(said: &Said) -> BTreeMap<String, String> {
    let mut told = said.fields.clone();
    let parents = said.parents.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    told.extend([
        ("id".to_owned(), said.id.to_string()),
        ("type".to_owned(), said.media_type.clone()),
        ("author".to_owned(), said.author.to_string()),
        ("timestamp".to_owned(), said.time.to_string()),
        ("parents".to_owned(), parents),
    ]);
    told
}

#[test]
fn what_daemons_wrote_is_valid_and_is_what_they_report() {
    let mut oracles = 0;
    for (name, bundle) in bundles(&fixtures()) {
        let report = audit(&bundle, Judge::Strict);
        assert_eq!(report.refused, None, "{name}");
        assert!(report.warnings.is_empty(), "{name}");
        let facts = json(&bundle.with_extension("json"));
        assert_eq!(report.root.to_string(), facts["conversation_id"], "{name}");
        assert_eq!(report.head.to_string(), facts["head"], "{name}");
        assert_eq!(report.commits as u64, facts["commits"], "{name}");
        let oracle = bundle.with_extension("oracle.json");
        if !oracle.exists() {
            continue;
        }
        oracles += 1;
        let oracle = json(&oracle);
        let people = |value: &Value| {
            let of = |person: &Value| (person["uri"].clone(), person["role"].clone());
            value.as_array().expect("a list").iter().map(of).map(|pair| format!("{pair:?}")).collect::<BTreeSet<_>>()
        };
        let members: Vec<Value> = report
            .members
            .iter()
            .map(|(uri, role)| serde_json::json!({"uri": uri.to_string(), "role": role}))
            .collect();
        assert_eq!(people(&Value::Array(members)), people(&oracle["members"]), "{name}");
        assert_eq!(serde_json::to_value(&report.infos).expect("texts"), oracle["infos"], "{name}");
        let ours: BTreeSet<_> = report.messages.iter().map(told).collect();
        let theirs: BTreeSet<BTreeMap<String, String>> = oracle["messages_newest_first"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|message| {
                let mut fields: BTreeMap<String, String> =
                    serde_json::from_value(message.clone()).expect("a message of texts");
                fields.remove("linearizedParent");
                fields
            })
            .collect();
        assert_eq!(ours, theirs, "{name}");
    }
    assert!(oracles >= 6, "the fixtures are there");
}

/// Which rules a crafted commit may be said to break: several do fit some.
fn fitting(name: &str) -> Option<&'static [Rule]> {
    Some(match name {
        "ctl_valid" | "ctl_merge" | "add_valid_by_member" => return None,
        "sig_corrupt" | "sig_missing" => &[Rule::Signature],
        "text_adds_file" | "edit_adds_file" | "add_wrong_uri" => &[Rule::Tree],
        "vote_non_admin" | "vote_self" | "ban_without_vote" | "join_uninvited" | "profile_by_member" => &[Rule::Kind],
        "msg_not_json" => &[Rule::Message],
        "unknown_device" => &[Rule::Authority],
        "merge_octopus" => &[Rule::Structure],
        other => panic!("{other} is new: say which rule it breaks"),
    })
}

#[test]
fn crafted_commits_are_refused_and_controls_are_not() {
    let index = json(&fixtures().join("neg/index.json"));
    let index = index.as_array().expect("a list");
    assert_eq!(index.len(), bundles(&fixtures().join("neg")).len());
    for case in index {
        let name = case["name"].as_str().expect("a name");
        let bundle = fixtures().join("neg").join(format!("{name}.bundle"));
        let report = audit(&bundle, Judge::Strict);
        match fitting(name) {
            None => assert_eq!(report.refused, None, "{name}"),
            Some(rules) => {
                let Some(Refusal { commit, rule, why }) = report.refused else { panic!("{name} was taken for good") };
                assert_eq!(commit.to_string(), case["bad_commit"], "{name}: {why}");
                assert!(rules.contains(&rule), "{name} breaks {rule}: {why}");
            }
        }
    }
}

/// A lenient judge lets through what the original does and no more, and names it.
#[test]
fn lenience_is_that_of_the_original() {
    let let_through = |name: &str| name == "edit_adds_file" || fitting(name).is_none();
    for (name, bundle) in bundles(&fixtures().join("neg")) {
        let report = audit(&bundle, Judge::Lenient);
        assert_eq!(report.is_valid(), let_through(&name), "{name}: {:?}", report.refused);
        let warned = report.warnings.iter().map(|warning| warning.commit).collect::<Vec<_>>();
        assert_eq!(warned.len(), usize::from(name == "edit_adds_file"), "{name}: {:?}", report.warnings);
    }
}

/// Small numbers that look random, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// Damaged files have a verdict or an error, never a panic or a hang.
#[test]
fn damaged_bundles_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = std::fs::read(fixtures().join("one_to_one.bundle")).unwrap();
    let mut dice = Dice(6);
    for round in 0..60 {
        let mut damaged = bytes.clone();
        match round % 3 {
            0 => damaged.truncate(dice.below(bytes.len())),
            1 => damaged[dice.below(bytes.len())] ^= 1 << dice.below(8),
            // The header names the heads.
            _ => damaged[dice.below(120)] = b'0' + dice.below(75) as u8,
        }
        let path = folder.path().join("damaged.bundle");
        std::fs::write(&path, &damaged).unwrap();
        if let Ok(report) = jami::audit(&path, Judge::Lenient) {
            assert!(!report.is_valid() || damaged == bytes || round % 3 == 2, "round {round}");
        }
    }
}

/// What lies on a disk may be anything: files are removed, cut and mixed up in an unpacked repository.
#[test]
fn damaged_repositories_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new("git").current_dir(folder.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["clone", "--quiet", "--bare", "-b", "main", fixtures().join("leave.bundle").to_str().unwrap(), "whole.git"]);
    let pack = |path: &Path| path.extension().is_some_and(|extension| extension == "pack");
    let packs: Vec<PathBuf> = std::fs::read_dir(folder.path().join("whole.git/objects/pack"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    let pack = packs.into_iter().find(|path| pack(path)).unwrap();
    run(&["init", "--quiet", "--bare", "-b", "main", "loose.git"]);
    let unpacked = std::process::Command::new("git")
        .current_dir(folder.path().join("loose.git"))
        .args(["unpack-objects", "-q"])
        .stdin(std::fs::File::open(pack).unwrap())
        .status();
    assert!(unpacked.unwrap().success());
    let repository = folder.path().join("loose.git");
    let head = run(&["-C", "whole.git", "rev-parse", "main"]);
    run(&["-C", "loose.git", "update-ref", "refs/heads/main", head.trim()]);
    assert_eq!(audit(&repository, Judge::Strict).refused, None);

    let list = run(&["-C", "loose.git", "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
    let objects: Vec<PathBuf> =
        list.lines().map(|id| repository.join("objects").join(&id[..2]).join(&id[2..])).collect();
    for (index, object) in objects.iter().enumerate() {
        let whole = std::fs::read(object).unwrap();
        std::fs::remove_file(object).unwrap();
        match index % 3 {
            0 => {}
            1 => std::fs::write(object, &whole[..whole.len() / 2]).unwrap(),
            // Another object under this one's name.
            _ => drop(std::fs::copy(&objects[(index + 1) % objects.len()], object).unwrap()),
        }
        if let Ok(report) = jami::audit(&repository, Judge::Lenient) {
            assert!(!report.is_valid(), "{} is missing or wrong", object.display());
        }
        let _ = std::fs::remove_file(object);
        std::fs::write(object, whole).unwrap();
    }
    assert_eq!(audit(&repository, Judge::Strict).refused, None);
}
