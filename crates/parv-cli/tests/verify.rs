//! `parv verify` and `parv allowed-signers` on repositories of all kinds.

mod support;

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use support::{Done, Home, finish, git, parv};

struct Fixture {
    home: Home,
    id: String,
    repository: PathBuf,
}

fn conversation() -> Fixture {
    let home = Home::with_account("Alice");
    let id = home.new_conversation();
    for text in ["one", "two", "three"] {
        home.run(["send", &id, text, "--no-mdns"]).ok();
    }
    let repository = home.repository(&id);
    Fixture { home, id, repository }
}

fn verify(path: &Path, json: bool) -> Done {
    let mut command = parv();
    command.arg("verify").arg(path);
    if json {
        command.arg("--json");
    }
    finish(command, "")
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_good_conversation_is_valid_in_every_form() {
    let Fixture { home, repository, .. } = conversation();
    let source = repository.to_str().unwrap();
    let at = |name: &str| home.path().join(name);
    let (plain, bare, bundle) = (at("plain"), at("bare.git"), at("swarm.bundle"));
    git(["clone", "--quiet", source, plain.to_str().unwrap()]).ok();
    git(["clone", "--quiet", "--bare", source, bare.to_str().unwrap()]).ok();
    git(["-C", source, "bundle", "create", "--quiet", bundle.to_str().unwrap(), "--all"]).ok();

    let verdict = verify(&repository, true).json();
    let mut names = keys(&verdict);
    names.sort_unstable();
    assert_eq!(names, ["equivocations", "heads", "members", "mode", "refused", "tree", "undecided", "verdict"]);
    assert_eq!(verdict["verdict"], "valid");
    assert_eq!(verdict["refused"], Value::Null);
    assert_eq!((&verdict["equivocations"], &verdict["undecided"]), (&json!([]), &json!([])));
    assert_eq!(verdict["mode"], 2);
    assert_eq!(verdict["members"], json!([{"uri": home.uri(), "role": "admin"}]));
    let head = git(["-C", source, "rev-parse", "HEAD"]).ok();
    let tree = git(["-C", source, "rev-parse", "HEAD^{tree}"]).ok();
    assert_eq!(verdict["heads"], json!([head.trim()]));
    assert_eq!(verdict["tree"], tree.trim());
    for other in [&plain, &plain.join(".git"), &bare, &bundle] {
        assert_eq!(verify(other, true).json(), verdict, "{}", other.display());
    }
    let said = verify(&repository, false).ok();
    assert!(said.starts_with("valid: 4 commits"), "{said}");
}

#[test]
fn a_tampered_conversation_is_invalid_with_the_commit_and_the_rule() {
    let Fixture { home, repository, .. } = conversation();
    let clone = home.path().join("clone");
    let clone = clone.to_str().unwrap();
    git(["clone", "--quiet", repository.to_str().unwrap(), clone]).ok();
    std::fs::write(Path::new(clone).join("surprise.txt"), "x").unwrap();
    git(["-C", clone, "add", "."]).ok();
    let author = ["-c", "user.name=Mallory", "-c", "user.email=m@example.org"];
    git([&["-C", clone][..], &author, &["commit", "--quiet", "-m", "not signed"]].concat()).ok();
    let forged = git(["-C", clone, "rev-parse", "HEAD"]).ok();

    let done = verify(Path::new(clone), true);
    assert_eq!(done.code, Some(1), "{done:?}");
    let verdict: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(verdict["verdict"], "invalid");
    assert_eq!(verdict["refused"]["commit"], forged.trim());
    assert!(!verdict["refused"]["rule"].as_str().unwrap().is_empty());
    assert!(!verdict["refused"]["why"].as_str().unwrap().is_empty());

    let done = verify(Path::new(clone), false);
    assert_eq!((done.code, done.err.as_str()), (Some(1), ""));
    assert!(done.out.starts_with(&format!("invalid: commit {} is refused", forged.trim())), "{}", done.out);
}

#[test]
fn what_is_no_conversation_has_exit_code_2() {
    let home = Home::new();
    let at = |name: &str| home.path().join(name);
    let (empty_folder, file, empty_repository) = (at("folder"), at("file"), at("repository"));
    std::fs::create_dir(&empty_folder).unwrap();
    std::fs::write(&file, "just a file").unwrap();
    git(["init", "--quiet", empty_repository.to_str().unwrap()]).ok();
    for path in [&at("nowhere"), &empty_folder, &file, &empty_repository] {
        verify(path, true).failed(2);
        let mut signers = parv();
        signers.arg("allowed-signers").arg(path);
        finish(signers, "").failed(1);
    }
}

#[test]
fn stock_git_verifies_with_the_allowed_signers() {
    let Fixture { home, repository, id } = conversation();
    let mut command = parv();
    command.arg("allowed-signers").arg(&repository);
    let file = home.path().join("signers");
    let signers = finish(command, "").ok();
    assert_eq!(signers.lines().count(), 1);
    std::fs::write(&file, signers).unwrap();
    let setting = format!("gpg.ssh.allowedSignersFile={}", file.display());
    let source = repository.to_str().unwrap();
    let commits = git(["-C", source, "rev-list", "--all"]).ok();
    assert_eq!(commits.lines().count(), 4);
    assert!(commits.lines().any(|commit| commit == id));
    for commit in commits.lines() {
        git(["-C", source, "-c", "gpg.format=ssh", "-c", &setting, "verify-commit", commit]).ok();
    }
}
