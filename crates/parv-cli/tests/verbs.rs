//! The verbs without a daemon: one person, one data folder, the real binary.

mod support;

use serde_json::json;
use std::process::Stdio;
use support::{Home, finish, parv};

#[test]
fn an_account_is_made_and_shown() {
    let home = Home::new();
    let made = home.json(["account", "create", "--name", "Alice"]);
    let shown = home.json(["account", "show"]);
    assert_eq!(made, shown);
    assert_eq!(made["name"], "Alice");
    assert_eq!(made["uri"].as_str().unwrap().len(), 64);
    assert_eq!(made["device"].as_str().unwrap().len(), 64);
    assert!(std::path::Path::new(made["folder"].as_str().unwrap()).is_dir());
    assert!(home.run(["account", "show"]).ok().contains(made["uri"].as_str().unwrap()));
}

#[test]
fn a_password_comes_from_a_file() {
    let home = Home::new();
    let file = home.path().join("password");
    let create = || ["account", "create", "--name", "A", "--password-file", file.to_str().unwrap()].map(str::to_owned);
    let why = home.run(create()).failed(1);
    assert!(why.contains("cannot read a password"), "{why}");
    std::fs::write(&file, "\nsecond line\n").unwrap();
    let why = home.run(create()).failed(1);
    assert!(why.contains("first line is empty"), "{why}");
    std::fs::write(&file, "correct horse battery staple\n").unwrap();
    home.run(create()).ok();
}

