//! Many small files become one pack, under the eyes of those who read and write.

mod common;

use common::*;
use parv_model::CommitId;
use parv_store::{Consolidated, Repository};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, mpsc};

static GO_ON: AtomicBool = AtomicBool::new(false);

/// How many loose objects and how many packs there are, as stock git counts them.
fn counts(path: &Path) -> (usize, usize) {
    let said = git(path, &["count-objects", "-v"]);
    let count = |key| said.lines().find_map(|line| line.strip_prefix(key)).unwrap().parse().unwrap();
    (count("count: "), count("packs: "))
}

/// How many bytes the objects take on the disk, in whole blocks.
fn disk(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let own = fs::metadata(path).unwrap().blocks() * 512;
    let below = |folder| fs::read_dir(folder).unwrap().map(|entry| disk(&entry.unwrap().path())).sum::<u64>();
    own + if path.is_dir() { below(path) } else { 0 }
}

#[track_caller]
fn all_there(repository: &Repository, ids: &[CommitId]) {
    assert_eq!(git(repository.path(), &["fsck", "--strict", "--full"]), "");
    for id in ids {
        assert!(repository.commit(id).unwrap().is_some());
    }
    let walked = repository.walk(&repository.heads().unwrap(), &[]).unwrap();
    assert!(ids.iter().all(|id| walked.contains(id)));
}

#[test]
fn loose_objects_become_one_pack_as_small_as_stock_gits() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let mut ids: Vec<_> = (0..500).map(|number| writer.write(&format!("message {number}"))).collect();
    ids.extend((0..20).map(|number| writer.change_profile(&format!("profile {number}"))));
    let path = writer.repository.path().to_owned();
    let (loose, packs) = counts(&path);
    assert_eq!(packs, 0);
    let done = writer.repository.consolidate(&GO_ON).unwrap().unwrap();
    assert_eq!(done, Consolidated { objects: loose, loose, packs: 0 });
    assert_eq!(counts(&path), (0, 1));
    all_there(&writer.repository, &ids);
    all_there(&Repository::open(&path).unwrap(), &ids);
    assert_eq!(writer.repository.consolidate(&GO_ON).unwrap(), None, "there is nothing left to do");
    ids.push(writer.write("and on it goes"));
    all_there(&writer.repository, &ids);

    let stock = folder.path().join("stock");
    git(folder.path(), &["clone", "--quiet", "--mirror", "--no-local", path.to_str().unwrap(), "stock"]);
    git(&stock, &["gc", "--quiet", "--aggressive"]);
    let pack = |path: &Path| disk(&path.join("objects/pack"));
    assert!(pack(&path) * 2 < pack(&stock) * 3, "{} bytes, stock git {}", pack(&path), pack(&stock));
}

#[test]
fn what_was_fetched_bit_by_bit_becomes_one_pack_too() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let receiver = repository(&folder, "b");
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.extend((0..120).map(|number| writer.write(&format!("message {number}"))));
        pull(&receiver, &writer.repository);
        ids.push(writer.write("a single one"));
        pull(&receiver, &writer.repository);
    }
    assert_eq!(counts(receiver.path()), (5, 5));
    let done = receiver.consolidate(&GO_ON).unwrap().unwrap();
    assert_eq!((done.loose, done.packs), (5, 5));
    assert_eq!(counts(receiver.path()), (0, 1));
    all_there(&receiver, &ids);
    // Its deltas are served, scanned and taken in like anybody's.
    let third = repository(&folder, "c");
    pull(&third, &receiver);
    all_there(&third, &ids);
}

#[test]
fn what_is_written_at_once_is_one_pack_and_becomes_small() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let path = writer.repository.path().to_owned();
    let (loose, _) = counts(&path);
    let mut ids = Vec::new();
    for round in 1..=10 {
        ids.extend(writer.write_at_once(100));
        assert_eq!(counts(&path), (loose, round));
        assert_eq!(git(&path, &["fsck", "--strict", "--full"]), "");
    }
    all_there(&writer.repository, &ids);
    let before = disk(&path.join("objects/pack"));
    let done = writer.repository.consolidate(&GO_ON).unwrap().unwrap();
    assert_eq!((done.loose, done.packs), (loose, 10));
    assert!(disk(&path.join("objects/pack")) * 2 < before);
    all_there(&writer.repository, &ids);
    let other = repository(&folder, "b");
    pull(&other, &writer.repository);
    ids.extend(writer.write_at_once(100));
    pull(&other, &writer.repository);
    all_there(&other, &ids);
}

