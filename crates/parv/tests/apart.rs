//! Cut into halves that both go on, and healed (requirement P1).

mod common;

use common::*;
use parv::{ConversationId, Event, MemberChange, Mode, Role, VoteKind};

/// Four people in one conversation, everybody connected with everybody.
async fn four() -> ([Person; 4], ConversationId) {
    let mut all =
        [Person::new("Ann").await, Person::new("Bob").await, Person::new("Carol").await, Person::new("Dave").await];
    for one in 0..4 {
        for other in 0..one {
            all[one].connect(&all[other]).await;
        }
    }
    let id = all[0].engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    let [ann, others @ ..] = &mut all;
    for guest in others {
        bring_in(ann, guest, &id).await;
    }
    agree(&mut all, &id).await;
    (all, id)
}

/// Waits until all have the same heads.
async fn agree(people: &mut [Person], id: &ConversationId) {
    let heads = |person: &Person| person.conversation(id).heads();
    let all: Vec<&Person> = people.iter().collect();
    until_all("the same heads", &all, |all| all.iter().all(|person| heads(person) == heads(all[0]))).await;
}

async fn cut(people: &mut [Person; 4]) {
    for one in 0..2 {
        for other in 2..4 {
            let (a, b) = (people[one].engine.device_id(), people[other].engine.device_id());
            people[one].engine.block(b).await.unwrap();
            people[other].engine.block(a).await.unwrap();
        }
    }
    for (person, partners) in [(0, [2, 3]), (1, [2, 3]), (2, [0, 1]), (3, [0, 1])] {
        let gone = partners.map(|partner| people[partner].engine.device_id());
        people[person].until("the cut", |engine| !engine.peers().iter().any(|peer| gone.contains(&peer.device))).await;
    }
}

async fn heal(people: &[Person; 4]) {
    for one in 0..2 {
        for other in 2..4 {
            let (a, b) = (people[one].engine.device_id(), people[other].engine.device_id());
            people[one].engine.unblock(b).await.unwrap();
            people[other].engine.unblock(a).await.unwrap();
        }
    }
    for one in 0..2 {
        for other in 2..4 {
            people[one].connect(&people[other]).await;
        }
    }
}

