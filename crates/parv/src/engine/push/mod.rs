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
use crate::conversation::room::{Heard, View};
use crate::notice::Notice;
use parv_model::{CommitId, ConversationId, DeviceId};
use parv_net::Multiaddr;
use parv_push::{Endpoint, MAX_CONTENT_BYTES, SubscribeError};
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

/// What a push message says, as JSON.
#[derive(Serialize, Deserialize)]
struct Message {
    /// What is new, and who says so.
    #[serde(flatten)]
    notice: Notice,
    /// Where who says so can be reached, the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    addresses: Vec<Multiaddr>,
}

impl Message {
    /// How many addresses are taken from a message.
    const MAX_ADDRESSES: usize = 8;

    /// The message as it is sent, with as many of its addresses as fit.
    fn encode(mut self) -> Vec<u8> {
        loop {
            let bytes = serde_json::to_vec(&self).expect("ids and addresses are always JSON");
            if bytes.len() <= MAX_CONTENT_BYTES || self.addresses.pop().is_none() {
                return bytes;
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut message: Self = serde_json::from_slice(bytes).map_err(|error| Error::PushContent(error.to_string()))?;
        message.addresses.truncate(Self::MAX_ADDRESSES);
        Ok(message)
    }
}

/// How waking a device went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wake {
    /// The push service has a message for it.
    Sent,
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
        let hub = self.hub();
        let Message { notice, addresses } = Message::decode(&hub.sleeper.open_message(body)?)?;
        let Notice { id, commit, device_id } = notice;
        if let (Some(room), Some(net)) = (hub.room(&id), hub.net.clone()) {
            hub.spawn(async move {
                for address in addresses {
                    if let Err(error) = net.node.add_address(device_id, address).await {
                        tracing::debug!(device = %device_id, "an address in a push message: {error}");
                    }
                }
                room.hear(Heard { commit: Some(commit), sources: vec![device_id], announcement: None });
            });
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

/// A conversation has changed: wakes those who sleep when there is something new, and when somebody's part has changed, sees
/// again who is to wake this device.
pub(crate) fn changed(hub: &Hub, conversation: ConversationId, before: &View, after: &View) {
    if before.state.tree() != after.state.tree() {
        hub.sleeper.look_again();
    }
    if let Some(net) = hub.net.as_ref().filter(|_| before.heads != after.heads) {
        net.holder.news(conversation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(addresses: usize) -> Message {
        let id = ConversationId::new(CommitId::from_bytes([1; 20]));
        let notice = Notice { id, commit: CommitId::from_bytes([2; 20]), device_id: DeviceId::from_bytes([3; 32]) };
        let address = |port| format!("/dns4/a-long-name.example.org/tcp/{port}").parse().unwrap();
        Message { notice, addresses: (1..=addresses).map(address).collect() }
    }

    #[test]
    fn a_message_says_what_is_new_and_as_many_addresses_as_fit() {
        let none = message(0).encode();
        let (id, commit, device) = ("01".repeat(20), "02".repeat(20), "03".repeat(32));
        let text = format!(r#"{{"id":"{id}","commit":"{commit}","deviceId":"{device}"}}"#);
        assert_eq!(String::from_utf8(none).unwrap(), text);
        let few = Message::decode(&message(3).encode()).unwrap();
        assert_eq!((few.notice, few.addresses), (message(3).notice, message(3).addresses));
        let many = message(500).encode();
        assert!(many.len() <= MAX_CONTENT_BYTES);
        let read = Message::decode(&many).unwrap().addresses;
        assert_eq!(read, message(Message::MAX_ADDRESSES).addresses, "the best first");
        for nonsense in [&b""[..], b"{}", b"[]", b"\xff"] {
            assert!(matches!(Message::decode(nonsense), Err(Error::PushContent(_))));
        }
    }
}
