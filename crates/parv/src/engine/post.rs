//! The post: letters for people and devices that are not there.
//!
//! An invitation that waits for somebody is left in the mailboxes of the person's devices, and a device that misses what was
//! said in a conversation is left word of that. What should lie there is worked out anew whenever something may have
//! changed, and held against what does lie there: so a letter goes as soon as what it says is done, whoever did it.

use super::absent::{Absent, MAX_WAKE_UPS, News};
use super::certificates::Certificates;
use super::hub::{Hub, Net};
use super::invitations::{self, Invite};
use crate::conversation::room::View;
use crate::event::Event;
use crate::{access, error};
use parv_model::{ConversationId, DeviceId, Mode, Role, Uri};
use parv_net::limits::{MAX_LETTER_BYTES, MAX_LETTERS_OF_ONE};
use parv_net::{Node, Purpose};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// How long a device that is not connected is tried before it is left word of news: one that can be reached hears of them
/// in person. Whoever writes something and goes leaves word all the same.
const REACH: Duration = Duration::from_secs(2);

/// How many are tried at once.
const MAX_TRIES: usize = 8;

/// What a letter with invitations says: from whom it is, and to what.
#[derive(Serialize, Deserialize)]
pub(super) struct Invitations {
    #[serde(flatten)]
    pub(super) from: Certificates,
    pub(super) invites: Vec<Invite>,
}

/// What a wake-up says: which conversations have something new.
#[derive(Serialize, Deserialize)]
pub(super) struct WakeUp {
    pub(super) news: Vec<News>,
}

/// What the rest of the engine tells the post.
#[derive(Default)]
pub(crate) struct Post {
    changed: Notify,
    absent: Mutex<Absent>,
}

impl Post {
    /// Something that letters are about may have changed.
    pub(crate) fn look(&self) {
        self.changed.notify_one();
    }

    /// A device is here, and hears what is new by itself.
    pub(crate) fn is_here(&self, device: &DeviceId) {
        if self.absent().is_here(device) {
            self.look();
        }
    }

    /// A device has announced something, which came by whomever.
    pub(crate) fn heard(&self, device: DeviceId) {
        if self.absent().heard(device, Instant::now()) {
            self.look();
        }
    }

    /// A device is not connected any more.
    pub(crate) fn gone(&self, device: &DeviceId) {
        self.absent().gone(device);
    }

    fn absent(&self) -> MutexGuard<'_, Absent> {
        self.absent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A conversation has something new: notes for which of its devices that are not here this one leaves word.
pub(crate) fn note_news(hub: &Hub, id: ConversationId, view: &View) {
    let (Some(net), Some(head)) = (&hub.net, view.heads.first()) else { return };
    let writers = view.state.devices().filter(|(_, account)| access::is_writer(view.state.role(account)));
    let (own, news) = (hub.author.device(), News { id, commit: *head });
    let connected = |device: &DeviceId| net.node.is_connected(device);
    hub.post.absent().note(&own, writers.map(|(device, _)| device), connected, news, Instant::now());
    hub.post.look();
}

/// Where a letter lies: for whom, and about what.
type Place = (DeviceId, Purpose);

/// A letter, and what to tell when somebody keeps it.
struct Letter {
    body: Vec<u8>,
    invited: Vec<(ConversationId, Uri)>,
}

/// Runs until the engine stops.
pub(super) async fn run(hub: Arc<Hub>, net: Net) {
    let mut left = BTreeMap::<Place, Vec<u8>>::new();
    let (mut leaving, tries) = (JoinSet::new(), Arc::new(Semaphore::new(MAX_TRIES)));
    loop {
        let wanted = wanted(&hub);
        let unwanted: Vec<_> = left.keys().filter(|place| !wanted.contains_key(*place)).copied().collect();
        for place in unwanted {
            left.remove(&place);
            // Fails only when the node has stopped.
            let _ = net.node.withdraw_letter(place.0, place.1).await;
        }
        for (place, letter) in wanted {
            if left.get(&place) == Some(&letter.body) {
                continue;
            }
            left.insert(place, letter.body.clone());
            leaving.spawn(leave(hub.clone(), net.node.clone(), tries.clone(), place, letter));
        }
        tokio::select! {
            () = hub.post.changed.notified() => {}
            Some(_) = leaving.join_next() => {}
        }
    }
}

/// Leaves a letter, unless it is word of news and its recipient turns out to be in reach.
#[tracing::instrument(level = "debug", skip_all, fields(%device, ?purpose))]
async fn leave(hub: Arc<Hub>, node: Node, tries: Arc<Semaphore>, (device, purpose): Place, letter: Letter) {
    if purpose == Purpose::WakeUp {
        let _turn = tries.acquire().await;
        if let Ok(Ok(())) = timeout(REACH, node.dial(device)).await {
            return hub.post.is_here(&device);
        }
    }
    match node.leave_letter(device, purpose, letter.body).await {
        Ok(()) => letter.invited.into_iter().for_each(|(conversation, uri)| {
            hub.tell(Event::InviteLeft { conversation, uri, device });
        }),
        Err(why) => tracing::debug!("no letter was left: {}", error::chain(&why)),
    }
}

/// The letters that should lie somewhere now.
fn wanted(hub: &Hub) -> BTreeMap<Place, Letter> {
    let mut wanted = BTreeMap::new();
    for uri in hub.outbox.people() {
        let (contact, groups): (Vec<_>, Vec<_>) =
            waiting(hub, &uri).into_iter().partition(|invite| invite.mode == Mode::OneToOne.number());
        for (purpose, invites) in [(Purpose::Contact, contact), (Purpose::Invitation, groups)] {
            let Some((body, invited)) = letter(hub, invites) else { continue };
            for device in hub.contacts.devices(&uri) {
                if wanted.len() < MAX_LETTERS_OF_ONE - MAX_WAKE_UPS {
                    let invited = invited.iter().map(|id| (*id, uri)).collect();
                    wanted.insert((device, purpose), Letter { body: body.clone(), invited });
                }
            }
        }
    }
    for (device, news) in hub.post.absent().words(Instant::now()) {
        let body = serde_json::to_vec(&WakeUp { news }).expect("ids are always JSON");
        wanted.insert((device, Purpose::WakeUp), Letter { body, invited: Vec::new() });
    }
    wanted
}

/// The invitations that wait for somebody, the oldest first. What is done is taken off the list: they have joined, were
/// banned, or the conversation is gone.
fn waiting(hub: &Hub, uri: &Uri) -> Vec<Invite> {
    let mut pending = hub.outbox.of(uri);
    pending.sort_by_key(|(_, pending)| pending.since);
    let mut invites = Vec::new();
    for (address, pending) in pending {
        let room = hub.room(&address.conversation);
        match room.filter(|room| room.view().state.role(uri) == Some(Role::Invited)) {
            Some(room) => invites.push(invitations::brief(&room, pending.commit)),
            None => {
                if let Err(error) = hub.outbox.remove(&address) {
                    tracing::warn!("{error}");
                }
            }
        }
    }
    invites
}

/// As many of these invitations as fit into a letter, and to which conversations they are.
fn letter(hub: &Hub, invites: Vec<Invite>) -> Option<(Vec<u8>, Vec<ConversationId>)> {
    let mut letter = Invitations { from: Certificates::own(&hub.author.credentials), invites };
    while !letter.invites.is_empty() {
        let body = serde_json::to_vec(&letter).expect("ids and texts are always JSON");
        if body.len() <= MAX_LETTER_BYTES {
            return Some((body, letter.invites.iter().map(|invite| invite.conversation_id).collect()));
        }
        letter.invites.pop();
    }
    None
}
