//! Revocation lists: an account's own word on its own devices (validation §4 and §6, "CRLs").
//!
//! A list rides on a commit of any device of the account. It counts from then on and for ever: what the tree shows of it goes
//! with a ban or a leave, what it says does not.

use crate::authority::{entry, read};
use crate::checked::CheckedCommit;
use crate::source::BlobSource;
use crate::state::State;
use parv_identity::Crl;
use parv_identity::certificate::Serial;
use parv_model::{BlobId, Refusal, Rule, TreePath, Uri, limits};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A list that a commit brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) blob: BlobId,
    pub(crate) number: u64,
    pub(crate) revoked: Arc<BTreeSet<Serial>>,
}

/// What an account has said of its devices so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Revocations {
    /// The file in the tree, if there is one now.
    pub(crate) shown: Option<BlobId>,
    /// The highest number of a list so far.
    pub(crate) number: u64,
    /// Every certificate that any list revoked.
    pub(crate) revoked: Arc<BTreeSet<Serial>>,
}

impl Revocations {
    /// After one more list.
    pub(crate) fn with(&self, list: &List) -> Self {
        let revoked = if self.revoked.is_subset(&list.revoked) {
            list.revoked.clone()
        } else {
            Arc::new(self.revoked.union(&list.revoked).copied().collect())
        };
        let shown = if list.number > self.number || self.shown.is_none() { Some(list.blob) } else { self.shown };
        Self { shown, number: self.number.max(list.number), revoked }
    }
}

/// The list that a commit of `author` brings, if it brings one: with a higher number than all before, and revoking all
/// that they revoked.
pub(crate) fn rider(
    commit: &CheckedCommit,
    before: &State,
    author: Uri,
    source: &dyn BlobSource,
) -> Result<Option<Arc<List>>, Refusal> {
    let path = TreePath::Crl(author);
    let known = before.revocations.get(&author).cloned().unwrap_or_default();
    let Some(blob) = entry(commit, source, &path)?.filter(|blob| Some(*blob) != known.shown) else {
        return Ok(None);
    };
    let refuse = |why: String| Err(commit.refuse(Rule::Certificate, format!("{path}: {why}")));
    let crl = match Crl::from_pem(&read(commit, source, &blob, limits::MAX_CRL_BYTES)?) {
        Ok(crl) => crl,
        Err(error) => return refuse(error.to_string()),
    };
    if crl.account() != author {
        return refuse(format!("it is the revocation list of {}", crl.account()));
    }
    if crl.number() <= known.number && before.revocations.contains_key(&author) {
        return refuse(format!("its number {} is not higher than {}", crl.number(), known.number));
    }
    if !known.revoked.is_subset(crl.revoked()) {
        return refuse("it takes a revocation back".into());
    }
    Ok(Some(Arc::new(List { blob, number: crl.number(), revoked: Arc::new(crl.revoked().clone()) })))
}
