//! Trees: read strictly, and walked by what is new in them.
//!
//! Git tolerates much that a conversation has no use for and an attacker has: links, submodules, executables, names that
//! a file system takes for others, entries out of order or twice. None of that is a tree here.

use crate::error::StoreError;
use crate::history;
use crate::objects::Objects;
use gix::ObjectId;
use gix::hash::oid;
use gix::objs::Kind;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// How deep folders may be nested. The deepest path, a vote, has five names.
pub(crate) const MAX_DEPTH: usize = 8;

/// The longest name of a file or folder, in bytes. A certificate's has 68.
const MAX_NAME_BYTES: usize = 255;

/// One line of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub name: &'a [u8],
    pub id: ObjectId,
    /// A folder, else a regular file.
    pub is_tree: bool,
}

/// Reads a whole tree.
pub(crate) fn parse(mut bytes: &[u8]) -> Result<Vec<Entry<'_>>, &'static str> {
    let mut entries: Vec<Entry> = Vec::new();
    while !bytes.is_empty() {
        let is_tree = if let Some(rest) = bytes.strip_prefix(b"40000 ") {
            bytes = rest;
            true
        } else if let Some(rest) = bytes.strip_prefix(b"100644 ") {
            bytes = rest;
            false
        } else {
            return Err("an entry is neither a folder (40000) nor a regular file (100644)");
        };
        let end = bytes.iter().position(|&byte| byte == 0).ok_or("a name has no end")?;
        let name = &bytes[..end];
        check_name(name)?;
        let (id, rest) = bytes[end + 1..].split_first_chunk::<20>().ok_or("an entry is cut off")?;
        bytes = rest;
        let entry = Entry { name, id: ObjectId::Sha1(*id), is_tree };
        if entries.last().is_some_and(|last| git_order(last, &entry) != Ordering::Less) {
            return Err("its entries are not in order, or one stands there twice");
        }
        entries.push(entry);
    }
    // A file and a folder of one name need not be neighbours in git's order, nor those that some file systems take for one.
    let mut names = HashSet::with_capacity(entries.len());
    if entries.iter().all(|entry| names.insert(entry.name.to_ascii_lowercase())) {
        Ok(entries)
    } else {
        Err("a name stands there twice, as file systems see it")
    }
}

fn check_name(name: &[u8]) -> Result<(), &'static str> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err("a name is empty or too long");
    }
    if !name.iter().all(plain) {
        return Err("a name has other characters than letters, digits, '.', '_' and '-'");
    }
    let is_gits = name.len() >= 4 && name[..4].eq_ignore_ascii_case(b".git");
    if name == b"." || name == b".." || is_gits {
        return Err("a name means something to git or to the file system");
    }
    if name.ends_with(b".") {
        return Err("a name ends with a dot, which some file systems drop");
    }
    Ok(())
}

/// Git sorts a folder as if its name ended with a slash.
fn git_order(a: &Entry, b: &Entry) -> Ordering {
    let key = |entry: &Entry, at: usize| {
        entry.name.get(at).copied().or((entry.is_tree && at == entry.name.len()).then_some(b'/'))
    };
    let longest = a.name.len().max(b.name.len()) + 1;
    (0..longest).map(|at| key(a, at).cmp(&key(b, at))).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// The entry with this name.
pub(crate) fn find<'a>(bytes: &'a [u8], name: &[u8]) -> Result<Option<Entry<'a>>, &'static str> {
    Ok(parse(bytes)?.into_iter().find(|entry| entry.name == name))
}

/// The trees and files that were visited, and as what: one object cannot be both.
#[derive(Default)]
struct Seen(HashMap<ObjectId, Kind>);

impl Seen {
    fn is_first(&mut self, id: ObjectId, kind: Kind) -> Result<bool, StoreError> {
        match self.0.insert(id, kind) {
            None => Ok(true),
            Some(other) if other == kind => Ok(false),
            Some(other) => Err(StoreError::malformed(id, format!("it is a {other} here and a {kind} there"))),
        }
    }
}

/// Visits commits, which come parents first, and of each the trees and files that none of its parents has; a tree before
/// what is in it, and nothing twice.
///
/// What the parents have is taken to be whole and not looked at. That makes the cost that of what changed.
pub(crate) fn visit_commits<E: From<StoreError>>(
    objects: &impl Objects,
    commits: &[history::Entry],
    mut visit: impl FnMut(Kind, &oid) -> Result<(), E>,
) -> Result<(), E> {
    let mut trees: HashMap<ObjectId, ObjectId> = HashMap::with_capacity(commits.len());
    let mut seen = Seen::default();
    let mut buffer = Vec::new();
    for (id, links) in commits {
        let mut bases = Vec::with_capacity(links.parents.len());
        for parent in &links.parents {
            bases.push(match trees.get(parent) {
                Some(tree) => *tree,
                None => objects.links(parent, &mut buffer)?.tree,
            });
        }
        visit(Kind::Commit, id)?;
        visit_new(objects, links.tree, bases, &mut seen, &mut visit)?;
        trees.insert(*id, links.tree);
    }
    Ok(())
}

