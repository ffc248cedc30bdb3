//! What the other device may ask for. Everything else is refused in git's own words.

use super::{Meter, ServeError, ServeLimits};
use crate::pkt_line::{self, Packet, ReadError};
use parv_model::CommitId;
use std::io::Read;

/// The most capabilities that a command may bring. Stock git sends about three.
const MAX_CAPABILITIES: usize = 32;

/// The most prefixes of refs that may be asked for. Stock git sends about ten.
const MAX_PREFIXES: usize = 256;

/// The longest line that is repeated to whoever sent it, in characters.
const MAX_REPEATED: usize = 80;

/// The two commands of the protocol that there are here.
pub(super) enum Command {
    LsRefs(LsRefs),
    Fetch(Fetch),
}

/// Asks which refs there are.
#[derive(Default)]
pub(super) struct LsRefs {
    /// Say what HEAD points to.
    pub symrefs: bool,
    /// Say so also when that does not exist yet.
    pub unborn: bool,
    prefixes: Vec<String>,
}

impl LsRefs {
    /// Whether this ref was asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| name.starts_with(prefix))
    }
}

/// Asks for commits.
#[derive(Default)]
pub(super) struct Fetch {
    pub wants: Vec<CommitId>,
    pub haves: Vec<CommitId>,
    /// The negotiation is over: send the pack.
    pub done: bool,
}

/// The commands on a stream.
pub(super) struct Commands<'a, R> {
    reader: pkt_line::Reader<R>,
    meter: &'a Meter<'a>,
}

impl<'a, R: Read> Commands<'a, R> {
    pub fn new(reader: R, meter: &'a Meter) -> Self {
        Self { reader: pkt_line::Reader::new(reader), meter }
    }

    /// The next command; `None` when there is none and none will come.
    pub fn next(&mut self) -> Result<Option<Command>, ServeError> {
        let limits = self.meter.limits;
        let mut command = match self.packet()? {
            None | Some(Packet::Flush) => return Ok(None),
            Some(packet) => match packet.line() {
                Some(b"command=ls-refs") => Command::LsRefs(LsRefs::default()),
                Some(b"command=fetch") => Command::Fetch(Fetch::default()),
                Some(line) => return Err(refuse("invalid command", line)),
                None => return Err(refuse("no command specified", b"")),
            },
        };
        let mut capabilities = 0;
        loop {
            let packet = self.packet()?.ok_or_else(end)?;
            match (packet.line(), packet) {
                (Some(line), _) if known_capability(line) && capabilities < MAX_CAPABILITIES => capabilities += 1,
                (Some(line), _) => return Err(refuse("unknown capability", line)),
                (None, Packet::Flush) => return Ok(Some(command)),
                (None, Packet::Delimiter) => break,
                (None, _) => return Err(refuse("unexpected marker", b"")),
            }
        }
        loop {
            let packet = self.packet()?.ok_or_else(end)?;
            match (packet.line(), packet) {
                (Some(line), _) => command.argument(line, limits)?,
                (None, Packet::Flush) => return Ok(Some(command)),
                (None, _) => return Err(refuse("unexpected marker", b"")),
            }
        }
    }

    fn packet(&mut self) -> Result<Option<Packet<'_>>, ServeError> {
        self.meter.check(0)?;
        self.reader.next().map_err(|error| match error {
            ReadError::Io(error) => error.into(),
            ReadError::Length(_) => ServeError::Request(error.to_string()),
        })
    }
}

impl Command {
    fn argument(&mut self, line: &[u8], limits: &ServeLimits) -> Result<(), ServeError> {
        match self {
            Command::LsRefs(wish) => match line {
                b"peel" => {}
                b"symrefs" => wish.symrefs = true,
                b"unborn" => wish.unborn = true,
                _ => match line.strip_prefix(b"ref-prefix ").map(std::str::from_utf8) {
                    Some(Ok(prefix)) if wish.prefixes.len() < MAX_PREFIXES => wish.prefixes.push(prefix.to_owned()),
                    _ => return Err(refuse("unexpected line", line)),
                },
            },
            Command::Fetch(wish) => match line {
                b"done" => wish.done = true,
                // Packs from here never are thin, have no tags and report no progress, whatever is allowed.
                b"thin-pack" | b"no-progress" | b"include-tag" | b"ofs-delta" => {}
                _ => {
                    let (list, max, id) = match line.split_at_checked(5) {
                        Some((b"want ", id)) => (&mut wish.wants, crate::MAX_HEADS, id),
                        Some((b"have ", id)) => (&mut wish.haves, limits.max_haves, id),
                        _ => return Err(refuse("unexpected line", line)),
                    };
                    let id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok());
                    let id = id.ok_or_else(|| refuse("malformed object id", line))?;
                    if list.len() >= max {
                        return Err(refuse("too many lines", line));
                    }
                    list.push(id);
                }
            },
        }
        Ok(())
    }
}

fn known_capability(line: &[u8]) -> bool {
    line.starts_with(b"agent=") || line == b"object-format=sha1"
}

fn refuse(what: &str, line: &[u8]) -> ServeError {
    let line: String = String::from_utf8_lossy(line).chars().filter(|c| !c.is_control()).take(MAX_REPEATED).collect();
    ServeError::Request(if line.is_empty() { what.to_owned() } else { format!("{what} '{line}'") })
}

fn end() -> ServeError {
    ServeError::Io(std::io::ErrorKind::UnexpectedEof.into())
}
