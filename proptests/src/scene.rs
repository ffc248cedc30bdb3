//! Groups that several tests begin with.

use crate::{World, text};
use parv_model::{CommitId, Mode, VoteKind};

/// The number of the device that was stolen in [`stolen_device`].
pub const THIEF: usize = 4;

/// How many people there are in [`assembly`], most of whom are strangers.
pub const PEOPLE: u8 = 12;

/// A conversation in which the first `admins` people are admins and the next `members` are members. With the only head.
pub fn assembly(mode: Mode, admins: usize, members: usize) -> (World, CommitId) {
    let mut world = World::new(PEOPLE, mode, None);
    let others: Vec<usize> = (1..admins + members).collect();
    let mut head = world.gather(world.root(), &others);
    for new in 1..admins {
        head = world.decide(head, &(0..=(new / 2)).collect::<Vec<_>>(), VoteKind::Promote, new);
    }
    (world, head)
}

/// Three admins; person 3 is a member with a second device, number [`THIEF`], which was stolen. With the only head.
pub fn stolen_device() -> (World, CommitId) {
    let mut world = World::new(4, Mode::InvitesOnly, None);
    let mut head = world.gather(world.root(), &[1, 2, 3]);
    head = world.decide(head, &[0], VoteKind::Promote, 1);
    head = world.decide(head, &[0, 1], VoteKind::Promote, 2);
    let second = world.people[3].at_device(1);
    world.people.push(second);
    head = world.line(head, &[(THIEF, text("from my second device"))]);
    (world, head)
}