/// Visits every tree and file at and below `root` that is not at the same place in one of the `bases`.
fn visit_new<E: From<StoreError>>(
    objects: &impl Objects,
    root: ObjectId,
    bases: Vec<ObjectId>,
    seen: &mut Seen,
    visit: &mut impl FnMut(Kind, &oid) -> Result<(), E>,
) -> Result<(), E> {
    struct Folder {
        id: ObjectId,
        bases: Vec<ObjectId>,
        depth: usize,
    }
    if bases.contains(&root) {
        return Ok(());
    }
    let (mut buffer, mut base_buffer) = (Vec::new(), Vec::new());
    let mut folders = vec![Folder { id: root, bases, depth: 1 }];
    while let Some(folder) = folders.pop() {
        if folder.bases.contains(&folder.id) || !seen.is_first(folder.id, Kind::Tree)? {
            continue;
        }
        if folder.depth > MAX_DEPTH {
            return Err(StoreError::malformed(root, format!("its folders are nested deeper than {MAX_DEPTH}")).into());
        }
        visit(Kind::Tree, &folder.id)?;
        let bytes = objects.require(Kind::Tree, &folder.id, &mut buffer)?;
        let entries = parse(bytes).map_err(|why| StoreError::malformed(folder.id, why))?;
        // What each of them has at the bases, found in one pass over each.
        let mut old: Vec<Vec<ObjectId>> = vec![Vec::new(); entries.len()];
        for base in &folder.bases {
            let bytes = objects.require(Kind::Tree, base, &mut base_buffer)?;
            for known in parse(bytes).map_err(|why| StoreError::malformed(base, why))? {
                if let Ok(at) = entries.binary_search_by(|entry| git_order(entry, &known)) {
                    old[at].push(known.id);
                }
            }
        }
        for (entry, bases) in entries.iter().zip(old) {
            if bases.contains(&entry.id) {
                continue;
            }
            if entry.is_tree {
                folders.push(Folder { id: entry.id, bases, depth: folder.depth + 1 });
            } else if seen.is_first(entry.id, Kind::Blob)? {
                visit(Kind::Blob, &entry.id)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &str)]) -> Vec<u8> {
        entries
            .iter()
            .flat_map(|(mode, name)| [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[7; 20]].concat())
            .collect()
    }

    #[test]
    fn a_plain_tree_is_read() {
        let bytes = tree(&[("40000", "CRLs"), ("100644", "a.b"), ("40000", "a"), ("100644", "profile.vcf")]);
        let names: Vec<_> = parse(&bytes).unwrap().iter().map(|entry| entry.name).collect();
        assert_eq!(names, [&b"CRLs"[..], b"a.b", b"a", b"profile.vcf"]);
        assert!(find(&bytes, b"a").unwrap().unwrap().is_tree);
        assert_eq!(find(&bytes, b"b").unwrap(), None);
        assert_eq!(parse(b""), Ok(vec![]));
    }

    #[test]
    fn hostile_trees_are_refused() {
        for wrong in [
            tree(&[("120000", "link")]),
            tree(&[("160000", "module")]),
            tree(&[("100755", "program")]),
            tree(&[("100664", "old")]),
            tree(&[("040000", "padded")]),
            tree(&[("100644", "")]),
            tree(&[("100644", ".")]),
            tree(&[("40000", "..")]),
            tree(&[("40000", ".git")]),
            tree(&[("40000", ".GiT")]),
            tree(&[("100644", ".gitmodules")]),
            tree(&[("100644", "a/b")]),
            tree(&[("100644", "git~1")]),
            tree(&[("100644", "a\u{200c}")]),
            tree(&[("100644", &"a".repeat(256))]),
            tree(&[("100640", "group")]),
            tree(&[("100600", "own")]),
            tree(&[("0100644", "padded")]),
            tree(&[("0", "nothing")]),
            tree(&[("", "nothing")]),
            tree(&[("40755", "folder")]),
            tree(&[("100644", ".git")]),
            tree(&[("160000", ".git")]),
            tree(&[("40000", ".git ")]),
            tree(&[("40000", ".git.")]),
            tree(&[("40000", ".git...")]),
            tree(&[("40000", "GIT~1")]),
            tree(&[("100644", "gitmod~1")]),
            tree(&[("100644", ".GITATTRIBUTES")]),
            tree(&[("40000", ".git::$INDEX_ALLOCATION")]),
            tree(&[("40000", ".git\\hooks")]),
            tree(&[("40000", ".g\u{200c}it")]),
            tree(&[("40000", ".\u{feff}git")]),
            tree(&[("40000", ".g\u{131}t")]),
            tree(&[("40000", ".\u{ff47}it")]),
            tree(&[("100644", "..\\outside")]),
            tree(&[("100644", "/etc")]),
            tree(&[("100644", "C:")]),
            tree(&[("100644", "line\nbreak")]),
            tree(&[("100644", "bell\u{7}")]),
            tree(&[("100644", "\u{202e}txt.exe")]),
            tree(&[("100644", "profile.vcf.")]),
            tree(&[("100644", "...")]),
            tree(&[("40000", "Members"), ("40000", "members")]),
            tree(&[("100644", "PROFILE.vcf"), ("100644", "profile.vcf")]),
            tree(&[("100644", "b"), ("100644", "a")]),
            tree(&[("100644", "a"), ("100644", "a")]),
            tree(&[("40000", "a"), ("100644", "a.b")]),
            tree(&[("100644", "a"), ("100644", "a.b"), ("40000", "a")]),
        ] {
            assert!(parse(&wrong).is_err(), "{:?} was taken for a tree", String::from_utf8_lossy(&wrong));
        }
    }

    #[test]
    fn a_tree_that_is_cut_off_is_refused() {
        let (first, both) = (tree(&[("100644", "a")]), tree(&[("100644", "a"), ("40000", "b")]));
        for cut in (1..both.len()).filter(|&cut| cut != first.len()) {
            assert!(parse(&both[..cut]).is_err(), "cut at {cut}");
        }
    }
}
