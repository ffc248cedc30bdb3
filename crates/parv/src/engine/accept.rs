//! Taking up an invitation: clone from whoever can be reached, judge everything, join (requirement R3).
//!
//! Until the last step nothing is listed but "syncing", and when a step fails everything of it is removed and the request
//! stays. A clone that breaks off because one of the two is somewhere else now is begun anew by itself.

use super::hub::{Hub, Net, Place};
use super::leaving;
use crate::conversation::actor;
use crate::conversation::fetch::{FetchFailure, fetch};
use crate::conversation::ledger::{IntakeError, Ledger};
use crate::conversation::room::Room;
use crate::conversation::writing::Wish;
use crate::event::Event;
use crate::{Error, error, files};
use parv_model::{ConversationId, DeviceId, Message, Mode, Refusal, Role};
use parv_net::{Key, NetError};
use parv_store::{FetchError, Repository, StoreError};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::sleep;

/// How long to wait before those are asked again with whom a clone broke off, each time.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(6), Duration::from_secs(15)];

/// Why one device's history was not taken.
#[derive(Debug, thiserror::Error)]
enum CloneError {
    #[error(transparent)]
    Fetch(#[from] FetchFailure),
    #[error(transparent)]
    Intake(#[from] IntakeError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("it has no commits of the conversation")]
    Empty,
    #[error("this account is not invited")]
    NotInvited,
    #[error("joining failed: {0}")]
    Join(Error),
    #[error("the clone was broken off")]
    BrokenOff(#[from] JoinError),
}

impl CloneError {
    /// Whether the connection broke in the middle, so that it may be different the next time.
    fn is_broken_off(&self) -> bool {
        use FetchError::{Closed, Io, Silent};
        match self {
            Self::Fetch(FetchFailure::Fetch(error)) => matches!(error, Closed | Io(_) | Silent),
            Self::Fetch(FetchFailure::Net(error)) => matches!(error, NetError::Broken { .. }),
            _ => false,
        }
    }

    /// Whether there was no connection: who has a new address may not be found there yet.
    fn is_out_of_reach(&self) -> bool {
        use NetError::{NoAddress, TimedOut, Unreachable};
        matches!(self, Self::Fetch(FetchFailure::Net(NoAddress(_) | TimedOut { .. } | Unreachable { .. })))
    }

    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Fetch(FetchFailure::Refused(refusal)) | Self::Intake(IntakeError::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }
}

/// Accepts; see [`crate::Engine::accept`].
#[tracing::instrument(level = "debug", skip_all, fields(conversation = %id))]
pub(super) async fn accept(hub: &Arc<Hub>, id: ConversationId) -> Result<Room, Error> {
    let net = hub.net()?;
    let request = hub.requests.get(&id);
    let syncing = Place::Syncing {
        mode: request.as_ref().and_then(|request| Mode::from_number(request.mode.into())).unwrap_or(Mode::Public),
        title: request.as_ref().and_then(|request| request.title.clone()),
    };
    if let Some(Place::Leaving(_)) = hub.place(&id) {
        leaving::erase(hub, id).await?; // come back before anybody heard of the leaving
    }
    match hub.claim(id, syncing) {
        Ok(()) => {}
        Err(Place::Open(room)) => return Ok(room),
        Err(Place::Unusable(why)) => return Err(Error::Unusable { conversation: id, why }),
        Err(Place::Syncing { .. } | Place::Leaving(_)) => return Err(Error::Syncing(id)),
    }
    // If the caller goes away in the middle, the place must not stay taken.
    let claim = Claim { hub, id, kept: false };
    let ledger = clone_from_anybody(hub, net, id).await?;
    let room = actor::start(hub, ledger);
    claim.keep(room.clone());
    hub.follow(id);
    hub.announce(id, &room.view());
    for (device, _) in room.view().state.devices().filter(|(device, _)| net.people.account(device).is_some()) {
        hub.tell_heads(id, device);
    }
    let task = hub.clone();
    let forgotten = spawn_blocking(move || task.requests.remove(&id)).await;
    if let Ok(Err(error)) = forgotten {
        tracing::warn!("an accepted request stays on the list: {error}");
    }
    hub.tell(Event::ConversationReady { conversation: id });
    hub.wake.notify_one();
    Ok(room)
}

/// The place of a conversation that is being cloned.
struct Claim<'a> {
    hub: &'a Hub,
    id: ConversationId,
    kept: bool,
}

impl Claim<'_> {
    fn keep(mut self, room: Room) {
        self.kept = true;
        self.hub.put(self.id, Place::Open(room));
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.hub.take_out(&self.id);
        }
    }
}

/// Asks, one after the other, everybody who may have the conversation, and then again those with whom it broke off.
async fn clone_from_anybody(hub: &Arc<Hub>, net: &Net, id: ConversationId) -> Result<Ledger, Error> {
    let mut failures = Failures::default();
    let mut asked = HashSet::from([hub.author.device()]);
    for stage in [Stage::Near, Stage::Far] {
        for device in stage.devices(hub, net, &id).await {
            if !asked.insert(device) {
                continue;
            }
            match clone_from(hub, net, id, device).await {
                Ok(ledger) => return Ok(ledger),
                Err(error) => failures.note(hub, id, device, &error),
            }
        }
    }
    for pause in PAUSES {
        let broken_off: Vec<_> = failures.broken_off.iter().copied().collect();
        if broken_off.is_empty() {
            break;
        }
        sleep(pause).await;
        for device in broken_off {
            match clone_from(hub, net, id, device).await {
                Ok(ledger) => return Ok(ledger),
                Err(error) => failures.note(hub, id, device, &error),
            }
        }
    }
    Err(failures.sum(id))
}

