//! How a device is woken, as it is answered.

use parv::{DeviceId, PushStatus};
use serde::{Deserialize, Serialize};

/// How this device is woken when it sleeps, and which others it wakes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushView {
    /// Where push messages go; absent: nobody can wake this device.
    pub subscription: Option<SubscriptionView>,
    /// The devices that were given leases to wake it.
    pub holders: Vec<HolderView>,
    /// The devices that this one wakes.
    pub sleepers: Vec<DeviceId>,
}

/// A subscription, as a sender of push messages knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionView {
    /// Where messages go.
    pub endpoint: String,
    /// The public key that messages are sealed for, as browsers write it.
    pub p256dh: String,
    /// The secret that senders share, as browsers write it.
    pub auth: String,
    /// The public key that senders are known by (`applicationServerKey`).
    pub vapid: String,
}

/// A device that was given a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderView {
    /// Which.
    pub device: DeviceId,
    /// Until when.
    pub expires: u64,
    /// For how many conversations it wakes this device first.
    pub first: usize,
    /// For how many it does when the first one has not.
    pub second: usize,
    /// "asked", "kept", or why it does not keep the lease.
    pub state: String,
}

impl From<PushStatus> for PushView {
    fn from(status: PushStatus) -> Self {
        let subscription = |parv::PushSubscription { endpoint, p256dh, auth, vapid }| SubscriptionView {
            endpoint,
            p256dh,
            auth,
            vapid,
        };
        let holder = |holder: parv::LeaseHolder| HolderView {
            device: holder.device,
            expires: holder.expires,
            first: holder.conversations.0,
            second: holder.conversations.1,
            state: match holder.answer {
                None => "asked".to_owned(),
                Some(Ok(())) => "kept".to_owned(),
                Some(Err(why)) => why,
            },
        };
        Self {
            subscription: status.subscription.map(subscription),
            holders: status.holders.into_iter().map(holder).collect(),
            sleepers: status.sleepers,
        }
    }
}
