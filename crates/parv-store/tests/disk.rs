//! A disk that is full, or may not be written to: what goes wrong is said clearly, and nothing is lost.
//!
//! A full disk is played by a limit on the size of files, which breaks writes off in the middle as a full disk does and works for
//! every user. The child is this test itself, started again under that limit by the shell, which also turns off the signal
//! that would kill it.

mod common;

use common::*;
use parv_store::{FetchError, Repository, StoreError};
use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

/// Where a child finds its repositories; not set in the parent.
const FOLDER: &str = "PARV_STORE_DISK";

/// The largest file, in the shell's blocks of 512 bytes.
const BLOCKS: u32 = 128;

fn folder_of_child() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

#[test]
fn child_on_a_full_disk() {
    let Some(folder) = folder_of_child() else { return };
    // Everything that writes runs into the limit, says so, and goes on afterwards with what is small enough.
    let writer = resume(&folder.join("a"), START + 1000);
    let (mut sent, mut refused) = (0, None);
    while refused.is_none() {
        let heads = writer.repository.heads().unwrap();
        let tree = writer.tree;
        let bytes = commit(tree, &heads, START + 2000 + sent, &format!("message {sent} {}", "x".repeat(2000)));
        let id = id_of_commit(&bytes);
        let new = [parv_store::NewCommit { blobs: &[], trees: &[], commit: &bytes }];
        match writer.repository.write(&new, &heads, &[id]) {
            Ok(()) => println!("sent {id}"),
            Err(error) => refused = Some(error),
        }
        assert_eq!(writer.repository.heads().unwrap() == [id], refused.is_none(), "a refused message moves no head");
        sent += 1;
    }
    assert_failed(&refused.unwrap(), ErrorKind::FileTooLarge);
    let large = writer.repository.heads().unwrap();
    let error = writer.repository.consolidate(&AtomicBool::new(false)).map(drop);
    if let Err(error) = error {
        assert_failed(&error, ErrorKind::FileTooLarge);
    }
    assert_eq!(writer.repository.heads().unwrap(), large);

    let other = Repository::open(folder.join("b")).unwrap();
    let before = listing(other.path());
    match fetch_from(&other, &Repository::open(folder.join("long")).unwrap()) {
        Err(FetchError::Store(error)) => assert_failed(&error, ErrorKind::FileTooLarge),
        other => panic!("{other:?} instead of an error of the own disk"),
    }
    assert_eq!(listing(other.path()), before, "something of the fetch stayed");
}

/// The error names what was written, and its source says why it could not be.
#[track_caller]
fn assert_failed(error: &StoreError, why: ErrorKind) {
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    let source = error.source().unwrap().downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(source.kind(), why, "{source:?}");
}

#[test]
fn a_full_disk_loses_nothing() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let mut sent = vec![writer.write("before")];
    sent.extend(writer.write_at_once(20));
    let path = writer.repository.path().to_owned();
    drop(writer);
    drop(Writer::begin(repository(&folder, "b")));
    let long = repository(&folder, "long");
    import(long.path(), 2000);
    let script = format!("trap '' XFSZ; ulimit -f {BLOCKS}; exec \"$0\" --exact child_on_a_full_disk --nocapture");
    let child = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let told = ids(&child.stdout);
    assert!(told.len() > 5, "the child hardly got to write");
    sent.extend(told);
    // As it was left, and after the next one has opened it; then there is room again.
    assert_eq!(git(&path, &["fsck", "--strict", "--full", "--no-dangling"]), "");
    whole(&path, &sent);
    let mut writer = resume(&path, START + 9000);
    sent.push(writer.write("after"));
    sent.extend(writer.write_at_once(20));
    writer.repository.consolidate(&AtomicBool::new(false)).unwrap();
    pull(&repository(&folder, "c"), &writer.repository);
    drop(writer);
    whole(&path, &sent);
}

#[test]
fn child_on_a_read_only_disk() {
    let Some(folder) = folder_of_child() else { return };
    let path = folder.join("a");
    let mut writer = resume(&path, START + 1000);
    println!("sent {}", writer.write("still writable"));
    let mut lines = std::io::stdin().lines();
    println!("ready");
    std::io::stdout().flush().unwrap();
    lines.next().unwrap().unwrap();
    // Nothing may be written any more. What is there can be read.
    let heads = writer.repository.heads().unwrap();
    for many in [1, 20] {
        let tree = writer.tree;
        let mut parents = heads.clone();
        let commits: Vec<_> = (0..many)
            .map(|number| {
                let bytes = commit(tree, &parents, START + 2000 + number, "refused");
                parents = vec![id_of_commit(&bytes)];
                bytes
            })
            .collect();
        let new: Vec<_> =
            commits.iter().map(|commit| parv_store::NewCommit { blobs: &[], trees: &[], commit }).collect();
        let error = writer.repository.write(&new, &heads, &parents).unwrap_err();
        assert_failed(&error, ErrorKind::PermissionDenied);
    }
    assert_failed(&writer.repository.consolidate(&AtomicBool::new(false)).unwrap_err(), ErrorKind::PermissionDenied);
    assert_eq!(writer.repository.heads().unwrap(), heads);
    assert!(writer.repository.commit(&heads[0]).unwrap().is_some());
    println!("ready");
    std::io::stdout().flush().unwrap();
    lines.next().unwrap().unwrap();
    println!("sent {}", writer.write("writable again"));
}

#[test]
fn a_disk_that_becomes_read_only_loses_nothing() {
    /// Who nobody is, nearly everywhere.
    const NOBODY: u32 = 65_534;
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let mut sent = vec![writer.write("before")];
    sent.extend(writer.write_at_once(20));
    let path = writer.repository.path().to_owned();
    drop(writer);
    // No folder's permissions keep the superuser from anything, so the child is somebody else then.
    let root = rustix::process::geteuid().is_root();
    let program = folder.path().join("child");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(&program);
    if root {
        own(folder.path(), NOBODY);
        command.uid(NOBODY).gid(NOBODY);
    }
    let child = command
        .args(["--exact", "child_on_a_read_only_disk", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = child.unwrap();
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    let mut lines = stdout.lines().map(Result::unwrap);
    let mut printed = Vec::new();
    for mode in [0o500, 0o700] {
        printed.extend(lines.by_ref().take_while(|line| line != "ready"));
        permit(&path, mode);
        // A child that failed is gone; why is seen below.
        let _ = stdin.write_all(b"go on\n");
    }
    printed.extend(lines);
    assert!(child.wait().unwrap().success(), "{printed:?}");
    if root {
        own(folder.path(), 0);
    }
    let told = ids(printed.join("\n").as_bytes());
    assert_eq!(told.len(), 2);
    sent.extend(told);
    whole(&path, &sent);
}

/// Gives a folder with all in it to somebody.
fn own(path: &Path, user: u32) {
    std::os::unix::fs::chown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| own(&entry.unwrap().path(), user));
    }
}

/// Sets the permissions of a folder and all folders in it.
fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            permit(&path, mode);
        }
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
