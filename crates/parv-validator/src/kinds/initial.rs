//! `initial`: the first commit. Its author is the first admin; in mode `ONE_TO_ONE` it names the other person.

use crate::authority;
use crate::checked::CheckedCommit;
use crate::event::Act;
use crate::rules::Deed;
use crate::source::BlobSource;
use crate::state::State;
use crate::swarm::{Effect, Swarm};
use parv_model::{Message, Mode, Refusal, Rule, TreePath, Uri};

/// The state before a first commit with this message.
pub(crate) fn initial_state(mode: Mode, invited: Option<Uri>) -> State {
    State::empty(mode, invited)
}

/// Judges a first commit; gives what it does and the state before it.
pub(crate) fn initial(commit: &CheckedCommit, source: &dyn BlobSource) -> Result<(Deed<Swarm>, State), Refusal> {
    let Message::Initial { mode, invited } = *commit.message() else {
        return Err(commit.refuse(Rule::Root, "a conversation begins with an initial commit"));
    };
    let before = initial_state(mode, invited);
    let (author, brought) = authority::newcomer(commit, &before, TreePath::Admin, source)?;
    if invited.is_some() && mode != Mode::OneToOne {
        return Err(commit.refuse(Rule::Kind, format!("only {} names somebody at the start", Mode::OneToOne)));
    }
    if invited == Some(author) {
        return Err(commit.refuse(Rule::Kind, "its author cannot be the other person too"));
    }
    Ok((Deed { author, effect: Effect { act: Act::Initial { invited }, brought, reached: None } }, before))
}
