//! A conversation in memory, with real keys and real commits.

use parv_identity::certificate::{AccountCertificate, DeviceCertificate, Serial, Validity};
use parv_identity::{AccountKey, DeviceKey, sshsig};
use parv_model::{BlobId, Commit, CommitId, DisplayName, Message, Mode, TreeId, TreePath, Uri, VoteKind};
use parv_validator::{BlobSource, CheckedCommit, Credentials, Draft, Replica, SourceError};
use std::collections::BTreeMap;

/// What goes wrong in a measurement.
pub type Failure = Box<dyn std::error::Error>;

/// Somebody with one device.
pub struct Person {
    account: AccountKey,
    device: DeviceKey,
    credentials: Credentials,
}

impl Person {
    /// Person number `number`.
    fn new(number: usize) -> Result<Self, Failure> {
        let seed = |kind: u8| {
            let mut seed = [kind; 32];
            seed[..8].copy_from_slice(&number.to_le_bytes());
            seed
        };
        let (account, device) = (AccountKey::from_seed(seed(1)), DeviceKey::from_seed(seed(2)));
        let validity = Validity::new(0, 4_000_000_000)?;
        let certificate = AccountCertificate::issue(&account, "somebody", validity)?;
        let serial = Serial::from_bytes(&[&[7][..], &number.to_be_bytes()].concat()).ok_or("no serial number")?;
        let id = device.device_id();
        let papers = DeviceCertificate::issue(&account, &certificate, &id, "device", &serial, validity)?;
        Ok(Self { account, device, credentials: Credentials { account: certificate, device: papers, crl: None } })
    }

    /// Their address.
    pub fn uri(&self) -> Uri {
        self.account.uri()
    }

    /// The bytes of a commit of theirs.
    pub fn sign(&self, commit: &Commit) -> Vec<u8> {
        commit.encode(&sshsig::sign(&self.device, &commit.payload()))
    }

    /// A commit that leaves the tree as it is.
    pub fn say(&self, body: &str, tree: TreeId, parents: &[CommitId], time: i64) -> Vec<u8> {
        let message = Message::Text { body: body.into() };
        self.plain(&message, tree, parents, time)
    }

    /// A commit with a tree that is there already.
    pub fn plain(&self, message: &Message, tree: TreeId, parents: &[CommitId], time: i64) -> Vec<u8> {
        self.sign(&Commit {
            tree,
            parents: parents.to_vec(),
            author: DisplayName::sanitise("somebody"),
            device: self.device.device_id(),
            time,
            message: message.encode(),
        })
    }
}

/// A conversation in which anybody may join.
pub struct Group {
    /// Who takes part. Number 0 founded it.
    pub people: Vec<Person>,
    /// The replay of it.
    pub replica: Replica,
    /// The newest commit.
    pub head: CommitId,
    time: i64,
}

impl Group {
    /// Of so many people, the founder and then all others, who join one by one. `kept` is told of every commit.
    pub fn new(people: usize, mut kept: impl FnMut(&Draft, Vec<u8>)) -> Result<Self, Failure> {
        let people: Vec<Person> = (0..people).map(Person::new).collect::<Result<_, _>>()?;
        let draft = Draft::initial(&people[0].credentials, Mode::Public, None)?;
        let name = DisplayName::sanitise("somebody");
        let bytes = people[0].sign(&draft.commit(name, people[0].device.device_id(), 0));
        let root = CheckedCommit::check(&bytes)?;
        let replica = Replica::begin(&root, &draft)?;
        kept(&draft, bytes);
        let mut group = Self { head: root.id(), people, replica, time: 0 };
        for number in 1..group.people.len() {
            let join = Message::Join(group.people[number].uri());
            let (draft, bytes) = group.write(number, &[group.head], join)?;
            kept(&draft, bytes);
        }
        Ok(group)
    }

    /// The founder makes the next so many people admins.
    pub fn promote(&mut self, admins: usize) -> Result<(), Failure> {
        for target in 1..=admins {
            let voters: Vec<usize> = (0..=target / 2).collect();
            self.head = self.decide(&voters, VoteKind::Promote, target, self.head)?;
        }
        Ok(())
    }

    /// Votes, and the resolution, in a line on `head`. Gives the newest commit.
    pub fn decide(
        &mut self,
        voters: &[usize],
        kind: VoteKind,
        target: usize,
        head: CommitId,
    ) -> Result<CommitId, Failure> {
        let newest = self.head;
        let target = self.people[target].uri().into();
        let mut head = head;
        for &voter in voters {
            self.write(voter, &[head], Message::Vote(kind, target))?;
            head = self.head;
        }
        self.write(voters[0], &[head], Message::Resolve(kind, target))?;
        Ok(std::mem::replace(&mut self.head, newest))
    }

    /// Writes a commit on these parents and takes it in as the newest.
    pub fn write(
        &mut self,
        author: usize,
        parents: &[CommitId],
        message: Message,
    ) -> Result<(Draft, Vec<u8>), Failure> {
        let (draft, bytes) = self.compose(author, parents, message)?;
        self.head = self.admit(&draft, &bytes)?;
        Ok((draft, bytes))
    }

    /// Writes a commit and does not take it in.
    pub fn compose(
        &mut self,
        author: usize,
        parents: &[CommitId],
        message: Message,
    ) -> Result<(Draft, Vec<u8>), Failure> {
        self.time += 1;
        let Person { credentials, device, .. } = &self.people[author];
        let draft = self.replica.draft(parents, credentials, message, None)?;
        let commit = draft.commit(DisplayName::sanitise("somebody"), device.device_id(), self.time);
        let bytes = self.people[author].sign(&commit);
        Ok((draft, bytes))
    }

    /// Takes in a commit.
    pub fn admit(&mut self, draft: &Draft, bytes: &[u8]) -> Result<CommitId, Failure> {
        let commit = CheckedCommit::check(bytes)?;
        self.replica.admit(&commit, draft)?;
        Ok(commit.id())
    }
}

/// The files of a small conversation.
#[derive(Default)]
pub struct Files {
    drafts: BTreeMap<TreeId, Draft>,
    blobs: BTreeMap<BlobId, Vec<u8>>,
}

impl Files {
    /// Takes in what a draft brings.
    pub fn keep(&mut self, draft: &Draft) {
        let blobs = draft.blobs().filter_map(|blob| Some((parv_model::object::blob_id(blob).ok()?, blob.to_vec())));
        self.blobs.extend(blobs);
        self.drafts.insert(draft.tree(), draft.clone());
    }
}

impl BlobSource for Files {
    fn entry(&self, tree: &TreeId, path: &TreePath) -> Result<Option<BlobId>, SourceError> {
        let draft = self.drafts.get(tree).ok_or_else(|| SourceError::Missing(tree.to_string()))?;
        draft.entry(tree, path)
    }

    fn blob(&self, id: &BlobId, _: usize) -> Result<Vec<u8>, SourceError> {
        self.blobs.get(id).cloned().ok_or_else(|| SourceError::Missing(id.to_string()))
    }
}
