//! The verdict on merges, held against stock git: random histories of two branches that change what commits of Jami change, and
//! whose merges are made by `git merge-tree`. What Git merges without a conflict must be what the rules make of it.

mod support;

use parv_jami::JamiRules;
use parv_model::{CommitId, object};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use support::*;

/// A small generator, so that every run tries the same histories.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

fn git(repository: &Path, arguments: &[&str], input: &[u8]) -> (bool, String) {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(repository)
        // What libgit2 does: exact moves of files are followed, moves of folders are not guessed.
        .args(["-c", "merge.directoryRenames=false", "-c", "core.fsync=none"])
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("git runs; the package is called git");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Puts a commit with its parents into the repository, and gives Git's name of it there. The message tells it from others
/// that change the same.
fn export(repository: &Path, commit: CommitId, files: &Files, parents: &[String]) -> String {
    let mut stream = Vec::new();
    stream.extend_from_slice(b"commit refs/heads/new\ncommitter a <b> 5 +0000\n");
    stream.extend_from_slice(format!("data 40\n{commit}\n").as_bytes());
    for (index, parent) in parents.iter().enumerate() {
        stream.extend_from_slice(format!("{} {parent}\n", if index == 0 { "from" } else { "merge" }).as_bytes());
    }
    stream.extend_from_slice(b"deleteall\n");
    for (path, bytes) in files {
        stream.extend_from_slice(format!("M 100644 inline {path}\ndata {}\n", bytes.len()).as_bytes());
        stream.extend_from_slice(bytes);
        stream.push(b'\n');
    }
    stream.extend_from_slice(b"\ndone\n");
    let (done, _) = git(repository, &["fast-import", "--quiet", "--done", "--force"], &stream);
    assert!(done, "git takes the history in");
    git(repository, &["rev-parse", "refs/heads/new"], b"").1
}

/// What Git makes of two commits with these files; `None` where it sees a conflict.
fn merged(repository: &Path, one: (&str, &Files), other: (&str, &Files)) -> Option<Files> {
    let (clean, tree) = git(repository, &["merge-tree", "--write-tree", one.0, other.0], b"");
    if !clean {
        return None;
    }
    let known = one.1.values().chain(other.1.values());
    let known: BTreeMap<String, &Vec<u8>> =
        known.map(|bytes| (object::blob_id(bytes).unwrap().to_string(), bytes)).collect();
    let (_, list) = git(repository, &["ls-tree", "-r", "--format=%(objectname) %(path)", &tree], b"");
    let file = |line: &str| {
        let (id, path) = line.split_once(' ')?;
        Some((path.to_owned(), known[id].clone()))
    };
    Some(list.lines().filter_map(file).collect())
}

/// Something that a daemon might write on this head, if it is allowed; else nothing.
fn step(world: &mut World, dice: &mut Dice, head: CommitId) -> Option<CommitId> {
    let who = ["alice", "bob", "carol", "dave"][dice.below(4)];
    let whom = world.author(["bob", "carol", "dave"][dice.below(3)]);
    let account = whom.account.to_string();
    let heads = [head];
    let done = match dice.below(9) {
        0 | 1 => world.add(who, &heads, &whom),
        2 | 3 => world.join(&heads, &whom),
        4 => world.leave(whom.name, &heads, &whom),
        5 => world.vote("alice", &heads, "ban", "members", &account),
        6 => world.resolve("alice", &heads, "ban", "members", &account),
        7 => world.write("alice", &heads, r#"{"type":"application/update-profile"}"#, |files| {
            files.insert("profile.vcf".to_owned(), format!("FN:{}", dice.below(3)).into_bytes());
        }),
        _ => world.write(whom.name, &heads, r#"{"body":"x","type":"text/plain"}"#, |files| {
            let renewed = match whom.name {
                "bob" if files.contains_key(&whom.member()) => key_file("bob.account-renewed.crt"),
                _ => return,
            };
            files.insert(whom.member(), renewed);
        }),
    };
    done.ok()
}

#[test]
fn merges_are_gits() {
    let histories = std::env::var("PARV_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(8);
    let (mut agreed, mut conflicts, mut criss_cross) = (0, 0, 0);
    for seed in 0..histories {
        let folder = tempfile::tempdir().unwrap();
        assert!(git(folder.path(), &["init", "--quiet", "--bare"], b"").0);
        let mut dice = Dice(seed);
        let (mut world, head) = World::with_members(JamiRules::strict(), 2);
        let base = export(folder.path(), head, world.files(&head), &[]);
        let mut heads = [(head, base.clone()), (head, base)];
        for _ in 0..3 {
            for (head, name) in &mut heads {
                for _ in 0..4 {
                    if let Some(next) = step(&mut world, &mut dice, *head) {
                        *name = export(folder.path(), next, world.files(&next), std::slice::from_ref(name));
                        *head = next;
                    }
                }
            }
            let [one, other] = heads.clone();
            if one.0 == other.0 {
                continue;
            }
            // Each side merges the other, so that the next common past has two ends.
            for (index, (mine, theirs)) in [(&one, &other), (&other, &one)].into_iter().enumerate() {
                let Some(files) =
                    merged(folder.path(), (&mine.1, world.files(&mine.0)), (&theirs.1, world.files(&theirs.0)))
                else {
                    conflicts += 1;
                    continue;
                };
                let tree = files.clone();
                match world.merge("alice", mine.0, theirs.0, |own| *own = files) {
                    Ok(merge) => {
                        let name = export(folder.path(), merge, &tree, &[mine.1.clone(), theirs.1.clone()]);
                        heads[index] = (merge, name);
                        agreed += 1;
                        criss_cross += index;
                    }
                    // One side stands still: there is nothing to merge.
                    Err(refusal) if refusal.why.contains("own past") => {}
                    Err(refusal) => panic!("history {seed}: git merges {mine:?} and {theirs:?}, but {refusal}"),
                }
            }
        }
    }
    assert!(agreed > histories && criss_cross > 0, "{agreed} agreed, {criss_cross} criss-cross, {conflicts} conflicts");
}
