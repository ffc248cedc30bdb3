//! What each kind of commit needs, and what it does. One file for one kind; this one holds what they have in common: who
//! wrote a commit, with which certificates, and that its tree is what follows from it.

mod add;
mod author;
mod edit;
mod initial;
mod join;
mod leave;
mod merge;
mod profile;
mod resolution;
mod settle;
mod vote;

use crate::checked::CheckedCommit;
use crate::id::Account;
use crate::message::Kind;
use crate::path::Path;
use crate::rules::{Effect, JamiRules};
use crate::source::Objects;
use crate::state::{Files, State};
use parv_model::{BlobId, Refusal, Rule};
use parv_validator::replica::Behind;
use parv_validator::rules::{Checked, Deed, Rendering};
use std::sync::Arc;

pub(crate) use initial::first;
pub(crate) use merge::{may_merge, merge};

/// A commit that is being judged, with the state of its past, and the files that follow from it as far as is known yet.
struct Case<'a> {
    rules: &'a JamiRules,
    commit: &'a CheckedCommit,
    before: &'a State,
    source: &'a dyn Objects,
    author: Account,
    files: Files,
}

impl Case<'_> {
    fn refuse(&self, why: impl Into<String>) -> Refusal {
        self.commit.refuse(Rule::Kind, why)
    }

    fn require(&self, holds: bool, why: impl FnOnce() -> String) -> Result<(), Refusal> {
        if holds { Ok(()) } else { Err(self.refuse(why())) }
    }

    fn require_admin(&self, what: &str) -> Result<(), Refusal> {
        let is_admin = self.before.admins().any(|admin| admin == self.author);
        self.require(is_admin, || format!("only an admin may {what}, and {} is none", self.author))
    }

    /// The file at a path of the commit's own tree.
    fn entry(&self, path: &Path) -> Result<Option<BlobId>, Refusal> {
        entry(self.commit, self.source, path)
    }

    /// Takes out the files of an account's devices and its revocation lists as far as the commit does: daemons mean to, and
    /// some forget it. Either is fine, for without its account a device can do nothing.
    fn drop_devices_of(&mut self, account: Account) -> Result<(), Refusal> {
        let own = self.before.devices_of(account).cloned().chain([Path::Crl(account)]);
        for path in own.collect::<Vec<_>>() {
            if self.files.contains_key(&path) && self.entry(&path)?.is_none() {
                self.files.remove(&path);
            }
        }
        Ok(())
    }
}

/// Judges a commit with one parent.
pub(crate) fn ordinary(
    rules: &JamiRules,
    commit: &CheckedCommit,
    before: &Arc<State>,
    behind: &Behind<'_, JamiRules>,
    source: &dyn Objects,
) -> Result<Deed<JamiRules>, Refusal> {
    let kind = commit.message().kind;
    let (author, files) = author::of(rules, commit, before, source)?;
    let mut case = Case { rules, commit, before, source, author, files };
    match kind {
        Kind::Said => {}
        Kind::Edit(of) => edit::judge(&case, behind, of)?,
        Kind::Add(account) => add::judge(&mut case, account)?,
        Kind::Join(account) => join::judge(&mut case, account)?,
        Kind::Leave(account) => leave::judge(&mut case, account)?,
        Kind::Vote(target) => vote::judge(&mut case, target)?,
        Kind::Resolve(ballot, target) => resolution::judge(&mut case, ballot, target)?,
        Kind::Profile => profile::judge(&mut case)?,
        Kind::Initial { .. } => return Err(commit.refuse(Rule::Root, "an initial commit has no parent")),
        Kind::Merge => return Err(commit.refuse(Rule::Structure, "two parents are for merges, and merges have two")),
    }
    settle::settle(case, before)
}

/// The deed of a commit after which the state is this one.
fn deed(author: Account, before: &State, after: Arc<State>) -> Deed<JamiRules> {
    let changes = before.tree() != after.tree();
    Deed { author, effect: Effect { after, changes } }
}

/// The file at a path of the commit's own tree.
fn entry(commit: &CheckedCommit, source: &dyn Objects, path: &Path) -> Result<Option<BlobId>, Refusal> {
    source.entry(&commit.commit().tree, &path.to_string()).map_err(|error| error.refuse(commit))
}

/// The bytes of a file that the commit brings.
fn read(commit: &CheckedCommit, source: &dyn Objects, blob: &BlobId, limit: usize) -> Result<Vec<u8>, Refusal> {
    source.blob(blob, limit).map_err(|error| error.refuse(commit))
}
