//! What devices find out by themselves when halves of a conversation meet, and what they do about it.

mod common;
#[path = "common/worlds.rs"]
mod worlds;

use common::{Person, text_of};
use parv::{CommitId, Content, ConversationId, Event, LogQuery, Message, Mode, Role, Uri, VoteKind};
use parv_proptests::{FOR_EVER, World, text, until};
use worlds::device_with;

/// When certificates end that do not last for ever.
const END: i64 = 2_000_000;

fn id(world: &World) -> ConversationId {
    ConversationId::new(world.root())
}

/// Gives a person one more device, which says hello; its number, and the head after that.
fn second_device(world: &mut World, number: usize, head: CommitId) -> (usize, CommitId) {
    let second = world.people[number].at_device(1);
    world.people.push(second);
    let number = world.people.len() - 1;
    (number, world.line(head, &[(number, text("my second device"))]))
}

/// A vote of an admin's device against somebody, and beside it a head with one more admin, which makes the vote stale.
fn stale_vote(world: &mut World, device: usize, target: Uri, head: CommitId) -> [CommitId; 2] {
    let voted = world.line(head, &[(device, Message::Vote(VoteKind::Ban, target.into()))]);
    let regime = world.decide(head, &[0, 1], VoteKind::Promote, 2);
    let regime = world.line(regime, &[(0, text("welcome")), (1, text("welcome")), (2, text("thank you"))]);
    assert!(world.replica.state(&[voted, regime]).votes(VoteKind::Ban, target).is_empty(), "it is stale");
    [voted, regime]
}

/// What somebody is.
fn role(engine: &parv::Engine, id: &ConversationId, uri: Uri) -> Option<Role> {
    let members = engine.conversation(id).unwrap().members();
    members.into_iter().find(|member| member.uri == uri).map(|member| member.role)
}

