//! What the tasks of an engine share.

use super::post::{self, Post};
use crate::access::{self, Access};
use crate::author::Author;
use crate::contacts::Contacts;
use crate::conversation::awareness::Awareness;
use crate::conversation::room::{Room, View};
use crate::counters::Counters;
use crate::engine::push::{Holder, Sleeper};
use crate::event::Event;
use crate::folders::Folders;
use crate::notice::{Notice, NoticeKey};
use crate::outbox::Outbox;
use crate::people::People;
use crate::read_letters::ReadLetters;
use crate::requests::Requests;
use crate::turns::Turns;
use crate::{Account, Error};
use parv_model::{ConversationId, DeviceId, Mode};
use parv_net::{Acceptance, AnnouncementHandle, Envelope, Key, NetError, Node, Topic};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How many events wait for a listener; one who is further behind misses the oldest.
const EVENT_QUEUE: usize = 4096;

/// How many heads are named when heads are exchanged or announced. Whoever fetches gets all of them anyway.
const MAX_NOTICES: usize = 16;

/// How many neighbours are told heads directly when gossip may have missed them.
const MAX_RIPPLE: usize = 4;

/// The network, if there is one.
#[derive(Clone)]
pub(crate) struct Net {
    pub(crate) node: Node,
    pub(crate) people: Arc<People>,
    pub(crate) turns: Arc<Turns>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) holder: Arc<Holder>,
    /// How long a silent peer is waited for.
    pub(crate) patience: Duration,
}

/// How far a conversation has come here.
#[derive(Clone)]
pub(crate) enum Place {
    /// It is open.
    Open(Room),
    /// It was accepted and is being fetched.
    Syncing { mode: Mode, title: Option<String> },
    /// It was left, and waits for somebody to fetch that news.
    Leaving(Room),
    /// Its files do not hold up.
    Unusable(String),
}

/// See the [module](self).
pub(crate) struct Hub {
    pub(crate) folders: Folders,
    pub(crate) author: Arc<Author>,
    pub(crate) access: Arc<Access>,
    pub(crate) people: Arc<People>,
    pub(crate) net: Option<Net>,
    pub(crate) requests: Requests,
    pub(crate) outbox: Outbox,
    pub(crate) contacts: Contacts,
    pub(crate) sleeper: Sleeper,
    pub(crate) read_letters: ReadLetters,
    pub(crate) post: Post,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// Whoever looks after connections has something new to look after.
    pub(crate) wake: Notify,
    /// This device is somewhere else: whoever could not be reached may be reached now.
    pub(crate) moved: Notify,
    events: broadcast::Sender<Event>,
    places: RwLock<BTreeMap<ConversationId, Place>>,
    places_changed: watch::Sender<()>,
    /// Holds the lock on the folder; let go at the end.
    account: Mutex<Option<Account>>,
}

impl Hub {
    pub(crate) fn new(
        account: Account,
        author: Arc<Author>,
        access: Arc<Access>,
        people: Arc<People>,
        net: Option<Net>,
    ) -> Result<Arc<Self>, Error> {
        let folders = account.folders().clone();
        Ok(Arc::new(Self {
            requests: Requests::open(folders.requests())?,
            outbox: Outbox::open(folders.outbox())?,
            contacts: Contacts::open(folders.contacts())?,
            sleeper: Sleeper::open(folders.push())?,
            read_letters: ReadLetters::open(folders.mailbox()),
            post: Post::default(),
            folders,
            author,
            access,
            people,
            net,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            wake: Notify::new(),
            moved: Notify::new(),
            events: broadcast::Sender::new(EVENT_QUEUE),
            places: RwLock::default(),
            places_changed: watch::Sender::new(()),
            account: Mutex::new(Some(account)),
        }))
    }

    /// Tells whoever listens.
    pub(crate) fn tell(&self, event: Event) {
        if let Some(net) = &self.net {
            net.counters.note(&event);
        }
        // Nobody listening is no error.
        let _ = self.events.send(event);
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    pub(crate) fn net(&self) -> Result<&Net, Error> {
        self.net.as_ref().ok_or(Error::Offline)
    }

    /// Starts a task that ends with the engine.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    pub(crate) fn place(&self, id: &ConversationId) -> Option<Place> {
        self.places().get(id).cloned()
    }

    pub(crate) fn all_places(&self) -> Vec<(ConversationId, Place)> {
        self.places().iter().map(|(id, place)| (*id, place.clone())).collect()
    }

    /// The conversation, if it is open; also while it is being left.
    pub(crate) fn room(&self, id: &ConversationId) -> Option<Room> {
        match self.place(id)? {
            Place::Open(room) | Place::Leaving(room) => Some(room),
            Place::Syncing { .. } | Place::Unusable(_) => None,
        }
    }

    /// Puts a conversation in its place, unless something is there already; then says what.
    pub(crate) fn claim(&self, id: ConversationId, place: Place) -> Result<(), Place> {
        let mut places = self.places_mut();
        match places.get(&id) {
            Some(there) => Err(there.clone()),
            None => {
                places.insert(id, place);
                Ok(())
            }
        }
    }

