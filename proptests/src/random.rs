//! Random histories: people with several devices in several partitions, and dishonest ones among them, who write on
//! parents of long ago with the clock of that time, fork, and show what they wrote only later.

use crate::{World, text};
use parv_model::{CommitId, Message, Mode, VoteKind};
use proptest::prelude::*;

/// How many people there are; three of them are admins in the end of the beginning, and two strangers.
pub const PEOPLE: usize = 6;

/// How many devices each of them has.
pub const DEVICES: usize = 2;

/// How many partitions write on their own.
const PARTITIONS: usize = 3;

/// One thing that somebody tries. Numbers pick among what there is; what is not valid is simply refused.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Who tries; from [`PEOPLE`] on it is somebody's second device.
    pub writer: usize,
    /// On which commit.
    pub on: Place,
    /// What.
    pub deed: Deed,
}

/// A commit to write on.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// The newest one of a partition: what an honest device does.
    Newest(usize),
    /// The one so far back in the order of writing, wherever that was: what a dishonest one does.
    Back(usize),
}

/// What somebody tries.
#[derive(Debug, Clone)]
pub enum Deed {
    /// A text.
    Text,
    /// An invitation.
    Add(usize),
    /// A join.
    Join,
    /// A leave.
    Leave,
    /// A vote.
    Vote(VoteKind, usize),
    /// A resolution.
    Resolve(VoteKind, usize),
    /// A vote of everybody who can, then the resolution.
    Decide(VoteKind, usize),
    /// A vote on the device of a writer.
    VoteOnDevice(VoteKind, usize),
    /// A resolution on the device of a writer.
    ResolveOnDevice(VoteKind, usize),
    /// A vote of everybody who can on the device of a writer, then the resolution.
    DecideOnDevice(VoteKind, usize),
    /// A profile.
    Profile,
    /// A merge.
    Merge(Place),
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        6 => (0..PARTITIONS).prop_map(Place::Newest),
        3 => (0..10usize).prop_map(Place::Back),
        1 => (10..60usize).prop_map(Place::Back),
    ]
}

fn deed(kinds: &[VoteKind]) -> impl Strategy<Value = Deed> + use<> {
    let kind = prop::sample::select(kinds.to_vec());
    let someone = 0..PEOPLE;
    let device_kind = prop_oneof![2 => Just(VoteKind::Ban), 1 => Just(VoteKind::Unban)];
    let device = 0..PEOPLE * DEVICES;
    prop_oneof![
        4 => Just(Deed::Text),
        2 => someone.clone().prop_map(Deed::Add),
        2 => Just(Deed::Join),
        1 => Just(Deed::Leave),
        3 => (kind.clone(), someone.clone()).prop_map(|(kind, who)| Deed::Vote(kind, who)),
        2 => (kind.clone(), someone.clone()).prop_map(|(kind, who)| Deed::Resolve(kind, who)),
        4 => (kind, someone).prop_map(|(kind, who)| Deed::Decide(kind, who)),
        1 => (device_kind.clone(), device.clone()).prop_map(|(kind, which)| Deed::VoteOnDevice(kind, which)),
        1 => (device_kind.clone(), device.clone()).prop_map(|(kind, which)| Deed::ResolveOnDevice(kind, which)),
        2 => (device_kind, device).prop_map(|(kind, which)| Deed::DecideOnDevice(kind, which)),
        1 => Just(Deed::Profile),
        4 => place().prop_map(Deed::Merge),
    ]
}

/// Up to `most` attempts with votes of these kinds.
pub fn attempts_of(kinds: &[VoteKind], most: usize) -> impl Strategy<Value = Vec<Attempt>> + use<> {
    let attempt = (0..PEOPLE * DEVICES, place(), deed(kinds));
    let attempt = attempt.prop_map(|(writer, on, deed)| Attempt { writer, on, deed });
    prop::collection::vec(attempt, 1..most)
}

/// Up to 40 attempts of every kind.
pub fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    attempts_of(&VoteKind::ALL, 40)
}

/// A mode in which more than two can take part.
pub fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![3 => Just(Mode::InvitesOnly), 1 => Just(Mode::AdminInvitesOnly), 1 => Just(Mode::Public)]
}

/// Plays the attempts; `tried` is told of each of them: writer, parents, message, and whether it was accepted.
pub fn play_and_tell(
    mode: Mode,
    attempts: &[Attempt],
    mut tried: impl FnMut(&World, usize, &[CommitId], &Message, bool),
) -> World {
    let mut world = beginning(mode);
    let mut newest = [*world.history.last().expect("a first commit"); PARTITIONS];
    for Attempt { writer, on, deed } in attempts {
        let find = |world: &World, newest: &[CommitId], place: Place| match place {
            Place::Newest(partition) => newest[partition],
            Place::Back(back) => world.history[world.history.len().saturating_sub(1 + back)],
        };
        let mut head = find(&world, &newest, *on);
        let mut write = |world: &mut World, writer: usize, parents: &[CommitId], message: Message| {
            let honest = matches!(on, Place::Newest(_));
            let time = if honest { world.now() } else { world.just_after(parents) };
            let result = world.write_at(time, writer, parents, message.clone());
            tried(world, writer, parents, &message, result.is_ok());
            result.ok()
        };
        let own = world.uri(*writer);
        let message = match deed {
            Deed::Text => text("hello"),
            Deed::Add(who) => Message::Add(world.uri(*who)),
            Deed::Join => Message::Join(own),
            Deed::Leave => Message::Leave(own),
            Deed::Vote(kind, who) => Message::Vote(*kind, world.uri(*who).into()),
            Deed::Resolve(kind, who) => Message::Resolve(*kind, world.uri(*who).into()),
            Deed::VoteOnDevice(kind, which) => Message::Vote(*kind, world.people[*which].device().into()),
            Deed::ResolveOnDevice(kind, which) => Message::Resolve(*kind, world.people[*which].device().into()),
            Deed::Profile => Message::UpdateProfile,
            Deed::Merge(_) => Message::Merge,
            Deed::Decide(kind, _) | Deed::DecideOnDevice(kind, _) => {
                let target = match deed {
                    Deed::DecideOnDevice(_, which) => world.people[*which].device().into(),
                    Deed::Decide(_, who) => world.uri(*who).into(),
                    _ => unreachable!("these two decide"),
                };
                for voter in 0..PEOPLE {
                    head = write(&mut world, voter, &[head], Message::Vote(*kind, target)).unwrap_or(head);
                }
                Message::Resolve(*kind, target)
            }
        };
        let parents = match deed {
            Deed::Merge(other) => vec![head, find(&world, &newest, *other)],
            _ => vec![head],
        };
        head = write(&mut world, *writer, &parents, message).unwrap_or(head);
        if let Place::Newest(partition) = on {
            newest[*partition] = head;
        }
    }
    world
}

/// Plays the attempts.
pub fn play(mode: Mode, attempts: &[Attempt]) -> World {
    play_and_tell(mode, attempts, |_, _, _, _, _| {})
}

/// Persons 0, 1 and 2 are admins, 3 is a member, the others are strangers.
fn beginning(mode: Mode) -> World {
    let mut world = World::new(u8::try_from(PEOPLE).expect("few people"), mode, None);
    world.bring_devices(DEVICES);
    let mut head = world.gather(world.root(), &[1, 2, 3]);
    head = world.decide(head, &[0], VoteKind::Promote, 1);
    world.decide(head, &[0, 1], VoteKind::Promote, 2);
    world
}
