//! Random histories with forks, merges, votes, bans and leaves: whatever the order of arrival and whichever way it is
//! computed, the same commits mean the same state.

use parv_model::{CommitId, Mode};
use parv_proptests::World;
use parv_proptests::random::{attempts, modes, play};
use parv_validator::Replica;
use proptest::prelude::*;

/// The history in another order that keeps parents before children, chosen by `choices`.
fn shuffled(world: &World, choices: &[u8]) -> Vec<CommitId> {
    let parents = |id: &CommitId| {
        let (commit, _) = parv_model::Commit::decode(world.objects.commit(id)).expect("an accepted commit");
        commit.parents
    };
    let mut open: Vec<CommitId> = world.history.clone();
    let mut order: Vec<CommitId> = Vec::new();
    let mut choices = choices.iter().cycle();
    while !open.is_empty() {
        let ready: Vec<usize> =
            (0..open.len()).filter(|&i| parents(&open[i]).iter().all(|parent| order.contains(parent))).collect();
        let choice = usize::from(*choices.next().expect("choices are not empty"));
        order.push(open.remove(ready[choice % ready.len()]));
    }
    order
}

fn heads(replica: &Replica, world: &World) -> Vec<CommitId> {
    replica.maximal(&world.history)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: parv_proptests::cases(48), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_arrival_does_not_matter(
        attempts in attempts(),
        mode in modes(),
        choices in prop::collection::vec(any::<u8>(), 8..64),
    ) {
        let mut world = play(mode, &attempts);
        let mut other = world.replay(&shuffled(&world, &choices));
        let heads = heads(&other, &world);
        prop_assert_eq!(world.replica.state(&heads), other.state(&heads));
    }

    #[test]
    fn the_fast_paths_agree_with_the_rules_in_full(attempts in attempts(), mode in modes()) {
        let mut world = play(mode, &attempts);
        for commit in world.history.clone() {
            let fast = world.replica.state(&[commit]);
            let full = world.replica.resolve_in_full(&[commit]);
            prop_assert_eq!(&*fast, &full, "after commit {}", commit);
        }
        let heads = heads(&world.replica, &world);
        let fast = world.replica.state(&heads);
        let full = world.replica.resolve_in_full(&heads);
        prop_assert_eq!(&*fast, &full, "over all heads");
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace(attempts in attempts(), cut in 0..40usize) {
        let mut world = play(Mode::InvitesOnly, &attempts);
        let history = world.history.clone();
        let cut = cut.min(history.len() - 1);
        let mut replica = world.replay(&history[..=cut]);
        let before = replica.state(&history[..=cut]);
        let checkpoint = replica.checkpoint();
        for id in &history[cut + 1..] {
            let commit = parv_validator::CheckedCommit::check(world.objects.commit(id)).expect("accepted before");
            replica.admit(&commit, &world.objects).expect("accepted before");
        }
        replica.rollback(checkpoint);
        prop_assert_eq!(replica.len(), cut + 1);
        prop_assert_eq!(replica.state(&history), before);
        // And the same commits can come again.
        for id in &history[cut + 1..] {
            let commit = parv_validator::CheckedCommit::check(world.objects.commit(id)).expect("accepted before");
            replica.admit(&commit, &world.objects).expect("accepted before");
        }
        let heads = heads(&replica, &world);
        prop_assert_eq!(replica.state(&heads), world.replica.state(&heads));
    }
}
