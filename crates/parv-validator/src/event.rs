//! What `resolve` knows of a history: events and who saw what.
//!
//! Two sorts of commits become events. *Control events* change the tree. *Witnesses* change nothing, but are the first
//! commit of their account that was written with the same control events in its past: all that matters of a text is
//! "account a wrote something, knowing this" (validation §2, third idea). Everything else is only a commit: its past is
//! its parent's, and its state too.

use crate::event_set::{EventNumber, EventSet};
use crate::revocation::List;
use crate::state::{Certificate, Device, Seniority, State};
use imbl::OrdSet;
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
pub(crate) struct Event {
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

/// What lies behind a commit, itself included: events, and who has already written on its control frontier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Past {
    pub(crate) events: EventSet,
    /// The control events among them. Equal sets mean the same control frontier.
    pub(crate) control: EventSet,
    /// The accounts with a commit in this past that was written with just these control events in its own. The author of
    /// the latest control event is not among them: it was written without itself.
    pub(crate) writers: OrdSet<Uri>,
}

impl Past {
    /// The past of the first commit, seen from before it: nothing.
    pub(crate) fn empty() -> Self {
        Self { events: EventSet::default(), control: EventSet::default(), writers: OrdSet::new() }
    }

    /// What two heads know together.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let control = self.control.union(&other.control);
        let same_frontier = [self, other].into_iter().filter(|past| past.control == control);
        let writers = same_frontier.flat_map(|past| &past.writers).copied().collect();
        Self { events: self.events.union(&other.events), control, writers }
    }

    /// The same with one more event at its end.
    pub(crate) fn with(&self, number: EventNumber, event: &Event) -> Self {
        let events = self.events.with(number);
        if event.is_control() {
            Self { events, control: self.control.with(number), writers: OrdSet::new() }
        } else {
            let mut writers = self.writers.clone();
            writers.insert(event.author);
            Self { events, control: self.control.clone(), writers }
        }
    }
}
