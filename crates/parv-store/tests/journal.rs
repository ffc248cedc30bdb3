//! What was acknowledged survives a loss of power: whatever the disk forgot is written again from the journal.

mod common;

use common::*;
use parv_model::CommitId;
use parv_model::object::commit_id;
use parv_store::{NewCommit, Repository, StoreError};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const JOURNAL: &str = "parv.journal";

/// A conversation with some messages, as it lies on the disk when the power goes.
fn written(folder: &tempfile::TempDir, messages: usize) -> (PathBuf, Vec<CommitId>) {
    let mut writer = Writer::begin(repository(folder, "a"));
    let ids = (0..messages).map(|number| writer.write(&format!("message {number}"))).collect();
    (power_cut(folder, &writer), ids)
}

/// The folder of a repository at this moment, with nobody in it any more.
fn power_cut(folder: &tempfile::TempDir, writer: &Writer) -> PathBuf {
    let copy = folder.path().join("after the power cut");
    copy_folder(writer.repository.path(), &copy);
    copy
}

fn loose(path: &Path, id: &CommitId) -> PathBuf {
    let name = id.to_string();
    path.join("objects").join(&name[..2]).join(&name[2..])
}

/// Asserts that the conversation is whole and ends with this commit.
#[track_caller]
fn ends_with(path: &Path, last: CommitId, ids: &[CommitId]) {
    let repository = Repository::open(path).unwrap();
    assert_eq!(repository.heads().unwrap(), [last]);
    for id in ids {
        assert!(repository.has(id).unwrap());
    }
    assert_eq!(git(path, &["fsck", "--strict", "--full"]), "");
    assert_eq!(git(path, &["rev-parse", "HEAD"]).trim(), last.to_string());
}

#[test]
fn objects_and_refs_that_the_disk_forgot_come_back() {
    for damage in ["gone", "empty", "half"] {
        let folder = temp();
        let (path, ids) = written(&folder, 5);
        for file in ids.iter().map(|id| loose(&path, id)).chain([path.join("packed-refs")]) {
            let bytes = fs::read(&file).unwrap();
            match damage {
                "gone" => fs::remove_file(&file).unwrap(),
                "empty" => fs::write(&file, b"").unwrap(),
                _ => fs::write(&file, &bytes[..bytes.len() / 2]).unwrap(),
            }
        }
        ends_with(&path, ids[4], &ids);
        assert_eq!(fs::metadata(path.join(JOURNAL)).unwrap().len(), 0, "the journal has done its work");
    }
}

#[test]
fn a_pack_of_many_that_the_disk_damaged_is_repaired_in_place() {
    for damage in ["gone", "empty", "half", "zeros"] {
        for files in [&["pack"][..], &["idx"], &["idx", "pack"]] {
            let folder = temp();
            let mut writer = Writer::begin(repository(&folder, "a"));
            let mut ids = vec![writer.write("one")];
            ids.extend(writer.write_at_once(40));
            let path = power_cut(&folder, &writer);
            let packs = || fs::read_dir(path.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
            let before: BTreeSet<_> = packs().collect();
            assert_eq!(before.len(), 2);
            let hit = |file: &PathBuf| files.iter().any(|end| file.extension().unwrap() == *end);
            for file in before.iter().filter(|file| hit(file)) {
                let bytes = fs::read(file).unwrap();
                match damage {
                    "gone" => fs::remove_file(file).unwrap(),
                    "empty" => fs::write(file, b"").unwrap(),
                    "half" => fs::write(file, &bytes[..bytes.len() / 2]).unwrap(),
                    _ => fs::write(file, vec![0; bytes.len()]).unwrap(),
                }
            }
            ends_with(&path, ids[40], &ids);
            assert_eq!(packs().collect::<BTreeSet<_>>(), before, "{files:?} {damage}");
        }
    }
}

#[test]
fn refs_of_an_earlier_moment_move_on() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let first = writer.write("first");
    let earlier = fs::read(writer.repository.path().join("packed-refs")).unwrap();
    let ids = [first, writer.write("second"), writer.write("third")];
    let path = power_cut(&folder, &writer);
    fs::write(path.join("packed-refs"), earlier).unwrap();
    ends_with(&path, ids[2], &ids);
}

#[test]
fn a_journal_that_is_torn_anywhere_keeps_what_is_whole() {
    let folder = temp();
    let (path, ids) = written(&folder, 3);
    let root = git(&path, &["rev-list", "--max-parents=0", "HEAD"]).trim().parse::<CommitId>().unwrap();
    let whole = fs::read(path.join(JOURNAL)).unwrap();
    for cut in (0..=whole.len()).step_by(7).chain([whole.len()]) {
        let copy = folder.path().join(format!("copy-{cut}"));
        copy_folder(&path, &copy);
        fs::write(copy.join(JOURNAL), &whole[..cut]).unwrap();
        for id in &ids {
            fs::remove_file(loose(&copy, id)).unwrap();
        }
        fs::write(copy.join("packed-refs"), format!("{root} refs/heads/main\n")).unwrap();
        let kept = cut * ids.len() / whole.len();
        let repository = Repository::open(&copy).unwrap();
        let head = repository.heads().unwrap()[0];
        assert_eq!(head, if kept == 0 { root } else { ids[kept - 1] }, "cut at {cut} of {}", whole.len());
        assert_eq!(git(&copy, &["fsck", "--strict"]), "");
    }
}

#[test]
fn heads_that_moved_after_the_journal_stay_where_they_are() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let first = writer.write("by way of the journal");
    let second = writer.store(&[first], "the plain way");
    writer.repository.set_heads(&[first], &[second]).unwrap();
    let path = power_cut(&folder, &writer);
    ends_with(&path, second, &[first, second]);
}

#[test]
fn a_long_journal_begins_anew() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let path = writer.repository.path().to_owned();
    let text = "long text ".repeat(50_000);
    let mut longest = 0;
    let ids: Vec<_> = (0..30)
        .map(|_| {
            let id = writer.write(&text);
            longest = longest.max(fs::metadata(path.join(JOURNAL)).unwrap().len());
            id
        })
        .collect();
    assert!(longest < 6 * 1024 * 1024, "the journal grew to {longest} bytes");
    drop(writer);
    assert_eq!(fs::metadata(path.join(JOURNAL)).unwrap().len(), 0, "whoever closes leaves nothing to recover");
    ends_with(&path, ids[29], &ids);
}

#[test]
fn what_could_not_be_written_leaves_no_record() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let path = writer.repository.path().to_owned();
    let root = writer.repository.heads().unwrap()[0];
    let head = writer.write("one");
    let length = fs::metadata(path.join(JOURNAL)).unwrap().len();
    let bytes = commit(writer.tree, &[root], START + 50, "too late");
    let new = [NewCommit { blobs: &[], trees: &[], commit: &bytes }];
    let refused = writer.repository.write(&new, &[root], &[commit_id(&bytes).unwrap()]).unwrap_err();
    assert!(matches!(refused, StoreError::HeadsMoved { .. }), "{refused}");
    let unknown = CommitId::from_bytes([9; 20]);
    let refused = writer.repository.write(&new, &[head], &[unknown]).unwrap_err();
    assert!(matches!(refused, StoreError::Missing { .. }), "{refused}");
    assert_eq!(fs::metadata(path.join(JOURNAL)).unwrap().len(), length);
    assert_eq!(writer.repository.heads().unwrap(), [head]);
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
