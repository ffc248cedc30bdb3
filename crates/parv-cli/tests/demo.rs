//! The whole story, as a newcomer runs it.

mod support;

use std::process::Stdio;
use support::{Home, finish, git, parv};

#[test]
fn the_demo_holds_and_keeps_what_it_was_asked_to_keep() {
    let home = Home::new();
    let keep = home.path().join("swarm");
    let mut command = parv();
    command.args(["demo", "--keep"]).arg(&keep);
    let story = finish(command, "").ok();
    for words in ["Every step held", "refused (tree)", "Stock git is the judge", "banned"] {
        assert!(story.contains(words), "{words:?} is missing in:\n{story}");
    }
    assert!(!story.contains('\u{1b}'), "no colours where there is no terminal");
    for name in ["alice", "bob", "carol", "dave"] {
        let account = std::fs::read_dir(keep.join(name)).unwrap().next().unwrap().unwrap().path();
        let repository = std::fs::read_dir(account.join("conversations")).unwrap().next().unwrap().unwrap().path();
        git(["-C", repository.to_str().unwrap(), "fsck", "--strict"]).ok();
        let mut verify = parv();
        verify.arg("verify").arg(&repository);
        assert!(finish(verify, "").ok().starts_with("valid"));
    }
    assert!(keep.join("clone/.git").is_dir());

    let mut again = parv();
    again.args(["demo", "--keep"]).arg(&keep);
    assert!(finish(again, "").failed(1).contains("is not empty"));
}

#[test]
fn without_git_the_demo_says_how_to_get_it() {
    let mut command = parv();
    command.arg("demo").env("PATH", "/nonexistent").stdin(Stdio::null());
    let why = finish(command, "").failed(1);
    assert!(why.contains("git is not on this machine") && why.contains("apt install git"), "{why}");
}
