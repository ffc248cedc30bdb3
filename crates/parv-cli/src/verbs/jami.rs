//! `parv jami`: an independent verdict on a conversation of Jami, and an archive of it.

use crate::args::Global;
use crate::failure::Failure;
use crate::home;
use crate::output;
use crate::text::{count, date, harmless, short};
use parv::CommitId;
use parv::archive::Archives;
use parv::jami::{self, Account, Judge, Report, Role, Said, Warning};
use parv_daemon::failure::chain;
use parv_daemon::notice::RefusalView;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Judges a repository. Exit code 0 for a valid one, 1 for an invalid one, 2 where there is no conversation of Jami.
pub fn audit(repository: &Path, lenient: bool, json: bool) -> Result<(), Failure> {
    let report = judge(repository, lenient)?;
    let mut out = BufWriter::new(io::stdout().lock());
    match json {
        true => output::json(&mut out, &Verdict::from(&report))?,
        false => explain(&mut out, &report)?,
    }
    out.flush()?;
    if report.is_valid() { Ok(()) } else { Err(Failure::Negative) }
}

/// Keeps a valid conversation as an archive of the account.
pub fn import(global: &Global, repository: &Path, lenient: bool) -> Result<(), Failure> {
    let folder = home::account_folder(&home::folder(global)?, global.account)?;
    let report = judge(repository, lenient)?;
    let mut out = io::stdout().lock();
    let Some(transcript) = report.transcript() else {
        match global.json {
            true => output::json(&mut out, &Verdict::from(&report))?,
            false => explain(&mut out, &report)?,
        }
        out.flush()?;
        return Err(Failure::Negative);
    };
    Archives::of(&folder).keep(&parv::ConversationId::new(report.root), &transcript)?;
    match global.json {
        true => output::json(&mut out, &super::archive::Glance::of(&transcript))?,
        false => {
            let messages = count(transcript.messages.len(), "message");
            writeln!(out, "{}  is kept as an archive: {messages}, for reading only", transcript.id)?;
            warn(&mut out, &report.warnings)?;
        }
    }
    Ok(out.flush()?)
}

fn judge(repository: &Path, lenient: bool) -> Result<Report, Failure> {
    let judge = if lenient { Judge::Lenient } else { Judge::Strict };
    jami::audit(repository, judge).map_err(|error| Failure::Usage(chain(&error)))
}

/// The verdict as programs read it.
#[derive(Debug, Serialize)]
struct Verdict<'a> {
    verdict: &'static str,
    refused: Option<RefusalView>,
    id: CommitId,
    head: CommitId,
    mode: Option<u8>,
    members: Vec<Person>,
    infos: &'a BTreeMap<String, String>,
    messages: Vec<BTreeMap<&'a str, String>>,
    warnings: Vec<Warned<'a>>,
}

#[derive(Debug, Serialize)]
struct Person {
    uri: Account,
    role: Role,
}

#[derive(Debug, Serialize)]
struct Warned<'a> {
    commit: CommitId,
    rule: &'static str,
    why: &'a str,
}

impl<'a> From<&'a Report> for Verdict<'a> {
    fn from(report: &'a Report) -> Self {
        let warned =
            |warning: &'a Warning| Warned { commit: warning.commit, rule: warning.laxness.name(), why: &warning.why };
        Self {
            verdict: if report.is_valid() { "valid" } else { "invalid" },
            refused: report.refused.clone().map(RefusalView::from),
            id: report.root,
            head: report.head,
            mode: report.mode.map(|mode| mode.number()),
            members: report.members.iter().map(|(&uri, &role)| Person { uri, role }).collect(),
            infos: &report.infos,
            messages: report.messages.iter().map(message).collect(),
            warnings: report.warnings.iter().map(warned).collect(),
        }
    }
}

/// A message with the fields that Jami's daemon gives it.
fn message(said: &Said) -> BTreeMap<&str, String> {
    let mut fields: BTreeMap<&str, String> =
        said.fields.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let parents: Vec<String> = said.parents.iter().map(ToString::to_string).collect();
    fields.extend([
        ("id", said.id.to_string()),
        ("type", said.media_type.clone()),
        ("author", said.author.to_string()),
        ("timestamp", said.time.to_string()),
        ("parents", parents.join(",")),
    ]);
    fields
}

fn explain(out: &mut impl Write, report: &Report) -> io::Result<()> {
    match &report.refused {
        None => writeln!(out, "valid: {}, every one judged by the rules of Jami", count(report.commits, "commit"))?,
        Some(refusal) => {
            writeln!(out, "invalid: commit {} is refused", refusal.commit)?;
            writeln!(out, "rule    {}", refusal.rule)?;
            writeln!(out, "why     {}", harmless(&refusal.why, "        "))?;
            writeln!(out, "before  {} judged good", count(report.commits, "commit"))?;
        }
    }
    warn(out, &report.warnings)?;
    writeln!(out, "id      {}\nhead    {}", report.root, report.head)?;
    if let Some(mode) = report.mode {
        writeln!(out, "mode    {mode}")?;
    }
    for (name, value) in report.infos.iter().filter(|(name, _)| ["title", "description"].contains(&name.as_str())) {
        writeln!(out, "{name:<11} {}", harmless(value, "            "))?;
    }
    report.members.iter().try_for_each(|(uri, role)| writeln!(out, "{:<7} {uri}", role.to_string()))?;
    let Some(transcript) = report.transcript() else { return Ok(()) };
    transcript.messages.iter().try_for_each(|line| {
        let (name, words) = (harmless(&line.name, ""), harmless(&line.words(), "    "));
        writeln!(out, "{}  {}  {name}  {words}", date(line.time), short(&line.id))
    })
}

fn warn(out: &mut impl Write, warnings: &[Warning]) -> io::Result<()> {
    warnings.iter().try_for_each(|Warning { commit, laxness, why }| {
        writeln!(out, "warning: only the original lets commit {commit} through ({laxness}): {}", harmless(why, "  "))
    })
}
