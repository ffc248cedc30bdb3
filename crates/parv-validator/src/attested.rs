//! Attested time (validation §7): what time it is at least, by the word of more than half of the admins.
//!
//! A date in a commit is a claim. The attested time of a commit is the largest t such that more than half of the admins
//! each have an ancestor of it dated t or later. It only grows along the history while the admins are the same, no minority
//! can move it, and no device can run behind it. Certificates are held against it, and against nothing else.
//!
//! Working it out means asking every admin. So a commit that changed nothing keeps what it was found to have reached: what
//! comes next has reached it too, and for a certificate that was good by then nobody need be asked again.

use crate::checked::CheckedCommit;
use crate::replica::Behind;
use crate::state::State;
use crate::swarm::Swarm;
use parv_identity::certificate::Validity;
use parv_model::{Refusal, Rule};

/// The attested time of a commit with this past, whose state is `state`. None where there are no admins, or so many
/// silent ones that no time has a majority.
fn attested(dates: &Behind<'_, Swarm>, state: &State) -> Option<i64> {
    let mut words: Vec<Option<i64>> = state.admins().map(|admin| dates.newest_of(&admin)).collect();
    let majority = words.len() / 2;
    if words.is_empty() {
        return None;
    }
    *words.select_nth_unstable_by(majority, |a, b| b.cmp(a)).1
}

/// A time that it has reached for sure, as a parent with the same admins remembers.
fn reached(dates: &Behind<'_, Swarm>, state: &State) -> Option<i64> {
    let same = dates.marks().filter(|(_, after)| after.admins.ptr_eq(&state.admins));
    same.filter_map(|(mark, _)| mark.reached).max()
}

/// Refuses a commit of whose author's certificates one is not good at its attested time. Gives a time that this has reached,
/// as far as that is known.
pub(crate) fn require_good(
    commit: &CheckedCommit,
    dates: &Behind<'_, Swarm>,
    state: &State,
    certificates: [Option<(&str, Validity)>; 2],
) -> Result<Option<i64>, Refusal> {
    let reached = reached(dates, state);
    // The attested time is one of the dates, so most certificates need no closer look.
    let (earliest, latest) = (reached.unwrap_or(0), dates.newest());
    if certificates.iter().flatten().all(|(_, good)| good.not_before <= earliest && latest <= good.not_after) {
        return Ok(reached);
    }
    let Some(time) = attested(dates, state) else { return Ok(None) };
    match certificates.iter().flatten().find(|(_, good)| !good.contains(time)) {
        Some((whose, good)) => Err(commit.refuse(
            Rule::Certificate,
            format!(
                "the certificate of its {whose} is good from {} to {} (seconds since 1970), and it is {time} by the word \
                 of more than half of the admins",
                good.not_before, good.not_after
            ),
        )),
        None => Ok(Some(time)),
    }
}
