//! What is here and valid, and no part of the conversation: words that are hidden, and forks that wait for a person.
//!
//! No head reaches these commits, so they are served to nobody. Their tips are kept in a small file, so that a restart
//! does not lose them; a damaged one is as good as none, since whoever still offers something will be heard again.

use crate::files;
use crate::view::HeldFork;
use parv_model::CommitId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// See the [module](self).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Aside {
    /// Tips of what is hidden (validation §6, "Content").
    pub(super) hidden: BTreeSet<CommitId>,
    /// Heads that are held (validation §8).
    pub(super) held: Vec<HeldFork>,
    #[serde(skip)]
    path: PathBuf,
}

impl Aside {
    /// Nothing yet; to be kept at this path.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, ..Self::default() }
    }

    /// What was kept at this path.
    pub(super) fn load(path: PathBuf) -> Self {
        let kept = files::read_json(&path).unwrap_or_else(|error| {
            tracing::warn!("{error}; what is hidden or held there is forgotten");
            None
        });
        Self { path, ..kept.unwrap_or_default() }
    }

    /// Every tip.
    pub(super) fn tips(&self) -> Vec<CommitId> {
        self.hidden.iter().copied().chain(self.held.iter().map(|held| held.head)).collect()
    }

    /// Whether a head is held.
    pub(super) fn holds(&self, head: &CommitId) -> bool {
        self.held.iter().any(|held| held.head == *head)
    }

    /// Changes what lies aside, and keeps it if that made a difference.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Self)) {
        let before = (self.hidden.clone(), self.held.clone());
        change(self);
        if before == (self.hidden.clone(), self.held.clone()) {
            return;
        }
        if let Err(error) = files::write_json(&self.path, self) {
            tracing::warn!("what is hidden or held is forgotten at the next start: {}", crate::error::chain(&error));
        }
    }
}
