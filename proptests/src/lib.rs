//! A world in memory for properties of the validator: people with real keys, real commits, real Git objects, and a
//! replica that judges them. What has happened can be replayed elsewhere, in any order that keeps parents first.

#![forbid(unsafe_code)]

mod bridge;
pub mod fixture;
pub mod group;
pub mod model;
mod objects;
mod person;
pub mod random;
pub mod scene;
mod shelf;
pub mod small_world;

pub use objects::Objects;
pub use person::{FOR_EVER, Person, until};
pub use shelf::Shelf;

use crate::model::{Certificate, Event};
use parv_identity::sshsig;
use parv_model::{BlobId, CommitId, DisplayName, Message, Mode, Refusal, Rule, TreeId, Uri, VoteKind};
use parv_validator::{CheckedCommit, Checkpoint, Draft, DraftError, Replica, State};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One conversation and everybody who might take part in it.
#[derive(Debug, Clone)]
pub struct World {
    /// The people, by number. Number 0 founded the conversation.
    pub people: Vec<Person>,
    /// The replica that judges what they write.
    pub replica: Replica,
    /// Every object of the conversation.
    pub objects: Objects,
    /// Accepted commits in the order in which they were written.
    pub history: Vec<CommitId>,
    /// What was refused: the bytes, and for which rule.
    pub refused: Vec<(Vec<u8>, Rule)>,
    checked: BTreeMap<CommitId, CheckedCommit>,
    /// Certificates in the model's words, which are looked at after every commit.
    certificates: RefCell<BTreeMap<BlobId, Certificate>>,
    time: i64,
}

/// A place in a world's time to go back to.
#[derive(Debug, Clone)]
pub struct Mark {
    commits: usize,
    refused: usize,
    replica: Checkpoint,
}

impl World {
    /// A conversation founded by person 0 of `people` in this mode.
    pub fn new(people: u8, mode: Mode, invited: Option<u8>) -> Self {
        let people: Vec<Person> = (0..people).map(Person::new).collect();
        let invited = invited.map(|number| people[usize::from(number)].uri());
        let draft = Draft::initial(&people[0].credentials, mode, invited).expect("a first commit can be drafted");
        let mut objects = Objects::default();
        let bytes = sign(&people[0], &draft, 1_000_000);
        objects.add_draft(&draft);
        let root = CheckedCommit::check(&bytes).expect("a first commit is well-formed");
        objects.add_commit(root.id(), bytes);
        let replica = Replica::begin(&root, &objects).expect("a first commit is valid");
        let (history, checked) = (vec![root.id()], BTreeMap::from([(root.id(), root)]));
        let (refused, certificates) = (Vec::new(), RefCell::default());
        Self { people, replica, objects, history, refused, checked, certificates, time: 1_000_000 }
    }

    /// The first commit.
    pub fn root(&self) -> CommitId {
        self.history[0]
    }

    /// The address of person `number`.
    pub fn uri(&self, number: usize) -> Uri {
        self.people[number].uri()
    }

    /// Person `author` writes on top of `parents` (two for a merge).
    ///
    /// # Errors
    /// The refusal, when it is not valid; then nothing has changed.
    pub fn write(&mut self, author: usize, parents: &[CommitId], message: Message) -> Result<CommitId, Refusal> {
        self.write_at(self.now(), author, parents, message)
    }

    /// The same with the clock at `time`, in seconds since 1970.
    ///
    /// # Errors
    /// The refusal, when it is not valid; then nothing has changed.
    pub fn write_at(
        &mut self,
        time: i64,
        author: usize,
        parents: &[CommitId],
        message: Message,
    ) -> Result<CommitId, Refusal> {
        self.try_to_write(time, author, parents, message).1
    }

    /// The same; what was tried is given in the model's words too, whatever became of it.
    pub fn attempt(
        &mut self,
        time: i64,
        author: usize,
        parents: &[CommitId],
        message: Message,
    ) -> (Event, Result<CommitId, Refusal>) {
        let (tree, result) = self.try_to_write(time, author, parents, message.clone());
        (self.event(author, parents, &message, time, tree), result)
    }

