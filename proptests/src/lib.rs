//! A world in memory for properties of the validator: people with real keys, real commits, real Git objects, and a
//! replica that judges them. What has happened can be replayed elsewhere, in any order that keeps parents first.

#![forbid(unsafe_code)]

mod bridge;
pub mod fixture;
pub mod model;
mod objects;
pub mod random;

pub use objects::Objects;

use parv_identity::certificate::{AccountCertificate, DeviceCertificate, Serial, Validity};
use parv_identity::{AccountKey, DeviceKey, sshsig};
use parv_model::{CommitId, DeviceId, DisplayName, Message, Mode, Refusal, TreeId, Uri, VoteKind};
use parv_validator::{CheckedCommit, Credentials, Draft, DraftError, Replica};

/// Somebody with one device. Their keys and certificates follow from their number, so that a failing case can be run
/// again.
#[derive(Debug)]
pub struct Person {
    /// What they are called.
    pub name: String,
    /// Their account's key.
    pub account_key: AccountKey,
    /// Their device's key.
    pub device_key: DeviceKey,
    /// Their certificates.
    pub credentials: Credentials,
}

impl Person {
    /// Person number `number`.
    ///
    /// # Panics
    /// When no certificate can be issued.
    pub fn new(number: u8) -> Self {
        let account_key = AccountKey::from_seed([number.wrapping_add(1); 32]);
        let name = format!("person {number}");
        let serial = Serial::from_bytes(&[1, number]).expect("a serial number");
        let account = AccountCertificate::issue_with_serial(&account_key, &name, &serial, validity());
        let account = account.expect("a certificate");
        Self::assemble(name, account_key, account, 0)
    }

    /// The same person at another device.
    pub fn at_device(&self, device: u8) -> Self {
        let account_key = AccountKey::from_seed(*self.account_key.seed());
        Self::assemble(self.name.clone(), account_key, self.credentials.account.clone(), device)
    }

    fn assemble(name: String, account_key: AccountKey, account: AccountCertificate, device: u8) -> Self {
        let mut seed = *account_key.seed();
        seed[0] = 200u8.wrapping_add(device);
        let device_key = DeviceKey::from_seed(seed);
        let serial = Serial::from_bytes(&[7, device]).expect("a serial number");
        let device_id = device_key.device_id();
        let device = DeviceCertificate::issue(&account_key, &account, &device_id, "device", &serial, validity());
        let credentials = Credentials { account, device: device.expect("a certificate"), crl: None };
        Self { name, account_key, device_key, credentials }
    }

    /// Their address.
    pub fn uri(&self) -> Uri {
        self.account_key.uri()
    }

    /// Their device.
    pub fn device(&self) -> DeviceId {
        self.device_key.device_id()
    }
}

impl Clone for Person {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            account_key: AccountKey::from_seed(*self.account_key.seed()),
            device_key: self.device_key.clone(),
            credentials: self.credentials.clone(),
        }
    }
}

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
    time: i64,
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
        Self { people, replica, objects, history: vec![root.id()], time: 1_000_000 }
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
        let profile = b"BEGIN:VCARD\nVERSION:2.1\nFN:Bees\nEND:VCARD\n";
        let profile = (message == Message::UpdateProfile).then_some(&profile[..]);
        let draft = self.replica.draft(parents, &self.people[author].credentials, message, profile);
        let draft = draft.map_err(|error| {
            let rule = match error {
                DraftError::Standing { .. } | DraftError::BannedDevice(_) => parv_model::Rule::Authority,
                _ => parv_model::Rule::Kind,
            };
            Refusal::new(CommitId::from_bytes([0; 20]), rule, error.to_string())
        })?;
        self.time += 1;
        let bytes = sign(&self.people[author], &draft, time);
        self.objects.add_draft(&draft);
        self.submit(bytes)
    }

    /// What a clock that is right shows, in seconds since 1970.
    pub fn now(&self) -> i64 {
        self.time + 1
    }

    /// The earliest time at which a commit on these parents could have been written.
    ///
    /// # Panics
    /// When a parent has not been accepted.
    pub fn just_after(&self, parents: &[CommitId]) -> i64 {
        let time = |id| parv_model::Commit::decode(self.objects.commit(id)).expect("an accepted commit").0.time;
        parents.iter().map(time).max().unwrap_or_default() + 1
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
        let commit = CheckedCommit::check(&bytes)?;
        self.replica.admit(&commit, &self.objects)?;
        // The same words at the same time on the same parents are the same commit.
        if !self.history.contains(&commit.id()) {
            self.objects.add_commit(commit.id(), bytes);
            self.history.push(commit.id());
        }
        Ok(commit.id())
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

    /// Another replica that admits the whole history in this order.
    pub fn replay(&self, order: &[CommitId]) -> Replica {
        let checked = |id: &CommitId| CheckedCommit::check(self.objects.commit(id)).expect("was accepted before");
        let mut replica = Replica::begin(&checked(&order[0]), &self.objects).expect("was accepted before");
        for id in &order[1..] {
            replica.admit(&checked(id), &self.objects).expect("what one replica accepts, all accept");
        }
        replica
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

fn validity() -> Validity {
    Validity::new(0, 4_000_000_000).expect("a period")
}

fn sign(person: &Person, draft: &Draft, time: i64) -> Vec<u8> {
    let commit = draft.commit(DisplayName::sanitise(&person.name), person.device(), time);
    commit.encode(&sshsig::sign(&person.device_key, &commit.payload()))
}
