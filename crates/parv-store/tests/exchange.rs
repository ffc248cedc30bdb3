//! Fetching and serving between our own repositories and with stock git, both ways.

mod common;

use common::*;
use parv_store::{FetchLimits, NewCommit, Repository, fetch};
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

#[test]
fn a_first_clone_and_what_comes_later_between_our_own() {
    let folder = temp();
    let mut alice = Writer::begin(repository(&folder, "alice"));
    let bob = repository(&folder, "bob");
    alice.write("one");
    let quarantine = fetch_from(&bob, &alice.repository).unwrap().unwrap();
    assert_eq!(quarantine.heads(), alice.repository.heads().unwrap());
    assert_eq!(quarantine.new_commits(), alice.repository.walk(&alice.repository.heads().unwrap(), &[]).unwrap());
    let head = quarantine.heads()[0];
    assert_eq!(quarantine.commit(&head).unwrap(), alice.repository.commit(&head).unwrap());
    assert_eq!(bob.commit(&head).unwrap(), None, "seen before it was judged");
    quarantine.migrate(&[], &[head]).unwrap();
    assert!(bob.has(&head).unwrap());
    assert!(fetch_from(&bob, &alice.repository).unwrap().is_none());

    alice.change_profile("new");
    let last = alice.write("two");
    let quarantine = fetch_from(&bob, &alice.repository).unwrap().unwrap();
    assert_eq!(quarantine.new_commits().len(), 2);
    quarantine.migrate(&[head], &[last]).unwrap();
    assert_eq!(git(bob.path(), &["fsck", "--strict", "--full"]), "");
    assert!(!bob.path().join("quarantine").exists(), "so little needs no folder of its own");
}

#[test]
fn what_is_stored_but_was_never_made_a_head_is_fetched_again() {
    let folder = temp();
    let mut alice = Writer::begin(repository(&folder, "alice"));
    let bob = repository(&folder, "bob");
    pull(&bob, &alice.repository);
    let last = alice.write("one");
    // As after a crash: the object is there, the head is not.
    let bytes = alice.repository.commit(&last).unwrap().unwrap();
    bob.append(&NewCommit { blobs: &[], trees: &[], commit: &bytes }).unwrap();
    let quarantine = fetch_from(&bob, &alice.repository).unwrap().unwrap();
    assert_eq!(quarantine.new_commits(), [last]);
    quarantine.migrate(&bob.heads().unwrap(), &[last]).unwrap();
    assert!(fetch_from(&bob, &alice.repository).unwrap().is_none());
}

#[test]
fn two_halves_that_were_apart_for_long_find_what_they_share() {
    let folder = temp();
    let mut alice = Writer::begin(repository(&folder, "alice"));
    let bob = repository(&folder, "bob");
    pull(&bob, &alice.repository);
    let shared = alice.repository.heads().unwrap();
    let mut bob = Writer { repository: bob, tree: alice.tree, time: alice.time };
    for number in 0..200 {
        alice.write(&format!("alice {number}"));
        bob.write(&format!("bob {number}"));
    }
    let quarantine = fetch_from(&bob.repository, &alice.repository).unwrap().unwrap();
    assert_eq!(quarantine.new_commits().len(), 200);
    let (mine, theirs) = (bob.repository.heads().unwrap()[0], quarantine.heads()[0]);
    quarantine.migrate(&[mine], &[mine, theirs]).unwrap();
    assert_eq!(bob.repository.walk(&[mine, theirs], &shared).unwrap().len(), 400);

    // Both heads travel.
    let quarantine = fetch_from(&alice.repository, &bob.repository).unwrap().unwrap();
    assert_eq!(quarantine.heads(), [mine]);
    quarantine.migrate(&[theirs], &[theirs, mine]).unwrap();
    assert!(alice.repository.has(&mine).unwrap());
    assert!(fetch_from(&bob.repository, &alice.repository).unwrap().is_none());
    assert_eq!(git(alice.repository.path(), &["fsck", "--strict"]), "");
}

