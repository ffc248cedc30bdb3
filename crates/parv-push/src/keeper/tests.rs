use super::*;
use crate::limits::MAX_LEASE_LIFETIME;
use crate::sample::{self, HOLDER, NOW, conversation, lease};
use parv_identity::DeviceKey;
use parv_model::Uri;

const SECOND_WAIT: Duration = Duration::from_secs(20);

fn keeper() -> Keeper {
    Keeper::new(HOLDER, Reach::Internet, SECOND_WAIT)
}

fn take(keeper: &mut Keeper, key: &DeviceKey, lease: &Lease, now: Duration) -> Result<Arc<Lease>, LeaseError> {
    keeper.take(&lease.seal(key), key.device_id(), now, |_| true)
}

/// A keeper with the lease of device 1.
fn with_lease() -> (Keeper, Lease) {
    let (mut keeper, lease) = (keeper(), lease(1));
    take(&mut keeper, &sample::key(1), &lease, NOW).unwrap();
    (keeper, lease)
}

fn wake(keeper: &mut Keeper, at: Duration, posted: Posted) -> ConversationId {
    let [due] = &keeper.take_due(at)[..] else { panic!("nobody is due") };
    keeper.posted(due, &posted, at);
    due.conversation
}

#[test]
fn the_closest_wakes_first_and_the_second_only_if_nobody_came() {
    let (mut keeper, _) = with_lease();
    keeper.news(conversation(3), NOW);
    assert_eq!(keeper.next(), None, "no lease is for this one");
    keeper.news(conversation(1), NOW);
    assert_eq!(keeper.next(), Some(NOW + FIRST_WAIT));
    assert!(keeper.take_due(NOW).is_empty());
    assert_eq!(wake(&mut keeper, NOW + FIRST_WAIT, Posted::Taken), conversation(1));

    let (mut keeper, lease) = with_lease();
    keeper.news(conversation(2), NOW);
    assert_eq!(keeper.next(), Some(NOW + FIRST_WAIT + SECOND_WAIT));
    keeper.awake(&lease.device);
    assert_eq!(keeper.next(), None, "the first one has woken it");
}

#[test]
fn a_device_is_woken_once_in_a_while_and_more_rarely_if_it_does_not_come() {
    let (mut keeper, lease) = with_lease();
    let mut now = NOW;
    let mut rest = REST;
    for _ in 0..10 {
        keeper.news(conversation(1), now);
        now = keeper.next().unwrap();
        wake(&mut keeper, now, Posted::Taken);
        // Whatever is new meanwhile waits, and makes one message.
        keeper.news(conversation(1), now);
        keeper.news(conversation(2), now);
        assert_eq!(keeper.next(), Some(now + rest));
        rest = (rest * 2).min(LONGEST_REST);
        keeper.take_due(keeper.next().unwrap());
    }
    keeper.awake(&lease.device);
    keeper.news(conversation(1), now);
    assert_eq!(keeper.next(), Some(now + FIRST_WAIT), "it was here");
    wake(&mut keeper, now + FIRST_WAIT, Posted::Unneeded);
    keeper.news(conversation(1), now);
    assert_eq!(keeper.next(), Some(now + FIRST_WAIT), "what was not needed does not count");
}

#[test]
fn a_busy_push_service_is_tried_again_as_it_wishes_and_not_for_ever() {
    let (mut keeper, _) = with_lease();
    keeper.news(conversation(1), NOW);
    let now = keeper.next().unwrap();
    let later = |after| Posted::Failed(PostError::Later { after });
    wake(&mut keeper, now, later(Some(Duration::from_secs(1000))));
    assert_eq!(keeper.next(), Some(now + Duration::from_secs(1000)));
    for _ in 2..MAX_TRIES {
        let now = keeper.next().unwrap();
        wake(&mut keeper, now, later(None));
        assert!(keeper.next().unwrap() >= now + RETRY);
    }
    let now = keeper.next().unwrap();
    wake(&mut keeper, now, later(Some(Duration::MAX)));
    assert_eq!(keeper.next(), None, "given up for these news");
    keeper.news(conversation(1), now);
    assert_eq!(keeper.next(), Some(now + LONGEST_RETRY), "no service may ask for more than a day");
}

