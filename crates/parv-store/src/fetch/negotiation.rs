//! The talk before the pack: what the other device can and has, what this one wants and has.

use super::error::FetchError;
use super::limits::FetchLimits;
use crate::database::Database;
use crate::error::StoreError;
use crate::history::Reachable;
use crate::objects::{to_commit, to_oid};
use crate::pkt_line::{self, Packet};
use parv_model::CommitId;
use std::io::{BufWriter, Read, Write};
use std::time::{Duration, Instant};

/// The most capabilities that the other device may list. Stock git has about ten.
const MAX_CAPABILITIES: usize = 64;

/// How many commits the first round of negotiation names: more than are written while an announcement is under way.
const FIRST_HAVES: usize = 8;

/// How many times as many each further round names as the one before.
const MORE_HAVES: usize = 4;

/// The most commits that are named before the other device is asked to send whatever it thinks right.
const MAX_HAVES: usize = 32_768;

/// The longest text of the other device that is repeated, in characters.
const MAX_WORDS: usize = 200;

/// A stream of packets with a deadline.
pub(crate) struct Connection<'a, R, W: Write> {
    reader: pkt_line::Reader<R>,
    writer: BufWriter<W>,
    limits: &'a FetchLimits,
    start: Instant,
}

impl<'a, R: Read, W: Write> Connection<'a, R, W> {
    pub fn new(reader: R, writer: W, limits: &'a FetchLimits) -> Self {
        let (reader, writer) = (pkt_line::Reader::new(reader), BufWriter::new(writer));
        Self { reader, writer, limits, start: Instant::now() }
    }

