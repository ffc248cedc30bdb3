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
        assert!(matches!(subscriber.subscribe(endpoint.clone(), Some(wrong.to_owned())), Err(SubscribeError::Contact)));
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
