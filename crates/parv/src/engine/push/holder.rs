//! The leases of other devices, one file each (`leases/<device>.json`), and waking those devices.

use super::super::hub::{Hub, Net};
use super::{ANSWER_MIME, LeaseAnswer, Message, RELEASED, Release, Wake};
use crate::engine::options::Network;
use crate::event::Event;
use crate::notice::Notice;
use crate::{Error, access, clock, error, files};
use parv_model::{ConversationId, DeviceId};
use parv_net::Envelope;
use parv_push::{Due, Gateway, Keeper, Lease, LeaseError, PostError, Posted, Reach, WebPush};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OnceCell};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How often leases that ended are looked for.
const SWEEP: Duration = Duration::from_secs(3600);

/// See the [module](self).
pub(crate) struct Holder {
    folder: PathBuf,
    keeper: Mutex<Keeper>,
    changed: Notify,
    /// Made when the first message is posted: it reads the system's certificates.
    gateway: OnceCell<Arc<dyn Gateway>>,
    reach: Reach,
    patience: Duration,
}

/// A lease as it is kept, as it came.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// In hexadecimal digits.
    lease: String,
}

impl Holder {
    /// Reads the leases that are kept. What does not hold up any more is left out. Blocks.
    pub(crate) fn open(folder: PathBuf, own: DeviceId, network: &Network) -> Result<Self, Error> {
        let mut keeper = Keeper::new(own, network.push_reach, network.patience);
        for (device, Kept { lease }) in files::read_all::<DeviceId, Kept>(&folder)? {
            let taken = hex::decode(lease).ok().map(|bytes| keeper.take(&bytes, device, clock::since_1970(), |_| true));
            if !matches!(taken, Some(Ok(_))) {
                files::remove(&file(&folder, &device))?;
            }
        }
        let gateway = OnceCell::new_with(network.gateway.clone());
        Ok(Self {
            folder,
            keeper: Mutex::new(keeper),
            changed: Notify::new(),
            gateway,
            reach: network.push_reach,
            patience: network.patience,
        })
    }

    /// The devices that this one is to wake.
    pub(super) fn sleepers(&self) -> Vec<DeviceId> {
        self.keeper().leases().map(|lease| lease.device).collect()
    }

    /// There is something new in a conversation.
    pub(super) fn news(&self, conversation: ConversationId) {
        self.keeper().news(conversation, clock::since_1970());
        self.changed.notify_one();
    }

    /// A device is here.
    pub(in crate::engine) fn awake(&self, device: &DeviceId) {
        self.keeper().awake(device);
    }

    async fn gateway(&self) -> Option<&Arc<dyn Gateway>> {
        let (reach, patience) = (self.reach, self.patience);
        let made = self.gateway.get_or_try_init(|| async {
            let made = spawn_blocking(move || WebPush::new(reach, patience)).await;
            made.map(|gateway| Arc::new(gateway) as Arc<dyn Gateway>)
        });
        made.await.inspect_err(|error| tracing::error!("nobody can be woken: {error}")).ok()
    }

    /// Takes a lease that a device hands over, and writes it down. Blocks.
    fn take(&self, hub: &Hub, bytes: &[u8], from: DeviceId) -> Result<(), LeaseError> {
        let is_member = |lease: &Lease| {
            let is_writer = |id| access::is_writer(hub.access.role(&from, id));
            hub.people.account(&from) == Some(lease.account) && lease.conversations().all(is_writer)
        };
        self.keeper().take(bytes, from, clock::since_1970(), is_member)?;
        let kept = Kept { lease: hex::encode(bytes) };
        if let Err(error) = files::write_json(&file(&self.folder, &from), &kept) {
            tracing::warn!(device = %from, "a lease is lost when this device stops: {error}");
        }
        Ok(())
    }

    /// A lease has ended, by whatever. Blocks.
    fn erase(&self, device: &DeviceId) {
        if let Err(error) = files::remove(&file(&self.folder, device)) {
            tracing::warn!(%device, "a lease that ended stays on the disk: {error}");
        }
    }