#[test]
fn a_conversation_is_begun_written_and_read() {
    let home = Home::with_account("Alice");
    assert_eq!(home.json(["list"]), json!([]));
    let made = home.json(["new", "--mode", "admin-invites-only"]);
    assert_eq!(made["mode"], 1);
    let id = made["id"].as_str().unwrap();
    assert_eq!(home.json(["list"])[0]["id"], id);

    let written = home.json(["send", &id[..8], "hello", "swarm", "--no-mdns"]);
    assert_eq!(written["conversation"], id);
    home.run_with_input(["send", id, "-", "--no-mdns"], "two\nlines\n").ok();
    assert_eq!(home.texts(id), ["hello swarm", "two\nlines"]);

    let log = home.json(["log", id, "--limit", "2"]);
    let entries = log["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["id"], written["commit"]);
    assert_eq!(entries[0]["message"], json!({"type": "text/plain", "body": "hello swarm"}));
    assert_eq!(entries[0]["role"], "admin");
    assert_eq!(entries[0]["author"], home.uri());

    let log = home.run(["log", id]).ok();
    assert!(log.contains("Alice (admin)  hello swarm"), "{log}");
    assert!(log.contains("began this conversation"), "{log}");

    let members = home.json(["members", id]);
    assert_eq!(members["members"][0]["uri"], home.uri());
    assert_eq!(members["members"][0]["role"], "admin");
    assert_eq!(members["votes"], json!([]));
}

#[test]
fn an_invitation_that_cannot_be_delivered_is_said_to_wait() {
    let (alice, bob) = (Home::with_account("Alice"), Home::with_account("Bob"));
    let id = alice.new_conversation();
    let said = alice.run(["invite", &id, &bob.uri(), "--no-mdns"]).ok();
    assert!(said.contains("delivered as soon as"), "{said}");
    let members = alice.json(["members", &id]);
    assert_eq!(members["members"][1]["role"], "invited");
    assert_eq!(bob.json(["requests"]), json!([]));
}

#[test]
fn what_was_written_with_escapes_is_shown_harmless() {
    let home = Home::with_account("Alice");
    let id = home.new_conversation();
    home.run(["send", &id, "\u{1b}[2Jgone\u{202e}", "--no-mdns"]).ok();
    let log = home.run(["log", &id]).ok();
    assert!(log.contains(r"\u{1b}[2Jgone\u{202e}"), "{log}");
    assert!(!log.contains('\u{1b}'));
}

#[test]
fn a_vote_that_the_rules_forbid_is_refused_with_its_reason() {
    let home = Home::with_account("Alice");
    let id = home.new_conversation();
    let why = home.run(["ban", &id, &home.uri(), "--no-mdns"]).failed(1);
    assert!(!why.is_empty());
    let why = home.run(["vote", &id, "promote", &"ab".repeat(32), "--no-mdns"]).failed(1);
    assert!(!why.is_empty());
    assert_eq!(home.json(["log", &id])["entries"].as_array().unwrap().len(), 1, "nothing was written");
}

#[test]
fn a_device_is_named_as_one() {
    let home = Home::with_account("Alice");
    let id = home.new_conversation();
    let device = home.json(["members", &id])["members"][0]["devices"][0].as_str().unwrap().to_owned();
    assert_eq!(home.json(["members", &id])["members"][0]["banned_devices"], json!([]));
    let why = home.run(["ban", &id, "--device", &device[..12], "--no-mdns"]).failed(1);
    assert!(why.contains("no device votes on itself"), "{why}");
    let why = home.run(["vote", &id, "ban", "--device", &"ab".repeat(32), "--no-mdns"]).failed(1);
    assert!(why.contains("not in the conversation"), "{why}");
    let why = home.run(["ban", &id, "--device", "zz", "--no-mdns"]).failed(2);
    assert!(why.contains("is not the id of a device"), "{why}");
    let why = home.run(["promote", &id, "--device", &device, "--no-mdns"]).failed(2);
    assert!(why.contains("a device can be banned and unbanned"), "{why}");
    assert!(home.run(["members", &id]).ok().contains(&format!("device {}", &device[..12])));
}

#[test]
fn what_is_hidden_or_held_is_asked_for_by_name() {
    let home = Home::with_account("Alice");
    let id = home.new_conversation();
    home.run(["send", &id, "hello", "--no-mdns"]).ok();
    let entry = &home.json(["log", &id, "--hidden", "--limit", "1"])["entries"][0];
    assert_eq!((&entry["message"]["body"], &entry["content"]), (&json!("hello"), &json!(null)));
    assert_eq!(home.json(["members", &id])["held"], json!([]));
    let why = home.run(["let-in", &id, "ab", "--no-mdns"]).failed(1);
    assert!(why.contains("there is no held fork"), "{why}");
}

#[test]
fn a_conversation_is_left() {
    let home = Home::with_account("Alice");
    let id = home.new_conversation();
    home.run(["leave", &id, "--no-mdns"]).ok();
    assert_eq!(home.json(["list"]), json!([]));
    let why = home.run(["log", &id]).failed(1);
    assert!(why.contains("there is no conversation"), "{why}");
}

#[test]
fn wrong_names_are_told_apart() {
    let home = Home::with_account("Alice");
    let unknown = home.run(["log", &"ab".repeat(20)]).failed(1);
    assert!(unknown.contains("there is no conversation abab") && unknown.contains("parv list"), "{unknown}");
    for wrong in ["ABCD", "../x", "not-an-id", ""] {
        let why = home.run(["log", wrong]).failed(2);
        assert!(why.contains("is not the id of a conversation"), "{why}");
    }
    let why = home.run(["accept", "ab12", "--no-mdns"]).failed(1);
    assert!(why.contains("parv requests"), "{why}");
    // Two of seventeen ids begin with the same digit.
    let ids: Vec<String> = (0..17).map(|_| home.new_conversation()).collect();
    let digit = |id: &String| id[..1].to_owned();
    let shared = ids.iter().map(digit).find(|d| ids.iter().filter(|id| digit(id) == *d).count() > 1).unwrap();
    let why = home.run(["log", &shared]).failed(1);
    assert!(why.contains("give more digits"), "{why}");
}

#[test]
fn typing_errors_have_exit_code_2() {
    let home = Home::with_account("Alice");
    for line in
        [&["dance"][..], &[], &["send"], &["send", "ab"], &["new", "--mode", "secret"], &["invite", "ab", "jami:x"]]
    {
        let done = home.run(line);
        assert_eq!(done.code, Some(2), "{line:?}: {done:?}");
    }
    home.run_with_input(["send", "ab", "-"], "").failed(2);
    assert!(home.run(["account", "create", "--name", " "]).failed(2).contains("needs a name"));
}

#[test]
fn without_an_account_the_way_to_one_is_shown() {
    let home = Home::new();
    let why = home.run(["list"]).failed(1);
    assert!(why.contains("parv account create"), "{why}");
    let nowhere = home.path().join("nowhere");
    let mut command = parv();
    command.arg("--home").arg(&nowhere).arg("list");
    finish(command, "").failed(1);
    assert!(!nowhere.exists(), "asking makes no folders");
    let mut command = parv();
    command.arg("list").env_remove("HOME");
    assert!(finish(command, "").failed(1).contains("--home"));
}

#[test]
fn of_several_accounts_one_must_be_chosen() {
    let home = Home::with_account("Alice");
    let alice = home.uri();
    home.run(["account", "create", "--name", "Bob"]).ok();
    let why = home.run(["list"]).failed(1);
    assert!(why.contains("--account") && why.contains(&alice), "{why}");
    assert_eq!(home.json(["account", "show", "--account", &alice])["name"], "Alice");
    home.run(["list", "--account", &"ab".repeat(32)]).failed(1);
}

#[test]
fn a_reader_who_goes_away_is_no_error() {
    let home = Home::with_account("Alice");
    let id = home.new_conversation();
    for verb in [vec!["log", &id], vec!["list"], vec!["members", &id, "--json"], vec!["account", "show"]] {
        let mut child = home.command(&verb).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{verb:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{verb:?}");
    }
}
