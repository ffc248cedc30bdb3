//! Staying in touch: tells the node whose devices belong to which conversation, so that it stays connected with a few of
//! them, and tries again to bring people the invitations that wait for them. Who cannot be reached is tried again, more and
//! more rarely, and at once when this device is somewhere else.

use super::hub::{Hub, Net, Place};
use super::invitations;
use parv_model::{ConversationId, TreeId, Uri};
use parv_net::Topic;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How long to wait after the first failure; doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(15);

/// How long to wait at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// How many are tried at once, so that a thousand invitations are no storm.
const MAX_AT_ONCE: usize = 8;

/// When whom to try again.
struct Pauses(HashMap<Uri, (Instant, Duration)>);

impl Pauses {
    fn is_due(&self, who: &Uri) -> bool {
        self.0.get(who).is_none_or(|(until, _)| *until <= Instant::now())
    }

    /// Notes a try; the pause counts from now, whatever comes of it.
    fn tried(&mut self, who: Uri) {
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

    fn keep(&mut self, wanted: &BTreeSet<Uri>) {
        self.0.retain(|who, _| wanted.contains(who));
    }
}

/// Runs until the engine stops.
pub(super) async fn run(hub: Arc<Hub>, net: Net) {
    let (mut people, mut told) = (Pauses(HashMap::new()), BTreeMap::new());
    loop {
        say_who_belongs_where(&hub, &net, &mut told);
        let awaited = hub.outbox.people();
        people.keep(&awaited);
        let mut tries = JoinSet::new();
        for uri in awaited.into_iter().filter(|uri| people.is_due(uri)).take(MAX_AT_ONCE).collect::<Vec<_>>() {
            people.tried(uri);
            let task = hub.clone();
            tries.spawn(async move { invitations::bring(&task, uri).await });
        }
        tries.join_all().await;
        let next = people.next();
        let pause = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = pause => {}
            () = hub.wake.notified() => {}
            () = hub.moved.notified() => people.forget(),
        }
    }
}

/// Tells the node the devices of each conversation that is open, unless it was told this tree's already.
fn say_who_belongs_where(hub: &Hub, net: &Net, told: &mut BTreeMap<ConversationId, TreeId>) {
    let mut open = BTreeMap::new();
    for (id, place) in hub.all_places() {
        let Place::Open(room) = place else { continue };
        let state = room.view().state.clone();
        if told.get(&id) != Some(&state.tree()) {
            net.node.set_followers(Topic::of(&id), state.devices().map(|(device, _)| device));
        }
        open.insert(id, state.tree());
    }
    *told = open;
}
