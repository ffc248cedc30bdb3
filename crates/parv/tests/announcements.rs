//! What an announcement leads to (requirement N3): its four cases, and that many of them are few fetches.

#[path = "common/bare.rs"]
mod bare;
mod common;
#[path = "common/mallory.rs"]
mod mallory;

use common::*;
use mallory::ann_and_mallory;
use parv::{ConversationId, Event, Mode, Network};
use parv_net::{Event as Came, Purpose};
use serde_json::json;

/// How many fetches ended like this; with an empty text, however they ended.
fn fetches(person: &Person, outcome: &str) -> usize {
    let metrics = person.engine.metrics().unwrap();
    let begin = format!("parv_fetches_total{{outcome=\"{outcome}");
    let counts = metrics.lines().filter(|line| line.starts_with(&begin)).filter_map(|line| line.split_once(' '));
    counts.map(|(_, count)| count.parse::<usize>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn case_1_what_a_connected_device_announces_is_fetched_from_it() {
    let (mut ann, mut bob, id) = ann_and_bob().await;
    let before = ann.engine.net_status().await.unwrap().connections;
    bob.conversation(&id).send("hello").await.unwrap();
    ann.wait_text("hello").await;
    let device = ann.engine.device_id();
    let fetched = |event: &Event| matches!(event, Event::Fetched { device: by, .. } if *by == device).then_some(());
    bob.wait("the fetch", fetched).await;
    assert_eq!(ann.engine.net_status().await.unwrap().connections, before, "over the connection that was there");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_2_who_has_something_and_is_not_connected_is_dialled_and_fetched_from() {
    let (mut ann, mut mallory, _, device) = ann_and_mallory().await;
    let Person { home, engine, .. } = ann;
    engine.shutdown().await;
    drop(engine);
    mallory.bare.wait("Ann's end", |event| matches!(event, Came::Disconnected(_)).then_some(())).await;
    // What Mallory's device has to say lies with somebody who is there.
    let middle = Person::new("Middle").await;
    mallory.bare.node.dial_address(middle.address()).await.unwrap();
    let head = mallory.write(&[], &[], None, "while you were away");
    let word = json!({ "news": [{ "id": mallory.id, "commit": head }] }).to_string();
    within("leaving word", mallory.bare.node.leave_letter(device, Purpose::WakeUp, word.into())).await.unwrap();

    ann = Person::reopen_with(home, Network { bootstrap: vec![middle.address()], ..network(TCP) }).await;
    let comes = |event| matches!(event, Came::Connected(other) if other == device).then_some(());
    mallory.bare.wait("Ann", comes).await;
    mallory.meet(&ann).await;
    mallory.serve(|writer| writer).await;
    ann.wait_text("while you were away").await;
    let status = ann.engine.net_status().await.unwrap();
    let connection = status.connections.iter().find(|it| it.device == mallory.identity.device_id()).unwrap();
    assert!(connection.outgoing, "Ann dialled");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_3_who_hears_of_an_unknown_conversation_asks_for_an_invite_and_only_those_inside_get_one() {
    let (mut ann, mut mallory, id, device) = ann_and_mallory().await;
    // Ann does not know this conversation and asks whoever speaks of it.
    let unknown = ConversationId::new(mallory.write(&[], &[], None, "elsewhere"));
    let notice = json!({ "id": unknown, "commit": unknown.root(), "deviceId": mallory.identity.device_id() });
    mallory.bare.send(device, "application/im-gitmessage-id", notice).await;
    assert_eq!(mallory.bare.told("application/invite").await, json!({ "conversationId": unknown }));
    // Mallory asks for one in which nobody knows him, and then for the one that he is in: only that is answered.
    let closed = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    for wanted in [closed, id] {
        mallory.bare.send(device, "application/invite", json!({ "conversationId": wanted })).await;
    }
    let invite = mallory.bare.told("application/invite+json").await;
    assert_eq!(invite["conversationId"], json!(id));
    // Somebody whom Ann has invited since gets it as well.
    ann.conversation(&closed).invite(&mallory.identity.uri()).await.unwrap();
    ann.wait("the delivery", |event| matches!(event, Event::InviteDelivered { .. }).then_some(())).await;
    mallory.bare.told("application/invite+json").await;
    mallory.bare.send(device, "application/invite", json!({ "conversationId": closed })).await;
    assert_eq!(mallory.bare.told("application/invite+json").await["conversationId"], json!(closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn case_4_who_was_offline_gets_everything_at_the_next_connection() {
    let (mut ann, bob, id) = ann_and_bob().await;
    bob.engine.shutdown().await;
    let Person { home, engine, .. } = bob;
    drop(engine);
    ann.wait("Bob's leaving", |event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    for text in ["one", "two", "three"] {
        ann.conversation(&id).send(text).await.unwrap();
    }
    let mut bob = Person::reopen(home, TCP).await;
    bob.connect(&ann).await;
    bob.wait_text("three").await;
    assert_eq!(bob.texts(&id).await, ["one", "two", "three"]);
    assert_eq!(fetches(&bob, "News"), 1, "all at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_device_is_fetched_from_all_its_later_notices_become_one_more_fetch() {
    let (mut ann, mut mallory, _, device) = ann_and_mallory().await;
    let before = fetches(&ann, "");
    let first = mallory.write(&[], &[], None, "first");
    mallory.lure(device, first).await;
    let held = mallory.bare.asked().await;
    for number in 0..50 {
        let head = mallory.write(&[], &[], None, &number.to_string());
        mallory.lure(device, head).await;
    }
    mallory.serve_on(held, |writer| writer).await;
    // The first fetch has brought everything up to now: what was said of that meanwhile needs none.
    ann.wait_text("49").await;
    let held = mallory.write(&[], &[], None, "held");
    mallory.lure(device, held).await;
    let stream = mallory.bare.asked().await;
    // These are not there yet when the stream is served, and known of only by their notices.
    let head = mallory.repository.heads().unwrap();
    let later: Vec<_> = (0..50).map(|number| mallory.write(&[], &[], None, &format!("later {number}"))).collect();
    let newest = mallory.repository.heads().unwrap();
    mallory.repository.set_heads(&newest, &head).unwrap();
    for commit in later {
        mallory.lure(device, commit).await;
    }
    mallory.serve_on(stream, |writer| writer).await;
    ann.wait_text("held").await;
    mallory.repository.set_heads(&head, &newest).unwrap();
    mallory.serve(|writer| writer).await;
    ann.wait_text("later 49").await;
    assert_eq!(fetches(&ann, "") - before, 3);
}
