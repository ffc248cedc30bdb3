//! Staying in touch: connects to members' devices that are not connected, and tries again to bring people the invitations that
//! wait for them. Who cannot be reached is tried again, more and more rarely, and at once when this device is somewhere else.

use super::hub::{Hub, Net, Place};
use super::invitations;
use parv_model::{DeviceId, Uri};
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How long to wait after the first failure; doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(15);

/// How long to wait at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// How many are tried at once, so that a conversation of a thousand absent members is no storm.
const MAX_AT_ONCE: usize = 8;

/// With how many other devices of one conversation a connection is kept up; gossip reaches the rest.
const ENOUGH_NEIGHBOURS: usize = 16;

/// When whom to try again.
struct Pauses<T>(HashMap<T, (Instant, Duration)>);

impl<T: Hash + Eq + Copy> Pauses<T> {
    fn is_due(&self, who: &T) -> bool {
        self.0.get(who).is_none_or(|(until, _)| *until <= Instant::now())
    }

    /// Notes a try; the pause counts from now, whatever comes of it.
    fn tried(&mut self, who: T) {
        let pause = self.0.get(&who).map_or(FIRST_PAUSE, |(_, pause)| (*pause * 2).min(LONGEST_PAUSE));
        self.0.insert(who, (Instant::now() + pause, pause));
    }

    fn next(&self) -> Option<Instant> {
        self.0.values().map(|(until, _)| *until).min()
    }

    /// What made tries fail may be over.
    fn forget(&mut self) {
        self.0.clear();
    }

    fn keep(&mut self, wanted: &BTreeSet<T>)
    where
        T: Ord,
    {
        self.0.retain(|who, _| wanted.contains(who));
    }
}

/// Runs until the engine stops.
pub(super) async fn run(hub: Arc<Hub>, net: Net) {
    let mut devices = Pauses::<DeviceId>(HashMap::new());
    let mut people = Pauses::<Uri>(HashMap::new());
    loop {
        let (absent, awaited) = (absent(&hub, &net), hub.outbox.people());
        devices.keep(&absent);
        people.keep(&awaited);
        let mut tries = JoinSet::new();
        for device in absent.into_iter().filter(|device| devices.is_due(device)).take(MAX_AT_ONCE).collect::<Vec<_>>() {
            devices.tried(device);
            let node = net.node.clone();
            tries.spawn(async move {
                if let Err(error) = node.dial(device).await {
                    tracing::debug!(%device, "not reached: {error}");
                }
            });
        }
        for uri in awaited.into_iter().filter(|uri| people.is_due(uri)).take(MAX_AT_ONCE).collect::<Vec<_>>() {
            people.tried(uri);
            let task = hub.clone();
            tries.spawn(async move { invitations::bring(&task, uri).await });
        }
        tries.join_all().await;
        let next = [devices.next(), people.next()].into_iter().flatten().min();
        let pause = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = pause => {}
            () = hub.wake.notified() => {}
            () = hub.moved.notified() => {
                devices.forget();
                people.forget();
            }
        }
    }
}

/// The devices of members that are not connected, of conversations that have few neighbours.
fn absent(hub: &Hub, net: &Net) -> BTreeSet<DeviceId> {
    let own = hub.author.device();
    let mut absent = BTreeSet::new();
    for (_, place) in hub.all_places() {
        let Place::Open(room) = place else { continue };
        let view = room.view();
        let others = view.state.devices().map(|(device, _)| device).filter(|device| *device != own);
        let (near, far): (Vec<_>, Vec<_>) = others.partition(|device| net.node.is_connected(device));
        absent.extend(far.into_iter().take(ENOUGH_NEIGHBOURS.saturating_sub(near.len())));
    }
    absent
}