    fn keeper(&self) -> MutexGuard<'_, Keeper> {
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn file(folder: &std::path::Path, device: &DeviceId) -> PathBuf {
    folder.join(format!("{device}.json"))
}

/// A device hands over a lease. It is told what becomes of it.
pub(in crate::engine) fn lent(hub: &Arc<Hub>, net: &Net, peer: DeviceId, body: Vec<u8>) {
    let (hub, holder) = (hub.clone(), net.holder.clone());
    drop(spawn_blocking(move || {
        let taken = holder.take(&hub, &body, peer);
        if let Err(error) = &taken {
            tracing::debug!(device = %peer, "a lease is refused: {error}");
        }
        if let Some(sequence) = Lease::number(&body) {
            answer(&hub, peer, sequence, taken.err().map(|error| error.name()));
        }
    }));
}

/// A device takes its leases back.
pub(in crate::engine) fn released(hub: &Arc<Hub>, net: &Net, peer: DeviceId, body: &[u8]) {
    let Ok(Release { sequence }) = serde_json::from_slice(body) else {
        return tracing::debug!(%peer, "a malformed release of leases");
    };
    let (hub, holder) = (hub.clone(), net.holder.clone());
    drop(spawn_blocking(move || {
        let released = holder.keeper().release(&peer, sequence, clock::since_1970());
        if released {
            holder.erase(&peer);
        }
        answer(&hub, peer, sequence, Some(RELEASED));
    }));
}

fn answer(hub: &Hub, device: DeviceId, sequence: u64, refused: Option<&str>) {
    let answer = LeaseAnswer { sequence, refused: refused.map(str::to_owned) };
    let body = serde_json::to_vec(&answer).expect("a number and a text are always JSON");
    hub.send(device, Envelope::new(ANSWER_MIME, body));
}

/// Wakes devices when it is time, until the engine stops.
pub(in crate::engine) async fn run(hub: Arc<Hub>, net: Net) {
    let holder = net.holder.clone();
    loop {
        let (due, ended, next) = {
            let (mut keeper, now) = (holder.keeper(), clock::since_1970());
            let ended = keeper.expire(now);
            let due = keeper.take_due(now);
            (due, ended, keeper.next().map(|next| next.saturating_sub(now)))
        };
        for device in ended {
            let holder = holder.clone();
            drop(spawn_blocking(move || holder.erase(&device)));
        }
        for due in due {
            let (task, net) = (hub.clone(), net.clone());
            hub.spawn(async move { wake(&task, &net, due).await });
        }
        tokio::select! {
            () = holder.changed.notified() => {}
            () = sleep(next.unwrap_or(SWEEP).min(SWEEP)) => {}
        }
    }
}

/// Wakes a device, if it is not here and does not have what is new.
async fn wake(hub: &Arc<Hub>, net: &Net, due: Due) {
    let holder = &net.holder;
    let (device, conversation) = (due.lease.device, due.conversation);
    let posted = match message(hub, net, &due).await {
        None => Posted::Unneeded,
        Some(message) => match holder.gateway().await {
            None => Posted::Failed(PostError::Later { after: None }),
            Some(gateway) => match gateway.post(&due.lease, &message, clock::since_1970()).await {
                Ok(()) => Posted::Taken,
                Err(error) => Posted::Failed(error),
            },
        },
    };
    let gone = {
        let mut keeper = holder.keeper();
        keeper.posted(&due, &posted, clock::since_1970());
        !keeper.keeps(&device)
    };
    if gone {
        let holder = holder.clone();
        drop(spawn_blocking(move || holder.erase(&device)));
    }
    holder.changed.notify_one();
    let outcome = match posted {
        Posted::Unneeded => return,
        Posted::Taken => Wake::Sent,
        Posted::Failed(why) => Wake::Failed { why: error::chain(&why) },
    };
    hub.tell(Event::Wake { conversation, device, outcome });
}

/// What to tell the device: what is new, who has it, and where that is. None if it need not be told.
async fn message(hub: &Hub, net: &Net, due: &Due) -> Option<Vec<u8>> {
    let Lease { device, account, .. } = &*due.lease;
    let room = hub.room(&due.conversation)?;
    let view = room.view();
    let is_here = net.node.is_connected(device) || room.awareness().has_all(device, &view.heads);
    let is_out = view.state.is_device_banned(device) || view.state.is_revoked(device);
    if is_here || is_out || !access::is_writer(view.state.role(account)) {
        return None;
    }
    let notice = Notice { id: due.conversation, commit: *view.heads.first()?, device_id: hub.author.device() };
    let status = net.node.status().await.ok()?;
    let addresses = status.external.into_iter().chain(status.listening).collect();
    Some(Message { notice, addresses }.encode())
}
