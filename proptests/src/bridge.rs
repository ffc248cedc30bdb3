//! Between the validator and the model: the same history and the same state in the model's words.

use crate::World;
use crate::model::{Certificate, Deed, Device, Event, History, List, Papers, State};
use parv_identity::Crl;
use parv_identity::certificate::{AccountCertificate, DeviceCertificate, Serial, Validity};
use parv_model::{
    BlobId, Category, Commit, CommitId, DeviceId, Message, Role, Target, TreeId, TreePath, Uri, VoteKind,
};
use parv_validator::BlobSource;

impl World {
    /// The number of the person with this address.
    ///
    /// # Panics
    /// When it is nobody's of this world.
    pub fn number(&self, uri: Uri) -> usize {
        (0..self.people.len()).find(|&n| self.uri(n) == uri).expect("one of our people")
    }

    /// Whose device this is, by number, and which of theirs.
    ///
    /// # Panics
    /// When it is nobody's of this world.
    pub fn device_number(&self, device: DeviceId) -> Device {
        let writer = self.people.iter().position(|person| person.device() == device).expect("one of our devices");
        // The first devices of all people come first, then the second ones, and so on.
        let earlier = (0..writer).filter(|&other| self.uri(other) == self.uri(writer)).count();
        (self.number(self.uri(writer)), earlier)
    }

    /// The place of an accepted commit in the history.
    ///
    /// # Panics
    /// When it has not been accepted.
    pub fn place(&self, commit: &CommitId) -> usize {
        self.history.iter().position(|known| known == commit).expect("an accepted commit")
    }

    /// What `writer` says with this message at `time` on these parents, as the model's event without an id. The model knows
    /// no words: whatever changes nobody's standing is a text to it. What the commit brings is what is new in its `tree`.
    pub fn event(
        &self,
        writer: usize,
        parents: &[CommitId],
        message: &Message,
        time: i64,
        tree: Option<TreeId>,
    ) -> Event {
        let deed = match *message {
            Message::Initial { mode, invited } => Deed::Begin(mode, invited.map(|uri| self.number(uri))),
            Message::Add(uri) => Deed::Add(self.number(uri)),
            Message::Join(_) => Deed::Join,
            Message::Leave(_) => Deed::Leave,
            Message::Vote(kind, Target::Account(uri)) => Deed::Vote(kind, self.number(uri)),
            Message::Vote(kind, Target::Device(device)) => Deed::VoteOnDevice(kind, self.device_number(device)),
            Message::Resolve(kind, Target::Account(uri)) => Deed::Resolve(kind, self.number(uri)),
            Message::Resolve(kind, Target::Device(device)) => Deed::ResolveOnDevice(kind, self.device_number(device)),
            Message::UpdateProfile => Deed::Profile,
            Message::Merge => Deed::Merge,
            _ => Deed::Text,
        };
        let (who, device) = self.device_number(self.people[writer].device());
        let mut papers = tree.map(|tree| self.papers(writer, parents, &tree)).unwrap_or_default();
        papers.profile = match message {
            Message::UpdateProfile => {
                tree.and_then(|tree| self.file(&tree, &TreePath::Profile)).map(|blob| blob.to_string())
            }
            _ => None,
        };
        let parents = parents.iter().map(|parent| self.place(parent)).collect();
        Event { who, device, deed, parents, time, papers, id: String::new() }
    }

    /// What is new in this tree of the writer's own.
    fn papers(&self, writer: usize, parents: &[CommitId], tree: &TreeId) -> Papers {
        let before = match *parents {
            [parent] => Some(Commit::decode(self.objects.commit(&parent)).expect("an accepted commit").0.tree),
            [] => None,
            // A merge brings nothing.
            _ => return Papers::default(),
        };
        let (uri, device) = (self.people[writer].uri(), self.people[writer].device());
        let new = |paths: &[TreePath]| {
            let file = |tree: &TreeId| paths.iter().find_map(|path| self.file(tree, path));
            file(tree).filter(|blob| Some(*blob) != before.as_ref().and_then(file))
        };
        Papers {
            account: new(&[TreePath::Admin(uri), TreePath::Member(uri)]).map(|blob| self.account_certificate(&blob)),
            device: new(&[TreePath::Device(device)]).map(|blob| self.device_certificate(&blob)),
            list: new(&[TreePath::Crl(uri)]).map(|blob| self.list(&blob)),
            profile: None,
        }
    }

    fn file(&self, tree: &TreeId, path: &TreePath) -> Option<BlobId> {
        self.objects.entry(tree, path).expect("a rendered tree")
    }

    fn bytes(&self, blob: &BlobId) -> Vec<u8> {
        self.objects.blob(blob, usize::MAX).expect("a file that some commit brought")
    }

    fn account_certificate(&self, blob: &BlobId) -> Certificate {
        self.certificate(blob, |pem| {
            let certificate = AccountCertificate::from_pem(pem).expect("an account's certificate");
            // No list names it.
            (String::new(), certificate.validity())
        })
    }

