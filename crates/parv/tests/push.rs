//! Devices that sleep are woken: engines on loopback sockets, and a push service that the test runs.

#[path = "common/bare.rs"]
mod bare;
mod common;
#[path = "../../parv-push/tests/service/mod.rs"]
mod service;
#[path = "common/worlds.rs"]
mod worlds;

use bare::BareNode;
use common::{PATIENCE, Person, TCP, bring_in, network, within};
use parv::{ConversationId, DeviceId, Engine, Event, Mode, Network, PushNews, Reach, Uri, Wake};
use parv_identity::DeviceKey;
use parv_net::Envelope;
use parv_proptests::World;
use parv_push::{Lease, ReceiverKeys, Responsible, VapidKey, responsible};
use service::PushService;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use worlds::device_with;

/// A person whose node posts to the test's push service, and waits so long as the second.
async fn person(name: &str, patience: Duration) -> Person {
    Person::with(name, Network { push_reach: Reach::Anywhere, patience, ..network(TCP) }).await
}

/// A conversation of everybody, all of them connected with the first.
async fn together(people: &mut [Person]) -> ConversationId {
    let (host, guests) = people.split_first_mut().unwrap();
    let id = host.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    for guest in &mut *guests {
        guest.connect(host).await;
        bring_in(host, guest, &id).await;
    }
    for guest in guests {
        host.connect(guest).await;
    }
    id
}

/// Whether exactly these hold a lease, the first and the second.
fn is_held_by(engine: &Engine, wanted: Responsible) -> bool {
    let status = engine.push_status();
    let holds = |device, conversations| {
        let mut holders = status.holders.iter();
        holders.any(|h| h.device == device && h.conversations == conversations && h.answer == Some(Ok(())))
    };
    let (first, second) = (wanted.first.unwrap(), wanted.second.unwrap());
    status.holders.len() == 2 && holds(first, (1, 0)) && holds(second, (0, 1))
}

fn find(people: &[Person], device: Option<DeviceId>) -> usize {
    people.iter().position(|person| Some(person.engine.device_id()) == device).unwrap()
}

/// Stops a device; the others have noticed.
async fn fall_asleep(sleeper: Person, others: &mut [Person]) -> tempfile::TempDir {
    let device = sleeper.engine.device_id();
    sleeper.engine.shutdown().await;
    for other in others {
        other.until("the end", |engine| engine.peers().iter().all(|peer| peer.device != device)).await;
    }
    sleeper.home
}

