//! One's own subscription: which devices hold leases to wake this one, and which leases and releases are to be sent now.
//! Sans-IO: it is told the time, who is connected, and what was answered; its owner keeps it as JSON in a private file.
//!
//! Leases are given out while the device is awake, since nobody announces to fall asleep. They are renewed when half of
//! their time is over, and taken back from devices that are no longer among the two closest, at once or when they are met
//! again.

use crate::endpoint::{Endpoint, EndpointError};
use crate::lease::Lease;
use crate::limits::{MAX_CONTACT_BYTES, MAX_CONVERSATIONS, MAX_LEASE_LIFETIME};
use crate::responsible::{Responsible, responsible};
use crate::subscription::{PushKeyError, ReceiverKeys};
use crate::text;
use crate::vapid::VapidKey;
use parv_identity::DeviceKey;
use parv_model::{ConversationId, DeviceId, Uri};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// For how long a lease is given: a little less than any may be, for clocks that differ.
const LIFETIME: Duration = MAX_LEASE_LIFETIME.saturating_sub(Duration::from_secs(3600));

/// How long to wait for an answer to a lease before it is given again.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// How long after a refusal it is tried again.
const REFUSED_WAIT: Duration = Duration::from_secs(3600);

/// Why there is no subscription.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The endpoint cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The contact is not one.
    #[error("a contact for the push service begins with mailto: or https: and has at most {MAX_CONTACT_BYTES} bytes")]
    Contact,
    /// The keys cannot be made or opened.
    #[error(transparent)]
    Key(#[from] PushKeyError),
}

/// One's own subscription and who holds leases for it. Times are since 1970.
#[derive(Debug, Default)]
pub struct Subscriber {
    active: Option<Active>,
    /// The number of the last lease.
    sequence: u64,
    holdings: BTreeMap<DeviceId, Holding>,
}

#[derive(Debug)]
struct Active {
    endpoint: Endpoint,
    contact: Option<String>,
    keys: ReceiverKeys,
    vapid: VapidKey,
}

/// A lease that a device was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Its number.
    pub sequence: u64,
    /// When it was given, in seconds since 1970.
    pub given: u64,
    /// When it ends, in seconds since 1970.
    pub expires: u64,
    /// The conversations for which the device is the closest.
    pub first: BTreeSet<ConversationId>,
    /// Those for which it is the second closest.
    pub second: BTreeSet<ConversationId>,
    /// What it answered: nothing yet, that it keeps the lease, or the name of a [`crate::LeaseError`].
    pub answer: Option<Result<(), String>>,
}

/// Something to be sent to a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// A lease, signed.
    Give {
        /// To whom.
        holder: DeviceId,
        /// What.
        lease: Vec<u8>,
    },
    /// All leases up to this number are taken back. To be followed by [`Subscriber::released`] when the holder says so.
    Release {
        /// From whom.
        holder: DeviceId,
        /// Up to which number.
        sequence: u64,
    },
}

impl Subscriber {
    /// Subscribes, instead of what was before: messages go to that endpoint, sealed for new keys. `contact` tells the push
    /// service whom to ask when something is wrong (`mailto:` or `https:`).
    pub fn subscribe(&mut self, endpoint: Endpoint, contact: Option<String>) -> Result<(), SubscribeError> {
        let is_contact = |text: &String| {
            (text.starts_with("mailto:") || text.starts_with("https:"))
                && text.len() <= MAX_CONTACT_BYTES
                && text.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if !contact.iter().all(is_contact) {
            return Err(SubscribeError::Contact);
        }
        let (keys, vapid) = (ReceiverKeys::generate()?, VapidKey::generate()?);
        self.active = Some(Active { endpoint, contact, keys, vapid });
        // Whoever holds a lease needs the new one.
        self.holdings.values_mut().for_each(|holding| (holding.given, holding.answer) = (0, None));
        Ok(())
    }

    /// Ends the subscription: every lease is taken back, from each holder when it is met. False if there was none.
    pub fn unsubscribe(&mut self) -> bool {
        self.active.take().is_some()
    }

    /// Where messages go; none without a subscription.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.active.as_ref().map(|active| &active.endpoint)
    }

    /// The public key that senders are known by, as a text, for services that bind subscriptions to one.
    pub fn vapid_key(&self) -> Option<String> {
        self.active.as_ref().map(|active| text::text(active.vapid.public()))
    }

    /// The public key that messages are sealed for (`p256dh`) and the secret beside it (`auth`), as texts: to try it by hand.
    pub fn receiver(&self) -> Option<(String, String)> {
        let subscription = self.active.as_ref().map(|active| active.keys.subscription(active.endpoint.clone()))?;
        Some((text::text(subscription.receiver()), text::text(subscription.auth())))
    }

    /// Opens the body of a message that came; none without a subscription.
    pub fn open(&self, body: &[u8]) -> Option<Result<Vec<u8>, PushKeyError>> {
        self.active.as_ref().map(|active| active.keys.open(body))
    }

    /// Who was given leases.
    pub fn holdings(&self) -> impl Iterator<Item = (&DeviceId, &Holding)> {
        self.holdings.iter()
    }

