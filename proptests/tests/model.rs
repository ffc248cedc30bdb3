//! The validator against the reference model, on every case: who may do what, and what everything comes to.

use parv_model::{CommitId, VoteKind};
use parv_proptests::random::{attempts, attempts_of, modes, paperwork_attempts, play, play_and_tell};
use parv_proptests::{World, cases};
use proptest::prelude::*;

/// Both agree on the state after every commit, over all heads, and over each of `choices`, a part of the commits.
fn agree(world: &mut World, choices: &[Vec<prop::sample::Index>]) -> Result<(), TestCaseError> {
    let model = world.model();
    let history = world.history.clone();
    for (place, commit) in history.iter().enumerate() {
        let event = &model.events()[place];
        prop_assert_eq!(&world.observe(&[*commit]), &*model.state(&[place]), "after event {} {:?}", place, event);
    }
    prop_assert_eq!(&world.observe(&history), &*model.state(&model.heads()), "over all heads");
    for choice in choices {
        let places: Vec<usize> = choice.iter().map(|index| index.index(history.len())).collect();
        let commits: Vec<CommitId> = places.iter().map(|&place| history[place]).collect();
        prop_assert_eq!(&world.observe(&commits), &*model.state(&places), "where only {:?} is known", places);
    }
    Ok(())
}

/// What a device knows that others withhold something from: a few commits with everything behind them.
fn partly_known() -> impl Strategy<Value = Vec<Vec<prop::sample::Index>>> {
    let commits = prop::collection::vec(any::<prop::sample::Index>(), 1..5);
    prop::collection::vec(commits, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_validator_and_the_model_agree(mode in modes(), attempts in attempts(), known in partly_known()) {
        agree(&mut play(mode, &attempts), &known)?;
    }

    #[test]
    fn they_agree_on_conflicts_about_members(
        attempts in attempts_of(&[VoteKind::Ban, VoteKind::Promote, VoteKind::Demote], 30),
        known in partly_known(),
    ) {
        agree(&mut play(parv_model::Mode::InvitesOnly, &attempts), &known)?;
    }

    #[test]
    fn they_agree_on_certificates(attempts in paperwork_attempts(), known in partly_known()) {
        agree(&mut play(parv_model::Mode::InvitesOnly, &attempts), &known)?;
    }

    #[test]
    fn they_agree_on_who_may_do_what(mode in modes(), attempts in prop_oneof![attempts(), paperwork_attempts()]) {
        let mut disagreements = Vec::new();
        let mut model = parv_proptests::model::History::default();
        play_and_tell(mode, &attempts, |world, event, accepted| {
            // The world knows the commit already if it was accepted; the model is asked about the time before.
            let known = model.events().len();
            let new = &world.history[known..];
            let before = if accepted { &new[..new.len().saturating_sub(1)] } else { new };
            before.iter().for_each(|id| model.push(world.event_of(id)));
            if model.allowed(&event) != accepted {
                disagreements.push(format!("{event:?} accepted: {accepted}"));
            }
        });
        prop_assert!(disagreements.is_empty(), "{:?}", disagreements);
    }
}
