//! What commits that came in mean to people: the events they make.

use super::log;
use super::room::View;
use crate::event::{DeviceChange, Event, MemberChange};
use parv_model::{ConversationId, Message, Role, Target, Uri, VoteKind};
use parv_validator::{CheckedCommit, State};

/// What else a change means: resolutions that stand against each other now, devices that turned out to have forked, and
/// forks that are held.
pub(super) fn findings(conversation: ConversationId, before: &View, after: &View) -> Vec<Event> {
    let conflicts = after.conflicts.iter().filter(|conflict| !before.conflicts.contains(conflict));
    let conflicts = conflicts.map(|conflict| Event::Undecided { conversation, conflict: *conflict });
    let forked = |device| before.equivocations.iter().any(|known| known.device == device);
    let proofs = after.equivocations.iter().filter(|proof| !forked(proof.device));
    let proofs = proofs.map(|proof| Event::Equivocation { conversation, proof: *proof });
    let held = after.held.iter().filter(|held| !before.held.contains(held));
    let held = held.map(|fork| Event::Held { conversation, fork: *fork });
    conflicts.chain(proofs).chain(held).collect()
}

/// The event of a commit by `author`, given the state that it led to. A resolution that is without effect there (a
/// concurrent one outranks it) makes none, nor does the first commit, nor a text without words.
pub(super) fn event(conversation: ConversationId, commit: &CheckedCommit, author: Uri, after: &State) -> Option<Event> {
    let id = commit.id();
    let member = |uri: Uri, change| Some(Event::Member { conversation, uri, by: author, change, commit: id });
    match commit.message() {
        Message::Initial { .. } => None,
        // It only brings certificates.
        Message::Text { body } if body.is_empty() => None,
        Message::Text { .. }
        | Message::Reply { .. }
        | Message::Reaction { .. }
        | Message::Edit { .. }
        | Message::File(_)
        | Message::Call(_) => {
            let entry = log::entry(id, author, commit.commit(), commit.message().clone());
            Some(Event::Message { conversation, entry })
        }
        Message::Add(uri) => member(*uri, MemberChange::Added),
        Message::Join(uri) => member(*uri, MemberChange::Joined),
        Message::Leave(uri) => member(*uri, MemberChange::Left),
        Message::Vote(kind, target) => {
            Some(Event::Vote { conversation, by: author, kind: *kind, target: *target, commit: id })
        }
        Message::Resolve(kind, Target::Device(device)) => {
            let banned = after.is_device_banned(device);
            let told = |change| Some(Event::Device { conversation, device: *device, by: author, change, commit: id });
            match kind {
                VoteKind::Ban if banned => told(DeviceChange::Banned),
                VoteKind::Unban if !banned => told(DeviceChange::Unbanned),
                _ => None,
            }
        }
        Message::Resolve(kind, Target::Account(uri)) => {
            let banned = after.role(uri) == Some(Role::Banned);
            let admin = after.is_admin(uri);
            match kind {
                VoteKind::Ban if banned => member(*uri, MemberChange::Banned),
                VoteKind::Unban if !banned => member(*uri, MemberChange::Unbanned),
                VoteKind::Promote if admin => member(*uri, MemberChange::Promoted),
                VoteKind::Demote if !admin => member(*uri, MemberChange::Demoted),
                _ => None,
            }
        }
        Message::UpdateProfile => Some(Event::Profile { conversation, by: author, commit: id }),
        Message::Merge => Some(Event::Merged { conversation, commit: id }),
    }
}
