//! Histories of people with several devices who write honestly, on parents of long ago, or against the rules: forged
//! trees, signatures of others, merges with one's own past. Real keys, real commits.
//!
//! The input is read as steps of four bytes (see [`Step`]), so that cutting and copying pieces of it makes sense.

use parv_identity::Crl;
use parv_model::{Commit, CommitId, DisplayName, Message, Mode, Refusal, Rule, Target, VoteKind};
use parv_proptests::{World, text};
use parv_validator::{CheckedCommit, Replica};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

/// How many people there are: three admins, a member and two strangers.
pub const PEOPLE: usize = 6;

/// How many devices each has.
const DEVICES: usize = 2;

/// How many partitions write on their own.
const PARTITIONS: usize = 3;

/// The most steps that are played; what comes after them is passed over. The rules in full, which are held against the
/// fast paths after every commit, cost the square of it.
const MAX_STEPS: usize = 40;

/// Who writes, where, what, and about whom: one byte each, of which the remainder counts.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The writer; from [`PEOPLE`] on, somebody's second device.
    pub writer: u8,
    /// The newest commit of a partition (0 to 2), or the one so far back in the order of writing.
    pub place: u8,
    /// One of [`deed`].
    pub deed: u8,
    /// The person it is about (lowest four bits), a kind of vote (the next two) on that person or, with [`DEVICE`], on
    /// one of the devices; or another place.
    pub about: u8,
}

/// The bit of [`Step::about`] that makes a vote one on a device.
pub const DEVICE: u8 = 0x80;

impl Step {
    /// How the input spells it.
    pub fn bytes(self) -> [u8; 4] {
        [self.writer, self.place, self.deed, self.about]
    }
}

/// What a step may do.
#[allow(missing_docs, reason = "the names say it")]
pub mod deed {
    pub const TEXT: u8 = 0;
    pub const ADD: u8 = 1;
    pub const JOIN: u8 = 2;
    pub const LEAVE: u8 = 3;
    pub const VOTE: u8 = 4;
    pub const RESOLVE: u8 = 5;
    pub const PROFILE: u8 = 6;
    pub const MERGE: u8 = 7;
    /// Everybody who can votes, then the writer resolves.
    pub const DECIDE: u8 = 8;
    /// What the last honest step said, with the tree of some other commit.
    pub const FOREIGN_TREE: u8 = 9;
    /// A merge of any two commits, with the tree that both come to.
    pub const ANY_MERGE: u8 = 10;
    /// A text or a merge that somebody else signed.
    pub const FOREIGN_SIGNATURE: u8 = 11;
    /// A text with one bit of its bytes flipped.
    pub const FLIPPED: u8 = 12;
    /// A control message with its parent's tree.
    pub const EMPTY_WORDS: u8 = 13;
    /// A text that says to be of another time.
    pub const OTHER_TIME: u8 = 14;
    /// A text that brings a revocation list of the writer's account, which revokes its first or second device.
    pub const REVOKE: u8 = 15;
    pub(super) const COUNT: u8 = 16;
}

/// Plays the steps and holds the validator to its promises.
pub fn hold(bytes: &[u8]) {
    let _ = played(bytes);
}

/// The same; how many commits were accepted, and how many forged ones were refused.
pub fn played(bytes: &[u8]) -> (usize, usize) {
    let Some((mode, steps)) = bytes.split_first() else { return (0, 0) };
    let steps: Vec<Step> = steps
        .chunks_exact(4)
        .take(MAX_STEPS)
        .map(|step| Step { writer: step[0], place: step[1], deed: step[2], about: step[3] })
        .collect();
    let mut play = Play::begin(*mode);
    steps.iter().for_each(|step| play.step(step));
    let counts = (play.since.len(), play.refused.len());
    play.hold(bytes);
    counts
}

/// A history under way.
struct Play {
    world: World,
    /// The replica as it was when it began.
    begun: Replica,
    /// How many commits it had then.
    beginning: usize,
    /// Every accepted commit since then.
    since: BTreeMap<CommitId, CheckedCommit>,
    newest: [CommitId; PARTITIONS],
    last: Message,
    /// What was refused, and by which rule.
    refused: Vec<(Vec<u8>, Rule)>,
}

impl Play {
    fn begin(mode: u8) -> Self {
        thread_local!(static BEGINNINGS: [OnceCell<World>; 3] = const { [const { OnceCell::new() }; 3] });
        let index = usize::from(mode) % 3;
        let mode = [Mode::InvitesOnly, Mode::AdminInvitesOnly, Mode::Public][index];
        let world = BEGINNINGS.with(|worlds| worlds[index].get_or_init(|| beginning(mode)).clone());
        let newest = [*world.history.last().expect("a first commit"); PARTITIONS];
        let (begun, beginning) = (world.replica.clone(), world.history.len());
        Self { world, begun, beginning, since: BTreeMap::new(), newest, last: text("hello"), refused: Vec::new() }
    }

    fn find(&self, place: u8) -> CommitId {
        let history = &self.world.history;
        match usize::from(place) {
            partition @ 0..PARTITIONS => self.newest[partition],
            back => history[history.len().saturating_sub(1 + (back - PARTITIONS) % history.len())],
        }
    }

