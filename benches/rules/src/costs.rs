//! What one commit costs to judge, in groups of several sizes: without the check of structure and signature, which costs
//! the same for all.

use crate::group::{Failure, Group};
use crate::sample;
use parv_model::{BlobId, CommitId, Message, TreeId, TreePath, Uri};
use parv_validator::{BlobSource, CheckedCommit, Draft, SourceError};
use std::fmt::Write;

const ROUNDS: usize = 21;

/// How many messages memory is measured by.
const MESSAGES: usize = 50_000;

/// What is measured, in the order of the figures. The first message of an account after something has changed is an event of its
/// own, since it shows what its author knew; the others are only messages.
pub const COLUMNS: [&str; 5] = ["message", "first", "invitation", "join", "merge"];

/// The median costs in microseconds of processor time, a line for each size of group.
pub fn table(sizes: &[usize]) -> Result<String, Failure> {
    let mut out = String::from("\nmicroseconds of processor time to judge one commit\n");
    let line = |out: &mut String, cells: Vec<String>| {
        writeln!(out, "{}", cells.iter().map(|cell| format!("{cell:>11}")).collect::<String>())
    };
    line(&mut out, ["members"].iter().chain(&COLUMNS).map(ToString::to_string).collect())?;
    for &size in sizes {
        let figures = costs(size)?.map(|figure| format!("{figure:.1}"));
        line(&mut out, [size.to_string()].into_iter().chain(figures).collect())?;
    }
    Ok(out)
}

/// The median costs in microseconds of processor time in a group of this size.
pub fn costs(size: usize) -> Result<[f64; COLUMNS.len()], Failure> {
    let mut group = Group::new(size, |_, _| {})?;
    let [mut message, mut first, mut invitation, mut join, mut merge] = [const { Vec::new() }; COLUMNS.len()];
    let hello = || Message::Text { body: "hello".into() };
    for round in 0..ROUNDS {
        first.push(judge(&mut group, 0, None, hello())?);
        for _ in 0..5 {
            message.push(judge(&mut group, 0, None, hello())?);
        }
        let head = group.head;
        let (draft, bytes) = group.compose(1, &[head], Message::Text { body: "and".into() })?;
        let other = group.admit(&draft, &bytes)?;
        judge(&mut group, 0, None, hello())?;
        merge.push(judge(&mut group, 0, Some(other), Message::Merge)?);
        let mut stranger = [0; 32];
        stranger[..8].copy_from_slice(&round.to_le_bytes());
        invitation.push(judge(&mut group, 0, None, Message::Add(Uri::from_bytes(stranger)))?);
        let last = group.people[size - 1].uri();
        group.write(size - 1, &[group.head], Message::Leave(last))?;
        join.push(judge(&mut group, size - 1, None, Message::Join(last))?);
    }
    Ok([message, first, invitation, join, merge].map(sample::median))
}

/// How many bytes of memory a message takes, where the system tells. Only the first measurement of a process means
/// anything: later ones find memory that was freed before.
pub fn bytes_per_message() -> Result<Option<usize>, Failure> {
    let mut group = Group::new(10, |_, _| {})?;
    let before = resident();
    let tree = group.replica.state(&[group.head]).tree();
    for number in 0..MESSAGES {
        let person = &group.people[number % group.people.len()];
        let bytes = person.say("hello", tree, &[group.head], 1_000_000 + number as i64);
        let commit = CheckedCommit::check(&bytes)?;
        group.replica.admit(&commit, &Nothing)?;
        group.head = commit.id();
    }
    Ok(resident().zip(before).map(|(after, before)| after.saturating_sub(before) / MESSAGES))
}

/// Writes a commit on the newest one (and on another one, for a merge); gives the microseconds that it takes to judge.
fn judge(group: &mut Group, author: usize, other: Option<CommitId>, message: Message) -> Result<f64, Failure> {
    let parents: Vec<CommitId> = [group.head].into_iter().chain(other).collect();
    let (draft, bytes): (Draft, Vec<u8>) = group.compose(author, &parents, message)?;
    let commit = CheckedCommit::check(&bytes)?;
    let start = sample::thread_seconds();
    group.replica.admit(&commit, &draft)?;
    group.head = commit.id();
    Ok((sample::thread_seconds() - start) * 1e6)
}

/// The memory of this process in bytes, where the system tells.
pub fn resident() -> Option<usize> {
    let pages: usize = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// Messages bring no files.
struct Nothing;

impl BlobSource for Nothing {
    fn entry(&self, tree: &TreeId, _: &TreePath) -> Result<Option<BlobId>, SourceError> {
        Err(SourceError::Missing(tree.to_string()))
    }

    fn blob(&self, id: &BlobId, _: usize) -> Result<Vec<u8>, SourceError> {
        Err(SourceError::Missing(id.to_string()))
    }
}
