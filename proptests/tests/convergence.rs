//! Random histories with partitions, merges, votes, bans, leaves, renewals, revocations and dishonest devices: whatever the
//! order of arrival and whichever way it is computed, the same commits mean the same state and the same tree.

use parv_model::{CommitId, Mode};
use parv_proptests::random::{Attempt, attempts, modes, paperwork_attempts, play};
use parv_proptests::{World, cases};
use parv_validator::{CheckedCommit, Replica};
use proptest::prelude::*;

/// Numbers by which an order of arrival is chosen.
fn choices() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 8..64)
}

fn histories() -> impl Strategy<Value = Vec<Attempt>> {
    prop_oneof![2 => attempts(), 1 => paperwork_attempts()]
}

/// Some commits of a history.
fn some(world: &World, choice: &[prop::sample::Index]) -> Vec<CommitId> {
    choice.iter().map(|index| *index.get(&world.history)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_arrival_does_not_matter(
        attempts in histories(),
        mode in modes(),
        choices in choices(),
        part in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let mut world = play(mode, &attempts);
        let mut other = world.replay(&world.shuffled(&choices));
        for heads in [world.heads(), some(&world, &part)] {
            prop_assert_eq!(world.replica.state(&heads), other.state(&heads));
        }
    }

    #[test]
    fn what_one_accepts_all_accept_and_what_one_refuses_all_refuse(
        attempts in histories(),
        mode in modes(),
        choices in choices(),
    ) {
        let world = play(mode, &attempts);
        let mut other = world.replay(&world.shuffled(&choices));
        for (bytes, rule) in &world.refused {
            let judged = CheckedCommit::check(bytes).and_then(|commit| other.admit(&commit, &world.objects));
            let refusal = judged.expect_err("it was refused before, and its past is the same");
            prop_assert_eq!(refusal.rule, *rule, "{}", refusal);
        }
        prop_assert_eq!(other.len(), world.history.len());
    }

    #[test]
    fn the_fast_paths_agree_with_the_rules_in_full(attempts in histories(), mode in modes()) {
        let mut world = play(mode, &attempts);
        for commit in world.history.clone() {
            let fast = world.replica.state(&[commit]);
            let full = world.replica.resolve_in_full(&[commit]);
            prop_assert_eq!(&*fast, &full, "after commit {}", commit);
        }
        let heads = world.heads();
        let fast = world.replica.state(&heads);
        let full = world.replica.resolve_in_full(&heads);
        prop_assert_eq!(&*fast, &full, "over all heads");
    }

    #[test]
    fn what_was_computed_before_does_not_matter(
        attempts in histories(),
        mode in modes(),
        choices in choices(),
        asked in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 1..4), 1..12),
    ) {
        let world = play(mode, &attempts);
        // One replica is asked along the way, the other only at the end.
        let order = world.shuffled(&choices);
        let mut curious = Replica::begin(world.checked(&order[0]), &world.objects).expect("accepted before");
        for (place, id) in order.iter().enumerate().skip(1) {
            curious.admit(world.checked(id), &world.objects).expect("accepted before");
            curious.state(&some(&world, &asked[place % asked.len()]));
            curious.state(&order[..=place]);
        }
        let mut fresh = world.replay(&world.history);
        let heads = world.heads();
        prop_assert_eq!(curious.state(&heads), fresh.state(&heads));
        for choice in &asked {
            let heads = some(&world, choice);
            prop_assert_eq!(curious.state(&heads), fresh.state(&heads));
        }
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace(attempts in histories(), cut in 0..40usize) {
        let mut world = play(Mode::InvitesOnly, &attempts);
        let history = world.history.clone();
        let cut = cut.min(history.len() - 1);
        let mut replica = world.replay(&history[..=cut]);
        let before = replica.state(&history[..=cut]);
        let checkpoint = replica.checkpoint();
        for id in &history[cut + 1..] {
            replica.admit(world.checked(id), &world.objects).expect("accepted before");
        }
        replica.rollback(checkpoint);
        prop_assert_eq!(replica.len(), cut + 1);
        prop_assert_eq!(replica.state(&history), before);
        // And the same commits can come again.
        for id in &history[cut + 1..] {
            replica.admit(world.checked(id), &world.objects).expect("accepted before");
        }
        let heads = world.heads();
        prop_assert_eq!(replica.state(&heads), world.replica.state(&heads));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48).div_ceil(16), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hundred_orders_of_arrival_give_the_same_bytes(
        attempts in histories(),
        mode in modes(),
        orders in prop::collection::vec(choices(), 100),
    ) {
        let mut world = play(mode, &attempts);
        let heads = world.heads();
        let (tree, trees) = {
            let rendered = world.replica.state(&heads).render();
            (rendered.id, rendered.trees)
        };
        for choices in orders {
            let rendered = world.replay(&world.shuffled(&choices)).state(&heads).render();
            prop_assert_eq!(rendered.id, tree);
            prop_assert_eq!(&rendered.trees, &trees);
        }
    }
}
