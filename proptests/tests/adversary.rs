//! The adversary of the design's executable model: a strict minority of the admins, with whoever is to be banned and all who
//! they bring along, forges commits anywhere in the past of a ban on which every honest admin has built. The banned one stays
//! out, and no honest admin loses office.

use parv_model::{CommitId, Message, Mode, Role, VoteKind};
use parv_proptests::{World, cases, text};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;

/// At most five admins and two members, then those whom the adversary brings along.
const PEOPLE: usize = 15;
const FIRST_SYBIL: usize = 7;

/// What the adversary tries.
#[derive(Debug, Clone)]
struct Forgery {
    by: Index,
    on: Index,
    /// On a forged commit, if there is one.
    goes_on: bool,
    deed: u8,
    kind: VoteKind,
    whom: Index,
}

fn forgeries() -> impl Strategy<Value = Vec<Forgery>> {
    let kinds = [VoteKind::Ban, VoteKind::Ban, VoteKind::Promote, VoteKind::Unban, VoteKind::Demote];
    let kind = prop::sample::select(kinds.to_vec());
    let index = any::<Index>;
    let forgery = (index(), index(), prop::bool::weighted(0.7), 0..20u8, kind, index());
    let forgery = forgery.prop_map(|(by, on, goes_on, deed, kind, whom)| Forgery { by, on, goes_on, deed, kind, whom });
    prop::collection::vec(forgery, 1..36)
}

/// Everybody's part.
#[derive(Debug)]
struct Cast {
    admins: usize,
    members: usize,
    honest: Vec<usize>,
    evil: BTreeSet<usize>,
}

fn cast() -> impl Strategy<Value = Cast> {
    let seeds = (3..=5usize, 0..=2usize, any::<bool>(), any::<Index>());
    seeds.prop_map(|(admins, members, founder_is_evil, pick)| {
        let most = (admins - 1) / 2;
        let mut evil: BTreeSet<usize> = BTreeSet::new();
        if founder_is_evil {
            evil.insert(0);
        }
        while evil.len() < 1 + pick.index(most) {
            evil.insert(1 + (pick.index(admins) + evil.len()) % (admins - 1));
        }
        let honest = (0..admins).filter(|admin| !evil.contains(admin)).collect();
        Cast { admins, members, honest, evil }
    })
}

/// All are admitted and promoted, and every honest admin has said something since.
fn setup(cast: &Cast) -> (World, CommitId) {
    let mut world = World::new(PEOPLE as u8, Mode::InvitesOnly, None);
    let mut head = world.gather(world.root(), &(1..cast.admins).collect::<Vec<_>>());
    head = world.gather(head, &(5..5 + cast.members).collect::<Vec<_>>());
    for new in 1..cast.admins {
        head = world.decide(head, &(0..=(new / 2)).collect::<Vec<_>>(), VoteKind::Promote, new);
    }
    let words: Vec<_> = cast.honest.iter().map(|&who| (who, text("here"))).collect();
    let head = world.line(head, &words);
    (world, head)
}

/// Forges on commits that do not know of the ban; gives what was accepted.
fn forge(world: &mut World, evil: &mut BTreeSet<usize>, unaware: &[CommitId], tries: &[Forgery]) -> Vec<CommitId> {
    let mut forged: Vec<CommitId> = Vec::new();
    let mut next_sybil = FIRST_SYBIL;
    for Forgery { by, on, goes_on, deed, kind, whom } in tries {
        let all: Vec<usize> = evil.iter().copied().collect();
        let (by, parents) = (*by.get(&all), if *goes_on && !forged.is_empty() { &forged } else { unaware });
        let parent = *on.get(parents);
        let known: Vec<usize> =
            (0..PEOPLE).filter(|&n| world.replica.state(&[parent]).role(&world.uri(n)).is_some()).collect();
        let target = *whom.get(&known);
        let (parents, message) = match deed {
            0..=2 => (vec![parent], text("never banned")),
            3..=5 if next_sybil < PEOPLE => {
                let uri = world.uri(next_sybil);
                if let Ok(added) = world.write(by, &[parent], Message::Add(uri))
                    && let Ok(joined) = world.write(next_sybil, &[added], Message::Join(uri))
                {
                    forged.push(joined);
                    evil.insert(next_sybil);
                    next_sybil += 1;
                }
                continue;
            }
            3..=5 => (vec![parent], Message::Add(world.uri(target))),
            6..=13 => (vec![parent], Message::Vote(*kind, world.uri(target).into())),
            14..=18 => {
                let open = world.replica.state(&[parent]).open_votes();
                let Some((kind, target)) = open.into_iter().nth(whom.index(4)) else { continue };
                (vec![parent], Message::Resolve(kind, target))
            }
            _ => (vec![parent, *whom.get(if forged.is_empty() { unaware } else { &forged })], Message::Merge),
        };
        forged.extend(world.write(by, &parents, message));
    }
    forged
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(64), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn attack_a_minority_neither_returns_nor_evicts(cast in cast(), pick in any::<Index>(), forgeries in forgeries()) {
        let (mut world, head) = setup(&cast);
        let candidates: Vec<usize> = cast.evil.iter().copied().chain(5..5 + cast.members).collect();
        let target = *pick.get(&candidates);
        let unaware = world.history.clone();
        let banned = world.decide(head, &cast.honest[..cast.admins / 2 + 1], VoteKind::Ban, target);
        let words: Vec<_> = cast.honest.iter().map(|&who| (who, text("so be it"))).collect();
        let head = world.line(banned, &words);
        let mut evil = cast.evil.clone();
        evil.insert(target);
        let forged = forge(&mut world, &mut evil, &unaware, &forgeries);
        let state = world.replica.state(&[vec![head], forged].concat());
        prop_assert_eq!(state.role(&world.uri(target)), Some(Role::Banned), "person {} has returned", target);
        for &honest in &cast.honest {
            prop_assert!(state.is_admin(&world.uri(honest)), "person {} has lost office", honest);
        }
    }
}