fn woke(device: DeviceId) -> impl Fn(&Event) -> Option<Wake> {
    move |event| match event {
        Event::Wake { device: who, outcome, .. } if *who == device => Some(outcome.clone()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_closest_wakes_a_sleeping_device_and_nobody_else_does() {
    // Long enough for the second to see that the sleeper came.
    let patience = Duration::from_secs(40);
    let mut service = PushService::start(None).await;
    let mut people = Vec::new();
    for name in ["Sue", "Ann", "Bob", "Cem"] {
        people.push(person(name, patience).await);
    }
    let id = together(&mut people).await;
    let mut sue = people.remove(0);
    let origin = format!("http://{}", service.address);
    sue.engine.push_subscribe(&format!("{origin}/sue"), Some("mailto:sue@example.org".to_owned())).await.unwrap();
    let own = sue.engine.device_id();
    let wanted = responsible(&own, people.iter().map(|person| person.engine.device_id()));
    sue.until("the leases", |engine| is_held_by(engine, wanted)).await;
    let (first, second) = (find(&people, wanted.first), find(&people, wanted.second));
    let third = 3 - first - second;
    let sleepers = |person: &Person| person.engine.push_status().sleepers;
    assert_eq!((sleepers(&people[first]), sleepers(&people[second])), (vec![own], vec![own]));
    assert_eq!(sleepers(&people[third]), []);

    // Nobody posts what reaches her while she is there, nor what she says herself.
    people[third].conversation(&id).send("are you there?").await.unwrap();
    sue.wait_text("are you there?").await;
    sue.conversation(&id).send("yes").await.unwrap();
    for person in &mut people {
        person.wait_text("yes").await;
    }

    let home = fall_asleep(sue, &mut people).await;
    let commit = people[third].conversation(&id).send("wake up").await.unwrap();
    let message = within("the push", service.received.recv()).await.unwrap();
    assert_eq!(people[first].wait("the waking", woke(own)).await, Wake::Sent);
    let counted = people[first].engine.metrics().unwrap();
    assert!(counted.contains("wakes_total{outcome=\"Sent\"} 1"), "{counted}");
    assert_eq!((message.path.as_str(), message.header("topic")), ("/sue", "parv-news"));
    let (claims, key) = message.voucher();
    assert_eq!((&claims["aud"], &claims["sub"]), (&origin.as_str().into(), &"mailto:sue@example.org".into()));

    let mut sue = Person::reopen(home, TCP).await;
    assert_eq!(sue.engine.push_status().subscription.unwrap().vapid, key);
    let expected = PushNews { conversation: id, commit, device: wanted.first.unwrap() };
    assert_eq!(sue.engine.push_open(&message.body).unwrap(), expected);
    sue.wait_text("wake up").await;
    for other in &people {
        sue.connect(other).await;
    }
    // The second has seen her, so it posts no more.
    people[second].until("her return", |engine| engine.peers().iter().any(|peer| peer.device == own)).await;
    sue.until("the leases again", |engine| is_held_by(engine, wanted)).await;
    assert!(service.received.try_recv().is_err(), "woken twice");

    sue.engine.push_unsubscribe().await.unwrap();
    sue.until("the leases back", |engine| engine.push_status().holders.is_empty()).await;
    assert!(people.iter().all(|person| sleepers(person).is_empty()));
    assert!(matches!(sue.engine.push_unsubscribe().await, Err(parv::Error::NotSubscribed)));
    assert!(matches!(sue.engine.push_open(&message.body), Err(parv::Error::NotSubscribed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_wakes_when_the_first_is_gone_and_what_the_service_forgot_ends() {
    let mut service = PushService::start(None).await;
    let mut people = Vec::new();
    for name in ["Sue", "Ann", "Bob"] {
        people.push(person(name, PATIENCE).await);
    }
    let id = together(&mut people).await;
    let mut sue = people.remove(0);
    sue.engine.push_subscribe(&format!("http://{}/sue", service.address), None).await.unwrap();
    let own = sue.engine.device_id();
    let wanted = responsible(&own, people.iter().map(|person| person.engine.device_id()));
    sue.until("the leases", |engine| is_held_by(engine, wanted)).await;
    drop(fall_asleep(sue, &mut people).await);
    let first = people.remove(find(&people, wanted.first));
    first.engine.shutdown().await;
    // Leases survive a restart of who holds them.
    let Person { home, engine, .. } = people.remove(0);
    engine.shutdown().await;
    drop(engine);
    let account = parv::Account::open(home.path(), None).unwrap();
    let network = Network { push_reach: Reach::Anywhere, patience: PATIENCE, ..network(TCP) };
    let engine = Engine::start(account, parv::Options { network: Some(network) }).await.unwrap();
    let mut events = engine.events();
    assert_eq!(engine.push_status().sleepers, [own]);

    service.will_answer((410, &[]));
    engine.conversation(&id).unwrap().send("wake up").await.unwrap();
    within("the push", service.received.recv()).await.unwrap();
    let outcome = async {
        loop {
            if let Some(outcome) = woke(own)(&events.recv().await.unwrap()) {
                return outcome;
            }
        }
    };
    assert!(matches!(within("the outcome", outcome).await, Wake::Failed { .. }));
    assert_eq!(engine.push_status().sleepers, []);
}

/// Mal's device as a bare node, and what it says about leases.
struct Mal {
    bare: BareNode,
    key: DeviceKey,
    account: Uri,
    holder: DeviceId,
    id: ConversationId,
}

impl Mal {
    fn lease(&self, sequence: u64) -> Lease {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let endpoint = "https://push.example.net/mal".parse().unwrap();
        let expires = Duration::from_secs(now.as_secs() + 3600);
        Lease {
            device: self.key.device_id(),
            account: self.account,
            holder: self.holder,
            sequence,
            expires,
            subscription: ReceiverKeys::generate().unwrap().subscription(endpoint),
            vouchers: VapidKey::generate().unwrap().vouch("https://push.example.net", None, now, expires),
            first: [self.id].into(),
            second: Default::default(),
        }
    }

    /// Hands the bytes of a lease over, and gives the answer: for which lease, and why it is refused.
    async fn lend(&mut self, bytes: Vec<u8>) -> (u64, Option<String>) {
        self.bare.node.send(self.holder, Envelope::new("application/parv-lease", bytes)).await.unwrap();
        let answer = self.bare.told("application/parv-lease-answer").await;
        (answer["sequence"].as_u64().unwrap(), answer["refused"].as_str().map(str::to_owned))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_and_foreign_leases_are_refused_and_honest_ones_go_on() {
    let mut world = World::new(3, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1, 2]);
    let ann = device_with(&world, 0, &[head]).await;
    let (mal, eve) = (&world.people[1], &world.people[2]);
    let bare = BareNode::start(&mal.device_key).await;
    let holder = bare.meet(&mal.credentials.account, &mal.credentials.device, &ann).await;
    let id = ConversationId::new(world.root());
    let mut mal = Mal { bare, key: mal.device_key.clone(), account: mal.uri(), holder, id };
    let good = mal.lease(10);
    let own = mal.key.clone();
    let other_id = ConversationId::new(parv::CommitId::from_bytes([7; 20]));
    let private = "https://169.254.169.254/latest".parse().unwrap();
    let private = ReceiverKeys::generate().unwrap().subscription(private);
    for (lease, key, name) in [
        (good.clone(), &eve.device_key, "forged"),
        (Lease { device: eve.device(), account: eve.uri(), ..good.clone() }, &own, "forged"),
        (Lease { device: eve.device(), account: eve.uri(), ..good.clone() }, &eve.device_key, "foreign"),
        (Lease { holder: eve.device(), ..good.clone() }, &own, "foreign"),
        (Lease { account: eve.uri(), ..good.clone() }, &own, "stranger"),
        (Lease { first: [other_id].into(), ..good.clone() }, &own, "stranger"),
        (Lease { expires: Duration::from_secs(1_700_000_000), ..good.clone() }, &own, "expired"),
        (Lease { expires: good.expires * 2, ..good.clone() }, &own, "too-far"),
        (Lease { subscription: private, ..good.clone() }, &own, "endpoint"),
    ] {
        assert_eq!(mal.lend(lease.seal(key)).await, (10, Some(name.to_owned())));
        assert_eq!(ann.engine.push_status().sleepers, []);
    }
    // What is no lease at all gets no answer, and keeps nobody from being heard.
    for nonsense in [vec![], vec![0xff; 40], vec![0x81; 60_000], good.seal(&own)[1..].to_vec()] {
        mal.bare.node.send(holder, Envelope::new("application/parv-lease", nonsense)).await.unwrap();
    }
    assert_eq!(mal.lend(good.seal(&own)).await, (10, None));
    assert_eq!(ann.engine.push_status().sleepers, [own.device_id()]);
    for (sequence, refused) in [(10, Some("replayed")), (9, Some("replayed")), (11, None)] {
        assert_eq!(mal.lend(mal.lease(sequence).seal(&own)).await, (sequence, refused.map(str::to_owned)));
    }
}