    /// Also gives the tree, if there was one to be drafted.
    fn try_to_write(
        &mut self,
        time: i64,
        author: usize,
        parents: &[CommitId],
        message: Message,
    ) -> (Option<TreeId>, Result<CommitId, Refusal>) {
        let profile = format!("BEGIN:VCARD\nVERSION:2.1\nFN:Bees {}\nEND:VCARD\n", self.history.len());
        let profile = (message == Message::UpdateProfile).then_some(profile.as_bytes());
        let draft = match self.replica.draft(parents, &self.people[author].credentials, message, profile) {
            Ok(draft) => draft,
            Err(error) => {
                let rule = match error {
                    DraftError::Standing { .. } | DraftError::BannedDevice(_) => Rule::Authority,
                    _ => Rule::Kind,
                };
                return (None, Err(Refusal::new(CommitId::from_bytes([0; 20]), rule, error.to_string())));
            }
        };
        self.time += 1;
        let bytes = sign(&self.people[author], &draft, time);
        self.objects.add_draft(&draft);
        (Some(draft.tree()), self.submit(bytes))
    }

    /// What a clock that is right shows, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.time + 1
    }

    /// Some time passes without anything happening.
    pub fn wait(&mut self, seconds: i64) {
        self.time += seconds;
    }

    /// The earliest time at which a commit on these parents could have been written.
    ///
    /// # Panics
    /// When a parent has not been accepted.
    pub fn just_after(&self, parents: &[CommitId]) -> i64 {
        parents.iter().map(|id| self.checked(id).commit().time).max().unwrap_or_default() + 1
    }

    /// Gives everybody as many devices as this; the second devices of all follow the people themselves, and so on.
    ///
    /// # Panics
    /// When there are more than 255 devices.
    pub fn bring_devices(&mut self, devices: usize) {
        let people = self.people.len();
        for device in 1..u8::try_from(devices).expect("few devices") {
            let others: Vec<Person> = self.people[..people].iter().map(|person| person.at_device(device)).collect();
            self.people.extend(others);
        }
    }

    /// Hands the bytes of a commit to the replica, whose trees and blobs are among the objects already.
    pub fn submit(&mut self, bytes: Vec<u8>) -> Result<CommitId, Refusal> {
        let judged = CheckedCommit::check(&bytes).and_then(|commit| {
            self.replica.admit(&commit, &self.objects)?;
            Ok(commit)
        });
        let commit = match judged {
            Ok(commit) => commit,
            Err(refusal) => {
                self.refused.push((bytes, refusal.rule));
                return Err(refusal);
            }
        };
        let id = commit.id();
        // The same words at the same time on the same parents are the same commit.
        if self.checked.insert(id, commit).is_none() {
            self.objects.add_commit(id, bytes);
            self.history.push(id);
        }
        Ok(id)
    }

    /// Where the world stands now.
    pub fn mark(&self) -> Mark {
        Mark { commits: self.history.len(), refused: self.refused.len(), replica: self.replica.checkpoint() }
    }

    /// Forgets everything that was written since. Objects stay: they are found by their ids only.
    pub fn back_to(&mut self, mark: &Mark) {
        for id in self.history.drain(mark.commits..) {
            self.checked.remove(&id);
        }
        self.refused.truncate(mark.refused);
        self.replica.rollback(mark.replica);
    }

    /// Signs a commit of person `author` that claims any tree at all.
    pub fn forge(&mut self, author: usize, parents: &[CommitId], message: Message, tree: TreeId) -> Vec<u8> {
        self.time += 1;
        let person = &self.people[author];
        let commit = parv_model::Commit {
            tree,
            parents: parents.to_vec(),
            author: DisplayName::sanitise(&person.name),
            device: person.device(),
            time: self.time,
            message: message.encode(),
        };
        commit.encode(&sshsig::sign(&person.device_key, &commit.payload()))
    }

    /// Several events on a line from `head`; all must be valid. Gives the new head.
    pub fn line(&mut self, head: CommitId, deeds: &[(usize, Message)]) -> CommitId {
        deeds.iter().fold(head, |head, (author, message)| {
            self.write(*author, &[head], message.clone()).unwrap_or_else(|refusal| panic!("{message:?}: {refusal}"))
        })
    }

    /// Person 0 invites the others, and they join, on a line from `head`.
    pub fn gather(&mut self, head: CommitId, others: &[usize]) -> CommitId {
        others.iter().fold(head, |head, &number| {
            let uri = self.uri(number);
            self.line(head, &[(0, Message::Add(uri)), (number, Message::Join(uri))])
        })
    }

    /// The admins `voters` vote, and the first of them resolves.
    pub fn decide(&mut self, head: CommitId, voters: &[usize], kind: VoteKind, target: usize) -> CommitId {
        let target = self.uri(target);
        let votes: Vec<_> = voters.iter().map(|&voter| (voter, Message::Vote(kind, target.into()))).collect();
        let head = self.line(head, &votes);
        self.line(head, &[(voters[0], Message::Resolve(kind, target.into()))])
    }

    /// An accepted commit.
    pub fn checked(&self, id: &CommitId) -> &CheckedCommit {
        &self.checked[id]
    }

    /// Another replica that admits the whole history in this order.
    ///
    /// # Panics
    /// When it does not accept what this one accepted.
    pub fn replay(&self, order: &[CommitId]) -> Replica {
        let mut replica = Replica::begin(self.checked(&order[0]), &self.objects).expect("was accepted before");
        for id in &order[1..] {
            replica.admit(self.checked(id), &self.objects).expect("what one replica accepts, all accept");
        }
        replica
    }

    /// The history in another order that keeps parents before children, chosen by `choices`, of which there is at least
    /// one.
    pub fn shuffled(&self, choices: &[u8]) -> Vec<CommitId> {
        let mut open: Vec<CommitId> = self.history.clone();
        let mut order: Vec<CommitId> = Vec::new();
        let mut choices = choices.iter().cycle();
        while !open.is_empty() {
            let parents = |id: &CommitId| &self.checked(id).commit().parents;
            let ready: Vec<usize> =
                (0..open.len()).filter(|&i| parents(&open[i]).iter().all(|parent| order.contains(parent))).collect();
            let choice = usize::from(*choices.next().expect("choices are not empty"));
            order.push(open.remove(ready[choice % ready.len()]));
        }
        order
    }

    /// The state of these heads.
    ///
    /// # Panics
    /// When the rules in full give another one than the fast paths.
    pub fn state(&mut self, heads: &[CommitId]) -> Arc<State> {
        let state = self.replica.state(heads);
        assert_eq!(*state, self.replica.resolve_in_full(heads));
        state
    }

    /// All commits that no other comes after.
    pub fn heads(&self) -> Vec<CommitId> {
        self.replica.maximal(&self.history)
    }
}

/// How many random cases a property runs: `usual`, or what the variable `PARV_CASES` says for longer runs.
pub fn cases(usual: u32) -> u32 {
    std::env::var("PARV_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A text.
pub fn text(body: &str) -> Message {
    Message::Text { body: body.to_owned() }
}

/// Asserts that something is refused for `rule`, in words that contain `why`.
///
/// # Panics
/// When it is not.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>, rule: Rule, why: &str) {
    let refusal = result.expect_err("it was accepted");
    assert!(refusal.rule == rule && refusal.why.contains(why), "{refusal}");
}

fn sign(person: &Person, draft: &Draft, time: i64) -> Vec<u8> {
    let commit = draft.commit(DisplayName::sanitise(&person.name), person.device(), time);
    commit.encode(&sshsig::sign(&person.device_key, &commit.payload()))
}
