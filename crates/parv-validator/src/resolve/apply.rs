//! What one event changes, on a line of single parents (validation §5, last column).
//!
//! On such a line nothing is concurrent, so the state of the past and the event itself are all there is to know.

use crate::event::{Act, Brought, Event};
use crate::state::{Standing, State, Vote};
use parv_model::{Category, DeviceId, Uri, VoteKind};

/// The state after `event`, whose past has the state `event.before`.
pub(crate) fn after(event: &Event) -> State {
    let mut state = (*event.before).clone();
    apply(&mut state, event);
    state.seal();
    state
}

/// Changes `state` by what the event says; the tree id is not yet that of the new state.
pub(crate) fn apply(state: &mut State, event: &Event) {
    let author = event.author;
    match event.act {
        Act::Witness | Act::Certificates => {}
        Act::Initial { invited } => {
            let certificate = event.brought.account.expect("an initial commit brings its author's certificate");
            state.accounts.insert(author, Standing::Admin(certificate));
            state.admins.push((event.key(), author));
            if let Some(uri) = invited {
                state.accounts.insert(uri, Standing::Invited);
            }
        }
        Act::Add(uri) => {
            state.left.remove(&uri);
            state.accounts.insert(uri, Standing::Invited);
        }
        Act::Join => {
            let certificate = event.brought.account.expect("a join brings its author's certificate");
            state.left.remove(&author);
            state.accounts.insert(author, Standing::Member(certificate));
        }
        Act::Leave => {
            state.drop_files_of(&author);
            state.left.insert(author);
        }
        Act::Vote { kind, category, target } => {
            state.votes.insert(Vote { kind, category, target, voter: author });
        }
        Act::Resolve { kind, category, target } => state.resolve(kind, category, target, event),
        Act::Profile(blob) => state.profile = Some(blob),
    }
    state.bring(author, &event.brought);
}

impl State {
    fn resolve(&mut self, kind: VoteKind, category: Category, target: Uri, event: &Event) {
        let certificate = self.account_certificate(&target);
        match (kind, certificate) {
            (VoteKind::Ban, _) => {
                self.drop_files_of(&target);
                self.accounts.insert(target, Standing::Banned(category, certificate));
            }
            (VoteKind::Unban, Some(certificate)) if category == Category::Admins => {
                self.accounts.insert(target, Standing::Admin(certificate));
                self.admins.push((event.key(), target));
            }
            (VoteKind::Unban, Some(certificate)) => {
                self.accounts.insert(target, Standing::Member(certificate));
            }
            (VoteKind::Unban, None) => {
                self.accounts.insert(target, Standing::Invited);
            }
            (VoteKind::Promote, Some(certificate)) => {
                self.accounts.insert(target, Standing::Admin(certificate));
                self.admins.push((event.key(), target));
            }
            (VoteKind::Demote, Some(certificate)) => {
                self.accounts.insert(target, Standing::Member(certificate));
                self.admins.retain(|(_, uri)| *uri != target);
                self.votes.retain(|vote| vote.voter != target);
            }
            (VoteKind::Promote | VoteKind::Demote, None) => {}
        }
        self.votes.retain(|vote| vote.target != target);
    }

    /// Removes everything that stands in the tree for an account: certificate, revocation list, devices,
    /// votes by it and about it.
    fn drop_files_of(&mut self, uri: &Uri) {
        self.accounts.remove(uri);
        self.admins.retain(|(_, admin)| admin != uri);
        if let Some(list) = self.revocations.get_mut(uri) {
            list.shown = None;
        }
        let own: Vec<DeviceId> = self.devices().filter(|(_, account)| account == uri).map(|(id, _)| id).collect();
        for device in own {
            self.devices.remove(&device);
        }
        self.votes.retain(|vote| vote.voter != *uri && vote.target != *uri);
    }

    /// Takes in the certificates that a commit brings for its own author.
    pub(crate) fn bring(&mut self, author: Uri, brought: &Brought) {
        if let Some(renewed) = brought.account
            && let Some(Standing::Admin(certificate) | Standing::Member(certificate)) = self.accounts.get_mut(&author)
        {
            *certificate = renewed;
        }
        // Nobody brings a device along as they go.
        if let Some((id, device)) = brought.device
            && self.is_member(&author)
        {
            self.devices.insert(id, device);
        }
        if let Some(list) = &brought.list {
            let mut revocations = self.revocations.get(&author).cloned().unwrap_or_default().with(list);
            if !self.is_member(&author) {
                revocations.shown = None;
            }
            self.revocations.insert(author, revocations);
        }
    }
}
