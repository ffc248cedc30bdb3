//! A disk that keeps only what it was asked to keep: what is left of a repository when the power goes.
//!
//! While a test [watches](watch) a folder, every call in [`crate::durable`] on its thread is noted, and before and after each of them
//! the power goes once: once so that all is lost that was not synced, and once so that some of it happened to reach the disk.
//! Of a file whose bytes were not synced, nothing is left but its name, if that.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

thread_local! {
    static DISK: RefCell<Option<Disk>> = const { RefCell::new(None) };
}

/// A file or a folder, whatever its name. Numbers are used again, so the time of its making is part of it.
type Node = (u64, SystemTime);

fn node(metadata: &Metadata) -> Node {
    (metadata.ino(), metadata.created().expect("the file system says when a file was made"))
}

/// What is in a folder.
type Names = BTreeMap<OsString, Node>;

/// The folder and all in it at one moment.
#[derive(Clone, Default)]
struct Tree {
    files: BTreeMap<Node, Vec<u8>>,
    folders: BTreeMap<Node, Names>,
}

impl Tree {
    fn read(&mut self, path: &Path) -> Node {
        let metadata = fs::symlink_metadata(path).unwrap();
        let this = node(&metadata);
        if metadata.is_dir() {
            let entries = fs::read_dir(path).unwrap().map(Result::unwrap);
            let names = entries.map(|entry| (entry.file_name(), self.read(&entry.path()))).collect();
            self.folders.insert(this, names);
        } else {
            self.files.insert(this, fs::read(path).unwrap());
        }
        this
    }

    fn of(path: &Path) -> (Node, Self) {
        let mut tree = Self::default();
        (tree.read(path), tree)
    }

    fn write(&self, at: Node, path: &Path) {
        let Some(names) = self.folders.get(&at) else {
            return fs::write(path, self.files.get(&at).map_or(&b""[..], Vec::as_slice)).unwrap();
        };
        fs::create_dir(path).unwrap();
        names.iter().for_each(|(name, node)| self.write(*node, &path.join(name)));
    }
}

struct Disk {
    root: PathBuf,
    /// What it has kept.
    kept: Tree,
    /// What has been acknowledged, as the test counts it.
    acknowledged: usize,
    cuts: Vec<Cut>,
    chance: u64,
}

/// What a loss of power left.
pub(crate) struct Cut {
    tree: Tree,
    root: Node,
    /// How much had been [acknowledged](acknowledge) before.
    pub(crate) acknowledged: usize,
}

impl Cut {
    /// Puts it into a folder that is not there yet.
    pub(crate) fn lay(&self, path: &Path) {
        self.tree.write(self.root, path);
    }
}

impl Disk {
    /// True once in a while, the same way in each run.
    fn chance(&mut self) -> bool {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.chance >> 63 == 1
    }

    fn holds(&self, file: &File) -> bool {
        let (this, now) = (node(&file.metadata().unwrap()), Tree::of(&self.root).1);
        now.files.contains_key(&this) || now.folders.contains_key(&this)
    }

    fn cut(&mut self) {
        let (root, now) = Tree::of(&self.root);
        let acknowledged = self.acknowledged;
        let mut some = self.kept.clone();
        for (node, bytes) in &now.files {
            if self.chance() {
                some.files.insert(*node, bytes.clone());
            }
        }
        for (node, names) in &now.folders {
            let kept = some.folders.entry(*node).or_default();
            for name in names.keys().chain(&kept.keys().cloned().collect::<Vec<_>>()) {
                match names.get(name) {
                    _ if !self.chance() => {}
                    Some(node) => drop(kept.insert(name.clone(), *node)),
                    None => drop(kept.remove(name)),
                }
            }
        }
        self.cuts.push(Cut { tree: self.kept.clone(), root, acknowledged });
        self.cuts.push(Cut { tree: some, root, acknowledged });
    }
}

fn with(work: impl FnOnce(&mut Disk)) {
    DISK.with_borrow_mut(|disk| disk.as_mut().map(work));
}

/// Watches a folder, all of which is kept at the start, while something is done with it. Gives what each loss of power would
/// have left.
pub(crate) fn watch(root: &Path, work: impl FnOnce()) -> Vec<Cut> {
    let disk = Disk { root: root.to_owned(), kept: Tree::of(root).1, acknowledged: 0, cuts: Vec::new(), chance: 1 };
    DISK.set(Some(disk));
    work();
    with(Disk::cut);
    DISK.take().map_or_else(Vec::new, |disk| disk.cuts)
}

/// Counts something that was acknowledged: no loss of power after this may take it back.
pub(crate) fn acknowledge() {
    with(|disk| disk.acknowledged += 1);
}

/// A file or a folder is about to be synced.
pub(crate) fn power_cut(file: &File) {
    with(|disk| {
        if disk.holds(file) {
            disk.cut();
        }
    });
}

/// A file or a folder was synced.
pub(crate) fn kept(file: &File) {
    with(|disk| {
        if !disk.holds(file) {
            return;
        }
        let this = node(&file.metadata().unwrap());
        let (_, mut now) = Tree::of(&disk.root);
        if let Some(bytes) = now.files.remove(&this) {
            disk.kept.files.insert(this, bytes);
        }
        if let Some(names) = now.folders.remove(&this) {
            for folder in names.values().filter(|node| now.folders.contains_key(node)) {
                disk.kept.folders.entry(*folder).or_default();
            }
            disk.kept.folders.insert(this, names);
        }
        disk.cut();
    });
}

