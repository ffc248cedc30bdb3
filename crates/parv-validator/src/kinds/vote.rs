//! `vote`: an admin's opinion on somebody, as one empty file in the admin's name.

use super::{Case, require_target};
use parv_model::{Refusal, Uri, VoteKind};

pub(super) fn check(case: &Case<'_>, kind: VoteKind, target: &Uri) -> Result<(), Refusal> {
    case.require_admin("vote")?;
    case.require(*target != case.author, || "nobody votes on themselves".into())?;
    require_target(case, kind, target)?;
    let cast = case.before.votes(kind, target).contains(&case.author);
    case.require(!cast, || format!("{} has already voted to {kind} {target}", case.author))
}