    /// What is to be sent now, given the other members' devices that are connected, by conversation. What is to be given is
    /// noted as given.
    pub fn plan(
        &mut self,
        key: &DeviceKey,
        account: Uri,
        present: &BTreeMap<ConversationId, BTreeSet<DeviceId>>,
        now: Duration,
    ) -> Vec<Errand> {
        self.holdings.retain(|_, holding| holding.expires > now.as_secs());
        let wanted = if self.active.is_some() { wanted(&key.device_id(), present) } else { BTreeMap::new() };
        let connected: BTreeSet<_> = present.values().flatten().collect();
        let unwanted =
            self.holdings.iter().filter(|(holder, _)| connected.contains(holder) && !wanted.contains_key(holder));
        let release =
            |(holder, holding): (&DeviceId, &Holding)| Errand::Release { holder: *holder, sequence: holding.sequence };
        let mut errands: Vec<_> = unwanted.map(release).collect();
        let Some(active) = &self.active else { return errands };
        for (holder, places) in wanted {
            if self.holdings.get(&holder).is_some_and(|holding| !holding.is_due(&places, now)) {
                continue;
            }
            self.sequence = (self.sequence + 1).max(u64::try_from(now.as_millis()).unwrap_or(u64::MAX - 1));
            let expires = Duration::from_secs((now + LIFETIME).as_secs());
            let Places { first, second } = places;
            let holding = Holding {
                sequence: self.sequence,
                given: now.as_secs(),
                expires: expires.as_secs(),
                first,
                second,
                answer: None,
            };
            let lease = Lease {
                device: key.device_id(),
                account,
                holder,
                sequence: holding.sequence,
                expires,
                subscription: active.keys.subscription(active.endpoint.clone()),
                vouchers: active.vapid.vouch(&active.endpoint.origin(), active.contact.as_deref(), now, expires),
                first: holding.first.clone(),
                second: holding.second.clone(),
            };
            self.holdings.insert(holder, holding);
            errands.push(Errand::Give { holder, lease: lease.seal(key) });
        }
        errands
    }

    /// A holder says what became of the lease with that number. False if that is no news.
    pub fn answered(&mut self, holder: &DeviceId, sequence: u64, answer: Result<(), String>) -> bool {
        let holding = self.holdings.get_mut(holder).filter(|holding| holding.sequence == sequence);
        holding.is_some_and(|holding| holding.answer.replace(answer.clone()) != Some(answer))
    }

    /// A holder says that it keeps no lease up to that number any more. False if that is no news.
    pub fn released(&mut self, holder: &DeviceId, sequence: u64) -> bool {
        let released = self.holdings.get(holder).is_some_and(|holding| holding.sequence <= sequence);
        released && self.holdings.remove(holder).is_some()
    }

    /// When to plan again, if nothing happens before.
    pub fn next(&self) -> Option<Duration> {
        self.holdings.values().map(Holding::due).min().filter(|_| self.active.is_some())
    }
}

/// For what a device is responsible.
#[derive(Debug, Default)]
struct Places {
    first: BTreeSet<ConversationId>,
    second: BTreeSet<ConversationId>,
}

/// Who should hold leases, and for what.
fn wanted(device: &DeviceId, present: &BTreeMap<ConversationId, BTreeSet<DeviceId>>) -> BTreeMap<DeviceId, Places> {
    let mut wanted: BTreeMap<DeviceId, Places> = BTreeMap::new();
    for (conversation, devices) in present {
        let Responsible { first, second } = responsible(device, devices.iter().copied());
        for (holder, is_first) in [(first, true), (second, false)] {
            let Some(places) = holder.map(|holder| wanted.entry(holder).or_default()) else { continue };
            if places.first.len() + places.second.len() < MAX_CONVERSATIONS {
                if is_first { &mut places.first } else { &mut places.second }.insert(*conversation);
            }
        }
    }
    wanted
}

impl Holding {
    fn is_due(&self, places: &Places, now: Duration) -> bool {
        (&self.first, &self.second) != (&places.first, &places.second) || self.due() <= now
    }

    fn due(&self) -> Duration {
        let after = match &self.answer {
            None => ANSWER_WAIT.as_secs(),
            Some(Err(_)) => REFUSED_WAIT.as_secs(),
            Some(Ok(())) => self.expires.saturating_sub(self.given) / 2,
        };
        Duration::from_secs(self.given.saturating_add(after.min(self.expires.saturating_sub(self.given))))
    }
}

/// A subscriber as it lies in its file; secrets in base64.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subscription: Option<StoredSubscription>,
    sequence: u64,
    holders: BTreeMap<DeviceId, Holding>,
}

#[derive(Serialize, Deserialize)]
struct StoredSubscription {
    endpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    keys: String,
    vapid: String,
}

impl Serialize for Subscriber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let subscription = self.active.as_ref().map(|active| StoredSubscription {
            endpoint: active.endpoint.to_string(),
            contact: active.contact.clone(),
            keys: text::text(active.keys.to_bytes()),
            vapid: text::text(active.vapid.to_bytes()),
        });
        Stored { subscription, sequence: self.sequence, holders: self.holdings.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Subscriber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Stored { subscription, sequence, holders } = Stored::deserialize(deserializer)?;
        let read = |stored: StoredSubscription| -> Result<Active, SubscribeError> {
            let bytes = |text: &str| text::bytes(text).ok_or(PushKeyError::NotAKey);
            Ok(Active {
                endpoint: stored.endpoint.parse()?,
                contact: stored.contact,
                keys: ReceiverKeys::from_bytes(&bytes(&stored.keys)?)?,
                vapid: VapidKey::from_bytes(&bytes(&stored.vapid)?)?,
            })
        };
        let active = subscription.map(read).transpose().map_err(D::Error::custom)?;
        Ok(Self { active, sequence, holdings: holders })
    }
}

#[cfg(test)]
mod tests;