    fn step(&mut self, step: &Step) {
        let writer = usize::from(step.writer) % (PEOPLE * DEVICES);
        let parent = self.find(step.place);
        let (someone, own) = (self.world.uri(usize::from(step.about & 15) % PEOPLE), self.world.uri(writer));
        let kind = VoteKind::ALL[usize::from(step.about >> 4) % 4];
        let target: Target = if step.about & DEVICE == 0 {
            someone.into()
        } else {
            self.world.people[usize::from(step.about & 15) % (PEOPLE * DEVICES)].device().into()
        };
        let message = match step.deed % deed::COUNT {
            deed::ADD => Message::Add(someone),
            deed::JOIN => Message::Join(own),
            deed::LEAVE => Message::Leave(own),
            deed::VOTE => Message::Vote(kind, target),
            deed::RESOLVE => Message::Resolve(kind, target),
            deed::PROFILE => Message::UpdateProfile,
            deed::MERGE => Message::Merge,
            deed::DECIDE => {
                let mut head = parent;
                for voter in 0..PEOPLE {
                    head = self.write(step, voter, &[head], Message::Vote(kind, target)).unwrap_or(head);
                }
                let head = self.write(step, writer, &[head], Message::Resolve(kind, target)).unwrap_or(head);
                return self.moved(step, head);
            }
            deed::REVOKE => {
                self.revoke(writer, usize::from(step.about) % DEVICES);
                text("one of my devices is gone")
            }
            hostile @ deed::FOREIGN_TREE..=deed::OTHER_TIME => return self.misbehave(hostile, step, writer, parent),
            _ => text("hello"),
        };
        let parents = if message == Message::Merge { vec![parent, self.find(step.about)] } else { vec![parent] };
        self.last = message.clone();
        if let Some(head) = self.write(step, writer, &parents, message) {
            self.moved(step, head);
        }
    }

    /// The writer has a new revocation list, with what its last one held and one more device.
    fn revoke(&mut self, writer: usize, device: usize) {
        let serial = *self.world.people[writer % PEOPLE + device * PEOPLE].credentials.device.serial();
        let person = &mut self.world.people[writer];
        let (number, mut revoked) = match &person.credentials.crl {
            Some(crl) => (crl.number() + 1, crl.revoked().clone()),
            None => (1, BTreeSet::new()),
        };
        revoked.insert(serial);
        let account = &person.credentials.account;
        let crl = Crl::issue(&person.account_key, account, number, &revoked, 1_000_000, 3_000_000_000);
        person.credentials.crl = Some(crl.expect("a short list"));
    }

    /// A partition goes on from what was written on its newest commit.
    fn moved(&mut self, step: &Step, head: CommitId) {
        if let Some(newest) = self.newest.get_mut(usize::from(step.place)) {
            *newest = head;
        }
    }

    /// Writes what an honest program would; with the clock of long ago on parents of long ago.
    fn write(&mut self, step: &Step, writer: usize, parents: &[CommitId], message: Message) -> Option<CommitId> {
        let honest = usize::from(step.place) < PARTITIONS;
        let time = if honest { self.world.now() } else { self.world.just_after(parents) };
        let id = self.world.write_at(time, writer, parents, message).ok()?;
        self.prove(id);
        Some(id)
    }

