//! Attested time (validation §7): what time it is at least, by the word of more than half of the admins.
//!
//! A date in a commit is a claim. The attested time of a commit is the largest t such that more than half of the admins
//! each have an ancestor of it dated t or later. It only grows along the history, no minority can move it, and no device
//! can run behind it. Certificates are held against it, and against nothing else.

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
    words.sort_by(|a, b| b.cmp(a));
    words.get(words.len() / 2).copied().flatten()
}

/// Refuses a commit whose author's certificate is not good at its attested time.
pub(crate) fn require_good(
    commit: &CheckedCommit,
    dates: &Behind<'_, Swarm>,
    state: &State,
    whose: &str,
    validity: Validity,
) -> Result<(), Refusal> {
    // The attested time is one of the dates, so most certificates need no closer look.
    if validity.not_before <= 0 && dates.newest() <= validity.not_after {
        return Ok(());
    }
    match attested(dates, state) {
        Some(time) if !validity.contains(time) => Err(commit.refuse(
            Rule::Certificate,
            format!(
                "the certificate of its {whose} is good from {} to {} (seconds since 1970), and it is {time} by the word \
                 of more than half of the admins",
                validity.not_before, validity.not_after
            ),
        )),
        _ => Ok(()),
    }
}
