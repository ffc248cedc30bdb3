//! A process that is killed at any moment has lost nothing that it acknowledged, and shows nothing that it had not judged.
//!
//! The child is this test itself, started again: Ann, who opens the account, fetches from Bob (a node in the parent, which goes
//! on sending), sends messages in bursts, prints the id of each that was acknowledged, and consolidates all the time, until
//! she is killed.

mod common;

use common::*;
use futures::future::join_all;
use parv::{Account, CommitId, Conversation, ConversationId, Engine, Event, LogEntry, LogQuery, Options, audit};
use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::task::{JoinHandle, spawn_blocking};

/// Where the child finds its home; not set in the parent.
const HOME: &str = "PARV_KILLED_HOME";

/// Where the child finds Bob.
const BOB: &str = "PARV_KILLED_BOB";

/// How often to kill; more by setting this variable.
const ROUNDS: &str = "PARV_KILL_ROUNDS";

/// Rounds of an ordinary run.
const FEW_ROUNDS: u64 = 32;

/// After so many rounds all is looked at: by stock git, by the index, without it, and by an audit.
const LOOK_EVERY: u64 = 16;

/// How many messages the child sends at once.
const BURST: usize = 20;

/// How many messages make a delivery that stays a pack.
const MANY: usize = 120;

#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let account = Account::open(home.as_ref(), None).unwrap();
    let engine = Engine::start(account, Options { network: Some(network(TCP)) }).await.unwrap();
    let id = engine.conversations()[0].id;
    let conversation = engine.conversation(&id).unwrap();
    println!("up");
    let bob = std::env::var(BOB).unwrap().parse().unwrap();
    let meeting = engine.clone();
    tokio::spawn(async move { meeting.connect(bob).await });
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
    let (ann, mut bob, id) = ann_and_bob().await;
    let repository = ann.repository(&id);
    ann.engine.shutdown().await;
    let Person { home, engine, .. } = ann;
    drop(engine);
    let rounds = std::env::var(ROUNDS).map_or(FEW_ROUNDS, |rounds| rounds.parse().unwrap());
    let (mut acknowledged, mut fetched) = (Vec::new(), 0);
    for round in 0..rounds {
        // Few enough to be taken in by way of the journal, or enough for a pack.
        let conversation = bob.conversation(&id);
        let waiting = if round % 4 == 3 { MANY } else { 1 };
        join_all((0..waiting).map(|_| conversation.send("while you were away"))).await;
        let (folder, address) = (home.path().to_owned(), bob.address());
        let killed = spawn_blocking(move || run_and_kill(&folder, &address.to_string(), round));
        acknowledged.extend(send_meanwhile(&mut bob, &conversation, killed, &mut fetched).await);
        // Before anybody repairs anything: stock git reads it as it is.
        let unharmed = git(&repository, &["rev-list", "--objects", "--all"]);
        let there: HashSet<_> = unharmed.lines().map(|line| line.split(' ').next().unwrap()).collect();
        let lost = acknowledged.iter().find(|commit: &&CommitId| !there.contains(commit.to_string().as_str()));
        assert_eq!(lost, None, "round {round}");
        if round % LOOK_EVERY == LOOK_EVERY - 1 || round == rounds - 1 {
            strict(&repository);
            whole(home.path(), &repository, id, &acknowledged).await;
            strict(&repository);
        }
    }
    println!("{rounds} kills, {} messages acknowledged, {fetched} fetches", acknowledged.len());
    assert!(acknowledged.len() as u64 > rounds, "the child hardly ever got to write");
    assert!(fetched > 0, "the child never got to fetch");
}

/// Has Bob send one message after the other, each when the one before it was fetched, until the child is killed. Gives what
/// that acknowledged.
async fn send_meanwhile(
    bob: &mut Person,
    conversation: &Conversation,
    mut killed: JoinHandle<Vec<CommitId>>,
    fetched: &mut usize,
) -> Vec<CommitId> {
    loop {
        tokio::select! {
            acknowledged = &mut killed => return acknowledged.unwrap(),
            event = bob.events.recv() => {
                // Some may have been missed under load.
                if matches!(event, Ok(Event::Fetched { .. })) {
                    *fetched += 1;
                    conversation.send("while you are there").await.unwrap();
                }
            }
        }
    }
}

/// Lets the child live for a while, kills it, and gives what it acknowledged. In every other round it has begun to write by then,
/// in the others it has just come up.
fn run_and_kill(home: &Path, bob: &str, round: u64) -> Vec<CommitId> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(HOME, home)
        .env(BOB, bob)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let sent = |line: &str| line.strip_prefix("sent ").map(|id| id.parse().unwrap());
    // What varies is the moment, not what is waited for.
    let (sign, longest) = if round.is_multiple_of(2) { ("sent", 0x7fff) } else { ("up", 0x3_ffff) };
    let moment = Duration::from_micros(round.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & longest);
    let first = lines.by_ref().find(|line| line.starts_with(sign));
    let killer = std::thread::spawn(move || {
        std::thread::sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
    });
    // A line that was cut off by the end was not printed, so nobody was told.
    let complete = lines.filter(|line| line.len() == "sent ".len() + 40);
    let all = first.into_iter().chain(complete).filter_map(|line| sent(&line)).collect();
    killer.join().unwrap();
    all
}

/// Opens it again, by its index and without, and audits it.
async fn whole(home: &Path, repository: &Path, id: ConversationId, acknowledged: &[CommitId]) {
    let kept = log(home, id).await;
    let shown: HashSet<_> = kept.iter().map(|entry| entry.id).collect();
    assert!(acknowledged.iter().all(|commit| shown.contains(commit)));
    // There is none before there is much to keep.
    let _ = std::fs::remove_dir_all(repository.join("parv-index"));
    assert_eq!(log(home, id).await, kept);
    let report = audit::verify(repository).unwrap();
    assert!(report.verdict_valid && report.commits > acknowledged.len(), "{report:?}");
}

/// Stock git finds nothing wrong.
fn strict(repository: &Path) {
    assert_eq!(git(repository, &["fsck", "--strict", "--no-dangling"]), "");
}

async fn log(home: &Path, id: ConversationId) -> Vec<LogEntry> {
    let engine = Engine::start(Account::open(home, None).unwrap(), Options::default()).await.unwrap();
    let log = engine.conversation(&id).unwrap().log(LogQuery::default()).await.unwrap();
    engine.shutdown().await;
    log
}

fn git(folder: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.args(args).current_dir(folder).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = git.output().expect("these tests need git (Debian package git)");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
