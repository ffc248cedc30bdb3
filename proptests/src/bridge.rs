//! Between the validator and the model: the same history and the same state in the model's words.

use crate::World;
use crate::model::{Deed, Device, Event, History, State};
use parv_model::{Category, Commit, CommitId, DeviceId, Message, Role, Target, TreePath, Uri, VoteKind};
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

    /// What `writer` says with this message on these parents, as the model's event. The model knows no files and no
    /// words: whatever changes nobody's standing is a text to it.
    pub fn event(&self, writer: usize, parents: &[CommitId], message: &Message, id: String) -> Event {
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
        Event { who, device, deed, parents: parents.iter().map(|parent| self.place(parent)).collect(), id }
    }

    /// An accepted commit as the model's event.
    ///
    /// # Panics
    /// When it has not been accepted.
    pub fn event_of(&self, id: &CommitId) -> Event {
        let (commit, _) = Commit::decode(self.objects.commit(id)).expect("an accepted commit");
        let message = Message::decode(&commit.message).expect("an accepted message");
        let writer = self.people.iter().position(|person| person.device() == commit.device).expect("one of our people");
        self.event(writer, &commit.parents, &message, id.to_string())
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
        let folder = |uri: Uri| {
            let lies_in = |category: &Category| {
                let path = TreePath::Banned(*category, uri);
                self.objects.entry(&state.tree(), &path).expect("a rendered tree").is_some()
            };
            [Category::Admins, Category::Members, Category::Invited].into_iter().find(lies_in)
        };
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
            for kind in VoteKind::ALL {
                let votes = state.votes(kind, uri);
                seen.votes.extend(votes.into_iter().map(|voter| (kind, number, self.number(voter))));
            }
        }
        for person in &self.people {
            let device = self.device_number(person.device());
            if state.device_account(&person.device()) == Some(person.uri()) {
                seen.devices.insert(device);
            }
            if state.is_device_banned(&person.device()) {
                seen.banned_devices.insert(device);
            }
            for kind in VoteKind::ALL {
                let votes = state.votes(kind, person.device());
                seen.votes_on_devices.extend(votes.into_iter().map(|voter| (kind, device, self.number(voter))));
            }
        }
        seen.undecided = state.undecided().map(|commit| self.place(&commit)).collect();
        seen
    }
}
