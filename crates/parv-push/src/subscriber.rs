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

/// See the [module](self). Times are since 1970.
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
        self.holdings.values_mut().for_each(|holding| holding.expires = holding.given);
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
        self.holdings.retain(|_, holding| holding.expires > now.as_secs() || self.active.is_some());
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
mod tests {
    use super::*;
    use crate::endpoint::Reach;
    use crate::sample::{self, NOW, conversation};

    const ACCOUNT: Uri = Uri::from_bytes([5; 32]);

    fn device(byte: u8) -> DeviceId {
        DeviceId::from_bytes([byte; 32])
    }

    /// A subscriber, and the conversations in which these devices are connected.
    fn subscribed() -> Subscriber {
        let mut subscriber = Subscriber::default();
        subscriber.subscribe("https://push.example.net/p".parse().unwrap(), None).unwrap();
        subscriber
    }

    fn present(devices: &[(u8, &[DeviceId])]) -> BTreeMap<ConversationId, BTreeSet<DeviceId>> {
        devices.iter().map(|(id, devices)| (conversation(*id), devices.iter().copied().collect())).collect()
    }

    fn plan(
        subscriber: &mut Subscriber,
        present: &BTreeMap<ConversationId, BTreeSet<DeviceId>>,
        now: Duration,
    ) -> (Vec<Lease>, Vec<DeviceId>) {
        let key = sample::key(1);
        let (mut leases, mut released) = (Vec::new(), Vec::new());
        for errand in subscriber.plan(&key, ACCOUNT, present, now) {
            match errand {
                Errand::Give { holder, lease } => {
                    leases.push(Lease::open(&lease, key.device_id(), holder, Reach::Internet, now).unwrap());
                    let sequence = leases.last().unwrap().sequence;
                    assert!(subscriber.answered(&holder, sequence, Ok(())));
                }
                Errand::Release { holder, sequence } => {
                    subscriber.released(&holder, sequence);
                    released.push(holder);
                }
            }
        }
        (leases, released)
    }

    #[test]
    fn the_two_closest_of_each_conversation_get_one_lease_each() {
        let mut subscriber = subscribed();
        let mut all: Vec<_> = (1..=4).map(device).collect();
        let own = sample::key(1).device_id();
        all.sort_by_key(|other| std::array::from_fn::<u8, 32, _>(|at| other.as_bytes()[at] ^ own.as_bytes()[at]));
        let present = present(&[(1, &all), (2, &all[1..]), (3, &all[3..])]);
        let (leases, released) = plan(&mut subscriber, &present, NOW);
        assert_eq!((leases.len(), released.len()), (4, 0));
        let of = |holder| leases.iter().find(|lease| lease.holder == holder).unwrap();
        let ids = |ids: &[u8]| ids.iter().map(|id| conversation(*id)).collect::<BTreeSet<_>>();
        assert_eq!((&of(all[0]).first, &of(all[0]).second), (&ids(&[1]), &ids(&[])));
        assert_eq!((&of(all[1]).first, &of(all[1]).second), (&ids(&[2]), &ids(&[1])));
        assert_eq!((&of(all[2]).first, &of(all[2]).second), (&ids(&[]), &ids(&[2])));
        assert_eq!((&of(all[3]).first, &of(all[3]).second), (&ids(&[3]), &ids(&[])));
        assert_eq!(plan(&mut subscriber, &present, NOW), (vec![], vec![]), "all is given");
    }

    #[test]
    fn who_goes_is_replaced_and_who_is_not_needed_any_more_is_told_when_met() {
        let mut subscriber = subscribed();
        let all: Vec<_> = (1..=3).map(device).collect();
        let everybody = present(&[(1, &all)]);
        let (first, _) = plan(&mut subscriber, &everybody, NOW);
        let gone = first[0].holder;
        let rest: Vec<_> = all.iter().copied().filter(|other| *other != gone).collect();
        let (more, released) = plan(&mut subscriber, &present(&[(1, &rest)]), NOW);
        assert!(!more.is_empty() && released.is_empty());
        // Back again: the first two are responsible, the third is not any more.
        let (again, released) = plan(&mut subscriber, &everybody, NOW);
        assert_eq!(released.len(), 1);
        assert!(again.iter().all(|lease| lease.holder != gone), "its lease still counts");
        assert_eq!(subscriber.holdings().count(), 2);
    }

