//! A ban of a single device between real nodes (decision 0012): the device gets nothing more and nobody takes anything
//! from it, while its account stays what it was.

mod common;

use common::*;
use parv::{Content, DeviceChange, Event, LogQuery, Mode, Role, VoteKind};

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_device_gets_nothing_more_until_it_is_let_back() {
    let (mut ann, mut bob, mut cid) = (Person::new("Ann").await, Person::new("Bob").await, Person::new("Cid").await);
    for (one, other) in [(&bob, &ann), (&cid, &ann), (&cid, &bob)] {
        one.connect(other).await;
    }
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    bring_in(&mut ann, &mut bob, &id).await;
    bring_in(&mut ann, &mut cid, &id).await;
    let (uri, device) = (bob.uri(), bob.engine.device_id());
    let of_bob = |engine: &parv::Engine| {
        engine.conversation(&id).unwrap().members().into_iter().find(|member| member.uri == uri).unwrap()
    };

    // Cid is no admin; Ann alone is more than half of the admins.
    assert!(cid.conversation(&id).vote(VoteKind::Ban, device).await.is_err());
    let done = ann.conversation(&id).moderate(VoteKind::Ban, device).await.unwrap();
    assert!(done.resolution.is_some());
    let told = |wanted: DeviceChange| {
        move |event: &Event| match event {
            Event::Device { device: which, change, .. } if *which == device && *change == wanted => Some(()),
            _ => None,
        }
    };
    cid.wait("the ban", told(DeviceChange::Banned)).await;
    let seen = of_bob(&cid.engine);
    assert_eq!((seen.role, seen.devices, seen.banned_devices), (Role::Member, vec![], vec![device]));

    // What the device writes now, not knowing of the ban, nobody takes, and it is told nothing new.
    ann.conversation(&id).send("without that device").await.unwrap();
    cid.wait_text("without that device").await;
    bob.conversation(&id).send("it is me").await.unwrap();
    bob.connect(&ann).await;
    bob.connect(&cid).await;
    ann.conversation(&id).send("still not").await.unwrap();
    cid.wait_text("still not").await;
    for person in [&ann, &cid] {
        assert!(!person.texts(&id).await.iter().any(|text| text == "it is me"));
    }
    assert_eq!(bob.texts(&id).await, ["it is me"]);

    // Let back, it gets everything. What it had said meanwhile comes along, and stays hidden: nobody took it up, and an unban
    // helps only what comes after it (decision 0014).
    ann.conversation(&id).moderate(VoteKind::Unban, device).await.unwrap();
    cid.wait("the unban", told(DeviceChange::Unbanned)).await;
    assert_eq!(of_bob(&cid.engine).devices, [device]);
    bob.connect(&ann).await;
    bob.wait_text("still not").await;
    bob.conversation(&id).send("thank you").await.unwrap();
    for person in [&mut ann, &mut cid] {
        person.wait_text("thank you").await;
    }
    for person in [&ann, &bob, &cid] {
        assert!(!person.texts(&id).await.iter().any(|text| text == "it is me"));
        let log = person.conversation(&id).log(LogQuery { hidden: true, ..LogQuery::default() }).await.unwrap();
        let entry = log.iter().find(|entry| text_of(&entry.message) == Some("it is me")).unwrap();
        assert_eq!(entry.content, Some(Content::Hidden));
    }
}
