//! A repository by itself: what is written is there, whole, and stock git can read it.

mod common;

use common::*;
use parv_model::{TreePath, Uri};
use parv_store::{NewCommit, Repository, StoreError};
use parv_validator::{BlobSource, SourceError};
use std::sync::Barrier;

#[test]
fn stock_git_reads_what_was_written() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let path = writer.repository.path().to_owned();
    let first = writer.write("one");
    writer.change_profile("another profile");
    let last = writer.write("two");
    assert_eq!(git(&path, &["fsck", "--strict", "--full"]), "");
    assert_eq!(git(&path, &["rev-parse", "HEAD"]).trim(), last.to_string());
    assert_eq!(git(&path, &["log", "--format=%s"]), "two\nprofile\none\nbegin\n");
    assert_eq!(git(&path, &["show", "HEAD:profile.vcf"]), "another profile");

    let reopened = Repository::open(&path).unwrap();
    assert_eq!(reopened.heads().unwrap(), [last]);
    assert!(reopened.has(&first).unwrap());
    assert!(String::from_utf8(reopened.commit(&first).unwrap().unwrap()).unwrap().ends_with("\n\none\n"));
}

#[test]
fn side_heads_are_branches_and_come_with_a_clone() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let root = writer.repository.heads().unwrap()[0];
    let (one, two) = (writer.store(&[root], "one"), writer.store(&[root], "two"));
    writer.repository.set_heads(&[root], &[two, one]).unwrap();
    assert_eq!(writer.repository.heads().unwrap(), [two, one]);
    let path = &writer.repository.path().to_owned();
    assert_eq!(git(path, &["rev-parse", &format!("refs/heads/side/{one}")]).trim(), one.to_string());
    git(folder.path(), &["clone", "--quiet", path.to_str().unwrap(), "clone"]);
    git(&folder.path().join("clone"), &["cat-file", "commit", &one.to_string()]);

    let merge = writer.write("merge");
    assert_eq!(git(path, &["for-each-ref", "--format=%(refname) %(objectname)"]), format!("refs/heads/main {merge}\n"));
    assert_eq!(git(path, &["fsck", "--strict"]), "");
}

#[test]
fn what_stock_git_packs_is_still_read() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let ids: Vec<_> = (0..20).map(|number| writer.write(&number.to_string())).collect();
    let path = writer.repository.path().to_owned();
    git(&path, &["gc", "--quiet", "--prune=now"]);
    git(&path, &["pack-refs", "--all"]);
    for id in &ids {
        assert!(writer.repository.commit(id).unwrap().is_some());
        assert!(writer.repository.has(id).unwrap());
    }
    let next = writer.write("after");
    assert_eq!(git(&path, &["rev-parse", "main"]).trim(), next.to_string());
    assert_eq!(git(&path, &["fsck", "--strict"]), "");
}

#[test]
fn only_what_can_be_reached_belongs_to_the_conversation() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let root = writer.repository.heads().unwrap()[0];
    let stored = writer.store(&[root], "stored, but no head");
    assert!(writer.repository.commit(&stored).unwrap().is_some());
    assert!(!writer.repository.has(&stored).unwrap());
    assert!(writer.repository.has(&root).unwrap());
    assert!(!writer.repository.has(&parv_model::CommitId::from_bytes([7; 20])).unwrap());
}

#[test]
fn a_commit_with_something_missing_is_not_stored() {
    let folder = temp();
    let writer = Writer::begin(repository(&folder, "a"));
    let before = listing(writer.repository.path());
    let nowhere = parv_model::CommitId::from_bytes([7; 20]);
    let append = |commit: Vec<u8>, trees: &[Vec<u8>]| {
        let error = writer.repository.append(&NewCommit { blobs: &[], trees, commit: &commit }).unwrap_err();
        assert_eq!(listing(writer.repository.path()), before);
        error
    };
    let missing = |error| assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    missing(append(commit(writer.tree, &[nowhere], START, "x"), &[]));
    missing(append(commit(parv_model::TreeId::from_bytes([7; 20]), &[], START, "x"), &[]));
    let dangling = tree(&[("profile.vcf", parv_model::BlobId::from_bytes([7; 20]))]);
    let id = parv_model::object::tree_id(&dangling).unwrap();
    missing(append(commit(id, &[], START, "x"), &[dangling]));
    let hostile = tree(&[(".git", parv_model::object::blob_id(b"a profile").unwrap())]);
    let id = parv_model::object::tree_id(&hostile).unwrap();
    assert!(matches!(append(commit(id, &[], START, "x"), &[hostile]), StoreError::Malformed { .. }));
    assert!(matches!(append(b"nonsense".to_vec(), &[]), StoreError::Malformed { .. }));
    assert!(matches!(
        writer.repository.set_heads(&writer.repository.heads().unwrap(), &[nowhere]),
        Err(StoreError::Missing { .. })
    ));
}

