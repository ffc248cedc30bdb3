//! Archives among the conversations: found by their ids like these, listed, read and searched, never written to.

use crate::args::Global;
use crate::failure::Failure;
use crate::home;
use crate::output;
use crate::text::{count, date, harmless, short};
use parv::ConversationId;
use parv::archive::Archives;
use parv::transcript::{Line, Person, System, Transcript};
use parv_daemon::select;
use serde::Serialize;
use std::io::{self, Write};

/// An archive as lists show it. The fields are those of a conversation, and where it is from.
#[derive(Debug, Serialize)]
pub struct Glance<'a> {
    id: &'a str,
    mode: u8,
    title: Option<&'a str>,
    members: usize,
    messages: usize,
    archive: System,
}

impl<'a> Glance<'a> {
    /// What of it is shown at a glance.
    pub fn of(transcript: &'a Transcript) -> Self {
        let writes = |person: &&Person| ["admin", "member"].contains(&person.role.as_str());
        Self {
            id: &transcript.id,
            mode: transcript.mode.number(),
            title: transcript.title.as_deref(),
            members: transcript.members.iter().filter(writes).count(),
            messages: transcript.messages.len(),
            archive: transcript.system,
        }
    }
}

/// All archives of the account.
pub fn all(global: &Global) -> Result<Vec<Transcript>, Failure> {
    let archives = archives(global)?;
    let mut all = Vec::new();
    for id in archives.list()? {
        match archives.read(&id) {
            Ok(archive) => all.extend(archive),
            // One damaged file takes no other with it.
            Err(error) => tracing::warn!("{error}; the archive is left out"),
        }
    }
    Ok(all)
}

/// The archive that is meant, `None` if it is no archive but, if anything, a conversation of our own.
pub fn find(global: &Global, text: &str) -> Result<Option<Transcript>, Failure> {
    let archives = archives(global)?;
    let known = archives.list()?;
    if !known.iter().any(|id| id.to_string().starts_with(text)) {
        return Ok(None);
    }
    let both: Vec<ConversationId> = known.iter().copied().chain(archives.neighbours()?).collect();
    let id = select::one(text, "conversation", "parv list shows yours", both)?;
    Ok(archives.read(&id)?)
}

/// Refuses what would change an archive.
pub fn refuse_changes(global: &Global, text: &str) -> Result<(), Failure> {
    match find(global, text)? {
        None => Ok(()),
        Some(archive) => Err(Failure::error(format!("{} is an archive, for reading only", archive.id))),
    }
}

fn archives(global: &Global) -> Result<Archives, Failure> {
    Ok(Archives::of(&home::account_folder(&home::folder(global)?, global.account)?))
}

/// Prints the newest `limit` messages of an archive, or all.
pub fn log(global: &Global, archive: &Transcript, limit: Option<usize>) -> Result<(), Failure> {
    let skipped = limit.map_or(0, |limit| archive.messages.len().saturating_sub(limit));
    lines(global, archive, archive.messages.iter().skip(skipped).collect())
}

/// Prints some messages of a conversation.
pub fn lines(global: &Global, transcript: &Transcript, lines: Vec<&Line>) -> Result<(), Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match global.json {
        true => {
            #[derive(Serialize)]
            struct Log<'a> {
                conversation: &'a str,
                entries: Vec<&'a Line>,
            }
            output::json(&mut out, &Log { conversation: &transcript.id, entries: lines })?;
        }
        false => text(&mut out, &lines)?,
    }
    Ok(out.flush()?)
}

/// Writes messages for a person.
pub fn text(out: &mut impl Write, lines: &[&Line]) -> io::Result<()> {
    lines.iter().try_for_each(|line| {
        let (name, words) = (harmless(&line.name, ""), harmless(&line.words(), "    "));
        writeln!(out, "{}  {}  {name}  {words}", date(line.time), short(&line.id))
    })
}

/// Prints who is in an archive.
pub fn members(global: &Global, archive: &Transcript) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match global.json {
        true => {
            #[derive(Serialize)]
            struct Members<'a> {
                conversation: &'a str,
                members: &'a [Person],
            }
            output::json(&mut out, &Members { conversation: &archive.id, members: &archive.members })?;
        }
        false => people(&mut out, archive)?,
    }
    Ok(out.flush()?)
}

/// Writes the people of a conversation, one a line.
pub fn people(out: &mut impl Write, transcript: &Transcript) -> io::Result<()> {
    let mut people = transcript.members.iter();
    people.try_for_each(|person| writeln!(out, "{:<8} {}", harmless(&person.role, ""), harmless(&person.uri, "")))
}

/// Writes an archive as lists show it to a person.
pub fn glance(out: &mut impl Write, archive: &Transcript) -> io::Result<()> {
    let glance = Glance::of(archive);
    let (members, messages) = (count(glance.members, "member"), count(glance.messages, "message"));
    write!(out, "{}  {:<18}  {members}, {messages}, an archive", archive.id, archive.mode.name())?;
    match &archive.title {
        Some(title) => writeln!(out, "  {}", harmless(title, "  ")),
        None => writeln!(out),
    }
}
