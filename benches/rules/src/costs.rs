//! What one commit costs to judge, in groups of several sizes: without the check of structure and signature, which costs
//! the same for all.

use crate::group::{Failure, Group};
use crate::sample;
use parv_model::{BlobId, CommitId, Message, TreeId, TreePath, Uri};
use parv_validator::{BlobSource, CheckedCommit, Draft, SourceError};
use std::fmt::Write;
use std::time::Instant;

const ROUNDS: usize = 21;

/// How many messages memory is measured by.
const MESSAGES: usize = 50_000;

/// The median costs in microseconds, a line for each size of group.
pub fn table(sizes: &[usize]) -> Result<String, Failure> {
    let mut out = String::from("\nmicroseconds to judge one commit\n");
    writeln!(out, "{:>8} {:>10} {:>10} {:>10} {:>10}", "members", "message", "invite", "join", "merge")?;
    for &size in sizes {
        let [message, invite, join, merge] = costs(size)?;
        writeln!(out, "{size:>8} {message:>10.1} {invite:>10.1} {join:>10.1} {merge:>10.1}")?;
    }
    Ok(out)
}

/// The median costs in microseconds of a message, an invitation, a join, and a merge of two messages in a group of this size.
pub fn costs(size: usize) -> Result<[f64; 4], Failure> {
    let mut group = Group::new(size, |_, _| {})?;
    let mut times: [Vec<f64>; 4] = Default::default();
    let hello = || Message::Text { body: "hello".into() };
    for round in 0..ROUNDS {
        let head = group.head;
        times[0].push(timed(&mut group, 0, &[head], hello())?);
        let (head, (draft, bytes)) =
            (group.head, group.compose(1, &[group.head], Message::Text { body: "and".into() })?);
        let other = group.admit(&draft, &bytes)?;
        times[0].push(timed(&mut group, 0, &[head], hello())?);
        let heads = [group.head, other];
        times[3].push(timed(&mut group, 0, &heads, Message::Merge)?);
        let mut stranger = [0; 32];
        stranger[..8].copy_from_slice(&round.to_le_bytes());
        let head = group.head;
        times[1].push(timed(&mut group, 0, &[head], Message::Add(Uri::from_bytes(stranger)))?);
        let last = group.people[size - 1].uri();
        group.write(size - 1, &[group.head], Message::Leave(last))?;
        let head = group.head;
        times[2].push(timed(&mut group, size - 1, &[head], Message::Join(last))?);
    }
    Ok(times.map(sample::median))
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

/// Writes a commit and times its judgement.
fn timed(group: &mut Group, author: usize, parents: &[CommitId], message: Message) -> Result<f64, Failure> {
    let (draft, bytes): (Draft, Vec<u8>) = group.compose(author, parents, message)?;
    let commit = CheckedCommit::check(&bytes)?;
    let start = Instant::now();
    group.replica.admit(&commit, &draft)?;
    let time = start.elapsed().as_secs_f64() * 1e6;
    group.head = commit.id();
    Ok(time)
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
