//! Deliveries that are made to hurt before anything can be judged, and what is asked for that may not be had.

use crate::common::{DEADLINE, Person, within};
use crate::hostile::Hostile;
use crate::stage::*;
use crate::wire;
use parv::{CommitId, ConversationId, Event, Message, Mode, Rule};
use parv_net::NetError;
use parv_proptests::text;
use tokio::task::spawn_blocking;

/// An honest head with this pack instead of its own.
async fn packs(packs: Vec<Vec<u8>>, words: &'static str) {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let control = stage.honest(BOB, &[head], text("hello"));
    let attempt = |pack| Attempt { heads: vec![control], pack: Some(pack), expect: Expect::Failed(words) };
    let attempts: Vec<_> = packs.into_iter().map(attempt).collect();
    stage.assault(&[head], &attempts, &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_inflation_bomb() {
    // One file that says it is larger than any may be, and four hundred of nearly 2 MB in 1.6 kB each.
    let runs = 8_000;
    let size = u64::from(1 + 258 * runs);
    let one = wire::seal(1, &wire::entry(3, 1_500_000_000, &[], &wire::zeros(runs)));
    let many = wire::entry(3, size, &[], &wire::zeros(runs)).repeat(400);
    packs(vec![one, wire::seal(400, &many)], "more than the").await;
}

/// A number as deltas begin with.
fn varint(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// An entry that is a delta of the one which begins so many bytes before it.
fn delta(mut back: usize, contents: &[u8]) -> Vec<u8> {
    let mut place = vec![back as u8 & 0x7f];
    while back > 0x7f {
        back = (back >> 7) - 1;
        place.insert(0, back as u8 & 0x7f | 0x80);
    }
    wire::entry(6, contents.len() as u64, &place, &wire::stored(contents))
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_delta_bomb() {
    const BASE: u32 = 65_536;
    let base = wire::entry(3, BASE.into(), &[], &wire::stored(&[0; BASE as usize]));
    // Each copies the base thirty times: 4.5 GB in 200 kB.
    let copies = [varint(BASE), varint(30 * BASE), [0x80].repeat(30)].concat();
    let mut wide = base.clone();
    for _ in 0..2300 {
        wide.extend(delta(wide.len(), &copies));
    }
    // A hundred on top of each other.
    let copy = [varint(BASE), varint(BASE), vec![0x80]].concat();
    let mut deep = base.clone();
    let mut last = 0;
    for _ in 0..100 {
        let start = deep.len();
        deep.extend(delta(start - last, &copy));
        last = start;
    }
    // One that says it makes more than any file may be.
    let huge = [varint(BASE), varint(1_500_000_000), [0x80].repeat(30)].concat();
    let huge = [base.clone(), delta(base.len(), &huge)].concat();
    packs(vec![wire::seal(2301, &wide), wire::seal(101, &deep), wire::seal(2, &huge)], "more than the").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_objects_that_nobody_needs() {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let control = stage.honest(BOB, &[head], text("hello"));
    let all = crate::worlds::needed(&stage.world.objects, &[control]);
    let smuggled = b"smuggled".as_slice();
    let number = |kind| ["commit", "tree", "blob"].iter().position(|name| *name == kind).unwrap() as u8 + 1;
    let entries: Vec<u8> = [all.as_slice(), &[("blob", smuggled)]]
        .concat()
        .iter()
        .flat_map(|(kind, bytes)| wire::entry(number(*kind), bytes.len() as u64, &[], &wire::stored(bytes)))
        .collect();
    let pack = wire::seal(all.len() as u32 + 1, &entries);
    let attempt = Attempt { heads: vec![control], pack: Some(pack), expect: Expect::Failed("was not asked for") };
    stage.assault(&[head], &[attempt], &[control]).await;
}

/// What the person's device answers to the hostile one that wants a commit of a conversation.
async fn asked_for(hostile: &Hostile, person: &Person, id: &ConversationId, want: CommitId) -> String {
    let stream = hostile.bare.node.open_git(person.engine.device_id(), id).await.unwrap();
    let (reader, writer) = stream.into_blocking(DEADLINE);
    spawn_blocking(move || wire::ask(reader, writer, &want)).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_request_for_rejected_or_foreign_objects() {
    let mut stage = Stage::with_admins(1);
    let (id, head) = (stage.id(), stage.head);
    let mut person = stage.member(&[head]).await;
    let hostile = &mut Hostile::start(&stage.world.people[COURIER]).await;
    hostile.meet(&stage.world.people[COURIER], &person).await;
    let foreign = person.engine.create(Mode::InvitesOnly, None).await.unwrap();

    let before = stage.tree(head);
    let tree = stage.with_file(before, "evil.txt", b"smuggled");
    let rejected = stage.forged(BOB, &[head], text("look"), tree);
    stage.lure(hostile, &person, rejected).await;
    hostile.serve(&[rejected], wire::pack_of(&stage.world.objects, &[rejected])).await;
    let refused = |event: &Event| matches!(event, Event::Refused { .. }).then_some(());
    person.wait("the refusal", refused).await;

    let unknown = CommitId::from_bytes([7; 20]);
    for want in [rejected, foreign.heads()[0], unknown] {
        let answer = asked_for(hostile, &person, &id, want).await;
        assert!(answer.contains("not our ref") && !answer.contains("PACK"), "{answer}");
    }
    assert!(asked_for(hostile, &person, &id, head).await.contains("PACK"), "the control");
    // And of the other conversation nothing at all.
    let denied = hostile.bare.node.open_git(person.engine.device_id(), &foreign.id()).await;
    assert!(matches!(denied, Err(NetError::Refused(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_certificates_trusted_before_validation() {
    // A history brings a stranger's certificates in and breaks a rule further on: the stranger stays one.
    let mut stage = Stage::with_admins(1);
    let (id, head, sybil) = (stage.id(), stage.head, stage.world.uri(SYBIL));
    let mut person = stage.member(&[head]).await;
    let hostile = &mut Hostile::start(&stage.world.people[COURIER]).await;
    hostile.meet(&stage.world.people[COURIER], &person).await;
    let stranger = Hostile::start(&stage.world.people[SYBIL]).await;
    stranger.meet(&stage.world.people[SYBIL], &person).await;

    let joined = stage.world.line(head, &[(BOB, Message::Add(sybil)), (SYBIL, Message::Join(sybil))]);
    let before = stage.tree(joined);
    let tree = stage.with_file(before, "evil.txt", b"smuggled");
    let attack = stage.forged(BOB, &[joined], text("look"), tree);
    stage.lure(hostile, &person, attack).await;
    hostile.serve(&[attack], wire::pack_of(&stage.world.objects, &[attack])).await;
    let refusal = |event: &Event| match event {
        Event::Refused { refusal, .. } => Some(refusal.rule),
        _ => None,
    };
    assert_eq!(person.wait("the refusal", refusal).await, Rule::Tree);
    let device = person.engine.device_id();
    let denied = within("the answer", stranger.bare.node.open_git(device, &id)).await;
    assert!(matches!(denied, Err(NetError::Refused(_))), "the stranger may fetch");

    let control = stage.honest(SYBIL, &[joined], text("really here"));
    stage.lure(hostile, &person, control).await;
    hostile.serve(&[control], wire::pack_of(&stage.world.objects, &[control])).await;
    person.wait_text("really here").await;
    within("the answer", stranger.bare.node.open_git(device, &id)).await.unwrap();
}
