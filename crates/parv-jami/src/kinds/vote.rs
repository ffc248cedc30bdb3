//! `vote`: an admin's opinion on somebody, as one empty file in the admin's name. For what it is, only the file says.

use super::Case;
use crate::lenience::Laxness;
use crate::path::{Ballot, Category, Path, Target};
use crate::state::File;
use parv_model::{Refusal, Rule};

pub(super) fn judge(case: &mut Case<'_>, target: Target) -> Result<(), Refusal> {
    case.require_admin("vote")?;
    let itself = match target {
        Target::Account(account) => account == case.author,
        Target::Device(device) => device == case.commit.commit().device,
    };
    case.require(!itself, || "nobody votes on themselves".to_owned())?;
    let ballots = [Ballot::Ban, Ballot::Unban].into_iter();
    let all = ballots.flat_map(|ballot| Category::ALL.map(|category| (ballot, category)));
    let mut cast = false;
    for (ballot, category) in all {
        let path = Path::Vote(ballot, category, target, case.author);
        if case.entry(&path)?.is_none() {
            continue;
        }
        cast = true;
        // Who votes again says nothing new; daemons do write such commits.
        if !case.before.has(&path) {
            require_target(case, ballot, category, target)?;
            case.files.insert(path, File::empty());
        }
    }
    let why = || format!("it leaves no vote about {target}");
    case.rules.expect(cast, case.commit, Laxness::VoteWithoutFile, Rule::Kind, why)
}

/// Whether somebody is where a vote says they are.
pub(super) fn require_target(
    case: &Case<'_>,
    ballot: Ballot,
    category: Category,
    target: Target,
) -> Result<(), Refusal> {
    let place = match ballot {
        Ballot::Ban => Path::Standing(category, target),
        Ballot::Unban => Path::Banned(category, target),
    };
    case.require(case.before.has(&place), || format!("it is to {ballot} {target}, but there is no {place}"))
}
