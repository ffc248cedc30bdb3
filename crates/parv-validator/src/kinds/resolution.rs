//! `member` / `ban`, `unban`, `promote`, `demote`: the resolution of a vote. It needs **more than** half of the admins,
//! the target counted among them: exactly half is no majority, so two admins cannot evict each other.

use super::{Case, require_target};
use parv_model::{Refusal, Target, VoteKind};

pub(super) fn check(case: &Case<'_>, kind: VoteKind, target: &Target) -> Result<(), Refusal> {
    case.require_admin(&format!("resolve a vote to {kind}"))?;
    require_target(case, kind, target)?;
    case.require(case.before.majority(kind, target), || {
        let votes = case.before.votes(kind, target).len();
        let admins = case.before.admins().len();
        format!("{votes} of {admins} admins voted to {kind} {target}, and more than half must")
    })
}
