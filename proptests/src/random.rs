//! Random histories: people with several devices in several partitions, whose certificates end and are renewed and revoked;
//! and dishonest ones among them, who write on parents of long ago with the clock of that time or of the future, fork, and
//! show what they wrote only later.

use crate::model::Event;
use crate::{World, text};
use parv_identity::certificate::Validity;
use parv_model::{CommitId, Message, Mode, VoteKind};
use proptest::prelude::*;

/// How many people there are; three of them are admins in the end of the beginning, and two strangers.
pub const PEOPLE: usize = 6;

/// How many devices each of them has.
pub const DEVICES: usize = 2;

/// How many partitions write on their own.
const PARTITIONS: usize = 3;

/// For how many seconds certificates are good that are not good for ever.
const TERM: i64 = 2_000;

/// How many seconds pass when some time passes.
const WHILE: i64 = 1_500;

/// One thing that somebody tries. Numbers pick among what there is; what is not valid is simply refused.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Who tries; from [`PEOPLE`] on it is somebody's second device.
    pub writer: usize,
    /// On which commit.
    pub on: Place,
    /// Which date it bears.
    pub clock: Clock,
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

/// The clock of somebody who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// What it is.
    Right,
    /// Just after what it was written on: nobody can tell from then.
    Back,
    /// Long after.
    Ahead,
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
    /// A leave, an invitation by whoever can, and a join.
    Return,
    /// A new certificate for the account or for the device, good since so many seconds ago, and a text that brings it.
    Renew(Paper, i64),
    /// A list that revokes this device of the account, and a text that brings it.
    Revoke(usize),
    /// Some time passes before a text.
    Later,
}

/// Which certificate is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    /// That of the account.
    Account,
    /// That of the device.
    Device,
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        6 => (0..PARTITIONS).prop_map(Place::Newest),
        3 => (0..10usize).prop_map(Place::Back),
        1 => (10..60usize).prop_map(Place::Back),
    ]
}

/// Honest devices have clocks that are right, nearly always.
fn clock(on: Place) -> impl Strategy<Value = Clock> {
    let (right, back) = if matches!(on, Place::Newest(_)) { (12, 0) } else { (0, 12) };
    prop_oneof![right => Just(Clock::Right), back => Just(Clock::Back), 1 => Just(Clock::Ahead)]
}

/// What is about certificates.
fn paperwork() -> impl Strategy<Value = Deed> {
    prop_oneof![
        1 => (0..2 * TERM).prop_map(|age| Deed::Renew(Paper::Account, age)),
        2 => (0..2 * TERM).prop_map(|age| Deed::Renew(Paper::Device, age)),
        2 => (0..DEVICES).prop_map(Deed::Revoke),
        2 => Just(Deed::Later),
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
        1 => Just(Deed::Return),
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

fn attempts_at(deeds: BoxedStrategy<Deed>, most: usize) -> impl Strategy<Value = Vec<Attempt>> {
    let attempt = place().prop_flat_map(move |on| {
        let attempt = (0..PEOPLE * DEVICES, clock(on), deeds.clone());
        attempt.prop_map(move |(writer, clock, deed)| Attempt { writer, on, clock, deed })
    });
    prop::collection::vec(attempt, 1..most)
}

/// Up to `most` attempts with votes of these kinds, and no paperwork.
pub fn attempts_of(kinds: &[VoteKind], most: usize) -> impl Strategy<Value = Vec<Attempt>> {
    attempts_at(deed(kinds).boxed(), most)
}

/// Up to 40 attempts of every kind.
pub fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    attempts_at(prop_oneof![4 => deed(&VoteKind::ALL), 1 => paperwork()].boxed(), 40)
}

/// Up to 30 attempts, half of which are about certificates.
pub fn paperwork_attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let kinds = [VoteKind::Ban, VoteKind::Demote];
    attempts_at(prop_oneof![deed(&kinds), paperwork()].boxed(), 30)
}

/// A mode in which more than two can take part.
pub fn modes() -> impl Strategy<Value = Mode> {
    prop_oneof![3 => Just(Mode::InvitesOnly), 1 => Just(Mode::AdminInvitesOnly), 1 => Just(Mode::Public)]
}

/// Plays the attempts; `tried` is told of each of them, and whether it was accepted.
pub fn play_and_tell(mode: Mode, attempts: &[Attempt], mut tried: impl FnMut(&World, Event, bool)) -> World {
    let mut world = beginning(mode);
    let mut newest = [*world.history.last().expect("a first commit"); PARTITIONS];
    for Attempt { writer, on, clock, deed } in attempts {
        let find = |world: &World, newest: &[CommitId], place: Place| match place {
            Place::Newest(partition) => newest[partition],
            Place::Back(back) => world.history[world.history.len().saturating_sub(1 + back)],
        };
        let mut head = find(&world, &newest, *on);
        let mut write = |world: &mut World, writer: usize, parents: &[CommitId], message: Message| {
            let time = match clock {
                Clock::Right => world.now(),
                Clock::Back => world.just_after(parents),
                Clock::Ahead => world.now() + 2 * TERM,
            };
            let (event, result) = world.attempt(time, writer, parents, message);
            tried(world, event, result.is_ok());
            result.ok()
        };
        let own = world.uri(*writer);
        let now = world.now();
        let good_since = |age: i64| Validity::new(now - age, now + TERM).expect("a period");
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
            Deed::Return => {
                head = write(&mut world, *writer, &[head], Message::Leave(own)).unwrap_or(head);
                let inviting = (0..PEOPLE).find_map(|host| write(&mut world, host, &[head], Message::Add(own)));
                head = inviting.unwrap_or(head);
                Message::Join(own)
            }
            Deed::Renew(Paper::Account, age) => {
                world.people[*writer].renew_account(good_since(*age));
                text("my account's certificate is new")
            }
            Deed::Renew(Paper::Device, age) => {
                world.people[*writer].renew_device(good_since(*age));
                text("my device's certificate is new")
            }
            Deed::Revoke(device) => {
                let revoked = *world.people[device * PEOPLE + writer % PEOPLE].credentials.device.serial();
                world.people[*writer].revoke([revoked]);
                text("one of my devices is lost")
            }
            Deed::Later => {
                world.wait(WHILE);
                text("long time no see")
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
    play_and_tell(mode, attempts, |_, _, _| {})
}

/// Persons 0, 1 and 2 are admins, 3 is a member, the others are strangers. The certificates of every second one's account, of
/// person 3's devices and of all second devices begin now and end after a [`TERM`].
fn beginning(mode: Mode) -> World {
    let mut world = World::new(u8::try_from(PEOPLE).expect("few people"), mode, None);
    let good = Validity::new(world.now(), world.now() + TERM).expect("a period");
    world.people.iter_mut().skip(1).step_by(2).for_each(|person| person.renew_account(good));
    world.bring_devices(DEVICES);
    world.people.iter_mut().enumerate().filter(|(n, _)| *n == 3 || *n >= PEOPLE).for_each(|(_, person)| {
        person.renew_device(good);
    });
    let mut head = world.gather(world.root(), &[1, 2, 3]);
    head = world.decide(head, &[0], VoteKind::Promote, 1);
    world.decide(head, &[0, 1], VoteKind::Promote, 2);
    world
}
