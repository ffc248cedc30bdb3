//! Conversations of Jami and archives, by the real binary: verdicts, exit codes, lists, logs, searches and exports.

mod support;

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use support::{Home, finish, parv};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../interop/fixtures/jami").join(name)
}

fn audit(arguments: &[&str], repository: &Path) -> support::Done {
    let mut command = parv();
    command.args(["jami", "audit"]).args(arguments).arg(repository);
    finish(command, "")
}

/// A conversation with every kind of message, as an archive of an account.
fn imported() -> (Home, String) {
    let home = Home::with_account("Alice");
    let archive = home.json(["jami", "import", fixture("pair_all_types.bundle").to_str().unwrap()]);
    assert_eq!(archive["archive"], "jami");
    let id = archive["id"].as_str().unwrap().to_owned();
    (home, id)
}

#[test]
fn a_valid_history_is_told_in_full() {
    let verdict = audit(&["--json"], &fixture("pair_all_types.bundle")).json();
    assert_eq!(
        (&verdict["verdict"], &verdict["refused"], &verdict["mode"]),
        (&json!("valid"), &Value::Null, &json!(2))
    );
    assert_eq!(verdict["infos"]["title"], "Retitled");
    assert_eq!(verdict["members"][1], json!({"uri": "fd31737635d8704f1650937d55ece16b47eccbd9", "role": "admin"}));
    let messages = verdict["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 14);
    let links = |name: &str| messages.iter().filter(|message| message.get(name).is_some()).count();
    assert_eq!((links("reply-to"), links("react-to"), links("edit")), (1, 1, 2));
    let words = audit(&[], &fixture("pair_all_types.bundle")).ok();
    assert!(words.starts_with("valid: 14 commits") && words.contains("alice  hello"), "{words}");
}

#[test]
fn exit_codes_tell_the_verdict() {
    let forged = audit(&["--json"], &fixture("neg/sig_corrupt.bundle"));
    assert_eq!(forged.code, Some(1));
    let verdict: Value = serde_json::from_str(&forged.out).unwrap();
    assert_eq!(verdict["verdict"], "invalid");
    assert_eq!(verdict["refused"]["rule"], "signature");
    assert_eq!(verdict["refused"]["commit"], "7cc0c6fa51048de41cc09226bd5c60bb7f9456b2");
    assert_eq!((&verdict["members"], &verdict["messages"]), (&json!([]), &json!([])));

    let edit = fixture("neg/edit_adds_file.bundle");
    assert_eq!(audit(&[], &edit).code, Some(1));
    let lenient = audit(&["--lenient", "--json"], &edit).json();
    assert_eq!(lenient["warnings"][0]["rule"], "edit-files");
    assert!(audit(&["--lenient"], &edit).ok().contains("warning: only the original lets commit"));

    audit(&[], Path::new("/nowhere")).failed(2);
    audit(&[], &fixture("README.md")).failed(2);
    let home = Home::with_account("Alice");
    let own = home.repository(&home.new_conversation());
    let why = audit(&[], &own).failed(2);
    assert!(why.contains("parv verify"), "{why}");
}

#[test]
fn an_archive_is_listed_read_and_searched_but_not_written() {
    let (home, id) = imported();
    let own = home.new_conversation();
    let list = home.json(["list"]);
    assert_eq!((&list[0]["id"], &list[1]["id"], &list[1]["archive"]), (&json!(own), &json!(id), &json!("jami")));
    assert!(home.run(["list"]).ok().contains("14 messages, an archive  Retitled"));

    let log = home.json(["log", &id[..10], "--limit", "3"]);
    assert_eq!(log["entries"].as_array().unwrap().len(), 3);
    assert!(home.run(["log", &id]).ok().contains("— reacted to 4345b486740f with 👍"));
    assert_eq!(home.json(["members", &id])["members"][1]["role"], "admin");
    let found = home.json(["search", &id, "HI", "alice"]);
    assert_eq!(found["entries"].as_array().unwrap().len(), 1);
    assert_eq!(found["entries"][0]["message"]["body"], "hi alice");

    for verb in [vec!["send", &id, "x"], vec!["leave", &id], vec!["ban", &id, "fd31737635d8"]] {
        let why = home.run(verb).failed(1);
        assert!(why.contains("for reading only"), "{why}");
    }
    let why = home.run(["jami", "import", fixture("neg/vote_self.bundle").to_str().unwrap()]);
    assert_eq!(why.code, Some(1));
    assert_eq!(home.json(["list"]).as_array().unwrap().len(), 2);
}

#[test]
fn archives_and_conversations_are_exported() {
    let (home, id) = imported();
    let page = home.run(["export", &id, "--format", "html"]).ok();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("&lt;b&gt;/slash"), "{page}");
    assert!(!page.contains("<script") && !page.contains("<b>/slash"), "{page}");
    let text = home.run(["export", &id]).ok();
    assert!(text.contains("INVITES_ONLY\nRetitled\nfirst swarm\n") && text.contains("bob  hi alice"), "{text}");
    assert_eq!(home.json(["export", &id])["messages"].as_array().unwrap().len(), 14);

    let own = home.new_conversation();
    home.run(["send", &own, "<i>mine & only mine</i>", "--no-mdns"]).ok();
    let exported = home.json(["export", &own]);
    assert_eq!((&exported["system"], &exported["members"][0]["role"]), (&json!("parv"), &json!("admin")));
    assert_eq!(exported["messages"][1]["message"]["body"], "<i>mine & only mine</i>");
    let page = home.run(["export", &own, "--format", "html"]).ok();
    assert!(page.contains("&lt;i&gt;mine &amp; only mine&lt;/i&gt;"), "{page}");
    assert_eq!(home.json(["search", &own, "ONLY"])["entries"].as_array().unwrap().len(), 1);
}
