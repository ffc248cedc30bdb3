//! A process that is killed at any moment has lost nothing that it acknowledged.
//!
//! The child is this test itself, started again: it opens the account, sends messages in bursts and prints the id of each
//! that was acknowledged, until it is killed.

mod common;

use common::*;
use futures::future::join_all;
use parv::{Account, CommitId, ConversationId, Engine, LogQuery, Mode, Options, audit};
use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Where the child finds its home; not set in the parent.
const HOME: &str = "PARV_KILLED_HOME";

/// How often to kill; more by setting this variable.
const ROUNDS: &str = "PARV_KILL_ROUNDS";

/// Rounds of an ordinary run.
const FEW_ROUNDS: u64 = 60;

/// How many messages the child sends at once.
const BURST: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let engine = Engine::start(Account::open(home.as_ref(), None).unwrap(), Options::default()).await.unwrap();
    let id = engine.conversations()[0].id;
    let conversation = engine.conversation(&id).unwrap();
    let repository = engine.folder().join("conversations").join(id.to_string());
    // All the time, where the engine would only do it after some thousand messages.
    std::thread::spawn(move || {
        let repository = parv_store::Repository::open(repository).unwrap();
        loop {
            repository.consolidate(&AtomicBool::new(false)).unwrap();
        }
    });
    loop {
        for sent in join_all((0..BURST).map(|_| conversation.send("still alive"))).await {
            println!("sent {}", sent.unwrap());
        }
        println!("sent {}", conversation.send("alone").await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_acknowledged_is_lost_when_the_process_is_killed() {
    let home = tempfile::tempdir().unwrap();
    let engine = Engine::start(account(home.path(), "Ann"), Options::default()).await.unwrap();
    let id = engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    let repository = engine.folder().join("conversations").join(id.to_string());
    engine.shutdown().await;
    drop(engine);
    let rounds = std::env::var(ROUNDS).map_or(FEW_ROUNDS, |rounds| rounds.parse().unwrap());
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        acknowledged.extend(run_and_kill(home.path(), round));
        // Before anybody repairs anything: stock git reads it as it is.
        let unharmed = git(&repository, &["rev-list", "--objects", "--all"]);
        let there: HashSet<_> = unharmed.lines().map(|line| line.split(' ').next().unwrap()).collect();
        let lost = acknowledged.iter().find(|commit| !there.contains(commit.to_string().as_str()));
        assert_eq!(lost, None, "round {round}");
    }
    assert!(acknowledged.len() as u64 > rounds, "the child hardly ever got to write");
    assert_eq!(git(&repository, &["fsck", "--strict", "--no-dangling"]), "");
    whole(home.path(), id, &acknowledged).await;
    assert_eq!(git(&repository, &["fsck", "--strict", "--no-dangling"]), "");
}

/// Lets the child write for a while, a longer one in each round of ten, kills it, and gives what it acknowledged.
fn run_and_kill(home: &Path, round: u64) -> Vec<CommitId> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(HOME, home)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let sent = |line: String| line.strip_prefix("sent ").map(|id| id.parse().unwrap());
    let first = lines.by_ref().find_map(sent);
    // What varies is the moment, not what is waited for.
    let moment = Duration::from_micros(round.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & 0x7fff);
    let killer = std::thread::spawn(move || {
        std::thread::sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
    });
    // A line that was cut off by the end was not printed, so nobody was told.
    let all = first.into_iter().chain(lines.filter(|line| line.len() == "sent ".len() + 40).filter_map(sent)).collect();
    killer.join().unwrap();
    all
}

/// Opens it again and audits it.
async fn whole(home: &Path, id: ConversationId, acknowledged: &[CommitId]) {
    let engine = Engine::start(Account::open(home, None).unwrap(), Options::default()).await.unwrap();
    let log = engine.conversation(&id).unwrap().log(LogQuery::default()).await.unwrap();
    let shown: HashSet<_> = log.iter().map(|entry| entry.id).collect();
    assert!(acknowledged.iter().all(|commit| shown.contains(commit)));
    let repository = engine.folder().join("conversations").join(id.to_string());
    engine.shutdown().await;
    let report = audit::verify(&repository).unwrap();
    assert!(report.verdict_valid && report.commits > acknowledged.len(), "{report:?}");
}

fn git(folder: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(args).current_dir(folder).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = git.output().expect("these tests need git (Debian package git)");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
