//! A member's device in the wrong hands: it stalls, cuts off, promises what it does not deliver, and breaks the rules. Each
//! time there is an event that says so, nothing of it stays, and the conversation goes on.

#[path = "common/bare.rs"]
mod bare;
mod common;
#[path = "common/mallory.rs"]
mod mallory;

use common::*;
use mallory::{Mallory, ann_and_mallory};
use parv::{Account, CommitId, ConversationId, Engine, Error, Event, Mode, Options, Rule, VoteKind};
use parv_model::object;
use parv_net::Envelope;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;

/// Every file of a folder with its contents, without those that come and go.
fn listing(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                all.insert(path.display().to_string(), std::fs::read(&path).unwrap());
            }
        }
    }
    all
}

async fn failure(ann: &mut Person) -> String {
    ann.wait("a failed fetch", |event| match event {
        Event::FetchFailed { why, .. } => Some(why.clone()),
        _ => None,
    })
    .await
}

/// A writer that closes after so many bytes.
struct CutOff<W>(W, usize);

impl<W: Write> Write for CutOff<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.1 == 0 {
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        let amount = self.0.write(&bytes[..bytes.len().min(self.1)])?;
        self.1 -= amount;
        Ok(amount)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_commit_does_not_wait_for_a_stalled_peer() {
    let (mut ann, mut mallory, id, device) = ann_and_mallory().await;
    mallory.lure(device, CommitId::from_bytes([7; 20])).await;
    let _held = mallory.bare.asked().await; // granted, and then silence
    let began = Instant::now();
    for text in ["one", "two", "three"] {
        ann.conversation(&id).send(text).await.unwrap();
    }
    assert!(began.elapsed() < PATIENCE / 2, "own commits took {:?}", began.elapsed());
    let why = failure(&mut ann).await;
    assert!(why.contains("silent"), "{why}");
    assert_eq!(ann.texts(&id).await, ["one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_trickles_comes_from_another() {
    let (mut ann, mut mallory, id, device) = ann_and_mallory().await;
    let mut bob = Person::new("Bob").await;
    bob.connect(&ann).await;
    bring_in(&mut ann, &mut bob, &id).await;
    let bobs = mallory.meet(&bob).await;
    let head = mallory.write(&[], &[], None, "held back");
    mallory.lure(device, head).await;
    let (_reader, mut writer) = mallory.bare.asked().await.into_blocking(DEADLINE);
    std::thread::spawn(move || {
        // Never silent, and never done.
        let mut said = writer.write_all(b"000eversion 2\nfff0agent=");
        while said.is_ok() {
            said = writer.write_all(b"a").and_then(|()| writer.flush());
            std::thread::sleep(PATIENCE / 100);
        }
    });
    mallory.lure(bobs, head).await;
    mallory.serve(|writer| writer).await;
    bob.wait_text("held back").await;
    ann.wait_text("held back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_cut_off_leaves_nothing() {
    let (mut ann, mut mallory, id, device) = ann_and_mallory().await;
    let before = listing(&ann.repository(&id));
    let head = mallory.write(&[], &[], None, &"long ".repeat(1000));
    for bytes in [30, 300, 500] {
        mallory.lure(device, head).await;
        mallory.serve(move |writer| Box::new(CutOff(writer, bytes))).await;
        let why = failure(&mut ann).await;
        assert!(!why.is_empty());
        assert_eq!(listing(&ann.repository(&id)), before, "cut after {bytes} bytes: {why}");
    }
    // The same, whole, is welcome.
    mallory.lure(device, head).await;
    mallory.serve(|writer| writer).await;
    ann.wait_text(&"long ".repeat(1000)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_fetch_that_breaks_off_is_begun_again_by_itself() {
    let (mut ann, mut bob) = (Person::new("Ann").await, Person::new("Bob").await);
    bob.connect(&ann).await;
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    ann.conversation(&id).invite(&bob.uri()).await.unwrap();
    assert_eq!(bob.wait_request().await, id);
    ann.wait("the delivery", |event| matches!(event, Event::InviteDelivered { .. }).then_some(())).await;
    let mut anns = Mallory::take_over(ann, id).await;
    anns.meet(&bob).await;
    let engine = bob.engine.clone();
    let accepting = tokio::spawn(async move { engine.accept(&id).await });
    // Twice it breaks off, in the middle of nothing and in the middle of something.
    drop(anns.bare.asked().await);
    anns.serve(|writer| Box::new(CutOff(writer, 1000))).await;
    anns.serve(|writer| writer).await;
    within("accepting", accepting).await.unwrap().unwrap();
    assert_eq!(bob.conversation(&id).members().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_not_delivered_leaves_nothing() {
    let (mut ann, mut mallory, id, device) = ann_and_mallory().await;
    let before = listing(&ann.repository(&id));
    let (promised, real) = ("ab".repeat(20), mallory.repository.heads().unwrap()[0].to_string());
    mallory.lure(device, promised.parse().unwrap()).await;
    // Names another head in the list of refs, and serves the pack of none.
    let (mut reader, mut writer) = mallory.bare.asked().await.into_blocking(DEADLINE);
    let answering = spawn_blocking(move || {
        let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
        let mut say = |text: String| writer.write_all(text.as_bytes()).and_then(|()| writer.flush());
        say(["version 2\n", "agent=mallory\n", "ls-refs\n", "fetch\n", "object-format=sha1\n"].map(line).concat()
            + "0000")
        .unwrap();
        let mut heard = Vec::new();
        let mut byte = [0];
        while !heard.ends_with(b"0000") && reader.read_exact(&mut byte).is_ok() {
            heard.push(byte[0]);
        }
        say(line(&format!("{promised} refs/heads/main\n")) + "0000").unwrap();
        heard.clear();
        while !heard.ends_with(b"0000") && reader.read_exact(&mut byte).is_ok() {
            heard.push(byte[0]);
        }
        // A pack of nothing, with the right sum.
        let empty = [b"PACK\0\0\0\x02\0\0\0\0".as_slice(), &hex("029d08823bd8a8eab510ad6ac75c823cfd3ed31e")].concat();
        let mut answer = line("packfile\n").into_bytes();
        answer.extend(format!("{:04x}\x01", empty.len() + 5).into_bytes());
        answer.extend(empty);
        answer.extend(b"0000");
        let _ = writer.write_all(&answer).and_then(|()| writer.flush());
        let _ = reader.read(&mut byte);
        real
    });
    let why = failure(&mut ann).await;
    assert!(why.contains("not delivered"), "{why}");
    assert_eq!(listing(&ann.repository(&id)), before);
    answering.await.unwrap();
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_breaks_a_rule_is_refused_with_its_reason() {
    let (mut ann, mut mallory, id, device) = ann_and_mallory().await;
    let before = listing(&ann.repository(&id));
    let honest = mallory.repository.heads().unwrap();
    // A text whose tree has one file more.
    let file = b"#!/bin/sh\n".to_vec();
    let blob = object::blob_id(&file).unwrap();
    let tree = [b"100644 extra\0".as_slice(), blob.as_bytes()].concat();
    let bad = mallory.write(std::slice::from_ref(&tree), &[file], Some(object::tree_id(&tree).unwrap()), "harmless");
    mallory.write(&[], &[], None, "and one on top of it");
    let head = mallory.repository.heads().unwrap()[0];
    mallory.lure(device, head).await;
    mallory.serve(|writer| writer).await;
    let refusal = ann
        .wait("the refusal", |event| match event {
            Event::Refused { refusal, .. } => Some(refusal.clone()),
            _ => None,
        })
        .await;
    assert_eq!((refusal.commit, refusal.rule), (bad, Rule::Tree), "{refusal}");
    assert_eq!(listing(&ann.repository(&id)), before);
    // The peer is told.
    let told = mallory.bare.told("application/parv-refusal").await;
    assert_eq!((told["commit"].as_str(), told["rule"].as_str()), (Some(&*bad.to_string()), Some("tree")));
    // The same head is not fetched again, and what is good is still welcome.
    mallory.lure(device, head).await;
    mallory.repository.set_heads(&[head], &honest).unwrap();
    let good = mallory.write(&[], &[], None, "sorry");
    mallory.lure(device, good).await;
    mallory.serve(|writer| writer).await;
    ann.wait_text("sorry").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dated_far_ahead_is_not_taken() {
    let (mut ann, mut mallory, id, device) = ann_and_mallory().await;
    let before = listing(&ann.repository(&id));
    let head = mallory.write_late(&[], &[], None, "from tomorrow", 2 * 86_400);
    mallory.lure(device, head).await;
    mallory.serve(|writer| writer).await;
    let why = failure(&mut ann).await;
    assert!(why.contains("ahead") && why.contains(&head.to_string()), "{why}");
    assert_eq!(listing(&ann.repository(&id)), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_conversation_under_this_ones_name_is_refused() {
    let (ann, mut mallory, _, _) = ann_and_mallory().await;
    let mut bob = Person::new("Bob").await;
    let device = mallory.meet(&bob).await;
    let promised = ConversationId::new(CommitId::from_bytes([9; 20]));
    let invite = serde_json::json!({
        "conversationId": promised, "mode": 2, "commit": promised, "members": [ann.uri()], "title": "a trap"
    });
    mallory.bare.send(device, "application/invite+json", invite).await;
    assert_eq!(bob.wait_request().await, promised);
    let engine = bob.engine.clone();
    let accepting = tokio::spawn(async move { engine.accept(&promised).await.map(drop) });
    bob.until("syncing", |engine| engine.conversations().iter().all(|info| info.syncing)).await;
    mallory.serve(|writer| writer).await;
    match within("the refusal", accepting).await.unwrap() {
        Err(Error::Refused(refusal)) => assert_eq!(refusal.rule, Rule::Root, "{refusal}"),
        other => panic!("accepted: {other:?}"),
    }
    assert!(!bob.repository(&promised).exists());
    assert_eq!(bob.engine.conversations(), []);
    assert_eq!(bob.engine.requests().len(), 1, "the request stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_banned_one_can_neither_fetch_nor_be_heard() {
    let (mut ann, mut mallory, id, device) = ann_and_mallory().await;
    assert!(mallory.bare.node.open_git(device, &id).await.is_ok());
    let uri = mallory.identity.uri();
    ann.conversation(&id).moderate(VoteKind::Ban, &uri).await.unwrap();
    assert!(matches!(mallory.bare.node.open_git(device, &id).await, Err(parv_net::NetError::Refused(_))));
    let late = mallory.write(&[], &[], None, "it was not me");
    mallory.lure(device, late).await;
    ann.conversation(&id).send("peace").await.unwrap();
    ann.wait_text("peace").await;
    // Nobody comes for it.
    while let Ok(event) = mallory.bare.events.try_recv() {
        assert!(!matches!(event, parv_net::Event::GitRequest { .. }));
    }
    assert_eq!(ann.texts(&id).await, ["peace"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_strangers_and_nonsense_change_nothing() {
    let (mut ann, mallory, id, device) = ann_and_mallory().await;
    let types = ["parv-hello", "im-gitmessage-id", "invite", "invite+json", "parv-refusal", "nonsense"];
    for kind in types.map(|name| format!("application/{name}")) {
        for body in [&b""[..], b"{}", b"[[[[", b"\xff\xfe", br#"{"id":"x"}"#, br#"{"conversationId":7}"#] {
            mallory.bare.node.send(device, Envelope::new(kind.clone(), body)).await.unwrap();
        }
    }
    ann.conversation(&id).send("still here").await.unwrap();
    ann.wait_text("still here").await;
    assert_eq!(ann.engine.requests(), []);
    assert_eq!(ann.engine.conversations().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_named() {
    let ann = Person::new("Ann").await;
    let unknown = ConversationId::new(CommitId::from_bytes([5; 20]));
    assert!(matches!(ann.engine.conversation(&unknown), Err(Error::UnknownConversation(id)) if id == unknown));
    assert!(matches!(ann.engine.decline(&unknown), Err(Error::UnknownRequest(id)) if id == unknown));
    match within("accepting nothing", ann.engine.accept(&unknown)).await {
        Err(Error::Unreachable { conversation, tried }) => assert!(conversation == unknown && tried.is_empty()),
        other => panic!("{other:?}"),
    }
    assert!(matches!(Account::open(ann.home.path(), None), Err(Error::Locked { .. })));
    let nobody = "/ip4/127.0.0.1/tcp/9".parse().unwrap();
    assert!(matches!(within("dialling nobody", ann.engine.connect(nobody)).await, Err(Error::Net(_))));
    let conversation = ann.engine.create(Mode::InvitesOnly, None).await.unwrap();
    assert!(matches!(conversation.send(&"x".repeat(70_000)).await, Err(Error::TooLong { .. })));
    assert!(matches!(conversation.invite(&ann.uri()).await, Err(Error::NotAllowed(_))));
    let stranger = parv::Uri::from_bytes(*ann.uri().as_bytes().map(|byte| byte ^ 1).first_chunk().unwrap());
    assert!(matches!(conversation.moderate(VoteKind::Ban, &stranger).await, Err(Error::NotAllowed(_))));
    assert!(matches!(ann.engine.create(Mode::Public, Some(stranger)).await, Err(Error::NotAllowed(_))));
    assert_eq!(conversation.info().messages, 1, "a refused commit leaves nothing");
    conversation.send("after all that").await.unwrap();

    let offline = tempfile::tempdir().unwrap();
    let engine = Engine::start(account(offline.path(), "Bob"), Options::default()).await.unwrap();
    assert!(matches!(engine.accept(&unknown).await, Err(Error::Offline)));
    assert!(matches!(engine.connect(ann.address()).await, Err(Error::Offline)));
    assert!(engine.addresses().is_empty() && engine.peers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_conversation_keeps_no_other_from_opening() {
    let ann = Person::new("Ann").await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id());
    }
    let (damaged, emptied) = (ann.repository(&made[0]), ann.repository(&made[1]));
    let Person { home, engine, .. } = ann;
    engine.shutdown().await;
    let loose = made[0].to_string();
    std::fs::write(damaged.join("objects").join(&loose[..2]).join(&loose[2..]), b"damaged").unwrap();
    std::fs::remove_dir_all(emptied.join("refs")).unwrap();
    std::fs::write(emptied.join("packed-refs"), b"").unwrap();
    let ann = Person::reopen(home, TCP).await;
    for id in &made[..2] {
        match ann.engine.conversation(id) {
            Err(Error::Unusable { conversation, why }) => assert!(conversation == *id && !why.is_empty()),
            other => panic!("{other:?}"),
        }
    }
    ann.conversation(&made[2]).send("fine").await.unwrap();
    assert_eq!(ann.engine.conversations().len(), 1);
    tokio::time::timeout(Duration::from_secs(20), ann.engine.shutdown()).await.unwrap();
}
