//! `vote`: an admin's opinion on somebody or on a device, as one empty file in the admin's name.

use super::{Case, require_target};
use parv_model::{Refusal, Target, VoteKind};

pub(super) fn check(case: &Case<'_>, kind: VoteKind, target: &Target) -> Result<(), Refusal> {
    case.require_admin("vote")?;
    case.require(target.account() != Some(case.author), || "nobody votes on themselves".into())?;
    let own = case.commit.commit().device;
    case.require(target.device() != Some(own), || "no device votes on itself".into())?;
    require_target(case, kind, target)?;
    let cast = case.before.votes(kind, target).contains(&case.author);
    case.require(!cast, || format!("{} has already voted to {kind} {target}", case.author))
}
