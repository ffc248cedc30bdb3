//! Waking devices that sleep (requirement N6): this one, by the two devices that hold its leases ([`sleeper`]), and others
//! by this one ([`holder`]). The rules are those of `parv-push`; here it meets the conversations and the network.

mod holder;
mod sleeper;

pub(crate) use holder::Holder;
pub(super) use holder::{lent, released, run as hold};
pub(crate) use sleeper::Sleeper;
pub(super) use sleeper::{answered, run as give};

use super::Engine;
use super::hub::Hub;
use crate::Error;
use crate::conversation::room::Heard;
use crate::notice::Notice;
use parv_model::{CommitId, ConversationId, DeviceId};
use parv_push::{Endpoint, SubscribeError};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

/// The media type of a lease; its body is the lease's bytes.
pub(super) const LEASE_MIME: &str = "application/parv-lease";

/// The media type of the answer to one.
pub(super) const ANSWER_MIME: &str = "application/parv-lease-answer";

/// The media type of the wish to have leases back.
pub(super) const RELEASE_MIME: &str = "application/parv-lease-release";

/// What became of a lease.
#[derive(Serialize, Deserialize)]
struct LeaseAnswer {
    /// Of the lease with this number.
    sequence: u64,
    /// Why it is not kept: the name of an error, or [`RELEASED`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

/// The answer to a release.
const RELEASED: &str = "released";

/// All leases up to a number are taken back.
#[derive(Serialize, Deserialize)]
struct Release {
    sequence: u64,
}

/// How waking a device went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wake {
    /// The push service has a message for it.
    Sent,
    /// It has come, or has what is new.
    Unneeded,
    /// The push service does not have the message.
    Failed {
        /// Why not.
        why: String,
    },
}

/// How this device is woken when it sleeps, and for how many others it does that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushStatus {
    /// The subscription; none: nobody can wake this device.
    pub subscription: Option<PushSubscription>,
    /// The devices that were given leases.
    pub holders: Vec<LeaseHolder>,
    /// The devices that this one is to wake.
    pub sleepers: Vec<DeviceId>,
}

/// One's own subscription, as a sender of push messages knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushSubscription {
    /// Where messages go.
    pub endpoint: String,
    /// The public key that messages are sealed for, as browsers write it (`p256dh`).
    pub p256dh: String,
    /// The secret that senders share, as browsers write it.
    pub auth: String,
    /// The public key that senders are known by, for push services that bind a subscription to one.
    pub vapid: String,
}

/// What a push message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushNews {
    /// The conversation that has something new.
    pub conversation: ConversationId,
    /// What is new.
    pub commit: CommitId,
    /// The device that has it, and sent the message.
    pub device: DeviceId,
}

/// A device that was given a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseHolder {
    /// Which.
    pub device: DeviceId,
    /// Until when, in seconds since 1970.
    pub expires: u64,
    /// For how many conversations it is to wake this device first, and for how many second.
    pub conversations: (usize, usize),
    /// Nothing while it has not answered; else whether it keeps the lease, or why not.
    pub answer: Option<Result<(), String>>,
}

impl Engine {
    /// Subscribes at a push service, instead of what was before: the two devices closest to this one in each conversation
    /// are given leases, and wake this device through `endpoint` when it is not there. `contact` (`mailto:` or `https:`) is
    /// whom the push service may ask when something is wrong.
    pub async fn push_subscribe(&self, endpoint: &str, contact: Option<String>) -> Result<(), Error> {
        let endpoint: Endpoint = endpoint.parse().map_err(SubscribeError::Endpoint)?;
        self.with_sleeper(move |sleeper| sleeper.subscribe(endpoint, contact)).await
    }

    /// Ends the subscription. Devices that hold leases are told now or when they are met.
    pub async fn push_unsubscribe(&self) -> Result<(), Error> {
        self.with_sleeper(Sleeper::unsubscribe).await
    }

    /// How this device is woken, and which others it wakes.
    pub fn push_status(&self) -> PushStatus {
        let sleepers = self.hub().net.as_ref().map(|net| net.holder.sleepers()).unwrap_or_default();
        self.hub().sleeper.status(sleepers)
    }

    /// Opens the body of a push message that came, and fetches what it tells of, if the engine has a network.
    pub fn push_open(&self, body: &[u8]) -> Result<PushNews, Error> {
        let Notice { id, commit, device_id } = self.hub().sleeper.open_message(body)?;
        if let Some(room) = self.hub().room(&id) {
            room.hear(Heard { commit: Some(commit), sources: vec![device_id], announcement: None });
        }
        Ok(PushNews { conversation: id, commit, device: device_id })
    }

    async fn with_sleeper(
        &self,
        work: impl FnOnce(&Sleeper) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let hub = self.hub().clone();
        spawn_blocking(move || work(&hub.sleeper)).await.map_err(|_| Error::Closed)?
    }
}

/// There is something new in a conversation, or somebody's part in it has changed.
pub(crate) fn news(hub: &Hub, conversation: ConversationId) {
    hub.sleeper.look_again();
    if let Some(net) = &hub.net {
        net.holder.news(conversation);
    }
}