#[test]
fn many_deliveries_do_not_exhaust_a_handle() {
    let folder = temp();
    let theirs = folder.path().join("theirs");
    git(folder.path(), &["init", "--quiet", "--bare", "-b", "main", "theirs"]);
    let ours = repository(&folder, "ours");
    // gix's own default ends at 32 packs.
    for round in 1..=40 {
        import_round(&theirs, round);
        let quarantine = fetch_from_stock(&ours, &theirs).unwrap().unwrap();
        assert_eq!(quarantine.new_commits().len(), 100);
        let heads = quarantine.heads().to_vec();
        quarantine.migrate(&ours.heads().unwrap(), &heads).unwrap();
    }
    assert_eq!(ours.walk(&ours.heads().unwrap(), &[]).unwrap().len(), 4000);
    assert_eq!(git(ours.path(), &["fsck", "--strict"]), "");
}

/// A hundred more commits.
fn import_round(path: &std::path::Path, round: usize) {
    let mut stream = String::new();
    for number in 0..100 {
        let time = START + (round * 100 + number) as i64;
        stream += &format!("commit refs/heads/main\ncommitter A <a@example.org> {time} +0000\ndata 1\nx\n");
        if number == 0 && round > 1 {
            stream += "from refs/heads/main^0\n";
        }
    }
    let mut child =
        Command::new("git").args(["fast-import", "--quiet"]).current_dir(path).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn stock_git_clones_and_fetches_from_us() {
    let folder = temp();
    let mut alice = Writer::begin(repository(&folder, "alice"));
    for number in 0..50 {
        alice.write(&number.to_string());
    }
    let url = daemon(&alice.repository);
    git(folder.path(), &["clone", "--quiet", &url, "clone"]);
    let clone = folder.path().join("clone");
    let head = |reference: &str| git(&clone, &["rev-parse", reference]).trim().to_owned();
    assert_eq!(head("HEAD"), alice.repository.heads().unwrap()[0].to_string());
    assert_eq!(std::fs::read_to_string(clone.join("profile.vcf")).unwrap(), "a profile");
    assert_eq!(git(&clone, &["fsck", "--strict", "--full"]), "");

    alice.change_profile("new");
    let base = alice.repository.heads().unwrap()[0];
    let (one, two) = (alice.store(&[base], "one"), alice.store(&[base], "two"));
    alice.repository.set_heads(&[base], &[one, two]).unwrap();
    git(&clone, &["pull", "--quiet", "--ff-only"]);
    assert_eq!(head("HEAD"), one.to_string());
    assert_eq!(head(&format!("origin/side/{two}")), two.to_string());
    assert_eq!(std::fs::read_to_string(clone.join("profile.vcf")).unwrap(), "new");
    assert_eq!(git(&clone, &["fsck", "--strict", "--full"]), "");
    git(&clone, &["fetch", "--quiet"]);

    // A device of its own that has commits of its own negotiates.
    git(&clone, &["commit", "--quiet", "--allow-empty", "-m", "mine"]);
    alice.write("three");
    git(&clone, &["fetch", "--quiet"]);
    assert_eq!(head("origin/main"), alice.repository.heads().unwrap()[0].to_string());
}

#[test]
fn stock_git_clones_an_empty_conversation_and_is_refused_what_there_is_not() {
    let folder = temp();
    let alice = repository(&folder, "alice");
    let url = daemon(&alice);
    git(folder.path(), &["clone", "--quiet", &url, "empty"]);
    Writer::begin(alice);
    let words = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let refused = try_git(&folder.path().join("empty"), &["fetch", &url, &"7".repeat(40)]);
    assert!(!refused.status.success() && words(&refused).contains("not our ref"), "{}", words(&refused));
    // Part of a history is not given, and git is told before it asks.
    let refused = try_git(folder.path(), &["clone", "--quiet", "--depth", "1", &url, "shallow"]);
    assert!(!refused.status.success() && words(&refused).contains("does not support shallow"), "{}", words(&refused));
    // Files cannot be left out: git says so, and takes the whole.
    let whole = try_git(folder.path(), &["clone", "--filter=blob:none", &url, "partial"]);
    assert!(whole.status.success() && words(&whole).contains("filtering not recognized"), "{}", words(&whole));
    assert_eq!(git(&folder.path().join("partial"), &["fsck", "--strict", "--full"]), "");
}

#[test]
fn we_fetch_from_stock_git() {
    let folder = temp();
    let theirs = folder.path().join("theirs");
    git(folder.path(), &["init", "--quiet", "--bare", "-b", "main", "theirs"]);
    import(&theirs, 300);
    git(&theirs, &["gc", "--quiet", "--aggressive"]);
    let ours = repository(&folder, "ours");
    let quarantine = fetch_from_stock(&ours, &theirs).unwrap().unwrap();
    assert_eq!(quarantine.new_commits().len(), 300);
    let head = quarantine.heads()[0];
    quarantine.migrate(&[], &[head]).unwrap();
    assert_eq!(git(ours.path(), &["fsck", "--strict", "--full"]), "");
    assert!(fetch_from_stock(&ours, &theirs).unwrap().is_none());

    // Both sides go on, and a pack with deltas is served on.
    let tree = git(&theirs, &["rev-parse", "HEAD^{tree}"]).trim().parse().unwrap();
    Writer { repository: ours.clone(), tree, time: START + 10_000 }.write("ours");
    let next = git(&theirs, &["commit-tree", &format!("{tree}"), "-p", "main", "-m", "theirs"]).trim().to_owned();
    git(&theirs, &["update-ref", "refs/heads/main", &next]);
    let quarantine = fetch_from_stock(&ours, &theirs).unwrap().unwrap();
    assert_eq!(quarantine.new_commits(), [next.parse().unwrap()]);
    git(folder.path(), &["clone", "--quiet", &daemon(&ours), "clone"]);
    assert_eq!(git(&folder.path().join("clone"), &["fsck", "--strict", "--full"]), "");
}

#[test]
fn we_fetch_from_git_daemon() {
    let folder = temp();
    git(folder.path(), &["init", "--quiet", "--bare", "-b", "main", "theirs"]);
    import(&folder.path().join("theirs"), 10);
    let mut daemon = Command::new("git")
        .args(["daemon", "--inetd", "--export-all"])
        .arg(format!("--base-path={}", folder.path().display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut writer, reader) = (daemon.stdin.take().unwrap(), daemon.stdout.take().unwrap());
    writer.write_all(&packet(b"git-upload-pack /theirs\0host=localhost\0\0version=2\0")).unwrap();
    let quarantine = fetch(&repository(&folder, "ours"), reader, writer, &FetchLimits::default()).unwrap().unwrap();
    assert_eq!(quarantine.new_commits().len(), 10);
    assert!(daemon.wait().unwrap().success());
}

#[test]
fn ten_thousand_commits_come_within_seconds() {
    let folder = temp();
    let alice = repository(&folder, "alice");
    import(alice.path(), 10_000);
    // Stock git wrote the ref, so it is in a file of its own.
    let start = Instant::now();
    let bob = repository(&folder, "bob");
    let quarantine = fetch_from(&bob, &alice).unwrap().unwrap();
    let fetched = start.elapsed();
    assert_eq!(quarantine.new_commits().len(), 10_000);
    let heads = quarantine.heads().to_vec();
    quarantine.migrate(&[], &heads).unwrap();
    println!("10,000 commits: fetched and checked in {fetched:?}, in place after {:?}", start.elapsed());
    assert_eq!(Repository::open(bob.path()).unwrap().walk(&heads, &[]).unwrap().len(), 10_000);
}

#[test]
fn what_is_damaged_on_the_disk_is_not_passed_on() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "alice"));
    (0..2).for_each(|_| drop(writer.write_at_once(800)));
    let mut seed = 1_u64;
    let letters = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b'a' + (seed >> 60) as u8)
    });
    writer.change_profile(&letters.take(20_000).collect::<String>());
    writer.repository.consolidate(&AtomicBool::new(false)).unwrap().unwrap();
    let alice = writer.repository.path().to_owned();
    drop(writer);
    pull(&repository(&folder, "bob"), &Repository::open(&alice).unwrap());
    // Files come last in a pack, and whoever only looks at commits does not read them.
    let files = std::fs::read_dir(alice.join("objects/pack")).unwrap().map(|file| file.unwrap().path());
    let pack = files
        .filter(|file| file.extension().is_some_and(|end| end == "pack"))
        .max_by_key(|file| file.metadata().unwrap().len());
    let mut bytes = std::fs::read(pack.as_ref().unwrap()).unwrap();
    let place = bytes.len() - 1000;
    bytes[place] ^= 1;
    std::fs::remove_file(pack.as_ref().unwrap()).unwrap();
    std::fs::write(pack.unwrap(), bytes).unwrap();
    let alice = Repository::open(&alice).unwrap();
    assert!(alice.walk(&alice.heads().unwrap(), &[]).unwrap().len() > 1600);
    assert!(
        matches!(fetch_from(&repository(&folder, "carol"), &alice), Err(error) if error.to_string().contains("cannot be read"))
    );
}
