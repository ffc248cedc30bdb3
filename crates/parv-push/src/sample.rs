//! Leases for tests.

use crate::vapid::{VapidKey, Vouchers};
use crate::{Lease, ReceiverKeys, Subscription};
use parv_identity::DeviceKey;
use parv_model::{CommitId, ConversationId, DeviceId, Uri};
use std::time::Duration;

pub(crate) const NOW: Duration = Duration::from_secs(1_700_000_000);
pub(crate) const HOLDER: DeviceId = DeviceId::from_bytes([9; 32]);

pub(crate) fn key(seed: u8) -> DeviceKey {
    DeviceKey::from_seed([seed; 32])
}

pub(crate) fn conversation(number: u8) -> ConversationId {
    ConversationId::new(CommitId::from_bytes([number; 20]))
}

pub(crate) fn subscription(endpoint: &str) -> Subscription {
    ReceiverKeys::from_bytes(&[3; 48]).unwrap().subscription(endpoint.parse().unwrap())
}

pub(crate) fn vouchers(contact: Option<&str>) -> Vouchers {
    let key = VapidKey::from_bytes(&[4; 32]).unwrap();
    key.vouch("https://push.example.net", contact, NOW, NOW + Duration::from_secs(86_400))
}

/// A lease of the device with that seed, number 7, for a day: conversation 1 first, conversation 2 second.
pub(crate) fn lease(seed: u8) -> Lease {
    Lease {
        device: key(seed).device_id(),
        account: Uri::from_bytes([seed; 32]),
        holder: HOLDER,
        sequence: 7,
        expires: NOW + Duration::from_secs(86_400),
        subscription: subscription(&format!("https://push.example.net/{seed}")),
        vouchers: vouchers(None),
        first: [conversation(1)].into(),
        second: [conversation(2)].into(),
    }
}
