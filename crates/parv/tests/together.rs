//! Two and more people on nodes of their own, over real sockets.

mod common;

use common::*;
use futures::future::join_all;
use parv::{Error, Event, LogQuery, MemberChange, Mode, Role, VoteKind};

#[tokio::test(flavor = "multi_thread")]
async fn two_create_invite_accept_and_talk() {
    for transport in [TCP, QUIC] {
        let (mut ann, mut bob) = (Person::over("Ann", transport).await, Person::over("Bob", transport).await);
        bob.connect(&ann).await;
        let created = ann.engine.create(Mode::InvitesOnly, None).await.unwrap();
        let id = created.id();
        created
            .update_profile(b"BEGIN:VCARD\r\nFN:Bees\r\nDESCRIPTION:of the hive\r\nEND:VCARD\r\n".to_vec())
            .await
            .unwrap();
        bring_in(&mut ann, &mut bob, &id).await;
        assert_eq!(bob.engine.requests(), []);

        created.send("hello Bob").await.unwrap();
        bob.wait_text("hello Bob").await;
        bob.conversation(&id).send("hello Ann").await.unwrap();
        ann.wait_text("hello Ann").await;

        for person in [&ann, &bob] {
            assert_eq!(person.texts(&id).await, ["hello Bob", "hello Ann"]);
            let info = person.conversation(&id).info();
            assert_eq!((info.title.as_deref(), info.members, info.heads, info.syncing), (Some("Bees"), 2, 1, false));
            let members = person.conversation(&id).members();
            assert!(members.iter().any(|member| member.uri == ann.uri() && member.role == Role::Admin));
            assert!(
                members
                    .iter()
                    .any(|member| member.uri == bob.uri() && member.role == Role::Member && member.devices.len() == 1)
            );
        }
        assert_eq!(ann.conversation(&id).tree(), bob.conversation(&id).tree());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_says_what_it_is_about() {
    let (ann, mut bob) = (Person::new("Ann").await, Person::new("Bob").await);
    bob.connect(&ann).await;
    let created = ann.engine.create(Mode::AdminInvitesOnly, None).await.unwrap();
    created
        .update_profile(b"BEGIN:VCARD\r\nFN:Bees\r\nDESCRIPTION:of the hive\r\nEND:VCARD\r\n".to_vec())
        .await
        .unwrap();
    created.invite(&bob.uri()).await.unwrap();
    bob.wait_request().await;
    let [request] = bob.engine.requests().try_into().unwrap();
    assert_eq!((request.from, request.mode, request.id), (ann.uri(), Mode::AdminInvitesOnly, created.id()));
    assert_eq!((request.title.as_deref(), request.description.as_deref()), (Some("Bees"), Some("of the hive")));
    // Over a restart too.
    let bob = bob.restart().await;
    assert_eq!(bob.engine.requests(), [request]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_to_one_invites_by_itself() {
    let (mut ann, mut bob) = (Person::new("Ann").await, Person::new("Bob").await);
    bob.connect(&ann).await;
    let created = ann.engine.create(Mode::OneToOne, Some(bob.uri())).await.unwrap();
    assert_eq!(bob.wait_request().await, created.id());
    within("accepting", bob.engine.accept(&created.id())).await.unwrap();
    bob.conversation(&created.id()).send("only us").await.unwrap();
    ann.wait_text("only us").await;
    // Nobody else, ever.
    let carol = Person::new("Carol").await;
    assert!(matches!(created.invite(&carol.uri()).await, Err(Error::NotAllowed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_restart() {
    let (mut ann, mut bob, id) = ann_and_bob().await;
    ann.conversation(&id).send("before").await.unwrap();
    bob.wait_text("before").await;
    let (heads, tree, log) = {
        let conversation = bob.conversation(&id);
        (conversation.heads(), conversation.tree(), conversation.log(LogQuery::default()).await.unwrap())
    };
    let mut bob = bob.restart().await;
    let conversation = bob.conversation(&id);
    assert_eq!((conversation.heads(), conversation.tree()), (heads, tree));
    assert_eq!(conversation.log(LogQuery::default()).await.unwrap(), log);
    // What was written meanwhile comes with the connection, and what he writes arrives.
    ann.conversation(&id).send("meanwhile").await.unwrap();
    bob.connect(&ann).await;
    bob.wait_text("meanwhile").await;
    bob.conversation(&id).send("back again").await.unwrap();
    ann.wait_text("back again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_comes_in_pages() {
    let ann = Person::new("Ann").await;
    let conversation = ann.engine.create(Mode::InvitesOnly, None).await.unwrap();
    for number in 0..10 {
        conversation.send(&format!("{number}")).await.unwrap();
    }
    let page = |limit, before| conversation.log(LogQuery { limit: Some(limit), before, ..LogQuery::default() });
    let newest = page(4, None).await.unwrap();
    assert_eq!(newest.iter().filter_map(|entry| text_of(&entry.message)).collect::<Vec<_>>(), ["6", "7", "8", "9"]);
    let older = page(3, Some(newest[0].id)).await.unwrap();
    assert_eq!(older.iter().filter_map(|entry| text_of(&entry.message)).collect::<Vec<_>>(), ["3", "4", "5"]);
    assert_eq!(page(100, Some(older[0].id)).await.unwrap().len(), 4); // the beginning, 0, 1, 2
    assert_eq!(conversation.info().messages, 11);
    let unknown = parv::CommitId::from_bytes([7; 20]);
    assert!(matches!(page(1, Some(unknown)).await, Err(Error::UnknownCommit(id)) if id == unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_waits_for_who_is_offline() {
    let mut ann = Person::new("Ann").await;
    let bob_home = tempfile::tempdir().unwrap();
    let bob_uri = account(bob_home.path(), "Bob").uri();
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    ann.conversation(&id).invite(&bob_uri).await.unwrap();
    // Ann restarts before Bob ever comes.
    ann = ann.restart().await;
    let mut bob = Person::reopen(bob_home, TCP).await;
    bob.connect(&ann).await;
    assert_eq!(bob.wait_request().await, id);
    ann.wait("the delivery", |event| matches!(event, Event::InviteDelivered { .. }).then_some(())).await;
    // Once.
    let bob_device = bob.engine.device_id();
    ann.engine.block(bob_device).await.unwrap();
    ann.wait("the cut", |event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    ann.engine.unblock(bob_device).await.unwrap();
    bob.connect(&ann).await;
    within("accepting", bob.engine.accept(&id)).await.unwrap();
    bob.conversation(&id).send("here I am").await.unwrap();
    ann.wait_text("here I am").await;
    while let Ok(event) = bob.events.try_recv() {
        assert!(!matches!(event, Event::RequestReceived(_)), "asked twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn declining_tells_nobody_and_lasts() {
    let (mut ann, mut bob) = (Person::new("Ann").await, Person::new("Bob").await);
    bob.connect(&ann).await;
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    ann.conversation(&id).invite(&bob.uri()).await.unwrap();
    bob.wait_request().await;
    bob.engine.decline(&id).unwrap();
    assert!(matches!(bob.engine.decline(&id), Err(Error::UnknownRequest(_))));
    assert_eq!(bob.engine.requests(), []);
    // The same invitation again, then another one: only the other one is shown.
    ann.conversation(&id).invite(&bob.uri()).await.unwrap();
    let other = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    ann.conversation(&other).invite(&bob.uri()).await.unwrap();
    assert_eq!(bob.wait_request().await, other);
    let roles = ann.conversation(&id).members();
    assert!(roles.iter().any(|member| member.uri == bob.uri() && member.role == Role::Invited));
    while let Ok(event) = ann.events.try_recv() {
        assert!(!matches!(event, Event::Member { change: MemberChange::Joined | MemberChange::Left, .. }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_get_every_message_exactly_once() {
    let (mut ann, mut bob, mut carol) =
        (Person::new("Ann").await, Person::new("Bob").await, Person::new("Carol").await);
    bob.connect(&ann).await;
    carol.connect(&ann).await;
    carol.connect(&bob).await;
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    bring_in(&mut ann, &mut bob, &id).await;
    bring_in(&mut ann, &mut carol, &id).await;
    let carol_uri = carol.uri();
    bob.until("Carol's joining", |engine| {
        engine.conversation(&id).unwrap().members().iter().any(|m| m.uri == carol_uri && m.role == Role::Member)
    })
    .await;
    let all = [&ann, &bob, &carol];
    let mut sent = std::collections::BTreeMap::new();
    for round in 0..5 {
        for person in all {
            let text = format!("{} {round}", person.engine.name());
            person.conversation(&id).send(&text).await.unwrap();
            sent.insert(text, 0);
        }
    }
    for person in [&mut ann, &mut bob, &mut carol] {
        let mut seen = sent.clone();
        let mut left = seen.len();
        person
            .wait("all messages", |event| {
                if let Event::Message { entry, .. } = event {
                    let count = seen.get_mut(text_of(&entry.message).unwrap()).unwrap();
                    *count += 1;
                    assert_eq!(*count, 1, "{:?} came twice", entry.message);
                    left -= 1;
                }
                (left == 0).then_some(())
            })
            .await;
    }
    let texts = ann.texts(&id).await;
    assert_eq!(texts.len(), 15);
    assert_eq!(bob.texts(&id).await, texts);
    assert_eq!(carol.texts(&id).await, texts);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_pass_through_whoever_knows_both() {
    let (mut ann, mut bob, mut carol) =
        (Person::new("Ann").await, Person::new("Bob").await, Person::new("Carol").await);
    for (one, other) in [(&ann, &carol), (&carol, &ann)] {
        one.engine.block(other.engine.device_id()).await.unwrap();
    }
    bob.connect(&ann).await;
    bob.connect(&carol).await;
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    bring_in(&mut ann, &mut bob, &id).await;
    bring_in(&mut bob, &mut carol, &id).await;
    for (number, text) in ["one", "two", "three"].into_iter().enumerate() {
        let (from, to) = if number % 2 == 0 { (&carol, &mut ann) } else { (&ann, &mut carol) };
        from.conversation(&id).send(text).await.unwrap();
        to.wait_text(text).await;
    }
    assert_eq!(ann.texts(&id).await, ["one", "two", "three"]);
    assert_eq!(ann.engine.peers().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_is_seen_and_then_erased() {
    let (mut ann, bob, id) = ann_and_bob().await;
    let conversation = bob.conversation(&id);
    within("leaving", conversation.leave()).await.unwrap();
    let bob_uri = bob.uri();
    ann.wait("the leaving", |event| match event {
        Event::Member { uri, change: MemberChange::Left, .. } if *uri == bob_uri => Some(()),
        _ => None,
    })
    .await;
    assert!(matches!(bob.engine.conversation(&id), Err(Error::UnknownConversation(_))));
    assert_eq!(bob.engine.conversations(), []);
    assert!(!bob.repository(&id).exists());
    assert!(matches!(conversation.send("still there?").await, Err(Error::Closed)));
    let bob = bob.restart().await;
    assert_eq!(bob.engine.conversations(), []);
    // Alone: erased at once.
    within("leaving alone", ann.conversation(&id).leave()).await.unwrap();
    assert!(!ann.repository(&id).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_conversation_needs_no_invitation() {
    let (mut ann, bob) = (Person::new("Ann").await, Person::new("Bob").await);
    bob.connect(&ann).await;
    let id = ann.engine.create(Mode::Public, None).await.unwrap().id();
    within("joining", bob.engine.accept(&id)).await.unwrap();
    bob.conversation(&id).send("hello, I am new").await.unwrap();
    ann.wait_text("hello, I am new").await;
    let private = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    match within("refusing", bob.engine.accept(&private)).await {
        Err(Error::Unreachable { conversation, tried }) => {
            assert_eq!(conversation, private);
            assert!(tried[0].1.contains("does not serve"), "{tried:?}");
        }
        other => panic!("a private conversation was given away: {other:?}"),
    }
    assert!(!bob.repository(&private).exists());
    assert!(matches!(bob.engine.conversation(&private), Err(Error::UnknownConversation(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_vote_and_the_banned_one_gets_nothing_more() {
    let (mut ann, mut bob, mut dave) = (Person::new("Ann").await, Person::new("Bob").await, Person::new("Dave").await);
    for (one, other) in [(&bob, &ann), (&dave, &ann), (&dave, &bob)] {
        one.connect(other).await;
    }
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    bring_in(&mut ann, &mut bob, &id).await;
    bring_in(&mut ann, &mut dave, &id).await;
    let promotion = ann.conversation(&id).moderate(VoteKind::Promote, &bob.uri()).await.unwrap();
    assert!(promotion.vote.is_some() && promotion.resolution.is_some());
    let (bob_uri, dave_uri) = (bob.uri(), dave.uri());
    let role = |engine: &parv::Engine, uri| {
        engine.conversation(&id).unwrap().members().iter().find(|member| member.uri == uri).map(|member| member.role)
    };
    bob.until("the promotion", |engine| {
        role(engine, bob_uri) == Some(Role::Admin) && role(engine, dave_uri) == Some(Role::Member)
    })
    .await;

    // One of two admins is half, not more.
    let first = ann.conversation(&id).moderate(VoteKind::Ban, &dave_uri).await.unwrap();
    assert_eq!((first.votes, first.admins, first.resolution), (1, 2, None));
    bob.until("Ann's vote", |engine| !engine.conversation(&id).unwrap().votes().is_empty()).await;
    let [vote] = bob.conversation(&id).votes().try_into().unwrap();
    assert_eq!(
        (vote.kind, vote.target, vote.voters, vote.majority),
        (VoteKind::Ban, dave_uri.into(), vec![ann.uri()], false)
    );
    let second = bob.conversation(&id).moderate(VoteKind::Ban, &dave_uri).await.unwrap();
    assert_eq!((second.votes, second.admins), (2, 2));
    assert!(second.resolution.is_some());
    ann.until("the ban", |engine| role(engine, dave_uri) == Some(Role::Banned)).await;

    // What Dave writes now is refused, and he is told nothing.
    bob.conversation(&id).send("without Dave").await.unwrap();
    ann.wait_text("without Dave").await;
    dave.conversation(&id).send("let me in").await.unwrap();
    for person in [&ann, &bob] {
        dave.connect(person).await;
    }
    ann.conversation(&id).send("are we alone?").await.unwrap();
    bob.wait_text("are we alone?").await;
    for person in [&ann, &bob] {
        assert!(!person.texts(&id).await.contains(&"let me in".to_owned()));
    }
    let texts = dave.texts(&id).await;
    assert!(!texts.iter().any(|text| text == "without Dave" || text == "are we alone?"), "{texts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_have_is_fetched_once() {
    const MESSAGES: usize = 1000;
    let (mut ann, mut bob, mut carol) =
        (Person::new("Ann").await, Person::new("Bob").await, Person::new("Carol").await);
    for (one, other) in [(&bob, &ann), (&carol, &ann), (&carol, &bob)] {
        one.connect(other).await;
    }
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    bring_in(&mut ann, &mut bob, &id).await;
    bring_in(&mut ann, &mut carol, &id).await;
    carol.engine.shutdown().await;
    let Person { home, engine, .. } = carol;
    drop(engine);
    let conversation = ann.conversation(&id);
    let send = async |number: usize| conversation.send(&number.to_string()).await;
    for sent in join_all((0..MESSAGES).map(send)).await {
        sent.unwrap();
    }
    let all = conversation.info().messages;
    let has_all = |engine: &parv::Engine| engine.conversation(&id).unwrap().info().messages == all;
    bob.until("all messages", has_all).await;
    let mut carol = Person::reopen(home, TCP).await;
    tokio::join!(ann.connect(&carol), bob.connect(&carol));
    carol.until("all messages", has_all).await;
    let metrics = carol.engine.metrics().unwrap();
    let fetched = metrics.lines().find_map(|line| line.split_once("fetched_commits_total ")).unwrap().1;
    assert_eq!(fetched.parse::<usize>().unwrap(), MESSAGES, "{metrics}");
}
