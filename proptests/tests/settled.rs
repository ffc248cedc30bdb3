//! A replica whose old commits lie in a store answers as one that has everything in memory, whenever they were put there,
//! and also after it was brought back from there.

use parv_model::{CommitId, Mode};
use parv_proptests::random::{Attempt, attempts, modes, paperwork_attempts, play};
use parv_proptests::{Shelf, World, cases};
use parv_validator::settled::{Pair, Position, Row, Settled};
use parv_validator::swarm::Swarm;
use parv_validator::{CheckedCommit, Equivocation, Replica};
use proptest::prelude::*;

#[test]
fn what_is_kept_must_lead_back() {
    // A row that is its own parent, or stands on a later one, would make questions run in circles.
    let world = play(Mode::InvitesOnly, &[]);
    let mut replica = world.replay(&world.history);
    let mut shelf = Shelf::default();
    shelf.take_from(&mut replica);
    let last = shelf.commits() - 1;
    let damages: [fn(&mut Row<Swarm>, Position); 4] = [
        |row, at| row.parents = Pair::One(at),
        |row, at| row.trail.previous = Some(at + 1),
        |row, at| row.chain = at + 1,
        |row, at| row.complete = at + 2,
    ];
    for damage in damages {
        let mut shelf = shelf.clone();
        damage(&mut shelf.rows[last as usize], last);
        assert!(shelf.restore(&replica.summary(), &world).is_err());
    }
    assert!(shelf.restore(&replica.summary(), &world).is_ok(), "the control");
}

fn histories() -> impl Strategy<Value = Vec<Attempt>> {
    prop_oneof![1 => attempts(), 1 => paperwork_attempts()]
}

/// What is done after a commit was admitted.
#[derive(Debug, Clone, Copy)]
enum Then {
    Nothing,
    /// What is held of the commits is put into the store.
    Settle,
    /// The same, and everything else is forgotten and read back.
    Restore,
    /// It is taken back and comes again.
    Again,
}

fn plans() -> impl Strategy<Value = Vec<Then>> {
    let then = prop_oneof![
        8 => Just(Then::Nothing),
        2 => Just(Then::Settle),
        2 => Just(Then::Restore),
        1 => Just(Then::Again),
    ];
    prop::collection::vec(then, 8..64)
}

