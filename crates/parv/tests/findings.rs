//! What devices find out by themselves when halves of a conversation meet, and what they do about it.

mod common;
#[path = "common/worlds.rs"]
mod worlds;

use parv::{CommitId, ConversationId, Event, Message, Mode, VoteKind};
use parv_proptests::{World, text};
use worlds::device_with;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_vote_from_a_time_that_is_over_is_cast_again_by_itself() {
    // Ann's second device votes against Dan; meanwhile Ann and Bob make Cid an admin, so that the vote is stale.
    let mut world = World::new(4, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1, 2, 3]);
    let head = world.decide(head, &[0], VoteKind::Promote, 1);
    let (second, head) = second_device(&mut world, 0, head);
    let (ann, dan) = (world.uri(0), world.uri(3));
    let voted = world.line(head, &[(second, Message::Vote(VoteKind::Ban, dan.into()))]);
    let regime = world.decide(head, &[0, 1], VoteKind::Promote, 2);
    let regime = world.line(regime, &[(0, text("welcome")), (1, text("welcome")), (2, text("thank you"))]);
    assert!(world.replica.state(&[voted, regime]).votes(VoteKind::Ban, dan).is_empty(), "it is stale");

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
    let voters = move |engine: &parv::Engine| {
        let votes = engine.conversation(&id).unwrap().votes();
        votes.into_iter().find(|vote| vote.target == dan.into()).map(|vote| vote.voters)
    };
    bobs.until("the vote", |engine| voters(engine) == Some(vec![ann])).await;
    assert_eq!(anns.conversation(&id).heads(), [commit], "on top of the merge");
    // Once is enough, also for the other device when it hears of all this.
    bobs.conversation(&id).send("I see").await.unwrap();
    anns.wait_text("I see").await;
    let votes = anns.conversation(&id).log(parv::LogQuery::default()).await.unwrap();
    assert_eq!(votes.iter().filter(|entry| entry.message == Message::Vote(VoteKind::Ban, dan.into())).count(), 2);
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
