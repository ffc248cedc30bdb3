//! Histories that are valid commit by commit and lie as a whole: backdated, withheld, forked from an old time, two-faced, or
//! those of another conversation.

use crate::stage::*;
use parv::{CommitId, ConversationId, Message, Mode, Role, Rule, Uri, VoteKind};
use parv_proptests::{World, text};
use parv_validator::Draft;
use std::time::SystemTime;

const BANNED: &str = "is banned by now";
const STRANGER: &str = "is a stranger by now";

#[tokio::test(flavor = "multi_thread")]
async fn attack_backdated_commit_after_a_ban() {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let banned = stage.world.decide(head, &[ANN], VoteKind::Ban, DAN);
    let tree = stage.tree(head);
    let mut attempts = Vec::new();
    // From before the ban, from the time of what it builds on, and from the beginning of time.
    for time in [1_000_030, 1_000_000, 0] {
        let bytes = stage.dated(DAN, head, text("I said this long ago"), tree, time);
        let late = stage.world.submit(bytes).unwrap();
        attempts.push(refused(&[banned, late], Rule::Standing, BANNED));
    }
    let bytes = stage.dated(BOB, head, text("I said this long ago"), tree, 0);
    let control = stage.world.submit(bytes).unwrap();
    stage.assault(&[banned], &attempts, &[control, banned]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_withheld_branch_released_late() {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let withheld = stage.world.line(head, &[(DAN, text("one")), (DAN, text("two")), (DAN, text("three"))]);
    let banned = stage.world.decide(head, &[ANN], VoteKind::Ban, DAN);
    // What an honest member had built on comes with that member's head.
    let control = stage.honest(BOB, &[withheld], text("I heard you"));
    let attempts = [refused(&[banned, withheld], Rule::Standing, BANNED)];
    stage.assault(&[banned], &attempts, &[control, banned]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_late_branch_of_a_banned_device() {
    let mut stage = Stage::with_admins(1);
    let second = stage.world.people[DAN].at_device(1);
    let device = second.device();
    stage.world.people.push(second);
    let thief = stage.world.people.len() - 1;
    let head = stage.world.line(stage.head, &[(thief, text("from my second device"))]);
    let withheld = stage.world.line(head, &[(thief, text("one")), (thief, text("two"))]);
    let deeds =
        [(ANN, Message::Vote(VoteKind::Ban, device.into())), (ANN, Message::Resolve(VoteKind::Ban, device.into()))];
    let banned = stage.world.line(head, &deeds);
    // Written after the ban; written before it and shown late.
    let after = stage.dishonest(thief, &[banned], text("what ban?"));
    let attempts =
        [refused(&[after], Rule::Authority, "is banned"), refused(&[banned, withheld], Rule::Standing, BANNED)];
    // The account's other device is in good standing all the time, also where it builds on the stolen one's words.
    let control = stage.honest(DAN, &[withheld], text("these two were mine"));
    stage.assault(&[banned], &attempts, &[control, banned]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_sybil_invitations_from_a_backdated_parent() {
    let mut stage = Stage::with_admins(3);
    let (head, sybil, second) = (stage.head, stage.world.uri(SYBIL), stage.world.uri(SECOND_SYBIL));
    let banned = stage.world.decide(head, &[ANN, BOB], VoteKind::Ban, DAN);
    let deeds = |inviter| {
        [
            (inviter, Message::Add(sybil)),
            (SYBIL, Message::Join(sybil)),
            (SYBIL, Message::Add(second)),
            (SECOND_SYBIL, Message::Join(second)),
            (SECOND_SYBIL, text("we are many")),
        ]
    };
    let attack = stage.world.line(head, &deeds(DAN));
    let control = stage.world.line(head, &deeds(CID));
    let attempts = [refused(&[banned, attack], Rule::Standing, STRANGER)];
    stage.assault(&[banned], &attempts, &[control, banned]).await;
}

/// Ann founded alone (`old`); by now Bob and Cid are admins too, and have built on that (`head`).
fn founder_and_two() -> (Stage, CommitId) {
    let mut stage = Stage::with_admins(1);
    let old = stage.head;
    let mut head = stage.world.decide(old, &[ANN], VoteKind::Promote, BOB);
    head = stage.world.line(head, &[(BOB, text("at your service"))]);
    head = stage.world.decide(head, &[ANN, BOB], VoteKind::Promote, CID);
    stage.head = stage.world.line(head, &[(CID, text("me too"))]);
    (stage, old)
}

const ALL_ADMINS: [(usize, Role); 3] = [(ANN, Role::Admin), (BOB, Role::Admin), (CID, Role::Admin)];

/// Ann's fork from an old time changes nothing; and once Bob and Cid have banned Ann, it is not even let in.
async fn fork_of_the_founder(mut stage: Stage, fork: CommitId) {
    let head = stage.head;
    let attack = stage.honest(ANN, &[fork], text("I am still in charge"));
    stage.has_no_effect(head, attack, &ALL_ADMINS).await;
    let banned = stage.world.decide(head, &[BOB, CID], VoteKind::Ban, ANN);
    let control = stage.honest(BOB, &[head], text("meanwhile"));
    let attempts = [refused(&[banned, attack], Rule::Standing, BANNED)];
    stage.assault(&[banned], &attempts, &[control, banned]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_return_of_a_former_sole_admin() {
    let (mut stage, old) = founder_and_two();
    let fork = stage.world.decide(old, &[ANN], VoteKind::Ban, BOB);
    fork_of_the_founder(stage, fork).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_invite_then_ban_on_a_fork_of_the_beginning() {
    let (mut stage, _) = founder_and_two();
    let (root, bob) = (stage.world.root(), stage.world.uri(BOB));
    let invited = stage.honest(ANN, &[root], Message::Add(bob));
    let fork = stage.world.decide(invited, &[ANN], VoteKind::Ban, BOB);
    fork_of_the_founder(stage, fork).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_admins_minted_on_a_fork_of_the_beginning() {
    let (mut stage, old) = founder_and_two();
    let (head, sybil, second) = (stage.head, stage.world.uri(SYBIL), stage.world.uri(SECOND_SYBIL));
    let mut fork = stage.world.line(old, &[(ANN, Message::Add(sybil)), (SYBIL, Message::Join(sybil))]);
    fork = stage.world.decide(fork, &[ANN], VoteKind::Promote, SYBIL);
    fork = stage.world.line(fork, &[(SYBIL, Message::Add(second)), (SECOND_SYBIL, Message::Join(second))]);
    fork = stage.world.line(fork, &[(SYBIL, text("three cheers for Ann"))]);
    let banned = stage.world.decide(head, &[BOB, CID], VoteKind::Ban, ANN);
    let control = stage.honest(BOB, &[head], text("meanwhile"));
    let attempts = [refused(&[banned, fork], Rule::Standing, STRANGER)];
    stage.assault(&[banned], &attempts, &[control, banned]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_colluding_former_majority() {
    let mut stage = Stage::with_admins(2);
    let old = stage.head;
    let mut head = stage.world.decide(old, &[ANN, BOB], VoteKind::Promote, CID);
    head = stage.world.decide(head, &[ANN, BOB], VoteKind::Promote, DAN);
    head = stage.world.decide(head, &[ANN, BOB, CID], VoteKind::Promote, COURIER);
    head = stage.world.decide(head, &[CID, DAN, COURIER], VoteKind::Ban, ANN);
    head = stage.world.decide(head, &[CID, DAN, COURIER], VoteKind::Ban, BOB);
    let rollback = stage.world.decide(old, &[ANN, BOB], VoteKind::Ban, CID);
    let attack = stage.honest(ANN, &[rollback], text("we are back"));
    let control = stage.honest(CID, &[old], text("meanwhile"));
    let attempts = [refused(&[head, attack], Rule::Standing, BANNED)];
    stage.assault(&[head], &attempts, &[control, head]).await;
    // Nor through somebody in good standing who builds on it.
    let helper = stage.honest(VICTIM, &[rollback], text("welcome back"));
    let still = [(ANN, Role::Banned), (BOB, Role::Banned), (CID, Role::Admin), (DAN, Role::Admin)];
    stage.has_no_effect(head, helper, &still).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_retroactive_whiteout_by_a_ban_on_an_old_parent() {
    // Dan brought Sybil in, and all built on it. Two admins ban Dan as of a time before that.
    let mut stage = Stage::with_admins(3);
    let (head, sybil) = (stage.head, stage.world.uri(SYBIL));
    let brought = stage.world.line(head, &[(DAN, Message::Add(sybil)), (SYBIL, Message::Join(sybil))]);
    let built = stage.world.line(brought, &[(ANN, text("welcome")), (BOB, text("welcome")), (SYBIL, text("hello"))]);
    let banned = stage.world.decide(head, &[ANN, CID], VoteKind::Ban, DAN);
    let attack = stage.honest(CID, &[banned], text("none of that ever was"));
    stage.has_no_effect(built, attack, &[(SYBIL, Role::Member), (BOB, Role::Admin)]).await;
    stage.comes_to(built, attack, &[(DAN, Role::Banned)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_two_faced_building_on_both_sides() {
    // Bob votes both ways and builds on both outcomes. Everybody comes to the same, whichever side they saw first.
    let mut stage = Stage::with_admins(3);
    stage.guest = stage.victim; // whoever joined would build on one side, and the sides are equal
    let (head, ann, cid) = (stage.head, stage.world.uri(ANN), stage.world.uri(CID));
    let half = stage.honest(BOB, &[head], Message::Vote(VoteKind::Ban, cid.into()));
    let ban = |target: Uri| Message::Resolve(VoteKind::Ban, target.into());
    let vote = |target: Uri| Message::Vote(VoteKind::Ban, target.into());
    let one = stage.world.line(half, &[(ANN, vote(cid)), (ANN, ban(cid)), (BOB, text("well done, Ann"))]);
    let other =
        stage.world.line(half, &[(BOB, vote(ann)), (CID, vote(ann)), (CID, ban(ann)), (BOB, text("well done, Cid"))]);
    let state = stage.world.replica.state(&[one, other]);
    let roles = [ANN, BOB, CID, DAN].map(|number| (number, state.role(&stage.world.uri(number)).unwrap()));
    assert_eq!(state.admins().len(), 2, "one side wins, and Bob stays: {roles:?}");
    stage.comes_to(one, other, &roles).await;
    stage.comes_to(other, one, &roles).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_grinding_of_commit_ids_and_times() {
    // The rollback of a former sole admin, with the lowest and the highest id of many, and with other dates.
    let (mut stage, old) = founder_and_two();
    let (head, bob) = (stage.head, stage.world.uri(BOB));
    let voted = stage.honest(ANN, &[old], Message::Vote(VoteKind::Ban, bob.into()));
    let resolve = Message::Resolve(VoteKind::Ban, bob.into());
    let usual = stage.honest(ANN, &[voted], resolve.clone());
    let tree = stage.tree(usual);
    let mut ground: Vec<CommitId> = (0..64)
        .map(|second| stage.dated(ANN, voted, resolve.clone(), tree, second * 20_000_000))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|bytes| stage.world.submit(bytes).unwrap())
        .collect();
    ground.sort();
    for fork in [ground[0], ground[ground.len() - 1]] {
        let attack = stage.honest(ANN, &[fork], text("lucky number"));
        stage.has_no_effect(head, attack, &ALL_ADMINS).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_future_dates() {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let tree = stage.tree(head);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    let mut attempts = Vec::new();
    for time in [now + 2 * 86_400, 4_100_000_000, parv_model::limits::MAX_TIME] {
        let bytes = stage.dated(BOB, head, text("your certificates have expired"), tree, time);
        attempts.push(failed(&[stage.raw(bytes)], "ahead of this device's clock"));
    }
    let bytes = stage.dated(BOB, head, text("my clock is a bit fast"), tree, now + 600);
    let control = stage.world.submit(bytes).unwrap();
    stage.assault(&[head], &attempts, &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_second_root_merged_in() {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let draft = Draft::initial(&stage.world.people[SYBIL].credentials, Mode::Public, None).unwrap();
    stage.world.objects.add_draft(&draft);
    let begin = Message::Initial { mode: Mode::Public, invited: None };
    let second = stage.forged(SYBIL, &[], begin, draft.tree());
    let tree = stage.tree(head);
    let attack = stage.forged(BOB, &[head, second], Message::Merge, tree);
    let side = stage.honest(CID, &[head], text("meanwhile"));
    let other = stage.honest(BOB, &[head], text("meanwhile"));
    let control = stage.honest(BOB, &[other, side], Message::Merge);
    let attempts = [refused_for(Some(second), &[attack], Rule::Root, "has begun already")];
    stage.assault(&[head], &attempts, &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_commit_of_another_conversation() {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    // The same people elsewhere, where Bob said something that he did not say here.
    let mut elsewhere = World::new(9, Mode::Public, None);
    assert_ne!(ConversationId::new(elsewhere.root()), stage.id());
    let there = elsewhere.gather(elsewhere.root(), &[BOB]);
    let said = elsewhere.line(there, &[(BOB, text("between us"))]);
    let bytes = elsewhere.objects.commit(&said).to_vec();
    let alone = stage.raw(bytes);
    let mut attempts = vec![failed(&[alone], "is needed but was not delivered")];
    // With all that is behind it.
    let pack = crate::wire::pack_of(&elsewhere.objects, &[said]);
    let mut whole = refused_for(None, &[said], Rule::Root, "beg");
    whole.pack = Some(pack);
    attempts.push(whole);
    let control = stage.honest(BOB, &[head], text("between us"));
    stage.assault(&[head], &attempts, &[control]).await;
}
