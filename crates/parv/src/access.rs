//! Who may have what of which conversation.
//!
//! A copy of every conversation's current state that can be asked at any moment, so that neither the swarm nor the reader
//! of its events ever waits for an actor.

use crate::notice::{Notice, NoticeKey};
use crate::people::People;
use parv_model::{ConversationId, DeviceId, Mode, Role};
use parv_net::{Policy, Topic};
use parv_validator::State;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// How many trees back an announcement can still be read: senders are at most a few control events behind or ahead.
const MAX_KEYS: usize = 8;

/// See the [module](self).
pub(crate) struct Access {
    people: Arc<People>,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    conversations: HashMap<ConversationId, Rights>,
    topics: HashMap<Topic, ConversationId>,
}

struct Rights {
    state: Arc<State>,
    /// Of the current tree and of those before it, the current one first.
    keys: VecDeque<NoticeKey>,
}

/// What an announcement on a topic turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    /// A member has this commit.
    Notice(Notice),
    /// A member says something that cannot be read here.
    Sealed(ConversationId),
    /// It is from nobody who has a say in the conversation.
    Stranger,
    /// A member says nonsense.
    Malformed,
}

impl Access {
    pub(crate) fn new(people: Arc<People>) -> Self {
        Self { people, known: RwLock::default() }
    }

    /// A conversation has this state now. True if its tree is another, so that others may belong to it.
    pub(crate) fn update(&self, id: ConversationId, state: Arc<State>) -> bool {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let key = NoticeKey::of(&id, &state.tree());
        let rights =
            known.conversations.entry(id).or_insert_with(|| Rights { state: state.clone(), keys: VecDeque::new() });
        rights.state = state;
        let changed = rights.keys.front() != Some(&key);
        if changed {
            rights.keys.retain(|other| *other != key);
            rights.keys.push_front(key);
            rights.keys.truncate(MAX_KEYS);
        }
        known.topics.insert(Topic::of(&id), id);
        changed
    }

    /// A conversation is not here any more.
    pub(crate) fn remove(&self, id: &ConversationId) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.conversations.remove(id);
        known.topics.remove(&Topic::of(id));
    }

    /// What the account behind a device is in a conversation; banned for a device that was banned or revoked by itself.
    pub(crate) fn role(&self, device: &DeviceId, id: &ConversationId) -> Option<Role> {
        self.role_in(&self.known().conversations.get(id)?.state, device)
    }

    /// The conversations in which the device belongs to somebody who may write.
    pub(crate) fn shared_with(&self, device: &DeviceId) -> Vec<ConversationId> {
        let known = self.known();
        let shared = known.conversations.iter().filter(|(_, rights)| is_writer(self.role_in(&rights.state, device)));
        shared.map(|(id, _)| *id).collect()
    }

    /// The conversation with this topic.
    pub(crate) fn of_topic(&self, topic: &Topic) -> Option<ConversationId> {
        self.known().topics.get(topic).copied()
    }

    /// Whether news of a conversation from a device is worth a fetch: from members, from the invited, who may have joined,
    /// and in PUBLIC from everybody who is not known to be banned. What comes of it is judged in any case.
    pub(crate) fn hears(&self, device: &DeviceId, id: &ConversationId) -> bool {
        self.known().conversations.get(id).is_some_and(|rights| self.is_heard(&rights.state, device))
    }

    /// Reads an announcement.
    pub(crate) fn announced(&self, topic: &Topic, author: &DeviceId, data: &[u8]) -> Announced {
        let known = self.known();
        let Some(id) = known.topics.get(topic) else { return Announced::Stranger };
        let Some(rights) = known.conversations.get(id) else { return Announced::Stranger };
        if !self.is_heard(&rights.state, author) {
            return Announced::Stranger;
        }
        match Notice::open(data, &rights.keys, author) {
            Some(Some(notice)) if notice.id == *id => Announced::Notice(notice),
            Some(_) => Announced::Malformed,
            None => Announced::Sealed(*id),
        }
    }

    fn is_heard(&self, state: &State, device: &DeviceId) -> bool {
        match self.role_in(state, device) {
            Some(Role::Admin | Role::Member | Role::Invited) => true,
            Some(Role::Banned) => false,
            Some(Role::Left) | None => state.mode() == Mode::Public,
        }
    }

    fn role_in(&self, state: &State, device: &DeviceId) -> Option<Role> {
        if state.is_device_banned(device) || state.is_revoked(device) {
            return Some(Role::Banned);
        }
        let account = state.device_account(device).or_else(|| self.people.account(device))?;
        state.role(&account)
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether somebody with this role may write.
pub(crate) fn is_writer(role: Option<Role>) -> bool {
    matches!(role, Some(Role::Admin | Role::Member))
}

/// Members and the invited may fetch. PUBLIC: everybody who says who they are and is not banned (requirement N5).
impl Policy for Access {
    fn may_fetch(&self, peer: &DeviceId, conversation: &ConversationId) -> bool {
        let known = self.known();
        let Some(rights) = known.conversations.get(conversation) else { return false };
        match self.role_in(&rights.state, peer) {
            Some(Role::Admin | Role::Member | Role::Invited) => true,
            Some(Role::Banned) => false,
            Some(Role::Left) | None => rights.state.mode() == Mode::Public && self.people.account(peer).is_some(),
        }
    }
}