    /// Puts a conversation in its place, whatever was there.
    pub(crate) fn put(&self, id: ConversationId, place: Place) {
        self.places_mut().insert(id, place);
        self.places_changed.send_replace(());
    }

    /// Takes a conversation out.
    pub(crate) fn take_out(&self, id: &ConversationId) -> Option<Place> {
        let place = self.places_mut().remove(id);
        self.places_changed.send_replace(());
        place
    }

    /// Waits until a conversation is gone; false if that takes longer than `patience`.
    pub(crate) async fn gone(&self, id: &ConversationId, patience: Duration) -> bool {
        let mut changes = self.places_changed.subscribe();
        let waiting = async {
            while self.place(id).is_some() {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout(patience, waiting).await.is_ok()
    }

    /// A conversation is open: follows its topic and says that it can be had here.
    pub(crate) fn follow(&self, id: ConversationId) {
        let Some(net) = self.net.clone() else { return };
        self.spawn(async move {
            let followed = net.node.subscribe(Topic::of(&id)).await;
            let provided = net.node.provide(Key::of_conversation(&id)).await;
            for error in [followed.err(), provided.err()].into_iter().flatten() {
                tracing::warn!(conversation = %id, "a conversation is hard to find for others: {error}");
            }
        });
    }

    /// A conversation is not here any more.
    pub(crate) fn unfollow(&self, id: ConversationId) {
        self.access.remove(&id);
        let Some(net) = self.net.clone() else { return };
        self.spawn(async move {
            // Either fails only when the node has stopped.
            let _ = net.node.unsubscribe(Topic::of(&id)).await;
            let _ = net.node.stop_providing(Key::of_conversation(&id)).await;
        });
    }

    /// Sends a message to a device, by and by. Whoever does not get it has a way to ask.
    pub(crate) fn send(&self, device: DeviceId, envelope: Envelope) {
        let Some(net) = self.net.clone() else { return };
        self.spawn(async move {
            if let Err(error) = net.node.send(device, envelope).await {
                tracing::debug!(%device, "a message did not arrive: {error}");
            }
        });
    }

    /// Announces a conversation's heads on its topic.
    pub(crate) fn announce(&self, id: ConversationId, view: &View) {
        let Some(net) = self.net.clone() else { return };
        let key = NoticeKey::of(&id, &view.state.tree());
        let notices = self.notices(id, view);
        self.spawn(async move {
            for notice in notices {
                let Ok(sealed) = notice.seal(&key) else {
                    return tracing::error!("the system gives no randomness: nothing is announced");
                };
                match net.node.publish(Topic::of(&id), sealed).await {
                    // Heads are exchanged when somebody connects.
                    Ok(()) | Err(NetError::NobodyListens(_)) => {}
                    Err(error) => tracing::debug!(conversation = %id, "not announced: {error}"),
                }
            }
        });
    }

    /// Tells one device a conversation's heads.
    pub(crate) fn tell_heads(&self, id: ConversationId, device: DeviceId) {
        let Some(Place::Open(room) | Place::Leaving(room)) = self.place(&id) else { return };
        for notice in self.notices(id, &room.view()) {
            self.send(device, notice.envelope());
        }
    }

    /// Tells heads to a few connected members' devices that are not known to have them, in each round to others if there
    /// are; false if there is nobody. Leaves word for those that are not here.
    pub(crate) fn ripple(&self, id: ConversationId, view: &View, awareness: &Awareness, round: usize) -> bool {
        post::note_news(self, id, view);
        let members = |device: &DeviceId| access::is_writer(self.access.role(device, &id));
        let mut neighbours: Vec<_> = self.people.all().into_iter().map(|(device, _)| device).filter(members).collect();
        neighbours.retain(|device| !awareness.has_all(device, &view.heads));
        // An order of its own for each device and state, so that not everybody tells the same few.
        let own = *self.author.device().as_bytes();
        neighbours.sort_by_cached_key(|device| {
            let heads = view.heads.iter().flat_map(|head| *head.as_bytes());
            *blake3::hash(&own.into_iter().chain(*device.as_bytes()).chain(heads).collect::<Vec<_>>()).as_bytes()
        });
        let anybody = !neighbours.is_empty();
        for device in neighbours.into_iter().cycle().skip(round * MAX_RIPPLE).take(MAX_RIPPLE) {
            self.tell_heads(id, device);
        }
        anybody
    }

    fn notices(&self, id: ConversationId, view: &View) -> Vec<Notice> {
        let device_id = self.author.device();
        view.heads.iter().take(MAX_NOTICES).map(|commit| Notice { id, commit: *commit, device_id }).collect()
    }

    /// Judges an announcement, if there is one.
    pub(crate) async fn judge(&self, announcement: Option<AnnouncementHandle>, judgement: Acceptance) {
        if let (Some(net), Some(handle)) = (&self.net, announcement) {
            // Fails only when the node has stopped.
            let _ = net.node.judge(handle, judgement).await;
        }
    }

    /// Lets go of the account's folder.
    pub(crate) fn release(&self) {
        self.account.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn places(&self) -> RwLockReadGuard<'_, BTreeMap<ConversationId, Place>> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn places_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<ConversationId, Place>> {
        self.places.write().unwrap_or_else(PoisonError::into_inner)
    }
}