    /// Submits what no honest program would write.
    fn misbehave(&mut self, how: u8, step: &Step, writer: usize, parent: CommitId) {
        let other = self.find(step.about);
        let tree_of = |world: &mut World, commits: &[CommitId]| world.replica.state(commits).tree();
        let own_tree = tree_of(&mut self.world, &[parent]);
        let bytes = match how {
            deed::FOREIGN_TREE => {
                let tree = tree_of(&mut self.world, &[other]);
                self.world.forge(writer, &[parent], self.last.clone(), tree)
            }
            deed::ANY_MERGE => {
                let tree = tree_of(&mut self.world, &[parent, other]);
                self.world.forge(writer, &[parent, other], Message::Merge, tree)
            }
            deed::FOREIGN_SIGNATURE => {
                let good = self.world.forge(writer, &[parent], text("hello"), own_tree);
                let (commit, armour) = Commit::decode(&good).expect("our own words");
                let device = self.world.people[usize::from(step.about) % (PEOPLE * DEVICES)].device();
                Commit { device, ..commit }.encode(&armour)
            }
            deed::FLIPPED => {
                let mut bytes = self.world.forge(writer, &[parent], text("hello"), own_tree);
                let bit = usize::from(step.about) * 31 % (bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                bytes
            }
            deed::EMPTY_WORDS => self.world.forge(writer, &[parent], self.last.clone(), own_tree),
            _ => {
                let person = &self.world.people[writer];
                let commit = Commit {
                    tree: own_tree,
                    parents: vec![parent],
                    author: DisplayName::sanitise("somebody"),
                    device: person.device(),
                    time: [0, 1, 1_000_001, 3_999_999_999, 4_000_000_001, parv_model::limits::MAX_TIME]
                        [usize::from(step.about) % 6],
                    message: text("hello").encode(),
                };
                commit.encode(&parv_identity::sshsig::sign(&person.device_key, &commit.payload()))
            }
        };
        match self.world.submit(bytes.clone()) {
            Ok(id) => {
                assert!(!matches!(how, deed::FLIPPED), "a damaged commit was accepted");
                self.prove(id);
            }
            Err(refusal) => self.refused.push((bytes, refusal.rule)),
        }
    }

    /// The tree of an accepted commit is what its history comes to.
    fn prove(&mut self, id: CommitId) {
        let checked = CheckedCommit::check(self.world.objects.commit(&id)).expect("an accepted commit");
        let commit = checked.commit().clone();
        // The same words at the same time on the same parents are the same commit, also one of the beginning.
        if !self.begun.knows(&id) {
            self.since.insert(id, checked);
        }
        let state = self.world.replica.state(&[id]);
        assert_eq!(commit.tree, state.tree(), "the tree is a proof");
        assert_eq!(state.render().id, state.tree(), "what is shown is what is rendered");
        let author = self.world.replica.author(&id).expect("an accepted commit has an author");
        let device =
            self.world.people.iter().find(|person| person.device() == commit.device).map(|person| person.uri());
        assert_eq!(device, Some(author), "its device is its author's");
    }

    /// Everything that must be true of a whole history.
    fn hold(mut self, choices: &[u8]) {
        let history = self.world.history.clone();
        let heads = self.world.replica.maximal(&history);

        // The fast paths against the rules in full, after every commit and over all heads.
        let after_each = || history[self.beginning..].iter().map(std::slice::from_ref).chain([&heads[..]]);
        for commits in after_each() {
            let fast = self.world.replica.state(commits);
            assert_eq!(*fast, self.world.replica.resolve_in_full(commits), "fast path and rules differ at {commits:?}");
        }

        // Another order of arrival, with a part that is taken back and comes again in the order of writing.
        let order = self.shuffled(choices);
        let cut = usize::from(*choices.last().unwrap_or(&0)) % (order.len() + 1);
        let mut other = self.begun.clone();
        self.admit_all(&mut other, &order[..cut]);
        let checkpoint = other.checkpoint();
        let before = other.state(&history);
        self.admit_all(&mut other, &order[cut..]);
        other.rollback(checkpoint);
        assert_eq!(other.state(&history), before, "what is taken back leaves no trace");
        // The second time in the order of writing: what was remembered of the first time must be of no use.
        let again: Vec<CommitId> =
            history[self.beginning..].iter().filter(|id| !order[..cut].contains(id)).copied().collect();
        self.admit_all(&mut other, &again);
        for commits in after_each() {
            assert_eq!(self.world.replica.state(commits), other.state(commits), "the order of arrival matters");
        }
        for commit in &history {
            assert_eq!(self.world.replica.display_key(commit), other.display_key(commit));
        }
        let (local, fetched) = history.split_at(self.beginning + cut);
        let gates = [&mut self.world.replica, &mut other].map(|replica| replica.gate(local, fetched));
        assert_eq!(gates[0], gates[1], "two gates");

        // A verdict is final: what was refused is refused for the same reason, whatever else is known by now.
        for (bytes, rule) in &self.refused {
            for replica in [&mut self.world.replica, &mut other] {
                let again = CheckedCommit::check(bytes).and_then(|commit| replica.admit(&commit, &self.world.objects));
                assert_eq!(again.map_err(|refusal: Refusal| refusal.rule), Err(*rule), "a verdict has changed");
            }
        }
    }

    fn admit_all(&self, replica: &mut Replica, commits: &[CommitId]) {
        for id in commits {
            replica.admit(&self.since[id], &self.world.objects).expect("what one replica accepts, all accept");
        }
    }

    /// What was written since the beginning in another order that keeps parents before children.
    fn shuffled(&self, choices: &[u8]) -> Vec<CommitId> {
        let mut open: Vec<CommitId> = self.world.history[self.beginning..].to_vec();
        let mut order: Vec<CommitId> = Vec::new();
        let mut choices = choices.iter().cycle();
        let known = |parent: &CommitId, order: &[CommitId]| !self.since.contains_key(parent) || order.contains(parent);
        while !open.is_empty() {
            let is_ready = |at: &usize| self.since[&open[*at]].commit().parents.iter().all(|id| known(id, &order));
            let ready: Vec<usize> = (0..open.len()).filter(is_ready).collect();
            let choice = usize::from(*choices.next().unwrap_or(&0));
            order.push(open.remove(ready[choice % ready.len()]));
        }
        order
    }
}

/// Persons 0, 1 and 2 are admins, 3 is a member, the others are strangers.
fn beginning(mode: Mode) -> World {
    let mut world = World::new(PEOPLE as u8, mode, None);
    world.bring_devices(DEVICES);
    let mut head = world.gather(world.root(), &[1, 2, 3]);
    head = world.decide(head, &[0], VoteKind::Promote, 1);
    world.decide(head, &[0, 1], VoteKind::Promote, 2);
    world
}
