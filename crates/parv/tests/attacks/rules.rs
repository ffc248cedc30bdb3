//! What people may say and do: leaving, inviting, voting, resolving, joining.

use crate::stage::*;
use parv::{Message, Mode, Rule, VoteKind};
use parv_proptests::text;

#[tokio::test(flavor = "multi_thread")]
async fn attack_leave_in_anothers_name() {
    let mut stage = Stage::with_admins(1);
    let (head, bob, cid) = (stage.head, stage.world.uri(BOB), stage.world.uri(CID));
    let attack = stage.dishonest(BOB, &[head], Message::Leave(cid));
    let control = stage.honest(BOB, &[head], Message::Leave(bob));
    stage.refuses(attack, control, Rule::Kind, "cannot leave in the name of").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_admins_counted_elsewhere_than_in_the_commits_past() {
    // Two of three votes exist, but the resolution has only one of them behind it.
    let mut stage = Stage::with_admins(3);
    let (head, dan) = (stage.head, stage.world.uri(DAN));
    let here = stage.honest(ANN, &[head], Message::Vote(VoteKind::Ban, dan.into()));
    let there = stage.honest(BOB, &[head], Message::Vote(VoteKind::Ban, dan.into()));
    let attack = stage.dishonest(ANN, &[here], Message::Resolve(VoteKind::Ban, dan.into()));
    let merge = stage.honest(ANN, &[here, there], Message::Merge);
    let control = stage.honest(ANN, &[merge], Message::Resolve(VoteKind::Ban, dan.into()));
    let attempts = [refused(&[there, attack], Rule::Kind, "1 of 3 admins voted")];
    stage.assault(&[here, there], &attempts, &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_admins_of_an_earlier_time() {
    // One vote was a majority before Bob and Cid became admins; a resolution after that needs two.
    let mut stage = Stage::with_admins(1);
    let (head, dan) = (stage.head, stage.world.uri(DAN));
    let voted = stage.honest(ANN, &[head], Message::Vote(VoteKind::Ban, dan.into()));
    let two = stage.world.decide(voted, &[ANN], VoteKind::Promote, BOB);
    let attack = stage.dishonest(ANN, &[two], Message::Resolve(VoteKind::Ban, dan.into()));
    let both = stage.honest(BOB, &[two], Message::Vote(VoteKind::Ban, dan.into()));
    let control = stage.honest(ANN, &[both], Message::Resolve(VoteKind::Ban, dan.into()));
    stage.assault(&[two], &[refused(&[attack], Rule::Kind, "1 of 2 admins voted")], &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_exactly_half_as_majority() {
    let mut stage = Stage::with_admins(2);
    let (head, bob) = (stage.head, stage.world.uri(BOB));
    let voted = stage.honest(ANN, &[head], Message::Vote(VoteKind::Ban, bob.into()));
    let attack = stage.dishonest(ANN, &[voted], Message::Resolve(VoteKind::Ban, bob.into()));
    // With a third admin, two are more than half.
    let three = stage.world.decide(voted, &[ANN, BOB], VoteKind::Promote, CID);
    let second = stage.honest(CID, &[three], Message::Vote(VoteKind::Ban, bob.into()));
    let control = stage.honest(ANN, &[second], Message::Resolve(VoteKind::Ban, bob.into()));
    stage.assault(&[head], &[refused(&[attack], Rule::Kind, "1 of 2 admins voted")], &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_vote_of_a_plain_member() {
    let mut stage = Stage::with_admins(1);
    let (head, dan) = (stage.head, stage.world.uri(DAN));
    let attack = stage.dishonest(BOB, &[head], Message::Vote(VoteKind::Ban, dan.into()));
    let control = stage.honest(ANN, &[head], Message::Vote(VoteKind::Ban, dan.into()));
    stage.refuses(attack, control, Rule::Kind, "only an admin may vote").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_plain_add_of_a_banned_invitee() {
    let mut stage = Stage::with_admins(1);
    let (head, sybil) = (stage.head, stage.world.uri(SYBIL));
    let invited = stage.honest(BOB, &[head], Message::Add(sybil));
    let banned = stage.world.decide(invited, &[ANN], VoteKind::Ban, SYBIL);
    let attack = stage.dishonest(BOB, &[banned], Message::Add(sybil));
    let control = stage.world.decide(banned, &[ANN], VoteKind::Unban, SYBIL);
    let words = "is banned; only an unban vote lets them back";
    stage.assault(&[banned], &[refused(&[attack], Rule::Kind, words)], &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_plain_add_of_a_banned_admin() {
    let mut stage = Stage::with_admins(3);
    let (head, bob) = (stage.head, stage.world.uri(BOB));
    let banned = stage.world.decide(head, &[ANN, CID], VoteKind::Ban, BOB);
    let attack = stage.dishonest(DAN, &[banned], Message::Add(bob));
    let control = stage.world.decide(banned, &[ANN, CID], VoteKind::Unban, BOB);
    let words = "is banned; only an unban vote lets them back";
    stage.assault(&[banned], &[refused(&[attack], Rule::Kind, words)], &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_joining_a_public_swarm_again_while_banned() {
    let mut stage = Stage::public();
    let (head, sybil) = (stage.head, stage.world.uri(SYBIL));
    let joined = stage.honest(SYBIL, &[head], Message::Join(sybil));
    let banned = stage.world.decide(joined, &[ANN], VoteKind::Ban, SYBIL);
    let openly = stage.dishonest(SYBIL, &[banned], Message::Join(sybil));
    // Or on a branch that does not know of the ban yet.
    let left = stage.honest(SYBIL, &[joined], Message::Leave(sybil));
    let again = stage.honest(SYBIL, &[left], Message::Join(sybil));
    let attempts =
        [refused(&[openly], Rule::Kind, "is banned"), refused(&[banned, again], Rule::Standing, "is banned by now")];
    let other = stage.world.uri(SECOND_SYBIL);
    let control = stage.honest(SECOND_SYBIL, &[banned], Message::Join(other));
    stage.assault(&[banned], &attempts, &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_third_person_in_one_to_one() {
    let mut stage = Stage::one_to_one();
    let (head, sybil) = (stage.head, stage.world.uri(SYBIL));
    let added = stage.dishonest(BOB, &[head], Message::Add(sybil));
    let joined = stage.dishonest(SYBIL, &[head], Message::Join(sybil));
    // Or only the file, in a text.
    let tree = stage.tree(added);
    let smuggled = stage.forged(BOB, &[head], text("just us"), tree);
    let attempts = [
        refused(&[added], Rule::Kind, "room only for the person named"),
        refused(&[joined], Rule::Kind, "has not been invited"),
        refused(&[smuggled], Rule::Tree, "a file was added, removed or changed"),
    ];
    let control = stage.honest(BOB, &[head], text("just us"));
    stage.assault(&[head], &attempts, &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_forged_invited_in_one_to_one() {
    // The first commit names one person, and its tree another. Only who clones can be shown another beginning.
    let mut stage = Stage::one_to_one();
    let (root, bob, sybil) = (stage.world.root(), stage.world.uri(BOB), stage.world.uri(SYBIL));
    let tree = stage.tree(root);
    for invited in [Some(sybil), None] {
        let forged = stage.forged(ANN, &[], Message::Initial { mode: Mode::OneToOne, invited }, tree);
        let id = parv::ConversationId::new(forged);
        let attempt = refused(&[forged], Rule::Tree, "not the one that the rules make of it");
        stage.at_clone(id, &[attempt], &[]).await;
    }
    let other_mode = stage.forged(ANN, &[], Message::Initial { mode: Mode::Public, invited: Some(bob) }, tree);
    let id = parv::ConversationId::new(other_mode);
    stage.at_clone(id, &[refused(&[other_mode], Rule::Kind, "names somebody at the start")], &[]).await;
    let head = stage.head;
    stage.at_clone(stage.id(), &[], &[head]).await;
}
