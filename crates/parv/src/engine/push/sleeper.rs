//! This device's subscription, in `push.json`, and giving leases to those who are to wake it.

use super::super::hub::{Hub, Net};
use super::{LEASE_MIME, LeaseAnswer, LeaseHolder, PushStatus, PushSubscription, RELEASE_MIME, RELEASED, Release};
use crate::event::Event;
use crate::{Error, clock, files};
use parv_model::{ConversationId, DeviceId};
use parv_net::Envelope;
use parv_push::{Endpoint, Errand, Subscriber};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How long after a change to see who should hold leases: connections come several at a time.
const SETTLE: Duration = Duration::from_millis(200);

/// How long after the last look at the latest.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The longest name of a refusal that is shown, in characters.
const MAX_REFUSAL_CHARS: usize = 40;

/// See the [module](self).
pub(crate) struct Sleeper {
    path: PathBuf,
    subscriber: Mutex<Subscriber>,
    changed: Notify,
}

impl Sleeper {
    /// Reads the subscription. Blocks.
    pub(crate) fn open(path: PathBuf) -> Result<Self, Error> {
        let subscriber = files::read_json(&path)?.unwrap_or_default();
        Ok(Self { path, subscriber: Mutex::new(subscriber), changed: Notify::new() })
    }

    /// Blocks.
    pub(super) fn subscribe(&self, endpoint: Endpoint, contact: Option<String>) -> Result<(), Error> {
        let mut subscriber = self.subscriber();
        subscriber.subscribe(endpoint, contact)?;
        self.write(&subscriber)?;
        self.look_again();
        Ok(())
    }

    /// Blocks.
    pub(super) fn unsubscribe(&self) -> Result<(), Error> {
        let mut subscriber = self.subscriber();
        if !subscriber.unsubscribe() {
            return Err(Error::NotSubscribed);
        }
        self.write(&subscriber)?;
        self.look_again();
        Ok(())
    }

    /// What the body of a push message says.
    pub(super) fn open_message(&self, body: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.subscriber().open(body).ok_or(Error::NotSubscribed)??)
    }

    pub(super) fn status(&self, sleepers: Vec<DeviceId>) -> PushStatus {
        let subscriber = self.subscriber();
        let subscription = || {
            let (endpoint, vapid) = (subscriber.endpoint()?.to_string(), subscriber.vapid_key()?);
            let (p256dh, auth) = subscriber.receiver()?;
            Some(PushSubscription { endpoint, p256dh, auth, vapid })
        };
        let holder = |(device, holding): (&DeviceId, &parv_push::Holding)| LeaseHolder {
            device: *device,
            expires: holding.expires,
            conversations: (holding.first.len(), holding.second.len()),
            answer: holding.answer.clone(),
        };
        PushStatus { subscription: subscription(), holders: subscriber.holdings().map(holder).collect(), sleepers }
    }

    /// Somebody came or went, or a conversation changed.
    pub(super) fn look_again(&self) {
        self.changed.notify_one();
    }

    /// Whether there is nobody to give a lease to or to take one from.
    fn is_idle(&self) -> bool {
        let subscriber = self.subscriber();
        subscriber.endpoint().is_none() && subscriber.holdings().next().is_none()
    }

    /// What is to be sent now; written down before. Blocks.
    fn plan(&self, hub: &Hub, present: &BTreeMap<ConversationId, BTreeSet<DeviceId>>) -> Vec<Errand> {
        let mut subscriber = self.subscriber();
        let errands = subscriber.plan(hub.author.key(), hub.author.uri(), present, clock::since_1970());
        if !errands.is_empty() {
            self.keep(&subscriber);
        }
        errands
    }

    /// What a holder answered. False if that is no news. Blocks.
    fn answered(&self, holder: &DeviceId, sequence: u64, refused: Option<&str>) -> bool {
        let mut subscriber = self.subscriber();
        let is_news = match refused {
            Some(RELEASED) => subscriber.released(holder, sequence),
            refused => subscriber.answered(holder, sequence, refused.map_or(Ok(()), |name| Err(name.to_owned()))),
        };
        if is_news {
            self.keep(&subscriber);
        }
        is_news
    }

    /// How long to wait for a change.
    fn pause(&self) -> Duration {
        let next = self.subscriber().next().map(|next| next.saturating_sub(clock::since_1970()));
        next.unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
    }

    fn subscriber(&self) -> MutexGuard<'_, Subscriber> {
        self.subscriber.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, subscriber: &Subscriber) -> Result<(), Error> {
        files::write_json(&self.path, subscriber)
    }

    /// Writes what costs no more than leases that are given again when it is lost.
    fn keep(&self, subscriber: &Subscriber) {
        if let Err(error) = self.write(subscriber) {
            tracing::warn!("who holds leases is not remembered: {error}");
        }
    }
}

/// Gives leases and takes them back, until the engine stops.
pub(in crate::engine) async fn run(hub: Arc<Hub>, net: Net) {
    let mut people = net.people.changes();
    loop {
        if !hub.sleeper.is_idle() {
            let task = hub.clone();
            let planned = spawn_blocking(move || task.sleeper.plan(&task, &present(&task)));
            for errand in planned.await.unwrap_or_default() {
                let (holder, envelope) = envelope(errand);
                hub.send(holder, envelope); // what does not arrive is not answered, and sent again
            }
        }
        tokio::select! {
            () = hub.sleeper.changed.notified() => {}
            changed = people.changed() => if changed.is_err() { return },
            () = sleep(hub.sleeper.pause()) => {}
        }
        sleep(SETTLE).await;
    }
}

/// What an errand is as a message.
fn envelope(errand: Errand) -> (DeviceId, Envelope) {
    match errand {
        Errand::Give { holder, lease } => (holder, Envelope::new(LEASE_MIME, lease)),
        Errand::Release { holder, sequence } => {
            let body = serde_json::to_vec(&Release { sequence }).expect("a number is always JSON");
            (holder, Envelope::new(RELEASE_MIME, body))
        }
    }
}

/// The devices of members that are connected and know this one, by conversation.
fn present(hub: &Hub) -> BTreeMap<ConversationId, BTreeSet<DeviceId>> {
    let mut present: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for device in hub.people.acquaintances() {
        for id in hub.access.shared_with(&device) {
            present.entry(id).or_default().insert(device);
        }
    }
    present
}

/// A device says whether it keeps a lease.
pub(in crate::engine) fn answered(hub: &Arc<Hub>, peer: DeviceId, body: &[u8]) {
    let Ok(LeaseAnswer { sequence, refused }) = serde_json::from_slice(body) else {
        return tracing::debug!(%peer, "a malformed answer to a lease");
    };
    let refused: Option<String> =
        refused.map(|name| name.chars().filter(char::is_ascii_graphic).take(MAX_REFUSAL_CHARS).collect());
    let task = hub.clone();
    drop(spawn_blocking(move || {
        if task.sleeper.answered(&peer, sequence, refused.as_deref()) {
            task.tell(Event::LeaseAnswered { device: peer, refused });
        }
    }));
}