    /// The next packet. The end of the stream and an error packet are errors.
    pub fn next(&mut self) -> Result<Packet<'_>, FetchError> {
        self.check_time(self.limits.max_time)?;
        let packet = self.reader.next()?.ok_or(FetchError::Closed)?;
        match packet {
            Packet::Data(data) if data.starts_with(b"ERR ") => Err(FetchError::Refused(words(&data[4..]))),
            packet => Ok(packet),
        }
    }

    fn check_time(&self, max: Duration) -> Result<(), FetchError> {
        if self.start.elapsed() > max { Err(FetchError::TooSlow(max)) } else { Ok(()) }
    }

    fn line(&mut self, line: &str) -> Result<(), FetchError> {
        pkt_line::write_line(&mut self.writer, line).map_err(FetchError::stream)
    }

    fn delimiter(&mut self) -> Result<(), FetchError> {
        pkt_line::write_delimiter(&mut self.writer).map_err(FetchError::stream)
    }

    fn end(&mut self) -> Result<(), FetchError> {
        pkt_line::write_flush(&mut self.writer).and_then(|()| self.writer.flush()).map_err(FetchError::stream)
    }

    /// Says that nothing more will be asked for.
    pub fn goodbye(&mut self) {
        // The other device may have hung up already, which is as good.
        let _ = self.end();
    }

    /// Reads what the other device can do, and says how its hash must be named, if at all.
    pub fn handshake(&mut self) -> Result<Option<&'static str>, FetchError> {
        if self.next()?.line() != Some(b"version 2") {
            return Err(protocol("it does not begin with version 2"));
        }
        let (mut can_list, mut can_fetch, mut format) = (false, false, None);
        for _ in 0..MAX_CAPABILITIES {
            let packet = self.next()?;
            let Some(line) = packet.line() else {
                return match packet {
                    Packet::Flush if can_list && can_fetch => Ok(format),
                    Packet::Flush => Err(protocol("it cannot list refs, or cannot be fetched from")),
                    _ => Err(protocol("a marker among the capabilities")),
                };
            };
            match line.split(|&byte| byte == b'=').next() {
                Some(b"ls-refs") => can_list = true,
                Some(b"fetch") => can_fetch = true,
                Some(b"object-format") if line == b"object-format=sha1" => format = Some("object-format=sha1"),
                Some(b"object-format") => return Err(protocol("its objects have no SHA-1 names")),
                _ => {}
            }
        }
        Err(too_many("capabilities", MAX_CAPABILITIES))
    }

    /// Asks for the heads, each once and in the order in which they come.
    pub fn heads(&mut self, format: Option<&str>) -> Result<Vec<CommitId>, FetchError> {
        self.line("command=ls-refs")?;
        format.map_or(Ok(()), |format| self.line(format))?;
        self.delimiter()?;
        self.line("ref-prefix refs/heads/")?;
        self.end()?;
        let mut heads = Vec::new();
        let max = self.limits.max_refs;
        for _ in 0..=max {
            let packet = self.next()?;
            let Some(line) = packet.line() else {
                return if packet == Packet::Flush { Ok(heads) } else { Err(protocol("a marker among the refs")) };
            };
            let line = std::str::from_utf8(line).map_err(|_| protocol("a ref is not UTF-8"))?;
            let (id, name) = line.split_once(' ').ok_or_else(|| protocol("a ref without a name"))?;
            // Others than heads were not asked for, but a server may name them all the same.
            if name.starts_with("refs/heads/") {
                let id = id.parse().map_err(|_| protocol("a head is no commit id"))?;
                if !heads.contains(&id) {
                    heads.push(id);
                }
            }
        }
        Err(too_many("refs", max))
    }

    /// Negotiates until the other device is about to send its pack. Names commits of this one from the newest to the
    /// oldest, in growing rounds, until the other side knows one: what is below that, it knows too.
    pub fn negotiate(
        &mut self,
        format: Option<&str>,
        wants: &[CommitId],
        mine: &mut Reachable<Database>,
    ) -> Result<(), FetchError> {
        let mut common: Vec<CommitId> = Vec::new();
        let (mut round, mut named) = (FIRST_HAVES, 0);
        loop {
            let mut haves = Vec::with_capacity(round);
            while common.is_empty() && haves.len() < round && named < MAX_HAVES {
                let Some(id) = mine.next().map_err(FetchError::Store)? else {
                    break;
                };
                haves.push(to_commit(&id));
                named += 1;
            }
            let done = haves.len() < round;
            self.line("command=fetch")?;
            format.map_or(Ok(()), |format| self.line(format))?;
            self.delimiter()?;
            self.line("no-progress")?;
            self.line("ofs-delta")?;
            wants.iter().try_for_each(|want| self.line(&format!("want {want}")))?;
            common.iter().chain(&haves).try_for_each(|have| self.line(&format!("have {have}")))?;
            if done {
                self.line("done")?;
            }
            self.end()?;
            if done || self.acknowledged(&haves, &mut common)? {
                return self.expect_pack();
            }
            round *= MORE_HAVES;
        }
    }

    /// Reads which commits the other device knows too, and whether it is ready to send its pack.
    fn acknowledged(&mut self, haves: &[CommitId], common: &mut Vec<CommitId>) -> Result<bool, FetchError> {
        if self.next()?.line() != Some(b"acknowledgments") {
            return Err(protocol("no acknowledgments where they should be"));
        }
        let mut ready = false;
        // One for each, then NAK or ready, then the end.
        for _ in 0..haves.len() + 3 {
            let packet = self.next()?;
            match (packet.line(), &packet) {
                (Some(b"NAK"), _) => {}
                (Some(b"ready"), _) => ready = true,
                (Some(line), _) => {
                    let id = line.strip_prefix(b"ACK ").and_then(|id| std::str::from_utf8(id).ok()?.parse().ok());
                    let id = id.filter(|id| haves.contains(id)).ok_or_else(|| protocol("no acknowledgment"))?;
                    common.push(id);
                }
                (None, Packet::Flush) if !ready => return Ok(false),
                (None, Packet::Delimiter) if ready => return Ok(true),
                _ => return Err(protocol("a marker among the acknowledgments")),
            }
        }
        Err(protocol("too many acknowledgments"))
    }

    fn expect_pack(&mut self) -> Result<(), FetchError> {
        match self.next()?.line() {
            Some(b"packfile") => Ok(()),
            Some(b"shallow-info") => Err(protocol("its history is cut off")),
            _ => Err(protocol("no pack where it should be")),
        }
    }
}

/// Which of the heads do not belong to the conversation yet.
pub(crate) fn unknown(
    heads: &[CommitId],
    database: &Database,
    mine: &mut Reachable<Database>,
) -> Result<Vec<CommitId>, StoreError> {
    let mut unknown = Vec::new();
    for head in heads {
        let id = to_oid(head.as_bytes());
        if !database.contains(&id)? || !mine.contains(&id)? {
            unknown.push(*head);
        }
    }
    Ok(unknown)
}

/// What the other device says, made fit to be repeated.
pub(crate) fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim().chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect()
}

fn protocol(why: &str) -> FetchError {
    FetchError::Protocol(why.to_owned())
}

fn too_many(what: &'static str, limit: usize) -> FetchError {
    FetchError::TooMuch { what, found: limit as u64 + 1, limit: limit as u64 }
}
