//! Giving commits to another device: the service of Git protocol v2, read only.
//!
//! It offers the conversation's heads and what they reach, to stock git and to [`crate::fetch()`] alike. Whether the other
//! device may ask at all is for the caller to decide, before. Nothing is written but to the stream.

mod command;
mod outgoing;

use crate::error::StoreError;
use crate::objects::{Objects, to_commit, to_oids};
use crate::pkt_line;
use crate::refs;
use crate::repository::Repository;
use command::{Command, Commands, Fetch, LsRefs};
use gix::objs::Kind;
use parv_model::CommitId;
use std::cell::Cell;
use std::io::{self, BufWriter, Read, Write};
use std::time::{Duration, Instant};

/// What this service can do, in git's words.
const CAPABILITIES: [&str; 5] = ["version 2", "agent=parv", "ls-refs=unborn", "fetch", "object-format=sha1"];

/// The limits of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeLimits {
    /// The most commands on one stream. A fetch takes two, and one more per round of negotiation.
    pub max_commands: usize,
    /// The most commits that the other device may say it has, in one command.
    pub max_haves: usize,
    /// The most bytes of packs on one stream.
    pub max_bytes: u64,
    /// How long it may take altogether. The caller gives streams that time out when nothing moves; this ends a trickle.
    pub max_time: Duration,
}

impl Default for ServeLimits {
    /// A first clone of the largest conversation that anybody takes ([`FetchLimits`](crate::FetchLimits)) on a slow line, or a
    /// long negotiation between two halves of a conversation that were apart.
    fn default() -> Self {
        let max_bytes = crate::FetchLimits::default().max_pack_bytes;
        Self { max_commands: 64, max_haves: 65_536, max_bytes, max_time: Duration::from_secs(30 * 60) }
    }
}

/// What was given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Served {
    /// The heads that were sent whole, with all that they reach but the other device said it has. Whether they arrived
    /// is not known.
    pub heads: Vec<CommitId>,
    /// How many objects were sent.
    pub objects: u64,
}

