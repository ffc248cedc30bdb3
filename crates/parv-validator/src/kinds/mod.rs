//! What each kind of commit needs, and what it does (validation §5). One file for one kind.

mod add;
mod initial;
mod join;
mod leave;
mod profile;
mod reference;
mod resolution;
mod vote;

use crate::authority::{self, Author};
use crate::checked::CheckedCommit;
use crate::event::{Act, Brought};
use crate::replica::Behind;
use crate::rules::Deed;
use crate::source::BlobSource;
use crate::state::State;
use crate::swarm::{Effect, Swarm};
use parv_model::{BlobId, DeviceId, Message, Refusal, Rule, Target, TreePath, Uri, VoteKind};

pub(crate) use initial::{initial, initial_state};
pub(crate) use join::may_join;
pub(crate) use reference::Editable;

/// A commit that is being judged, with its past and the state of it.
struct Case<'a> {
    commit: &'a CheckedCommit,
    before: &'a State,
    past: &'a Behind<'a, Swarm>,
    author: Uri,
}

impl Case<'_> {
    fn refuse(&self, why: impl Into<String>) -> Refusal {
        self.commit.refuse(Rule::Kind, why)
    }

    fn require(&self, holds: bool, why: impl FnOnce() -> String) -> Result<(), Refusal> {
        if holds { Ok(()) } else { Err(self.refuse(why())) }
    }

    fn require_admin(&self, what: &str) -> Result<(), Refusal> {
        self.require(self.before.is_admin(&self.author), || format!("only an admin may {what}"))
    }
}

/// Judges a commit with one parent, whose state is `before`.
pub(crate) fn ordinary(
    commit: &CheckedCommit,
    before: &State,
    past: &Behind<'_, Swarm>,
    source: &dyn BlobSource,
) -> Result<Deed<Swarm>, Refusal> {
    let Author { uri: author, brought, reached } = match commit.message() {
        Message::Join(_) => join::newcomer(commit, before, past, source)?,
        _ => authority::member(commit, before, past, source)?,
    };
    let case = Case { commit, before, past, author };
    let mut profile_blob = None;
    match commit.message() {
        Message::Text { .. } | Message::File(_) | Message::Call(_) => {}
        Message::Reply { to, .. } | Message::Reaction { to, .. } => reference::check(&case, to)?,
        Message::Edit { of, body, .. } => reference::check_edit(&case, of, body)?,
        Message::Add(uri) => add::check(&case, uri)?,
        Message::Join(uri) => join::check(&case, uri)?,
        Message::Leave(uri) => leave::check(&case, uri)?,
        Message::Vote(kind, target) => vote::check(&case, *kind, target)?,
        Message::Resolve(kind, target) => resolution::check(&case, *kind, target)?,
        Message::UpdateProfile => profile_blob = Some(profile::check(&case, source)?),
        Message::Initial { .. } | Message::Merge => {
            return Err(commit.refuse(Rule::Structure, "it has one parent, which its kind has not"));
        }
    }
    let act = act(commit.message(), before, profile_blob, &brought)
        .ok_or_else(|| case.refuse("its target is not in this conversation"))?;
    Ok(Deed { author, effect: Effect { act, brought, reached } })
}

/// What a message does in a state, with what its commit brings; `None` when it is about somebody who has no file there.
/// Whether it may is not asked.
pub(crate) fn act(message: &Message, before: &State, profile: Option<BlobId>, brought: &Brought) -> Option<Act> {
    let act = match *message {
        Message::Initial { invited, .. } => Act::Initial { invited },
        Message::Text { .. } | Message::Reply { .. } | Message::Reaction { .. } | Message::Edit { .. } => Act::Witness,
        Message::File(_) | Message::Call(_) | Message::Merge => Act::Witness,
        Message::Add(uri) => Act::Add(uri),
        Message::Join(_) => Act::Join,
        Message::Leave(_) => Act::Leave,
        Message::Vote(kind, target) => Act::Vote { kind, category: before.category(&target)?, target },
        Message::Resolve(kind, target) => Act::Resolve { kind, category: before.category(&target)?, target },
        Message::UpdateProfile => Act::Profile(profile?),
    };
    Some(if act == Act::Witness && *brought != Brought::default() { Act::Certificates } else { act })
}

/// Whether somebody, or a device, is what a vote or a resolution of this kind can be about.
fn require_target(case: &Case<'_>, kind: VoteKind, target: &Target) -> Result<(), Refusal> {
    use parv_model::Role::{Admin, Banned, Invited, Member};
    let role = match target {
        Target::Account(uri) => case.before.role(uri),
        Target::Device(device) => return require_device(case, kind, device),
    };
    let (fits, needed) = match kind {
        VoteKind::Ban => (matches!(role, Some(Admin | Member | Invited)), "a member, an admin or an invitee"),
        VoteKind::Unban => (role == Some(Banned), "banned"),
        VoteKind::Promote => (role == Some(Member), "a member"),
        VoteKind::Demote => (role == Some(Admin), "an admin"),
    };
    case.require(fits, || format!("{kind} needs a target who is {needed}, and {target} is not"))
}

fn require_device(case: &Case<'_>, kind: VoteKind, device: &DeviceId) -> Result<(), Refusal> {
    let (fits, needed) = match kind {
        VoteKind::Ban => (case.before.device_account(device).is_some(), "a device that may write here"),
        VoteKind::Unban => (case.before.is_device_banned(device), "a banned device"),
        // Messages cannot say so; the rule stands here all the same.
        VoteKind::Promote | VoteKind::Demote => (false, "a person"),
    };
    case.require(fits, || format!("{kind} needs {needed}, and device {device} is not"))
}

/// `profile.vcf` in the commit's own tree.
fn profile_entry(case: &Case<'_>, source: &dyn BlobSource) -> Result<BlobId, Refusal> {
    authority::entry(case.commit, source, &TreePath::Profile)?.ok_or_else(|| case.refuse("it brings no profile.vcf"))
}
