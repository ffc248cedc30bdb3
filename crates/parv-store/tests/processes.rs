//! Several processes with several threads on one repository at once: all of them get on, and nothing that one has written is
//! undone by another.
//!
//! The processes are this test itself, started again.

mod common;

use common::*;
use parv_store::{NewCommit, Repository, StoreError};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Where a child finds the repository; not set in the parent.
const FOLDER: &str = "PARV_STORE_PROCESSES";

const PROCESSES: usize = 3;
const WRITERS: usize = 3;
const MESSAGES: usize = 8;

/// Writes messages, each on top of what is there at that moment, and says so.
fn write(repository: &Repository, name: &str) {
    for number in 0..MESSAGES {
        loop {
            let heads = repository.heads().unwrap();
            let tree = tree_of(&repository.commit(&heads[0]).unwrap().unwrap());
            let bytes = commit(tree, &heads, START + number as i64, &format!("{name} {number}"));
            let id = id_of_commit(&bytes);
            match repository.write(&[NewCommit { blobs: &[], trees: &[], commit: &bytes }], &heads, &[id]) {
                Ok(()) => break println!("sent {id}"),
                Err(StoreError::HeadsMoved { .. } | StoreError::RefsLocked(_)) => {}
                Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
            }
        }
    }
}

#[test]
fn child() {
    let Some(path) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let repository = Repository::open(path).unwrap();
    let writing = AtomicUsize::new(WRITERS);
    std::thread::scope(|scope| {
        for number in 0..WRITERS {
            let name = format!("process {} thread {number}", std::process::id());
            let (repository, writing) = (&repository, &writing);
            scope.spawn(move || {
                write(repository, &name);
                writing.fetch_sub(1, Ordering::Relaxed);
            });
        }
        while writing.load(Ordering::Relaxed) > 0 {
            repository.consolidate(&AtomicBool::new(false)).unwrap();
            // Whatever moves meanwhile, everything that the heads reach can be read.
            let heads = repository.heads().unwrap();
            let all = repository.walk(&heads, &[]).unwrap();
            assert!(all.iter().all(|id| repository.commit(id).unwrap().is_some()));
        }
    });
}

#[test]
fn processes_and_threads_do_not_get_in_each_others_way() {
    let folder = temp();
    let writer = Writer::begin(repository(&folder, "a"));
    let path = writer.repository.path().to_owned();
    let start = |_| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "child", "--nocapture"]).env(FOLDER, &path).stdout(Stdio::piped());
        child.spawn().unwrap()
    };
    let children: Vec<_> = (0..PROCESSES).map(start).collect();
    let mut sent = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "a process failed");
        sent.extend(ids(&output.stdout));
    }
    assert_eq!(sent.len(), PROCESSES * WRITERS * MESSAGES);
    whole(&path, &sent);
    // One on the other: each saw the one before it.
    assert_eq!(git(&path, &["rev-list", "--count", "HEAD"]).trim(), (sent.len() + 1).to_string());
    assert_eq!(git(&path, &["rev-list", "--merges", "HEAD"]), "");
    assert_eq!(writer.repository.walk(&writer.repository.heads().unwrap(), &[]).unwrap().len(), sent.len() + 1);
}