/// Why a service ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The stream broke, or the other device went silent.
    #[error("the stream to the other device broke")]
    Io(#[from] io::Error),
    /// It took longer than [`ServeLimits::max_time`].
    #[error("the service took longer than {} seconds", .0.as_secs())]
    TooSlow(Duration),
    /// It asked for more than [`ServeLimits::max_bytes`].
    #[error("the other device asked for more than {0} bytes on one stream")]
    TooMuch(u64),
    /// The other device asked for something that is not served. It was told so, in these words.
    #[error("the other device's request was refused: {0}")]
    Request(String),
    /// This device's own repository failed. The other one was only told that something did.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Serves the conversation's heads, as they are now, and all that they reach until the other device is done.
///
/// The caller gives streams that time out when nothing moves.
pub fn serve(
    repository: &Repository,
    reader: impl Read,
    writer: impl Write,
    limits: &ServeLimits,
) -> Result<Served, ServeError> {
    serve_heads(repository, &repository.heads()?, reader, writer, limits)
}

/// The same for heads that the caller chose: for somebody who may have these, but perhaps not what comes after them.
pub fn serve_heads(
    repository: &Repository,
    heads: &[CommitId],
    reader: impl Read,
    writer: impl Write,
    limits: &ServeLimits,
) -> Result<Served, ServeError> {
    let mut out = BufWriter::with_capacity(pkt_line::MAX_DATA, writer);
    let mut served = Served::default();
    let result = match converse(repository, heads, reader, &mut out, limits, &mut served) {
        // It has got what it asked for and hung up, without taking the time to say goodbye.
        Err(ServeError::Io(_)) if !served.heads.is_empty() => Ok(()),
        result => result,
    };
    let apology = match &result {
        Err(ServeError::Request(why)) => why.as_str(),
        Err(ServeError::Store(_)) => "the repository cannot be read",
        _ => return result.map(|()| served),
    };
    // The other device may be gone already; what counts is why the service ended.
    let _ = pkt_line::write_line(&mut out, &format!("ERR {apology}")).and_then(|()| out.flush());
    result.map(|()| served)
}

fn converse(
    repository: &Repository,
    heads: &[CommitId],
    reader: impl Read,
    out: &mut impl Write,
    limits: &ServeLimits,
    served: &mut Served,
) -> Result<(), ServeError> {
    let meter = Meter { limits, start: Instant::now(), sent: Cell::new(0) };
    CAPABILITIES.iter().try_for_each(|line| pkt_line::write_line(out, line))?;
    pkt_line::write_flush(out)?;
    out.flush()?;
    let mut commands = Commands::new(reader, &meter);
    for _ in 0..limits.max_commands {
        match commands.next()? {
            None => return Ok(()),
            Some(Command::LsRefs(wish)) => list(heads, &wish, out)?,
            Some(Command::Fetch(wish)) => fetch(repository, heads, wish, out, &meter, served)?,
        }
        out.flush()?;
    }
    Err(ServeError::Request("too many commands".to_owned()))
}

fn list(heads: &[CommitId], wish: &LsRefs, out: &mut impl Write) -> Result<(), ServeError> {
    let target = if wish.symrefs { format!(" symref-target:{}", refs::MAIN) } else { String::new() };
    if wish.wants("HEAD") {
        match heads.first() {
            Some(main) => pkt_line::write_line(out, &format!("{main} HEAD{target}"))?,
            None if wish.unborn => pkt_line::write_line(out, &format!("unborn HEAD{target}"))?,
            None => {}
        }
    }
    for (index, head) in heads.iter().enumerate() {
        let name = refs::name_of(index, head);
        if wish.wants(&name) {
            pkt_line::write_line(out, &format!("{head} {name}"))?;
        }
    }
    Ok(pkt_line::write_flush(out)?)
}

fn fetch(
    repository: &Repository,
    offered: &[CommitId],
    wish: Fetch,
    out: &mut impl Write,
    meter: &Meter,
    served: &mut Served,
) -> Result<(), ServeError> {
    if let Some(other) = wish.wants.iter().find(|want| !offered.contains(want)) {
        return Err(ServeError::Request(format!("upload-pack: not our ref {other}")));
    }
    let database = repository.bulk_database();
    let mut common = Vec::new();
    for id in to_oids(&wish.haves) {
        if matches!(database.header(&id)?, Some((Kind::Commit, _))) {
            common.push(id);
        }
    }
    if !wish.done {
        pkt_line::write_line(out, "acknowledgments")?;
        if common.is_empty() {
            pkt_line::write_line(out, "NAK")?;
            return Ok(pkt_line::write_flush(out)?);
        }
        for id in &common {
            pkt_line::write_line(out, &format!("ACK {}", to_commit(id)))?;
        }
        pkt_line::write_line(out, "ready")?;
        pkt_line::write_delimiter(out)?;
    }
    pkt_line::write_line(out, "packfile")?;
    let objects = outgoing::choose(repository, &database, &to_oids(&wish.wants), &common)?;
    served.objects += objects.len() as u64;
    outgoing::send(&database, &objects, out, meter)?;
    pkt_line::write_flush(out)?;
    out.flush()?;
    for head in wish.wants {
        if !served.heads.contains(&head) {
            served.heads.push(head);
        }
    }
    Ok(())
}

/// What the service has cost so far.
struct Meter<'a> {
    limits: &'a ServeLimits,
    start: Instant,
    /// Bytes of packs that were sent whole.
    sent: Cell<u64>,
}

impl Meter<'_> {
    /// Whether it may go on, with so many bytes of another pack.
    fn check(&self, bytes: u64) -> Result<(), ServeError> {
        let ServeLimits { max_time, max_bytes, .. } = *self.limits;
        if self.start.elapsed() > max_time {
            return Err(ServeError::TooSlow(max_time));
        }
        if self.sent.get() + bytes > max_bytes { Err(ServeError::TooMuch(max_bytes)) } else { Ok(()) }
    }
}
