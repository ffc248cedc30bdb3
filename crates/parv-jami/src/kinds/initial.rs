//! `initial`: the first commit. Its author is the first admin; a one-to-one conversation names the other person.

use super::author::{self, account_certificate, account_file, device_certificate, device_file};
use super::{Case, entry, settle};
use crate::checked::CheckedCommit;
use crate::id::Account;
use crate::lenience::Laxness;
use crate::message::Kind;
use crate::path::{Category, Path};
use crate::rules::JamiRules;
use crate::source::Objects;
use crate::state::{File, Files, State};
use parv_model::{BlobId, Refusal, Rule};
use parv_validator::rules::{Checked, Deed};
use std::sync::Arc;

/// Judges a first commit; gives the state before it too.
pub(crate) fn first(
    rules: &JamiRules,
    commit: &CheckedCommit,
    source: &dyn Objects,
) -> Result<(Deed<JamiRules>, State), Refusal> {
    let Kind::Initial { mode, invited } = commit.message().kind else {
        return Err(commit.refuse(Rule::Root, "a conversation begins with an initial commit"));
    };
    let required = |path: &Path| -> Result<BlobId, Refusal> {
        let missing = || commit.refuse(Rule::Certificate, format!("{path} is missing, which a first commit brings"));
        entry(commit, source, path)?.ok_or_else(missing)
    };
    let device_path = Path::device(commit.commit().device);
    let device_blob = required(&device_path)?;
    let device = device_certificate(commit, source, &device_path, &device_blob)?;
    let author: Account = device.issuer;
    let account_path = Path::standing(Category::Admins, author);
    let account_blob = required(&account_path)?;
    let account = account_certificate(commit, source, author, &account_path, &account_blob)?;
    author::require_issued(rules, commit, &device, &account)?;

    let mut files = Files::new();
    files.insert(account_path, account_file(account_blob, &account));
    files.insert(device_path, device_file(device_blob, &device));
    if let Some(invited) = invited {
        files.insert(Path::standing(Category::Invited, invited), File::empty());
    }
    if let Some(lists) = entry(commit, source, &Path::Crl(author))? {
        files.insert(Path::Crl(author), File::plain(lists));
    }
    match author::require_good(rules, commit, &files, author) {
        Err(refusal) if refusal.rule == Rule::Signature => {
            rules.lax(commit, Laxness::UnsignedRoot, refusal.rule, refusal.why)?;
        }
        good => good?,
    }
    let before = Arc::new(State::empty(mode, [author].into_iter().chain(invited).collect()));
    let case = Case { rules, commit, before: &before, source, author, files };
    let deed = settle::settle(case, &before)?;
    Ok((deed, (*before).clone()))
}