#[test]
fn a_subscription_that_is_gone_ends_the_lease_and_is_not_taken_again() {
    let (mut keeper, lease) = with_lease();
    let key = sample::key(1);
    keeper.news(conversation(1), NOW);
    let now = keeper.next().unwrap();
    wake(&mut keeper, now, Posted::Failed(PostError::Gone));
    assert!(!keeper.keeps(&lease.device));
    let again = Lease { sequence: 8, ..lease.clone() };
    assert_eq!(take(&mut keeper, &key, &again, now), Err(LeaseError::Gone));
    let other = Lease { subscription: sample::subscription("https://push.example.net/new"), ..again };
    take(&mut keeper, &key, &other, now).unwrap();
}

#[test]
fn an_older_lease_never_comes_back() {
    let (mut keeper, lease) = with_lease();
    let key = sample::key(1);
    let numbered = |sequence| Lease { sequence, ..lease.clone() };
    let replayed = |given, known| Err(LeaseError::Replayed { given, known });
    assert_eq!(take(&mut keeper, &key, &numbered(7), NOW), replayed(7, 7));
    take(&mut keeper, &key, &numbered(8), NOW).unwrap();
    assert_eq!(take(&mut keeper, &key, &numbered(7), NOW), replayed(7, 8));
    assert!(!keeper.release(&lease.device, 7, NOW), "a newer one is kept");
    assert!(keeper.release(&lease.device, 8, NOW));
    assert!(!keeper.release(&lease.device, 8, NOW));
    assert_eq!(take(&mut keeper, &key, &numbered(8), NOW), replayed(8, 8));
    // Also after it ended, as long as an older one could say that it counts.
    take(&mut keeper, &key, &numbered(9), NOW).unwrap();
    let end = lease.expires;
    assert_eq!(keeper.expire(end), [lease.device]);
    let late = |sequence| Lease { expires: end + MAX_LEASE_LIFETIME, ..numbered(sequence) };
    assert_eq!(take(&mut keeper, &key, &late(9), end), replayed(9, 9));
    take(&mut keeper, &key, &late(10), end).unwrap();
}

#[test]
fn strangers_are_refused_and_numbers_are_bounded() {
    let mut keeper = keeper();
    let sealed = lease(1).seal(&sample::key(1));
    let stranger = keeper.take(&sealed, sample::key(1).device_id(), NOW, |_| false);
    assert_eq!(stranger, Err(LeaseError::Stranger));
    let sample = lease(1); // its vouchers take a while
    let of = |seed: u16, account: u8| {
        let mut bytes = [7; 32];
        bytes[..2].copy_from_slice(&seed.to_be_bytes());
        let key = DeviceKey::from_seed(bytes);
        let lease = Lease { device: key.device_id(), account: Uri::from_bytes([account; 32]), ..sample.clone() };
        (key, lease)
    };
    for seed in 0..MAX_LEASES_PER_ACCOUNT as u16 {
        let (key, lease) = of(seed, 1);
        take(&mut keeper, &key, &lease, NOW).unwrap();
    }
    let (key, lease) = of(100, 1);
    assert_eq!(take(&mut keeper, &key, &lease, NOW), Err(LeaseError::FullOfAccount));
    let (key, lease) = of(0, 1);
    take(&mut keeper, &key, &Lease { sequence: 8, ..lease }, NOW).unwrap();
    for number in 0..(MAX_LEASES - MAX_LEASES_PER_ACCOUNT) as u16 {
        let (key, mut lease) = of(1000 + number, 1);
        lease.account = Uri::from_bytes(*key.device_id().as_bytes());
        take(&mut keeper, &key, &lease, NOW).unwrap();
    }
    let (key, lease) = of(5000, 2);
    assert_eq!(take(&mut keeper, &key, &lease, NOW), Err(LeaseError::Full));
    assert_eq!(keeper.leases().count(), MAX_LEASES);
}