/// What came of asking, where it was in vain.
#[derive(Default)]
struct Failures {
    /// Each device that was asked, with what happened last.
    tried: BTreeMap<DeviceId, String>,
    /// Those with whom it broke off, and who were not asked in vain since.
    broken_off: BTreeSet<DeviceId>,
    refused: Option<Refusal>,
    not_invited: bool,
}

impl Failures {
    fn note(&mut self, hub: &Hub, id: ConversationId, device: DeviceId, error: &CloneError) {
        let why = error::chain(error);
        match error.refusal() {
            Some(refusal) => {
                hub.tell(Event::Refused { conversation: id, peer: device, refusal: refusal.clone() });
                super::refusal::tell_peer(hub, device, id, refusal);
                self.refused.get_or_insert(refusal.clone());
            }
            None => hub.tell(Event::FetchFailed { conversation: id, peer: device, why: why.clone() }),
        }
        self.not_invited |= matches!(error, CloneError::NotInvited);
        if error.is_broken_off() {
            self.broken_off.insert(device);
        } else if !error.is_out_of_reach() {
            self.broken_off.remove(&device);
        }
        self.tried.insert(device, why);
    }

    fn sum(self, id: ConversationId) -> Error {
        match self.refused {
            Some(refusal) => Error::Refused(refusal),
            None if self.not_invited => Error::NotInvited(id),
            None => Error::Unreachable { conversation: id, tried: self.tried.into_iter().collect() },
        }
    }
}

/// Where to look for who has a conversation.
#[derive(Clone, Copy)]
enum Stage {
    /// Who invited, and people who are connected or were met.
    Near,
    /// Whoever says in the distributed table that they have it.
    Far,
}

impl Stage {
    async fn devices(self, hub: &Hub, net: &Net, id: &ConversationId) -> Vec<DeviceId> {
        let request = hub.requests.get(id);
        match (self, request) {
            (Stage::Near, Some(request)) => {
                let people = [request.from].into_iter().chain(request.members);
                let (mut near, mut met) = (vec![request.device], Vec::new());
                for uri in people {
                    near.extend(net.people.devices_of(&uri));
                    met.extend(hub.contacts.devices(&uri));
                }
                near.into_iter().chain(met).collect()
            }
            // Without an invitation (PUBLIC) anybody who is connected may have it.
            // Who has not said whose it is has no conversations, or would not answer.
            (Stage::Near, None) => {
                let known = net.people.all().into_iter().filter(|(_, account)| account.is_some());
                known.map(|(device, _)| device).collect()
            }
            (Stage::Far, _) => net.node.providers(Key::of_conversation(id)).await.unwrap_or_else(|error| {
                tracing::debug!(conversation = %id, "nobody found: {error}");
                Vec::new()
            }),
        }
    }
}

/// Clones from one device and joins. When it fails, nothing of it stays.
async fn clone_from(hub: &Arc<Hub>, net: &Net, id: ConversationId, device: DeviceId) -> Result<Ledger, CloneError> {
    let path = hub.folders.repository(&id);
    let made = {
        let path = path.clone();
        spawn_blocking(move || -> Result<_, CloneError> {
            files::remove_folder(&path).map_err(CloneError::Join)?; // left by a crash; nothing is listed there
            Ok(Repository::init(&path)?)
        })
    };
    let cloned = async {
        let repository = made.await??;
        let fetched = fetch(net, repository.clone(), id, device).await?.ok_or(CloneError::Empty)?;
        let (folders, author) = (hub.folders.clone(), hub.author.clone());
        spawn_blocking(move || {
            let mut ledger = Ledger::cloned(&folders, repository, id, fetched, author.clone())?;
            join(&mut ledger)?;
            Ok(ledger)
        })
        .await?
    };
    let cloned: Result<Ledger, CloneError> = cloned.await;
    if cloned.is_err() {
        // Blocks for the time of removing what may be a gigabyte in two files.
        let removed = spawn_blocking(move || files::remove_folder(&path)).await;
        if let Ok(Err(error)) = removed {
            tracing::warn!("{error}");
        }
    }
    cloned
}

/// Writes the own joining, unless the account has joined already (by another device).
fn join(ledger: &mut Ledger) -> Result<(), CloneError> {
    let own = ledger.author().uri();
    let state = ledger.state();
    match state.role(&own) {
        Some(Role::Admin | Role::Member) => return Ok(()),
        Some(Role::Invited) => {}
        Some(Role::Left) | None if state.mode() == Mode::Public => {}
        Some(Role::Left | Role::Banned) | None => return Err(CloneError::NotInvited),
    }
    let join = Wish { message: Message::Join(own), profile: None };
    ledger.write(join).map(drop).map_err(CloneError::Join)
}
