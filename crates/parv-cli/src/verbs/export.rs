//! `parv export` and `parv search`: whole conversations, ours and archives, as text, one HTML page or JSON.

use super::{archive, log};
use crate::args::{ExportFormat, Global};
use crate::failure::Failure;
use crate::output;
use crate::session::{Reach, Session};
use crate::text::harmless;
use parv::transcript::{Line, Person, System, Transcript};
use parv_daemon::answer::{ConversationView, EntryView, MembersView};
use parv_daemon::{Answer, Request};
use std::io::{self, BufWriter, Write};

/// Prints a whole conversation.
pub async fn export(global: &Global, conversation: &str, format: ExportFormat) -> Result<(), Failure> {
    let transcript = whole(global, conversation).await?;
    let mut out = BufWriter::new(io::stdout().lock());
    match if global.json { ExportFormat::Json } else { format } {
        ExportFormat::Json => output::json(&mut out, &transcript)?,
        ExportFormat::Html => transcript.write_html(&mut out)?,
        ExportFormat::Text => text(&mut out, &transcript)?,
    }
    Ok(out.flush()?)
}

/// Prints the messages of a conversation that hold these words.
pub async fn search(global: &Global, conversation: &str, words: &[String]) -> Result<(), Failure> {
    let transcript = whole(global, conversation).await?;
    archive::lines(global, &transcript, transcript.search(&words.join(" ")))
}

fn text(out: &mut impl Write, transcript: &Transcript) -> io::Result<()> {
    writeln!(out, "{}  {}", transcript.id, transcript.mode)?;
    for line in [&transcript.title, &transcript.description].into_iter().flatten() {
        writeln!(out, "{}", harmless(line, "  "))?;
    }
    archive::people(out, transcript)?;
    writeln!(out)?;
    archive::text(out, &transcript.messages.iter().collect::<Vec<_>>())
}

/// The archive, or the conversation of our own, that is meant.
async fn whole(global: &Global, conversation: &str) -> Result<Transcript, Failure> {
    if let Some(archive) = archive::find(global, conversation)? {
        return Ok(archive);
    }
    let mut session = Session::open(global, Reach::Nobody).await?;
    let read = own(&mut session, conversation).await;
    session.close().await;
    read
}

async fn own(session: &mut Session, conversation: &str) -> Result<Transcript, Failure> {
    let other = || Failure::error("the daemon answered something else than it was asked for; restart it");
    let log = log::read(session, conversation, None, false).await?;
    let id = log.conversation;
    let Answer::Members(people) = session.call(Request::Members { conversation: id.to_string() }).await? else {
        return Err(other());
    };
    let Answer::Conversations(all) = session.call(Request::List).await? else { return Err(other()) };
    let glance = all.into_iter().find(|view| view.id == id).ok_or_else(other)?;
    Ok(transcript(glance, people, log.entries))
}

fn transcript(glance: ConversationView, people: MembersView, entries: Vec<EntryView>) -> Transcript {
    let person =
        |member: parv_daemon::answer::MemberView| Person { uri: member.uri.to_string(), role: member.role.to_string() };
    let line = |entry: EntryView| Line {
        id: entry.id.to_string(),
        author: entry.author.to_string(),
        name: entry.name,
        time: entry.time,
        message: entry.message,
    };
    Transcript {
        system: System::Parv,
        id: glance.id.to_string(),
        mode: glance.mode,
        title: glance.title,
        description: None,
        members: people.members.into_iter().map(person).collect(),
        messages: entries.into_iter().map(line).collect(),
    }
}