#[test]
fn a_large_pack_is_left_alone_by_a_few_small_files() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    for number in 0..600 {
        writer.write(&format!("message {number}"));
    }
    writer.repository.consolidate(&GO_ON).unwrap().unwrap();
    for number in 0..10 {
        writer.write(&format!("message {number}"));
    }
    let done = writer.repository.consolidate(&GO_ON).unwrap().unwrap();
    assert_eq!((done.loose, done.packs), (10, 0));
    assert_eq!(counts(writer.repository.path()), (0, 2));
}

#[test]
fn a_damaged_object_stays_where_it_is_and_a_stop_changes_nothing() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let ids: Vec<_> = (0..50).map(|number| writer.write(&format!("message {number}"))).collect();
    let path = writer.repository.path().to_owned();
    let before = counts(&path);
    assert_eq!(writer.repository.consolidate(&AtomicBool::new(true)).unwrap(), None);
    assert_eq!(counts(&path), before);
    assert_eq!(fs::read_dir(path.join("quarantine")).map_or(0, Iterator::count), 0);

    let name = ids[7].to_string();
    let damaged = path.join("objects").join(&name[..2]).join(&name[2..]);
    fs::remove_file(&damaged).unwrap();
    fs::write(&damaged, b"nonsense").unwrap();
    let done = writer.repository.consolidate(&GO_ON).unwrap().unwrap();
    assert_eq!(done.loose, before.0 - 1);
    assert_eq!(fs::read(&damaged).unwrap(), b"nonsense");
}

/// Does this from when all have begun until it is stopped, and once more then.
fn until_stopped(begin: &Barrier, stop: &AtomicBool, mut work: impl FnMut()) {
    begin.wait();
    while !stop.load(Ordering::Relaxed) {
        work();
    }
    work();
}

/// Writes messages when all have begun, then stops them.
fn write_among(begin: &Barrier, stop: &AtomicBool, writer: &mut Writer) -> Vec<CommitId> {
    begin.wait();
    let mut ids = Vec::new();
    for number in 0..100 {
        ids.push(writer.write(&format!("message {number}")));
        ids.extend(writer.write_at_once(10));
    }
    stop.store(true, Ordering::Relaxed);
    ids
}

#[test]
fn nobody_notices_while_it_happens() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let first = writer.write("first");
    let repository = writer.repository.clone();
    // As another process would have it.
    let elsewhere = Repository::open(repository.path()).unwrap();
    let (begin, stop) = (Barrier::new(5), AtomicBool::new(false));
    let read = |repository: &Repository| {
        let walked = repository.walk(&repository.heads().unwrap(), &[]).unwrap();
        for id in &walked {
            assert!(repository.commit(id).unwrap().is_some(), "{id} is gone");
        }
        assert!(repository.has(&first).unwrap());
    };
    let ids = std::thread::scope(|scope| {
        scope.spawn(|| until_stopped(&begin, &stop, || assert!(repository.consolidate(&GO_ON).is_ok())));
        scope.spawn(|| until_stopped(&begin, &stop, || read(&repository)));
        scope.spawn(|| until_stopped(&begin, &stop, || read(&elsewhere)));
        scope.spawn(|| {
            until_stopped(&begin, &stop, || {
                let copy = temp();
                pull(&common::repository(&copy, "b"), &repository);
                git(copy.path().join("b").as_path(), &["fsck", "--strict"]);
            })
        });
        write_among(&begin, &stop, &mut writer)
    });
    all_there(&repository, &ids);
    all_there(&elsewhere, &ids);
}

/// Stock git looks a second time for what it misses, so it can stand that things move once while it looks.
#[test]
fn stock_git_does_not_notice_either() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let repository = writer.repository.clone();
    let (begin, stop, idle) = (Barrier::new(2), AtomicBool::new(false), AtomicBool::new(true));
    let (go, gone) = mpsc::channel();
    let (ids, moves) = std::thread::scope(|scope| {
        let consolidating = scope.spawn(|| {
            let done = gone.into_iter().filter(|()| {
                let moved = repository.consolidate(&GO_ON).unwrap().is_some();
                idle.store(true, Ordering::SeqCst);
                moved
            });
            done.count()
        });
        let (begin, stop, idle, repository) = (&begin, &stop, &idle, &repository);
        scope.spawn(move || {
            until_stopped(begin, stop, || {
                // At most one consolidation is under way while git runs once.
                if idle.swap(false, Ordering::SeqCst) {
                    go.send(()).unwrap();
                }
                git(repository.path(), &["rev-list", "--objects", "--all"]);
            })
        });
        (write_among(begin, stop, &mut writer), consolidating.join().unwrap())
    });
    assert!(moves > 0);
    all_there(&repository, &ids);
}