    fn device_certificate(&self, blob: &BlobId) -> Certificate {
        self.certificate(blob, |pem| {
            let certificate = DeviceCertificate::from_pem(pem).expect("a device's certificate");
            (name_of(certificate.serial()), certificate.validity())
        })
    }

    fn certificate(&self, blob: &BlobId, read: impl Fn(&[u8]) -> (String, Validity)) -> Certificate {
        let mut known = self.certificates.borrow_mut();
        let certificate = known.entry(*blob).or_insert_with(|| {
            let (serial, validity) = read(&self.bytes(blob));
            Certificate { file: blob.to_string(), serial, from: validity.not_before, until: validity.not_after }
        });
        certificate.clone()
    }

    fn list(&self, blob: &BlobId) -> List {
        let list = Crl::from_pem(&self.bytes(blob)).expect("a revocation list");
        List { file: blob.to_string(), number: list.number(), revoked: list.revoked().iter().map(name_of).collect() }
    }

    /// An accepted commit as the model's event.
    ///
    /// # Panics
    /// When it has not been accepted.
    pub fn event_of(&self, id: &CommitId) -> Event {
        let (commit, _) = Commit::decode(self.objects.commit(id)).expect("an accepted commit");
        let message = Message::decode(&commit.message).expect("an accepted message");
        let writer = self.people.iter().position(|person| person.device() == commit.device).expect("one of our people");
        let event = self.event(writer, &commit.parents, &message, commit.time, Some(commit.tree));
        Event { id: id.to_string(), ..event }
    }

    /// Everything accepted so far as the model's history.
    pub fn model(&self) -> History {
        let mut model = History::default();
        self.history.iter().for_each(|id| model.push(self.event_of(id)));
        model
    }

    /// What the validator says of these heads, in the model's words.
    ///
    /// # Panics
    /// When a banned one lies in no folder of the tree.
    pub fn observe(&mut self, heads: &[CommitId]) -> State {
        let state = self.replica.state(heads);
        for tree in state.render().trees {
            self.objects.add_tree(tree);
        }
        let tree = state.tree();
        let lies_in = |uri: Uri, category: &Category| self.file(&tree, &TreePath::Banned(*category, uri)).is_some();
        let folders = [Category::Admins, Category::Members, Category::Invited];
        let folder = |uri: Uri| folders.into_iter().find(|category| lies_in(uri, category));
        let mut seen = State { admins: state.admins().map(|uri| self.number(uri)).collect(), ..State::default() };
        for (uri, role) in state.people() {
            let number = self.number(uri);
            match role {
                Role::Admin => {}
                Role::Member => drop(seen.members.insert(number)),
                Role::Invited => drop(seen.invited.insert(number)),
                Role::Banned => drop(seen.banned.insert(number, folder(uri).expect("a file in a folder"))),
                Role::Left => drop(seen.left.insert(number)),
            }
        }
        for person in &self.people {
            let (uri, id) = (person.uri(), person.device());
            let (who, device) = (self.number(uri), self.device_number(id));
            if state.device_account(&id) == Some(uri) {
                let blob = self.file(&tree, &TreePath::Device(id)).expect("a device's certificate in the tree");
                seen.devices.insert(device, self.device_certificate(&blob));
            }
            if state.is_revoked(&id) {
                seen.revoked.insert(device);
            }
            if state.is_device_banned(&id) {
                let path = TreePath::BannedDevice(id);
                let blob = self.file(&tree, &path).expect("a banned device's certificate in the tree");
                seen.banned_devices.insert(device, self.device_certificate(&blob));
            }
            for kind in VoteKind::ALL {
                // Also about somebody whose admission has turned out to be void.
                let votes = state.votes(kind, uri);
                seen.votes.extend(votes.into_iter().map(|voter| (kind, who, self.number(voter))));
                let votes = state.votes(kind, id);
                seen.votes_on_devices.extend(votes.into_iter().map(|voter| (kind, device, self.number(voter))));
            }
            let banned = [Category::Admins, Category::Members].map(|category| TreePath::Banned(category, uri));
            let paths = [TreePath::Admin(uri), TreePath::Member(uri)].into_iter().chain(banned);
            if let Some(blob) = paths.into_iter().find_map(|path| self.file(&tree, &path)) {
                seen.accounts.insert(who, self.account_certificate(&blob));
            }
            if let Some(blob) = self.file(&tree, &TreePath::Crl(uri)) {
                seen.lists.insert(who, blob.to_string());
            }
        }
        seen.profile = state.profile().map(|blob| blob.to_string());
        seen.undecided = state.undecided().map(|commit| self.place(&commit)).collect();
        seen
    }
}

/// A serial number in the model's words.
fn name_of(serial: &Serial) -> String {
    serial.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
