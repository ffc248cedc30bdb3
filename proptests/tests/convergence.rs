//! Random histories with forks, merges, votes, bans and leaves: whatever the order of arrival and whichever way it is
//! computed, the same commits mean the same state.

use parv_model::{CommitId, Message, Mode, VoteKind};
use parv_proptests::{World, text};
use parv_validator::Replica;
use proptest::prelude::*;

/// One thing that somebody tries. Numbers pick among what there is; what is not valid is simply refused.
#[derive(Debug, Clone)]
struct Attempt {
    author: usize,
    /// How far back from the newest commit the parent lies.
    back: usize,
    deed: Deed,
}

#[derive(Debug, Clone)]
enum Deed {
    Text,
    Add(usize),
    Join,
    Leave,
    Vote(VoteKind, usize),
    Resolve(VoteKind, usize),
    /// Vote by everybody who can, then resolve.
    Decide(VoteKind, usize),
    Profile,
    Merge(usize),
}

const PEOPLE: usize = 6;

fn deed() -> impl Strategy<Value = Deed> {
    let kind = prop::sample::select(VoteKind::ALL.to_vec());
    let someone = 0..PEOPLE;
    prop_oneof![
        4 => Just(Deed::Text),
        2 => someone.clone().prop_map(Deed::Add),
        2 => Just(Deed::Join),
        1 => Just(Deed::Leave),
        3 => (kind.clone(), someone.clone()).prop_map(|(kind, who)| Deed::Vote(kind, who)),
        2 => (kind.clone(), someone.clone()).prop_map(|(kind, who)| Deed::Resolve(kind, who)),
        4 => (kind, someone.clone()).prop_map(|(kind, who)| Deed::Decide(kind, who)),
        1 => Just(Deed::Profile),
        4 => (0..12usize).prop_map(Deed::Merge),
    ]
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    // Mostly near the newest commits, sometimes far back: that is what a fork of the past looks like.
    let back = prop_oneof![6 => 0..3usize, 2 => 3..10usize, 1 => 10..60usize];
    let attempt = (0..PEOPLE, back, deed()).prop_map(|(author, back, deed)| Attempt { author, back, deed });
    prop::collection::vec(attempt, 1..40)
}

fn play(mode: Mode, attempts: &[Attempt]) -> World {
    let mut world = World::new(PEOPLE as u8, mode, None);
    let mut head = world.root();
    head = world.gather(head, &[1, 2, 3]);
    head = world.decide(head, &[0], VoteKind::Promote, 1);
    world.decide(head, &[0, 1], VoteKind::Promote, 2);
    for Attempt { author, back, deed } in attempts {
        let pick = |world: &World, back: usize| world.history[world.history.len().saturating_sub(1 + back)];
        let parent = pick(&world, *back);
        let own = world.uri(*author);
        let message = match deed {
            Deed::Text => text("hello"),
            Deed::Add(who) => Message::Add(world.uri(*who)),
            Deed::Join => Message::Join(own),
            Deed::Leave => Message::Leave(own),
            Deed::Vote(kind, who) => Message::Vote(*kind, world.uri(*who)),
            Deed::Resolve(kind, who) => Message::Resolve(*kind, world.uri(*who)),
            Deed::Profile => Message::UpdateProfile,
            Deed::Merge(other) => {
                let other = pick(&world, *other);
                let _ = world.write(*author, &[parent, other], Message::Merge);
                continue;
            }
            Deed::Decide(kind, who) => {
                let target = world.uri(*who);
                let mut head = parent;
                for voter in 0..PEOPLE {
                    head = world.write(voter, &[head], Message::Vote(*kind, target)).unwrap_or(head);
                }
                let _ = world.write(*author, &[head], Message::Resolve(*kind, target));
                continue;
            }
        };
        let _ = world.write(*author, &[parent], message);
    }
    world
}

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
        public in any::<bool>(),
        choices in prop::collection::vec(any::<u8>(), 8..64),
    ) {
        let mode = if public { Mode::Public } else { Mode::InvitesOnly };
        let mut world = play(mode, &attempts);
        let mut other = world.replay(&shuffled(&world, &choices));
        let heads = heads(&other, &world);
        prop_assert_eq!(world.replica.state(&heads), other.state(&heads));
    }

    #[test]
    fn the_fast_paths_agree_with_the_rules_in_full(attempts in attempts(), public in any::<bool>()) {
        let mode = if public { Mode::Public } else { Mode::InvitesOnly };
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
