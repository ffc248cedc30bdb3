//! Every history of some small worlds, up to a bound: the fast paths, the rules in full, the model, and a replica that hears
//! of everything in another order come to the same state. `PARV_DEPTH=n` takes n more moves (docs/src/convergence.md says
//! how many histories that are).

use parv_model::{CommitId, Message, Mode, VoteKind};
use parv_proptests::small_world::{Move, SmallWorld};
use parv_proptests::{World, text};

fn depth(usual: usize) -> usize {
    usual + std::env::var("PARV_DEPTH").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The first `admins` people are admins, the next `members` are members; one more is a stranger.
fn setup(admins: usize, members: usize) -> (World, CommitId) {
    let people = u8::try_from(admins + members + 1).expect("a small world");
    let mut world = World::new(people, Mode::InvitesOnly, None);
    let mut head = world.gather(world.root(), &(1..admins + members).collect::<Vec<_>>());
    for new in 1..admins {
        head = world.decide(head, &(0..=(new / 2)).collect::<Vec<_>>(), VoteKind::Promote, new);
    }
    (world, head)
}

/// These people vote so, and the first of them resolves.
fn decision(world: &World, voters: &[usize], kind: VoteKind, target: usize) -> Move {
    let target = world.uri(target);
    let votes = voters.iter().map(|&voter| (voter, Message::Vote(kind, target.into())));
    votes.chain([(voters[0], Message::Resolve(kind, target.into()))]).collect()
}

fn explore(
    name: &str,
    world: World,
    head: CommitId,
    moves: Vec<Move>,
    mergers: Vec<usize>,
    depth: usize,
    least: usize,
) {
    let explored = SmallWorld::new(world, moves, mergers).explore(head, depth);
    println!("{name}: {} histories of up to {depth} moves, {} commits", explored.histories, explored.longest);
    assert!(explored.histories >= least, "only {explored:?}");
}

#[test]
fn the_founder_alone_and_somebody_who_comes_into_office() {
    let (world, head) = setup(1, 1);
    let (a, b) = (world.uri(0), world.uri(1));
    let mut moves: Vec<Move> = vec![vec![(0, text("x"))], vec![(1, text("x"))], vec![(1, Message::Leave(b))]];
    for kind in [VoteKind::Promote, VoteKind::Ban, VoteKind::Unban, VoteKind::Demote] {
        moves.extend([vec![(0, Message::Vote(kind, b.into()))], vec![(0, Message::Resolve(kind, b.into()))]]);
    }
    moves.extend([
        vec![(1, Message::Vote(VoteKind::Ban, a.into()))],
        vec![(1, Message::Resolve(VoteKind::Ban, a.into()))],
    ]);
    explore("founder, single commits", world, head, moves, vec![0, 1], depth(4), 500);
}

#[test]
fn three_admins_who_ban_demote_and_leave() {
    let (world, head) = setup(3, 0);
    let mut moves: Vec<Move> = Vec::new();
    for who in 0..3 {
        let others: Vec<usize> = (0..3).filter(|&other| other != who).collect();
        moves.push(vec![(who, text("x"))]);
        moves.push(vec![(who, Message::Leave(world.uri(who)))]);
        moves.push(vec![(who, Message::Vote(VoteKind::Ban, world.uri(others[0]).into()))]);
        moves.push(decision(&world, &others, VoteKind::Ban, who));
        moves.push(decision(&world, &others, VoteKind::Demote, who));
        moves.push(decision(&world, &others, VoteKind::Unban, who));
    }
    explore("three admins, decisions", world, head, moves, vec![0, 2], depth(2), 250);
}

#[test]
fn three_admins_vote_by_vote() {
    let (world, head) = setup(3, 0);
    let mut moves: Vec<Move> = Vec::new();
    for who in 0..3 {
        for target in (0..3).filter(|&target| target != who) {
            moves.push(vec![(who, Message::Vote(VoteKind::Ban, world.uri(target).into()))]);
        }
        moves.push(vec![(who, Message::Resolve(VoteKind::Ban, world.uri((who + 1) % 3).into()))]);
        moves.push(vec![(who, text("x"))]);
    }
    explore("three admins, single commits", world, head, moves, vec![1], depth(3), 1000);
}

#[test]
fn a_member_and_somebody_new() {
    let (world, head) = setup(2, 1);
    let (member, new) = (world.uri(2), world.uri(3));
    let mut moves: Vec<Move> = vec![
        vec![(2, Message::Add(new))],
        vec![(0, Message::Add(new))],
        vec![(3, Message::Join(new))],
        vec![(3, Message::Leave(new))],
        vec![(2, Message::Leave(member))],
        vec![(0, text("x"))],
        vec![(3, text("x"))],
    ];
    for target in [2, 3] {
        moves.push(decision(&world, &[0, 1], VoteKind::Ban, target));
        moves.push(decision(&world, &[0, 1], VoteKind::Unban, target));
    }
    explore("a member and somebody new", world, head, moves, vec![1, 2], depth(3), 200);
}
