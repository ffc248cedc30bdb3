//! What `resolve` knows of a history: events and who saw what.
//!
//! Two sorts of commits become events. *Control events* change the tree. *Witnesses* change nothing, but are the first
//! commit of their account that was written with the same control events in its past: all that matters of a text is
//! "account a wrote something, knowing this" (validation §2, third idea). Everything else is only a commit: its past is
//! its parent's, and its state too.

use crate::event_set::EventSet;
use crate::revocation::List;
use crate::state::{Certificate, Device, Seniority, State};
use parv_identity::certificate::Serial;
use parv_model::{BlobId, Category, CommitId, DeviceId, Target, Uri, VoteKind};
use std::sync::Arc;

/// What an event does, with what the state in its own past made of it (the folders that targets stood in then).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing: it shows what its author knew.
    Witness,
    /// The first commit: its author is the first admin.
    Initial { invited: Option<Uri> },
    /// An invitation.
    Add(Uri),
    /// Its author takes up an invitation.
    Join,
    /// Its author leaves.
    Leave,
    /// Its author votes as an admin.
    Vote { kind: VoteKind, category: Category, target: Target },
    /// Its author resolves a vote.
    Resolve { kind: VoteKind, category: Category, target: Target },
    /// Its author replaces the profile.
    Profile(BlobId),
    /// It only brings certificates of its author.
    Certificates,
}

/// Certificates and the revocation list of the author that a commit brings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Brought {
    pub(crate) account: Option<Certificate>,
    pub(crate) device: Option<(DeviceId, Device)>,
    pub(crate) list: Option<Arc<List>>,
}

/// A control event or a witness.
#[derive(Debug, Clone)]
pub struct Event {
    pub(crate) commit: CommitId,
    /// Length of the longest way to the first commit.
    pub(crate) generation: u64,
    pub(crate) author: Uri,
    /// The device that wrote it.
    pub(crate) device: DeviceId,
    /// The certificate of that device, as revocation lists name it.
    pub(crate) serial: Option<Serial>,
    pub(crate) act: Act,
    pub(crate) brought: Brought,
    /// Its strict ancestors.
    pub(crate) past: EventSet,
    /// The control events among them: what its author knew.
    pub(crate) known: EventSet,
    /// The state of its past: `resolve(anc(event))`.
    pub(crate) before: Arc<State>,
}

impl Event {
    /// Orders events along the history; the commit id only where the history leaves it open.
    pub(crate) fn key(&self) -> Seniority {
        (self.generation, self.commit)
    }

    /// The resolution that this event is, as kind and target.
    pub(crate) fn resolution(&self) -> Option<(VoteKind, Target)> {
        match self.act {
            Act::Resolve { kind, target, .. } => Some((kind, target)),
            _ => None,
        }
    }

    /// Whether it changes the tree.
    pub(crate) fn is_control(&self) -> bool {
        self.act != Act::Witness
    }
}
