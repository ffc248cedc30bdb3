//! Groups that several tests begin with.

use crate::{World, text};
use parv_model::{CommitId, Mode, VoteKind};

/// The number of the device that was stolen in [`stolen_device`].
pub const THIEF: usize = 4;

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
