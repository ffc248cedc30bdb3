//! What one event changes, on a line of single parents (validation §5, last column).
//!
//! On such a line nothing is concurrent, so the state of the past and the event itself are all there is to know.

use crate::event::{Act, Brought, Event};
use crate::state::{Standing, State, Vote};
use parv_model::{Category, DeviceId, Target, Uri, VoteKind};
use std::collections::BTreeSet;

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
        Act::Resolve { kind, category, target } => {
            match target {
                Target::Account(uri) => state.resolve(kind, category, uri, event),
                Target::Device(device) => state.resolve_device(kind, device),
            }
            state.votes.retain(|vote| vote.target != target);
            if kind == VoteKind::Ban {
                state.bans.insert(event.commit, target);
            }
        }
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
    }

    /// A device's certificate moves to where it shows that the device is banned, or back; back only while its account is
    /// a member, since nobody else's devices are shown.
    fn resolve_device(&mut self, kind: VoteKind, device: DeviceId) {
        match kind {
            VoteKind::Ban => {
                if let Some(papers) = self.devices.remove(&device) {
                    self.banned_devices.insert(device, papers);
                }
            }
            VoteKind::Unban => {
                if let Some(papers) = self.banned_devices.remove(&device)
                    && self.is_member(&papers.account)
                {
                    self.devices.insert(device, papers);
                }
            }
            VoteKind::Promote | VoteKind::Demote => {}
        }
    }

    /// Removes everything that stands in the tree for an account: certificate, revocation list, devices,
    /// votes by it, about it, and about its devices. Devices that are banned stay so.
    fn drop_files_of(&mut self, uri: &Uri) {
        self.accounts.remove(uri);
        self.admins.retain(|(_, admin)| admin != uri);
        if let Some(list) = self.revocations.get_mut(uri) {
            list.shown = None;
        }
        let all = self.devices().chain(self.banned_devices());
        let own: BTreeSet<Target> = all.filter(|(_, account)| account == uri).map(|(id, _)| id.into()).collect();
        self.votes
            .retain(|vote| vote.voter != *uri && vote.target != Target::Account(*uri) && !own.contains(&vote.target));
        for device in own.into_iter().filter_map(Target::device) {
            self.devices.remove(&device);
        }
    }

    /// Takes in the certificates that a commit brings for its own author.
    pub(crate) fn bring(&mut self, author: Uri, brought: &Brought) {
        if let Some(renewed) = brought.account
            && let Some(Standing::Admin(certificate) | Standing::Member(certificate)) = self.accounts.get_mut(&author)
        {
            *certificate = renewed;
        }
        // Nobody brings a device along as they go, or as it is banned.
        if let Some((id, device)) = brought.device
            && self.is_member(&author)
            && !self.is_device_banned(&id)
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
