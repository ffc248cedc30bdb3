//! `parv log`: a conversation is read page by page, newest first, and printed oldest first.

use super::archive;
use crate::args::Global;
use crate::failure::Failure;
use crate::output;
use crate::session::{Reach, Session};
use parv::CommitId;
use parv_daemon::answer::LogView;
use parv_daemon::perform::MAX_LOG_PAGE;
use parv_daemon::{Answer, Request};
use std::io::Write;

/// Prints the newest `limit` entries, or all; those that are hidden only on demand.
pub async fn print(global: &Global, conversation: &str, limit: Option<usize>, hidden: bool) -> Result<(), Failure> {
    if let Some(archive) = archive::find(global, conversation)? {
        return archive::log(global, &archive, limit);
    }
    let mut session = Session::open(global, Reach::Nobody).await?;
    let log = read(&mut session, conversation, limit, hidden).await;
    session.close().await;
    let log = log?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match global.json {
        true => output::json(&mut out, &log)?,
        false => output::answer(&mut out, &Answer::Log(log))?,
    }
    Ok(out.flush()?)
}

/// Reads the newest `limit` entries, or all, whose number no answer limits; those that are hidden only on demand.
pub async fn read(
    session: &mut Session,
    conversation: &str,
    limit: Option<usize>,
    hidden: bool,
) -> Result<LogView, Failure> {
    let mut wanted = limit.unwrap_or(usize::MAX);
    let mut pages: Vec<LogView> = Vec::new();
    let mut before: Option<CommitId> = None;
    loop {
        let limit = wanted.min(MAX_LOG_PAGE);
        let request = Request::Log { conversation: conversation.to_owned(), limit: Some(limit), before, hidden };
        let Answer::Log(page) = session.call(request).await? else {
            return Err(Failure::error("the daemon answered something else than a log; restart it"));
        };
        wanted -= page.entries.len().min(wanted);
        let complete = page.entries.len() < limit || wanted == 0;
        before = page.entries.first().map(|entry| entry.id);
        let id = page.conversation;
        pages.push(page);
        if complete {
            let entries = pages.into_iter().rev().flat_map(|page| page.entries).collect();
            return Ok(LogView { conversation: id, entries });
        }
    }
}