/// Whose votes against somebody are open.
fn voters(engine: &parv::Engine, id: &ConversationId, target: Uri) -> Option<Vec<Uri>> {
    let votes = engine.conversation(id).unwrap().votes();
    votes.into_iter().find(|vote| vote.target == target.into()).map(|vote| vote.voters)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_from_a_time_that_is_over_is_cast_again_by_itself() {
    // Ann's second device votes against Dan; meanwhile Ann and Bob make Cid an admin, so that the vote is stale.
    let mut world = World::new(4, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1, 2, 3]);
    let head = world.decide(head, &[0], VoteKind::Promote, 1);
    let (second, head) = second_device(&mut world, 0, head);
    let (ann, dan) = (world.uri(0), world.uri(3));
    let [voted, regime] = stale_vote(&mut world, second, dan, head);

    let id = id(&world);
    let (mut anns, mut bobs) = (device_with(&world, second, &[voted]).await, device_with(&world, 1, &[regime]).await);
    bobs.connect(&anns).await;
    let again = anns.wait("the vote once more", |event| match event {
        Event::Vote { by, kind: VoteKind::Ban, target, commit, .. } if *by == ann && *commit != voted => {
            Some((*target, *commit))
        }
        _ => None,
    });
    let (target, commit) = again.await;
    assert_eq!(target, dan.into());
    bobs.until("the vote", |engine| voters(engine, &id, dan) == Some(vec![ann])).await;
    assert_eq!(anns.conversation(&id).heads(), [commit], "on top of the merge");
    // Once is enough, also for the other device when it hears of all this.
    bobs.conversation(&id).send("I see").await.unwrap();
    anns.wait_text("I see").await;
    let votes = anns.conversation(&id).log(LogQuery::default()).await.unwrap();
    assert_eq!(votes.iter().filter(|entry| entry.message == Message::Vote(VoteKind::Ban, dan.into())).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_device_owes_when_it_is_started_is_written() {
    // Half of the majority against Dan on each side of a fork; and a vote of Ann's against Eve that is stale.
    let mut world = World::new(5, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1, 2, 3, 4]);
    let head = world.decide(head, &[0], VoteKind::Promote, 1);
    let (dan, eve) = (world.uri(3), world.uri(4));
    let [one, other] = [0, 1].map(|voter| world.line(head, &[(voter, Message::Vote(VoteKind::Ban, dan.into()))]));
    let (id, mut anns) = (id(&world), device_with(&world, 0, &[one, other]).await);
    anns.until("the resolution", |engine| role(engine, &id, dan) == Some(Role::Banned)).await;

    let (second, head) = second_device(&mut world, 0, head);
    let heads = stale_vote(&mut world, second, eve, head);
    let mut anns = device_with(&world, second, &heads).await;
    anns.until("the vote", |engine| voters(engine, &id, eve) == Some(vec![world.uri(0)])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_certificate_ran_out_on_several_heads_brings_the_new_one_first() {
    let mut world = World::new(3, Mode::InvitesOnly, None);
    world.people[2].renew_device(until(END));
    let head = world.gather(world.root(), &[1, 2]);
    let late = world.write_at(END + 10, 0, &[head], text("it is late")).unwrap();
    let other = world.write_at(END + 10, 1, &[head], text("so I hear")).unwrap();
    let heads = [late, other];
    let expired = world.write(2, &heads, Message::Merge).unwrap_err();
    assert!(expired.why.contains("certificate of its device"), "{expired}");

    // Renewed, and another device of the same person, which the conversation has not met.
    world.people[2].renew_device(until(FOR_EVER));
    let unmet = world.people[2].at_device(1);
    world.people.push(unmet);
    for device in [2, 3] {
        let (id, cids) = (id(&world), device_with(&world, device, &heads).await);
        let said = cids.conversation(&id).send("here I am").await.unwrap();
        let head = cids.conversation(&id).heads();
        assert_eq!(head.len(), 1, "all is merged");
        let log = cids.conversation(&id).log(LogQuery::default()).await.unwrap();
        let entry = log.iter().find(|entry| entry.id == said).unwrap();
        assert_eq!(text_of(&entry.message), Some("here I am"));
        cids.conversation(&id).send("as usual").await.unwrap();
        assert!(cids.conversation(&id).send("").await.is_err(), "that is for certificates");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_certificate_ran_out_resolves_what_is_possible_on_no_head_alone() {
    let mut world = World::new(3, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1, 2]);
    world.people[0].renew_device(until(END));
    let head = world.line(head, &[(0, text("a certificate that ends"))]);
    let head = world.decide(head, &[0], VoteKind::Promote, 1);
    let cid = world.uri(2);
    let vote = Message::Vote(VoteKind::Ban, cid.into());
    let heads = [0, 1].map(|voter| world.write_at(END + 10, voter, &[head], vote.clone()).unwrap());
    let expired = world.write(0, &heads, Message::Merge).unwrap_err();
    assert!(expired.why.contains("certificate of its device"), "{expired}");

    world.people[0].renew_device(until(FOR_EVER));
    let (id, mut anns) = (id(&world), device_with(&world, 0, &heads).await);
    anns.until("the resolution", |engine| role(engine, &id, cid) == Some(Role::Banned)).await;
    assert_eq!(anns.conversation(&id).heads().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_the_conversation_has_not_met_can_leave() {
    let mut world = World::new(3, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1, 2]);
    let unmet = world.people[2].at_device(1);
    world.people.push(unmet);
    let (id, cid) = (id(&world), world.uri(2));
    let (mut bobs, cids) = (device_with(&world, 1, &[head]).await, device_with(&world, 3, &[head]).await);
    cids.connect(&bobs).await;
    cids.conversation(&id).leave().await.unwrap();
    bobs.until("the leave", |engine| role(engine, &id, cid) == Some(Role::Left)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_forked_is_told_of_with_the_proof() {
    let mut world = World::new(4, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1, 2, 3]);
    let one = world.line(head, &[(3, text("I am with Ann"))]);
    let other = world.line(head, &[(3, text("I am with Bob"))]);
    let (id, device, account) = (id(&world), world.people[3].device(), world.uri(3));
    let (mut anns, mut bobs) = (device_with(&world, 0, &[one]).await, device_with(&world, 1, &[other]).await);
    assert!(anns.conversation(&id).equivocations().is_empty());
    bobs.connect(&anns).await;
    for person in [&mut anns, &mut bobs] {
        let proof = person.wait("the proof", |event| match event {
            Event::Equivocation { proof, .. } => Some(*proof),
            _ => None,
        });
        let proof = proof.await;
        assert_eq!((proof.device, proof.account), (device, account));
        let mut commits = proof.commits;
        commits.sort();
        let mut expected = [one, other];
        expected.sort();
        assert_eq!(commits, expected);
        assert_eq!(person.conversation(&id).equivocations(), [proof]);
    }
    // It is in the history, so it is not forgotten.
    let report = parv::audit::verify(&anns.repository(&id)).unwrap();
    assert!(report.verdict_valid, "it is no reason to refuse anything");
    assert_eq!(report.equivocations.len(), 1);
    let anns = anns.restart().await;
    assert_eq!(anns.conversation(&id).equivocations().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_undecided_is_shown() {
    // The two devices of a sole admin ban each other, in the two halves of a conversation.
    let mut world = World::new(3, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1, 2]);
    let (second, head) = second_device(&mut world, 0, head);
    let (ann, first) = (world.uri(0), world.people[0].device());
    let their = world.people[second].device();
    let mut ban = |by: usize, device: parv::DeviceId| {
        let deeds = [Message::Vote(VoteKind::Ban, device.into()), Message::Resolve(VoteKind::Ban, device.into())];
        world.line(head, &deeds.map(|deed| (by, deed)))
    };
    let (here, there) = (ban(0, their), ban(second, first));
    let id = id(&world);
    let (mut bobs, mut cids) = (device_with(&world, 1, &[here]).await, device_with(&world, 2, &[there]).await);
    cids.connect(&bobs).await;
    for person in [&mut bobs, &mut cids] {
        let undecided = |event: &Event| match event {
            Event::Undecided { conflict, .. } => Some(*conflict),
            _ => None,
        };
        let one = person.wait("a conflict", undecided).await;
        let other = person.wait("the other side of it", undecided).await;
        let mut found = vec![(one.commit, one.target, one.by), (other.commit, other.target, other.by)];
        found.sort();
        let mut expected = vec![(here, their.into(), ann), (there, first.into(), ann)];
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(person.conversation(&id).conflicts().len(), 2);
        let member = person.conversation(&id).members().into_iter().find(|member| member.uri == ann).unwrap();
        assert_eq!((member.devices.len(), member.banned_devices.len()), (2, 0), "neither has an effect");
    }
}

/// The texts of a conversation with how they are shown, those that are hidden too.
async fn all_texts(person: &Person, id: &ConversationId) -> Vec<(String, Option<Content>)> {
    let query = LogQuery { hidden: true, ..LogQuery::default() };
    let log = person.conversation(id).log(query).await.unwrap();
    log.iter().filter_map(|entry| Some((text_of(&entry.message)?.to_owned(), entry.content))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_a_banned_one_are_hidden_and_not_lost() {
    let mut world = World::new(4, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1, 2, 3]);
    let said = world.line(head, &[(3, text("listen"))]);
    let answer = world.line(said, &[(2, text("I hear you"))]);
    let banned = world.decide(head, &[0], VoteKind::Ban, 3);
    let id = id(&world);
    let (anns, mut bobs) = (device_with(&world, 0, &[banned]).await, device_with(&world, 1, &[said]).await);
    assert_eq!(bobs.texts(&id).await, ["listen"]);
    let shown = bobs.conversation(&id).info().messages;
    bobs.connect(&anns).await;
    let change = |event: &Event| match event {
        Event::Content { commit, content, .. } if *commit == said => Some(*content),
        _ => None,
    };
    assert_eq!(bobs.wait("the hiding", change).await, Some(Content::Hidden));
    assert_eq!(bobs.conversation(&id).heads(), [banned]);
    assert!(bobs.texts(&id).await.is_empty());
    assert_eq!(all_texts(&bobs, &id).await, [("listen".to_owned(), Some(Content::Hidden))]);
    assert_eq!(bobs.conversation(&id).info().messages, shown + 2 - 1, "a vote and a ban came, and a text is hidden");
    // Nor after a restart, and nobody else is given it.
    let mut bobs = bobs.restart().await;
    assert!(bobs.texts(&id).await.is_empty());
    assert_eq!(all_texts(&bobs, &id).await, [("listen".to_owned(), Some(Content::Hidden))]);
    assert!(all_texts(&anns, &id).await.is_empty());
    // Cid had taken it up before hearing of the ban.
    let cids = device_with(&world, 2, &[answer]).await;
    cids.connect(&bobs).await;
    assert_eq!(bobs.wait("the words", change).await, Some(Content::Flagged));
    let expected = [("listen".to_owned(), Some(Content::Flagged)), ("I hear you".to_owned(), None)];
    assert_eq!(all_texts(&bobs, &id).await, expected);
    assert_eq!(bobs.texts(&id).await, ["listen", "I hear you"]);
    let bobs = bobs.restart().await;
    assert_eq!(all_texts(&bobs, &id).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_from_far_behind_waits_for_a_person() {
    // Everything in this world was written long ago. Bob wrote after `early`; the fork does not know that.
    let mut world = World::new(6, Mode::InvitesOnly, None);
    let early = world.gather(world.root(), &[1, 2]);
    let (dan, erin) = (world.uri(3), world.uri(4));
    let head = world.line(early, &[(1, text("I was here")), (0, Message::Add(dan))]);
    let fork = world.line(early, &[(0, Message::Add(erin)), (2, text("long ago"))]);
    let late = world.line(head, &[(2, text("a late text"))]);
    let id = id(&world);
    let (mut bobs, cids) = (device_with(&world, 1, &[head]).await, device_with(&world, 2, &[fork]).await);
    bobs.connect(&cids).await;
    let held = bobs.wait("the fork", |event| match event {
        Event::Held { fork, .. } => Some(*fork),
        _ => None,
    });
    let held = held.await;
    assert_eq!((held.head, held.by, held.from), (fork, cids.uri(), cids.engine.device_id()));
    let role = |person: &Person| {
        let members = person.conversation(&id).members();
        members.into_iter().find(|member| member.uri == erin).map(|member| member.role)
    };
    let mut bobs = bobs.restart().await;
    assert_eq!(bobs.conversation(&id).held(), [held]);
    assert_eq!((bobs.conversation(&id).heads(), role(&bobs)), (vec![head], None));
    assert!(all_texts(&bobs, &id).await.iter().all(|(text, _)| text != "long ago"));
    // What is no fork from far behind comes in all the same.
    let others = device_with(&world, 0, &[late]).await;
    bobs.connect(&others).await;
    bobs.wait_text("a late text").await;
    assert!(bobs.conversation(&id).let_in(&early).await.is_err(), "that is not held");
    bobs.conversation(&id).let_in(&fork).await.unwrap();
    assert_eq!((bobs.conversation(&id).held(), role(&bobs)), (vec![], Some(Role::Invited)));
    assert!(all_texts(&bobs, &id).await.iter().any(|(text, _)| text == "long ago"));
    let mut heads = vec![late, fork];
    heads.sort();
    assert_eq!(bobs.conversation(&id).heads(), heads);
}