    #[test]
    fn leases_are_renewed_before_they_end_and_tried_again_when_nobody_answers() {
        let mut subscriber = subscribed();
        let everybody = present(&[(1, &[device(1)])]);
        let (leases, _) = plan(&mut subscriber, &everybody, NOW);
        let half = subscriber.next().unwrap();
        assert!(half > NOW + LIFETIME / 2 - Duration::from_secs(2) && half < leases[0].expires);
        assert_eq!(plan(&mut subscriber, &everybody, half - Duration::from_secs(1)), (vec![], vec![]));
        let (renewed, _) = plan(&mut subscriber, &everybody, half);
        assert!(renewed[0].expires > leases[0].expires && renewed[0].sequence > leases[0].sequence);

        let mut silent = subscribed();
        let key = sample::key(1);
        assert_eq!(silent.plan(&key, ACCOUNT, &everybody, NOW).len(), 1);
        assert_eq!(silent.plan(&key, ACCOUNT, &everybody, NOW).len(), 0);
        assert_eq!(silent.next(), Some(NOW + ANSWER_WAIT));
        assert_eq!(silent.plan(&key, ACCOUNT, &everybody, NOW + ANSWER_WAIT).len(), 1);
        let sequence = silent.holdings().next().unwrap().1.sequence;
        assert!(!silent.answered(&device(1), sequence - 1, Ok(())), "an old answer");
        assert!(silent.answered(&device(1), sequence, Err("full".to_owned())));
        assert_eq!(silent.next(), Some(NOW + ANSWER_WAIT + REFUSED_WAIT));
    }

    #[test]
    fn a_new_subscription_is_told_to_all_and_an_ended_one_taken_back() {
        let mut subscriber = subscribed();
        let everybody = present(&[(1, &[device(1), device(2)])]);
        plan(&mut subscriber, &everybody, NOW);
        let endpoint: Endpoint = "https://other.example.net/".parse().unwrap();
        subscriber.subscribe(endpoint.clone(), Some("mailto:ann@example.org".to_owned())).unwrap();
        let (leases, _) = plan(&mut subscriber, &everybody, NOW);
        assert!(leases.len() == 2 && leases.iter().all(|lease| lease.subscription.endpoint == endpoint));
        assert!(subscriber.unsubscribe() && !subscriber.unsubscribe());
        let half_there = present(&[(1, &[device(2)])]);
        assert_eq!(plan(&mut subscriber, &half_there, NOW), (vec![], vec![device(2)]));
        assert_eq!(plan(&mut subscriber, &everybody, NOW), (vec![], vec![device(1)]));
        assert_eq!((subscriber.holdings().count(), subscriber.next()), (0, None));
        for wrong in ["ann@example.org", "mailto:a b", "mailto:\n"] {
            assert!(matches!(
                subscriber.subscribe(endpoint.clone(), Some(wrong.to_owned())),
                Err(SubscribeError::Contact)
            ));
        }
    }

    #[test]
    fn it_comes_back_from_its_file_and_opens_what_it_could() {
        let mut subscriber = subscribed();
        let everybody = present(&[(1, &[device(1), device(2)])]);
        let (leases, _) = plan(&mut subscriber, &everybody, NOW);
        let sealed = leases[0].subscription.seal(b"wake up").unwrap();
        let text = serde_json::to_string(&subscriber).unwrap();
        let mut back: Subscriber = serde_json::from_str(&text).unwrap();
        assert_eq!(back.open(&sealed).unwrap().unwrap(), b"wake up");
        assert_eq!(back.vapid_key(), subscriber.vapid_key());
        assert_eq!(plan(&mut back, &everybody, NOW), (vec![], vec![]));
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
        for nonsense in ["{}", "[]", &text.replace("https", "gopher"), &text.replace("\"keys\":\"", "\"keys\":\"A")] {
            assert!(serde_json::from_str::<Subscriber>(nonsense).is_err());
        }
    }
}