fn role(person: &Person, id: &ConversationId, uri: parv::Uri) -> Option<Role> {
    person.conversation(id).members().into_iter().find(|member| member.uri == uri).map(|member| member.role)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_halves_go_on_and_become_one_again() {
    let (mut people, id) = four().await;
    cut(&mut people).await;
    for (writer, reader, text) in [(0, 1, "left 1"), (2, 3, "right 1"), (1, 0, "left 2"), (3, 2, "right 2")] {
        people[writer].conversation(&id).send(text).await.unwrap();
        people[reader].wait_text(text).await;
    }
    let stranger = parv::Uri::from_bytes(*account(people[0].home.path(), "Erin").uri().as_bytes());
    people[3].conversation(&id).invite(&stranger).await.unwrap();
    assert_eq!(people[0].texts(&id).await, ["left 1", "left 2"]);
    heal(&people).await;
    agree(&mut people, &id).await;

    let heads = people[0].conversation(&id).heads();
    assert_eq!(heads.len(), 2, "reading makes no merge");
    let (tree, texts) = (people[0].conversation(&id).tree(), people[0].texts(&id).await);
    assert_eq!(texts.len(), 4);
    for person in &people {
        assert_eq!(person.conversation(&id).tree(), tree);
        assert_eq!(person.texts(&id).await, texts);
        assert_eq!(role(person, &id, stranger), Some(Role::Invited));
    }
    // The next one who writes merges.
    people[1].conversation(&id).send("one again").await.unwrap();
    for person in &mut people {
        person.wait_text("one again").await;
        assert_eq!(person.conversation(&id).heads().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_banned_in_one_half_is_banned_in_all() {
    let (mut people, id) = four().await;
    let dave = people[3].uri();
    cut(&mut people).await;
    // Ann, the only admin, bans Dave, while he and Carol go on talking.
    people[2].conversation(&id).send("Carol here").await.unwrap();
    people[3].wait_text("Carol here").await;
    people[3].conversation(&id).send("Dave here").await.unwrap();
    people[2].wait_text("Dave here").await;
    let ban = people[0].conversation(&id).moderate(VoteKind::Ban, &dave).await.unwrap();
    assert!(ban.resolution.is_some());
    heal(&people).await;
    for person in &mut people[..3] {
        person
            .until("the ban", |engine| {
                let members = engine.conversation(&id).unwrap().members();
                members.iter().any(|member| member.uri == dave && member.role == Role::Banned)
            })
            .await;
    }
    agree(&mut people[..3], &id).await;
    let texts = people[0].texts(&id).await;
    assert_eq!(texts, ["Carol here"], "what a banned one wrote late comes only with somebody who built on it");
    for person in &people[1..3] {
        assert_eq!(person.texts(&id).await, texts);
        assert_eq!(person.conversation(&id).tree(), people[0].conversation(&id).tree());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_built_on_stays() {
    let (mut people, id) = four().await;
    let dave = people[3].uri();
    cut(&mut people).await;
    people[3].conversation(&id).send("Dave here").await.unwrap();
    people[2].wait_text("Dave here").await;
    people[2].conversation(&id).send("I heard you").await.unwrap();
    people[3].wait_text("I heard you").await;
    people[0].conversation(&id).moderate(VoteKind::Ban, &dave).await.unwrap();
    heal(&people).await;
    for person in &mut people[..2] {
        person.wait_text("I heard you").await;
    }
    agree(&mut people[..3], &id).await;
    for person in &people[..3] {
        assert_eq!(person.texts(&id).await, ["Dave here", "I heard you"]);
        assert_eq!(role(person, &id, dave), Some(Role::Banned));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_majority_that_a_merge_brings_is_resolved_without_anyones_help() {
    let (mut people, id) = four().await;
    for (admin, uri) in [(1, people[1].uri()), (2, people[2].uri())] {
        // The first needs one voice, the second two of two.
        people[0].conversation(&id).moderate(VoteKind::Promote, &uri).await.unwrap();
        agree(&mut people, &id).await;
        if admin == 2 {
            people[1].conversation(&id).moderate(VoteKind::Promote, &uri).await.unwrap();
            agree(&mut people, &id).await;
        }
        assert_eq!(role(&people[0], &id, uri), Some(Role::Admin));
    }
    let dave = people[3].uri();
    cut(&mut people).await;
    // One vote of three in each half: neither is a majority, both together are.
    for voter in [0, 2] {
        let vote = people[voter].conversation(&id).moderate(VoteKind::Ban, &dave).await.unwrap();
        assert_eq!((vote.votes, vote.admins, vote.resolution), (1, 3, None));
    }
    heal(&people).await;
    for person in &mut people[..3] {
        person
            .wait("the ban", |event| match event {
                Event::Member { uri, change: MemberChange::Banned, .. } if *uri == dave => Some(()),
                _ => None,
            })
            .await;
    }
    agree(&mut people[..3], &id).await;
    for person in &people[..3] {
        assert_eq!(role(person, &id, dave), Some(Role::Banned));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_conversations_catch_up_at_once() {
    let (mut ann, mut bob) = (Person::new("Ann").await, Person::new("Bob").await);
    bob.connect(&ann).await;
    let mut ids = Vec::new();
    for _ in 0..12 {
        let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
        bring_in(&mut ann, &mut bob, &id).await;
        ids.push(id);
    }
    let device = bob.engine.device_id();
    ann.engine.block(device).await.unwrap();
    ann.until("the cut", |engine| engine.peers().is_empty()).await;
    for id in &ids {
        ann.conversation(id).send("meanwhile").await.unwrap();
        bob.conversation(id).send("meanwhile too").await.unwrap();
    }
    ann.engine.unblock(device).await.unwrap();
    bob.connect(&ann).await;
    until_all("all of it", &[&ann, &bob], |both| {
        let heads = |person: &Person, id| person.conversation(id).heads();
        ids.iter().all(|id| heads(both[0], id).len() == 2 && heads(both[0], id) == heads(both[1], id))
    })
    .await;
}