/// Everything was synced.
pub(crate) fn kept_all() {
    with(|disk| {
        let (_, now) = Tree::of(&disk.root);
        disk.kept.files.extend(now.files);
        disk.kept.folders.extend(now.folders);
        disk.cut();
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::*;
    use crate::database::Database;
    use crate::durable::Durability;
    use crate::loose::{self, NewObject};
    use crate::objects::to_oid;
    use crate::view::Places;
    use crate::{Repository, layout};
    use gix::objs::Kind;
    use parv_model::CommitId;
    use parv_model::object::blob_id;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    /// To how many stock git is asked about one of them: it takes longer than all else.
    const FSCK_EACH: usize = 7;

    /// Says that these are the heads now, and that whoever wrote them was told so.
    fn written(heads: &mut Vec<Vec<CommitId>>, repository: &Repository) {
        heads.push(repository.heads().unwrap());
        acknowledge();
    }

    /// All that a repository goes through. Gives what was acknowledged, one after the other.
    fn live(path: &Path, elsewhere: &Repository) -> Vec<Vec<CommitId>> {
        let mut all = Vec::new();
        let mut writer = Writer::begin(Repository::open(path).unwrap());
        written(&mut all, &writer.repository);
        for round in 0..2 {
            for number in 0..3 {
                writer.write(&format!("one alone {round} {number}"));
                written(&mut all, &writer.repository);
            }
            writer.write_at_once(12);
            written(&mut all, &writer.repository);
            // Too much for the journal: the plain way.
            writer.change_profile(&"a long text ".repeat(100_000));
            written(&mut all, &writer.repository);
            for count in [1, 150] {
                pull(elsewhere, &writer.repository);
                let mut other = Writer { repository: elsewhere.clone(), tree: writer.tree, time: writer.time };
                other.write_at_once(count);
                pull(&writer.repository, elsewhere);
                writer.time = other.time;
                written(&mut all, &writer.repository);
            }
            assert!(writer.repository.consolidate(&AtomicBool::new(false)).unwrap().is_some());
            writer.write("after the consolidation");
            written(&mut all, &writer.repository);
            // Closes it, and opens it again.
            let (tree, time) = (writer.tree, writer.time);
            drop(writer);
            writer = Writer { repository: Repository::open(path).unwrap(), tree, time };
        }
        all
    }

    #[test]
    fn a_synced_object_stays_in_a_folder_that_was_not() {
        let folder = temp();
        let path = repository(&folder, "a").path().to_owned();
        let objects = layout::objects(&path);
        let database = Database::new(&Arc::new(Places::own(&path, objects.clone()).unwrap()));
        let texts: Vec<_> = (0..400_u32).map(|number| number.to_string()).collect();
        let mut first: BTreeMap<u8, NewObject> = BTreeMap::new();
        for text in &texts {
            let id = to_oid(blob_id(text.as_bytes()).unwrap().as_bytes());
            let second = NewObject { id, kind: Kind::Blob, bytes: text.as_bytes() };
            // Two whose names begin alike share a folder.
            let Some(first) = first.remove(&id.as_bytes()[0]) else {
                first.insert(id.as_bytes()[0], second);
                continue;
            };
            let cuts = watch(&path, || {
                loose::write_with(&objects, &database, &[first], Durability::Journal).unwrap();
                loose::write(&objects, &database, &[second]).unwrap();
                acknowledge();
            });
            let after: Vec<_> = cuts.iter().filter(|cut| cut.acknowledged == 1).collect();
            assert!(!after.is_empty());
            for (number, cut) in after.into_iter().enumerate() {
                let left = folder.path().join(format!("left {number}"));
                cut.lay(&left);
                assert_eq!(git(&left, &["cat-file", "blob", &id.to_string()]), *text);
            }
            return;
        }
        panic!("no two names begin alike");
    }

    #[test]
    fn a_loss_of_power_at_any_moment_takes_back_nothing() {
        let folder = temp();
        let (here, elsewhere) = (folder.path().join("here"), repository(&folder, "elsewhere"));
        drop(Repository::init(&here).unwrap());
        let mut heads = vec![Vec::new()];
        let cuts = watch(&here, || heads.extend(live(&here, &elsewhere)));
        let whole = Repository::open(&here).unwrap();
        let commits: Vec<_> = heads.iter().map(|heads| whole.walk(heads, &[]).unwrap()).collect();
        for (number, cut) in cuts.iter().enumerate() {
            let left = folder.path().join(format!("left {number}"));
            cut.lay(&left);
            let repository = Repository::open(&left).unwrap_or_else(|error| panic!("cut {number}: {error}"));
            let found = repository.heads().unwrap();
            let at = heads.iter().position(|heads| *heads == found).expect("heads that never were");
            assert!(at >= cut.acknowledged, "cut {number}: {at} of {}", cut.acknowledged);
            assert_eq!(repository.walk(&found, &[]).unwrap(), commits[at], "cut {number}");
            if number.is_multiple_of(FSCK_EACH) {
                assert_eq!(git(&left, &["fsck", "--strict", "--full", "--no-dangling"]), "", "cut {number}");
            }
            drop(repository);
            std::fs::remove_dir_all(left).unwrap();
        }
        println!("{} losses of power", cuts.len());
        assert!(cuts.len() > 100, "only {} cuts", cuts.len());
    }
}
