//! `parv verify` and `parv allowed-signers`: for any repository, without an account.

use crate::failure::Failure;
use crate::output;
use crate::text::{count, harmless};
use parv::audit::{self, Report};
use parv::{CommitId, Role, TreeId, Uri};
use parv_daemon::answer::EquivocationView;
use parv_daemon::failure::chain;
use parv_daemon::notice::RefusalView;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// Judges a repository. Exit code 0 for a valid one, 1 for an invalid one, 2 where there is no conversation.
pub fn verify(repository: &Path, json: bool) -> Result<(), Failure> {
    let report = audit::verify(repository).map_err(|error| Failure::Usage(chain(&error)))?;
    let valid = report.verdict_valid;
    let mut out = io::stdout().lock();
    match json {
        true => output::json(&mut out, &Verdict::from(report))?,
        false => explain(&mut out, &report)?,
    }
    out.flush()?;
    if valid { Ok(()) } else { Err(Failure::Negative) }
}

/// Prints an allowed-signers file.
pub fn allowed_signers(repository: &Path, json: bool) -> Result<(), Failure> {
    let file = audit::allowed_signers(repository).map_err(|error| Failure::error(chain(&error)))?;
    let mut out = io::stdout().lock();
    match json {
        true => output::json(&mut out, &file.lines().collect::<Vec<_>>())?,
        false => out.write_all(file.as_bytes())?,
    }
    Ok(out.flush()?)
}

/// The verdict as programs read it.
#[derive(Debug, Serialize)]
struct Verdict {
    verdict: &'static str,
    refused: Option<RefusalView>,
    mode: Option<u8>,
    members: Vec<Person>,
    heads: Vec<CommitId>,
    tree: Option<TreeId>,
    undecided: Vec<CommitId>,
    equivocations: Vec<EquivocationView>,
}

#[derive(Debug, Serialize)]
struct Person {
    uri: Uri,
    role: Role,
}

impl From<Report> for Verdict {
    fn from(report: Report) -> Self {
        Self {
            verdict: if report.verdict_valid { "valid" } else { "invalid" },
            refused: report.refused.map(RefusalView::from),
            mode: report.mode.map(|mode| mode.number()),
            members: report.members.into_iter().map(|(uri, role)| Person { uri, role }).collect(),
            heads: report.heads,
            tree: report.tree,
            undecided: report.undecided,
            equivocations: report.equivocations.into_iter().map(Into::into).collect(),
        }
    }
}

fn explain(out: &mut impl Write, report: &Report) -> io::Result<()> {
    match &report.refused {
        None => writeln!(out, "valid: {}, every one signed and allowed", count(report.commits, "commit"))?,
        Some(refusal) => {
            writeln!(out, "invalid: commit {} is refused", refusal.commit)?;
            writeln!(out, "rule    {}", refusal.rule)?;
            writeln!(out, "why     {}", harmless(&refusal.why, "        "))?;
            writeln!(out, "before  {} judged good", count(report.commits, "commit"))?;
        }
    }
    if let Some(mode) = report.mode {
        writeln!(out, "mode    {mode}")?;
    }
    report.heads.iter().try_for_each(|head| writeln!(out, "head    {head}"))?;
    if let Some(tree) = report.tree {
        writeln!(out, "tree    {tree}")?;
    }
    report.members.iter().try_for_each(|(uri, role)| writeln!(out, "{:<7} {uri}", role.to_string()))?;
    let rest = "stands against another resolution of equal weight, and neither holds";
    report.undecided.iter().try_for_each(|commit| writeln!(out, "undecided: commit {commit} {rest}"))?;
    let forked = &report.equivocations;
    forked.iter().try_for_each(|found| output::equivocation(out, &found.device, &found.account, &found.commits))
}