/// Admits a history in this order, with the store at work along the way.
fn with_store(world: &World, order: &[CommitId], plan: &[Then]) -> (Replica, Shelf) {
    let mut replica = Replica::begin(world.checked(&order[0]), &world.objects).expect("accepted before");
    let mut shelf = Shelf::default();
    for (id, then) in order[1..].iter().zip(plan.iter().cycle()) {
        let before = replica.checkpoint();
        replica.admit(world.checked(id), &world.objects).expect("accepted before");
        match then {
            Then::Nothing => {}
            Then::Settle => shelf.take_from(&mut replica),
            Then::Restore => {
                shelf.take_from(&mut replica);
                replica = shelf.restore(&replica.summary(), world).expect("nothing is damaged");
            }
            Then::Again => {
                replica.rollback(before);
                replica.admit(world.checked(id), &world.objects).expect("accepted before");
            }
        }
    }
    (replica, shelf)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(32), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_changes_no_answer(
        attempts in histories(),
        mode in modes(),
        choices in prop::collection::vec(any::<u8>(), 8..64),
        plan in plans(),
        part in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let world = play(mode, &attempts);
        let order = world.shuffled(&choices);
        let mut plain = world.replay(&order);
        let (mut stored, shelf) = with_store(&world, &order, &plan);
        prop_assert_eq!(stored.settled() as usize, shelf.rows.len());
        prop_assert_eq!(stored.len(), plain.len());
        let some: Vec<CommitId> = part.iter().map(|index| *index.get(&order)).collect();
        for heads in [world.heads(), some] {
            prop_assert_eq!(stored.maximal(&heads), plain.maximal(&heads));
            prop_assert_eq!(stored.state(&heads), plain.state(&heads));
            prop_assert_eq!(stored.content(&heads), plain.content(&heads));
            for person in &world.people {
                prop_assert_eq!(stored.lost_votes(&heads, person.uri()), plain.lost_votes(&heads, person.uri()));
            }
            for head in &order {
                prop_assert_eq!(stored.brings_control(head, &heads), plain.brings_control(head, &heads));
            }
        }
        for x in &order {
            prop_assert_eq!(stored.display_key(x), plain.display_key(x));
            prop_assert_eq!(stored.author(x), plain.author(x));
            for y in &order {
                prop_assert_eq!(stored.is_behind(x, y), plain.is_behind(x, y));
            }
        }
        for person in &world.people {
            let (device, uri) = (person.device(), person.uri());
            prop_assert_eq!(stored.last_commit_of(&device), plain.last_commit_of(&device));
            let early = |commit: &CommitId| order.iter().take(order.len() / 2).any(|known| known == commit);
            let newest = |replica: &Replica| replica.newest_commit_where(&device, &uri, early);
            prop_assert_eq!(newest(&stored), newest(&plain));
        }
        let forks = |replica: &Replica| replica.equivocations().collect::<Vec<Equivocation>>();
        prop_assert_eq!(forks(&stored), forks(&plain));
        for (bytes, rule) in &world.refused {
            let judge = |replica: &mut Replica| {
                let judged = CheckedCommit::check(bytes).and_then(|commit| replica.admit(&commit, &world.objects));
                judged.expect_err("it was refused before")
            };
            prop_assert_eq!(judge(&mut stored), judge(&mut plain));
            prop_assert_eq!(judge(&mut stored).rule, *rule);
        }
        prop_assert_eq!(stored.unreadable(), None);
    }

    #[test]
    fn what_is_kept_is_what_would_be_kept_anew(attempts in histories(), mode in modes(), plan in plans()) {
        let world = play(mode, &attempts);
        let kept = |mut replica: Replica, mut shelf: Shelf| {
            shelf.take_from(&mut replica);
            let rows: Vec<_> = (0..shelf.commits()).map(|position| shelf.row(position)).collect();
            (format!("{rows:?}"), format!("{:?}", replica.summary()))
        };
        let (stored, shelf) = with_store(&world, &world.history, &plan);
        prop_assert_eq!(kept(stored, shelf), kept(world.replay(&world.history), Shelf::default()));
    }

    #[test]
    fn nothing_is_admitted_on_what_cannot_be_read(
        attempts in histories(),
        mode in modes(),
        broken in any::<prop::sample::Index>(),
    ) {
        let world = play(mode, &attempts);
        let half = world.history.len().div_ceil(2);
        let mut replica = world.replay(&world.history[..half]);
        let mut shelf = Shelf { broken: Some(broken.index(half) as Position), ..Shelf::default() };
        shelf.take_from(&mut replica);
        for id in &world.history[half..] {
            let admitted = replica.admit(world.checked(id), &world.objects);
            prop_assert_eq!(admitted.is_ok(), replica.unreadable().is_none());
        }
    }

    #[test]
    fn a_summary_that_does_not_fit_is_refused_or_changes_nothing(
        attempts in histories(),
        mode in modes(),
        at in any::<prop::sample::Index>(),
        wrong in any::<u32>(),
    ) {
        let world = play(mode, &attempts);
        let mut plain = world.replay(&world.history);
        let mut shelf = Shelf::default();
        shelf.take_from(&mut plain);
        let mut summary = plain.summary();
        let (steps, step) = (summary.steps.len(), at.index(summary.steps.len()));
        match wrong % 3 {
            0 => summary.steps[step].first = wrong % summary.commits,
            1 => drop(summary.steps.remove(step)),
            _ => summary.steps.swap(step, wrong as usize % steps),
        }
        if let Ok(mut replica) = shelf.restore(&summary, &world) {
            let heads = world.heads();
            prop_assert_eq!(replica.state(&heads), plain.state(&heads));
        }
    }
}