#[test]
fn of_two_who_move_the_heads_at_once_one_is_told() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    let root = writer.repository.heads().unwrap();
    let mine = [writer.store(&root, "one"), writer.store(&root, "two")];
    // The second has opened the folder by itself, as another process would.
    let handles = [writer.repository.clone(), Repository::open(writer.repository.path()).unwrap()];
    let barrier = Barrier::new(2);
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads = handles.iter().zip(&mine).map(|(handle, id)| {
            scope.spawn(|| {
                barrier.wait();
                handle.set_heads(&root, &[*id])
            })
        });
        threads.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let won = results.iter().position(Result::is_ok).expect("one wins");
    assert!(matches!(&results[1 - won], Err(StoreError::HeadsMoved { found, .. }) if found == &[mine[won]]));
    assert_eq!(writer.repository.heads().unwrap(), [mine[won]]);
}

#[test]
fn what_a_crash_left_behind_is_swept_away() {
    let folder = temp();
    let mut writer = Writer::begin(repository(&folder, "a"));
    writer.write("one");
    let path = writer.repository.path().to_owned();
    let heads = writer.repository.heads().unwrap();
    let clean = without_journal(&path);
    std::fs::create_dir_all(path.join("quarantine/dead/objects")).unwrap();
    let object = path.join(format!("objects/{}", &heads[0].to_string()[..2]));
    std::fs::write(object.join("tmp_obj_2"), "x").unwrap();
    for leftover in ["packed-refs.lock", "quarantine/dead/objects/x.pack", "objects/pack/tmp_obj_1"] {
        std::fs::write(path.join(leftover), "x").unwrap();
    }
    // While somebody else has it open, nothing is dead.
    let second = Repository::open(&path).unwrap();
    assert!(path.join("packed-refs.lock").exists());
    drop((writer, second));
    let repository = Repository::open(&path).unwrap();
    assert_eq!(without_journal(&path), clean);
    assert_eq!(repository.heads().unwrap(), heads);
}

/// The listing without the journal, which is emptied when the repository is closed.
fn without_journal(path: &std::path::Path) -> std::collections::BTreeMap<std::path::PathBuf, parv_model::BlobId> {
    let mut listing = listing(path);
    listing.remove(&path.join("parv.journal"));
    listing
}

#[test]
fn other_folders_are_told_apart() {
    let folder = temp();
    assert!(matches!(Repository::open(folder.path()), Err(StoreError::NotARepository(_))));
    assert!(matches!(Repository::open(folder.path().join("nowhere")), Err(StoreError::NotARepository(_))));
    std::fs::write(folder.path().join("file"), "x").unwrap();
    assert!(matches!(Repository::init(folder.path().join("file")), Err(StoreError::AlreadyExists(_))));
    Repository::init(folder.path().join("deep/down/a")).unwrap();
    assert!(matches!(Repository::init(folder.path().join("deep/down/a")), Err(StoreError::AlreadyExists(_))));
    assert_eq!(std::fs::read_dir(folder.path().join("deep/down")).unwrap().count(), 1);
}

#[test]
fn the_validator_finds_files() {
    let folder = temp();
    let repository = repository(&folder, "a");
    let uri: Uri = "ab".repeat(32).parse().unwrap();
    let certificate = b"a certificate".to_vec();
    let id = parv_model::object::blob_id(&certificate).unwrap();
    let members = tree(&[(&format!("{uri}.crt"), id)]);
    let root = common::folder("members", parv_model::object::tree_id(&members).unwrap());
    let root_id = parv_model::object::tree_id(&root).unwrap();
    let bytes = commit(root_id, &[], START, "x");
    repository
        .append(&NewCommit { blobs: std::slice::from_ref(&certificate), trees: &[root, members], commit: &bytes })
        .unwrap();

    assert_eq!(repository.entry(&root_id, &TreePath::Member(uri)), Ok(Some(id)));
    assert_eq!(repository.entry(&root_id, &TreePath::Admin(uri)), Ok(None));
    assert_eq!(repository.entry(&root_id, &TreePath::Profile), Ok(None));
    assert_eq!(repository.blob(&id, certificate.len()), Ok(certificate));
    assert!(matches!(repository.blob(&id, 3), Err(SourceError::TooLarge { size: 13, limit: 3, .. })));
    let nowhere = parv_model::BlobId::from_bytes([7; 20]);
    assert_eq!(repository.blob(&nowhere, 3), Err(SourceError::Missing(nowhere.to_string())));
    let nowhere = parv_model::TreeId::from_bytes([7; 20]);
    assert!(matches!(repository.entry(&nowhere, &TreePath::Profile), Err(SourceError::Missing(_))));
}
