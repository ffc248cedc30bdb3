//! `member` / `join`: an invitation is taken up. In mode `PUBLIC` strangers may come without one.

use super::Case;
use crate::authority::{self, Author};
use crate::checked::CheckedCommit;
use crate::replica::Behind;
use crate::source::BlobSource;
use crate::state::State;
use crate::swarm::Swarm;
use parv_model::{Mode, Refusal, Role, Rule, TreePath, Uri};

/// Who joins: the account that the certificate of the commit's device comes from.
pub(super) fn newcomer(
    commit: &CheckedCommit,
    before: &State,
    dates: &Behind<'_, Swarm>,
    source: &dyn BlobSource,
) -> Result<Author, Refusal> {
    let device = commit.commit().device;
    if let Some(account) = before.device_account(&device) {
        return Err(commit.refuse(Rule::Kind, format!("device {device} is already here, as one of {account}")));
    }
    let (author, brought) = authority::newcomer(commit, before, TreePath::Member, source)?;
    authority::require_good(commit, dates, before, author, brought)
}

/// Whether somebody may come in: an invitee; in mode `PUBLIC` also a stranger, and who has left.
pub(crate) fn may_join(before: &State, uri: &Uri) -> bool {
    match before.role(uri) {
        Some(Role::Invited) => true,
        None | Some(Role::Left) => before.mode() == Mode::Public,
        Some(Role::Banned | Role::Admin | Role::Member) => false,
    }
}

pub(super) fn check(case: &Case<'_>, uri: &Uri) -> Result<(), Refusal> {
    case.require(*uri == case.author, || format!("{} cannot join in the name of {uri}", case.author))?;
    case.require(may_join(case.before, uri), || match case.before.role(uri) {
        Some(Role::Banned) => format!("{uri} is banned"),
        Some(Role::Admin | Role::Member) => format!("{uri} is already here"),
        Some(Role::Invited | Role::Left) | None => format!("{uri} has not been invited"),
    })
}
