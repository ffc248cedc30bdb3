use crate::bench::{Peer, config, connect, open_conversation, peer, start, subscribed};
use parv_model::DeviceId;
use parv_net::limits::MAX_ANNOUNCEMENT_BYTES;
use parv_net::{Acceptance, AnnouncementHandle, Event, NetError, NodeConfig, Topic};

struct Heard {
    author: DeviceId,
    relay: DeviceId,
    data: Vec<u8>,
    handle: AnnouncementHandle,
}

fn topic() -> Topic {
    Topic::of(&open_conversation())
}

async fn hear(peer: &mut Peer) -> Heard {
    peer.wait(|event| match event {
        Event::Announcement { topic: heard, author, relay, data, handle } if heard == topic() => {
            Some(Heard { author, relay, data, handle })
        }
        _ => None,
    })
    .await
}

#[tokio::test]
async fn an_announcement_passes_the_middle_only_when_accepted() {
    // None of them finds another by the table.
    let apart = || start(NodeConfig { serves_table: false, ..config() });
    let (mut a, mut middle, mut c, mut d) = (apart().await, apart().await, apart().await, apart().await);
    for peer in [&a, &middle, &c, &d] {
        peer.node.subscribe(topic()).await.unwrap();
    }
    for peer in [&mut a, &mut c, &mut d] {
        connect(peer, &mut middle).await;
        subscribed(peer, middle.device()).await;
        subscribed(&mut middle, peer.device()).await;
    }
    for (text, verdict) in [("bad", Acceptance::Reject), ("dubious", Acceptance::Ignore), ("good", Acceptance::Accept)]
    {
        a.node.publish(topic(), text.into()).await.unwrap();
        let heard = hear(&mut middle).await;
        assert_eq!((heard.author, heard.relay, heard.data.as_slice()), (a.device(), a.device(), text.as_bytes()));
        middle.node.judge(heard.handle, verdict).await.unwrap();
    }
    // What reaches the others first is the one that was accepted.
    for peer in [&mut c, &mut d] {
        let heard = hear(peer).await;
        assert_eq!((heard.author, heard.relay), (a.device(), middle.device()));
        assert_eq!(heard.data, b"good");
    }
}

#[tokio::test]
async fn following_late_tells_of_those_who_follow_already() {
    let (mut a, mut b) = (peer().await, peer().await);
    b.node.subscribe(topic()).await.unwrap();
    connect(&mut a, &mut b).await;
    a.node.subscribe(topic()).await.unwrap();
    subscribed(&mut a, b.device()).await;
    subscribed(&mut b, a.device()).await;
    b.node.publish(topic(), b"hello".to_vec()).await.unwrap();
    assert_eq!(hear(&mut a).await.data, b"hello");
}

#[tokio::test]
async fn an_announcement_to_nobody_and_one_too_long_are_errors() {
    let (mut a, mut b) = (peer().await, peer().await);
    connect(&mut a, &mut b).await;
    let error = a.node.publish(topic(), b"hello?".to_vec()).await.unwrap_err();
    assert!(matches!(error, NetError::NobodyListens(heard) if heard == topic()), "{error}");
    let error = a.node.publish(topic(), vec![0; MAX_ANNOUNCEMENT_BYTES + 1]).await.unwrap_err();
    assert!(matches!(error, NetError::TooLong { .. }), "{error}");
    b.node.subscribe(topic()).await.unwrap();
    a.node.subscribe(topic()).await.unwrap();
    subscribed(&mut a, b.device()).await;
    a.node.publish(topic(), vec![1; MAX_ANNOUNCEMENT_BYTES]).await.unwrap();
    assert_eq!(hear(&mut b).await.data.len(), MAX_ANNOUNCEMENT_BYTES);
}

#[tokio::test]
async fn a_neighbour_that_passes_on_rubbish_is_dropped() {
    let (mut a, mut b) = (peer().await, peer().await);
    a.node.subscribe(topic()).await.unwrap();
    b.node.subscribe(topic()).await.unwrap();
    connect(&mut a, &mut b).await;
    subscribed(&mut a, b.device()).await;
    for number in 0..8u8 {
        a.node.publish(topic(), vec![number]).await.unwrap();
        let heard = hear(&mut b).await;
        b.node.judge(heard.handle, Acceptance::Reject).await.unwrap();
    }
    a.wait_disconnected(b.device()).await;
    // And is not let in again for a while.
    assert!(b.node.dial_address(a.address("/tcp/")).await.is_err());
}

#[tokio::test]
async fn thousands_of_topics_are_told_to_a_new_neighbour() {
    let (mut a, mut b) = (peer().await, peer().await);
    let topics: Vec<_> = (0..10_000u32)
        .map(|number| {
            let mut id = [0; 20];
            id[..4].copy_from_slice(&number.to_le_bytes());
            Topic::of(&parv_model::ConversationId::new(parv_model::CommitId::from_bytes(id)))
        })
        .collect();
    for topic in &topics {
        a.node.subscribe(*topic).await.unwrap();
    }
    let last = *topics.last().unwrap();
    b.node.subscribe(last).await.unwrap();
    connect(&mut a, &mut b).await;
    subscribed(&mut b, a.device()).await;
    subscribed(&mut a, b.device()).await;
    b.node.publish(last, b"found".to_vec()).await.unwrap();
    a.wait(|event| matches!(event, Event::Announcement { topic, .. } if topic == last).then_some(())).await;
}

#[tokio::test]
async fn an_owner_who_does_not_read_loses_announcements_but_no_connection() {
    let (mut a, mut b, c) = (peer().await, peer().await, peer().await);
    a.node.subscribe(topic()).await.unwrap();
    b.node.subscribe(topic()).await.unwrap();
    connect(&mut a, &mut b).await;
    subscribed(&mut a, b.device()).await;
    let published = 3000u32;
    for number in 0..published {
        // A queue on the way may be full: then the next is as good.
        let _ = a.node.publish(topic(), number.to_le_bytes().to_vec()).await;
        tokio::task::yield_now().await;
    }
    // The node lives, whatever its owner does.
    c.node.dial_address(b.address("/tcp/")).await.unwrap();
    assert!(b.node.find(c.device()).await.is_ok());
    while !b.node.is_connected(&c.device()) {
        tokio::task::yield_now().await;
    }
    let mut heard = 0;
    let device = c.device();
    b.wait(|event| {
        heard += u32::from(matches!(event, Event::Announcement { .. }));
        matches!(event, Event::Connected(other) if other == device).then_some(())
    })
    .await;
    assert!(heard > 0 && heard < published, "{heard}");
}
