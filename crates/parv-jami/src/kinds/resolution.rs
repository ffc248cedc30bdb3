//! `member` / `ban`, `unban`: the resolution of a vote. It needs more than half of the admins, the target counted among them.

use super::Case;
use super::vote::require_target;
use crate::lenience::Laxness;
use crate::path::{Ballot, Category, Path, Target};
use parv_model::{Refusal, Rule};

pub(super) fn judge(case: &mut Case<'_>, ballot: Ballot, target: Target) -> Result<(), Refusal> {
    case.require_admin(&format!("resolve a vote to {ballot}"))?;
    let category = category(case, ballot, target)?;
    require_target(case, ballot, category, target)?;
    let admins: Vec<_> = case.before.admins().collect();
    let cast = case.before.voters(ballot, category, target);
    let votes = cast.iter().filter(|(_, voter)| admins.contains(voter)).count();
    if 2 * votes <= admins.len() {
        let why = format!("{votes} of {} admins voted to {ballot} {target}, and more than half must", admins.len());
        if 2 * votes < admins.len() {
            return Err(case.refuse(why));
        }
        case.rules.lax(case.commit, Laxness::HalfMajority, Rule::Kind, why)?;
    }
    for (vote, _) in cast {
        case.files.remove(&vote);
    }
    let (from, to) = match ballot {
        Ballot::Ban => (Path::Standing(category, target), Path::Banned(category, target)),
        Ballot::Unban => (Path::Banned(category, target), Path::Standing(category, target)),
    };
    if let Some(file) = case.files.remove(&from) {
        case.files.insert(to, file);
    }
    match target {
        Target::Account(account) if ballot == Ballot::Ban => case.drop_devices_of(account),
        _ => Ok(()),
    }
}

/// The folder that the vote was about: the one that the commit moves the target out of, if it moves them.
fn category(case: &Case<'_>, ballot: Ballot, target: Target) -> Result<Category, Refusal> {
    for category in Category::ALL {
        let (from, to) = match ballot {
            Ballot::Ban => (Path::Standing(category, target), Path::Banned(category, target)),
            Ballot::Unban => (Path::Banned(category, target), Path::Standing(category, target)),
        };
        if case.before.has(&from) && !case.before.has(&to) && case.entry(&to)?.is_some() {
            return Ok(category);
        }
    }
    Err(case.refuse(format!("it moves nothing of {target}, which to {ballot} does")))
}
