//! The post: letters for people and devices that are not there.
//!
//! An invitation that waits for somebody is left in the mailboxes of the person's devices, and a device that misses what was
//! said in a conversation is left word of that. What should lie there is worked out anew whenever something may have
//! changed, and held against what does lie there: so a letter goes as soon as what it says is done, whoever did it.

use super::certificates::Certificates;
use super::hub::{Hub, Net};
use super::invitations::{self, Invite};
use crate::conversation::room::View;
use crate::event::Event;
use crate::{access, error};
use parv_model::{CommitId, ConversationId, DeviceId, Mode, Role, Uri};
use parv_net::limits::{MAX_LETTER_BYTES, MAX_LETTERS_OF_ONE};
use parv_net::{NetError, Purpose};
use parv_push::{Responsible, responsible};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How many devices are left word of news at once; invitations come first.
const MAX_WAKE_UPS: usize = 64;

/// Of how many conversations one device is left word.
const MAX_NEWS: usize = 32;

/// How long to wait before leaving again what nobody kept.
const AGAIN: Duration = Duration::from_secs(5);

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

/// A conversation has something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct News {
    pub(super) id: ConversationId,
    /// A commit that the recipient is not known to have.
    pub(super) commit: CommitId,
}

/// What the rest of the engine tells the post.
#[derive(Default)]
pub(crate) struct Post {
    changed: Notify,
    missed: Mutex<BTreeMap<DeviceId, Missed>>,
}

/// What a device that is not here misses.
struct Missed {
    since: Instant,
    news: BTreeMap<ConversationId, CommitId>,
}

impl Post {
    /// Something that letters are about may have changed.
    pub(crate) fn look(&self) {
        self.changed.notify_one();
    }

    /// A device is here, and hears what is new by itself.
    pub(crate) fn is_here(&self, device: &DeviceId) {
        if self.missed().remove(device).is_some() {
            self.look();
        }
    }

    fn missed(&self) -> MutexGuard<'_, BTreeMap<DeviceId, Missed>> {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A conversation has something new: notes for which of its devices that are not here this one leaves word. What one is
/// left word of already stays as it is, so that a burst of messages makes one letter.
pub(crate) fn note_news(hub: &Hub, id: ConversationId, view: &View) {
    let (Some(net), Some(head)) = (&hub.net, view.heads.first()) else { return };
    let own = hub.author.device();
    let others =
        view.state.devices().filter(|(device, account)| *device != own && access::is_writer(view.state.role(account)));
    let (here, absent): (Vec<_>, Vec<_>) =
        others.map(|(device, _)| device).partition(|device| net.node.is_connected(device));
    let mut missed = hub.post.missed();
    for device in absent.into_iter().filter(|absent| falls_to(&own, &here, absent)) {
        if missed.len() >= MAX_WAKE_UPS && !missed.contains_key(&device) {
            continue;
        }
        let nothing = || Missed { since: Instant::now(), news: BTreeMap::new() };
        let news = &mut missed.entry(device).or_insert_with(nothing).news;
        if news.len() < MAX_NEWS {
            news.entry(id).or_insert(*head);
        }
    }
    drop(missed);
    hub.post.look();
}

/// Whether it falls to a device to leave word for one that is not here, beside these others who are.
fn falls_to(own: &DeviceId, others: &[DeviceId], absent: &DeviceId) -> bool {
    let Responsible { first, second } = responsible(absent, others.iter().chain([own]).copied());
    [first, second].contains(&Some(*own))
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
    let mut leaving = JoinSet::new();
    let mut failed = BTreeSet::new();
    let mut again = None;
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
            let node = net.node.clone();
            leaving
                .spawn(async move { (place, letter.invited, node.leave_letter(place.0, place.1, letter.body).await) });
        }
        tokio::select! {
            () = hub.post.changed.notified() => {}
            () = at(again) => {
                again = None;
                std::mem::take(&mut failed).iter().for_each(|place| drop(left.remove(place)));
            }
            Some(Ok((place, invited, done))) = leaving.join_next() => match done {
                Ok(()) => for (conversation, uri) in invited {
                    hub.tell(Event::InviteLeft { conversation, uri, device: place.0 });
                }
                Err(NetError::NobodyKeeps) => {
                    failed.insert(place);
                    again.get_or_insert(Instant::now() + AGAIN);
                }
                Err(why) => tracing::debug!(device = %place.0, "no letter was left: {}", error::chain(&why)),
            }
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
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
    let mut missed = hub.post.missed();
    // Whoever was away for longer asks the others anyway.
    missed.retain(|_, missed| missed.since.elapsed() < Purpose::WakeUp.lifetime());
    for (device, missed) in missed.iter() {
        let news = missed.news.iter().map(|(id, commit)| News { id: *id, commit: *commit }).collect();
        let body = serde_json::to_vec(&WakeUp { news }).expect("ids are always JSON");
        wanted.insert((*device, Purpose::WakeUp), Letter { body, invited: Vec::new() });
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
