//! Files that are smuggled in, taken away or put back.

use crate::stage::*;
use parv::{Message, Rule, VoteKind};
use parv_model::TreePath;
use parv_model::message::EditForm;
use parv_proptests::text;

const SCRIPT: &[u8] = b"#!/bin/sh\nrm -rf ~\n";
const TREE: &str = "a file was added, removed or changed";

/// The same commit with one file more.
async fn carrying(author: usize, message: impl Fn(&Stage) -> Message) {
    let mut stage = Stage::with_admins(1);
    let (head, message) = (stage.head, message(&stage));
    let control = stage.honest(author, &[head], message.clone());
    let tree = stage.tree(control);
    let tree = stage.with_file(tree, "members/run.sh", SCRIPT);
    let attack = stage.forged(author, &[head], message, tree);
    stage.refuses(attack, control, Rule::Tree, TREE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_text_that_carries_a_file() {
    carrying(BOB, |_| text("harmless")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_edit_that_carries_a_file() {
    let mut stage = Stage::with_admins(1);
    let said = stage.world.line(stage.head, &[(BOB, text("helo"))]);
    for form in [EditForm::Edited, EditForm::Text] {
        let edit = |body: &str| Message::Edit { of: said, body: body.into(), form };
        let control = stage.honest(BOB, &[said], edit("hello"));
        let tree = stage.tree(said);
        let tree = stage.with_file(tree, "members/run.sh", SCRIPT);
        let carrying = stage.forged(BOB, &[said], edit("hello"), tree);
        let anothers = stage.dishonest(CID, &[said], edit("I owe Cid a beer"));
        let attempts =
            [refused(&[carrying], Rule::Tree, TREE), refused(&[anothers], Rule::Kind, "which somebody else wrote")];
        stage.assault(&[said], &attempts, &[control]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_vote_that_carries_a_file() {
    carrying(ANN, |stage| Message::Vote(VoteKind::Ban, stage.world.uri(BOB).into())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_profile_update_that_carries_a_file() {
    carrying(ANN, |_| Message::UpdateProfile).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_leave_that_adds_a_file() {
    carrying(BOB, |stage| Message::Leave(stage.world.uri(BOB))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_vote_in_the_name_of_another_admin() {
    let mut stage = Stage::with_admins(2);
    let (head, target) = (stage.head, stage.world.uri(DAN));
    let vote = Message::Vote(VoteKind::Ban, target.into());
    let control = stage.honest(ANN, &[head], vote.clone());
    let as_bob = stage.honest(BOB, &[head], vote.clone());
    let tree = stage.tree(as_bob);
    let attack = stage.forged(ANN, &[head], vote, tree);
    stage.refuses(attack, control, Rule::Tree, TREE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_deletion_of_ones_own_certificate() {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let before = stage.tree(head);
    let bob = &stage.world.people[BOB];
    let paths = [TreePath::Device(bob.device()), TreePath::Member(bob.uri())];
    let mut attempts = Vec::new();
    for path in paths {
        let tree = stage.world.objects.with_file(&before, &path.to_string(), None);
        let attack = stage.forged(BOB, &[head], text("where am I?"), tree);
        attempts.push(refused(&[attack], Rule::Tree, TREE));
    }
    let control = stage.honest(BOB, &[head], text("here I am"));
    stage.assault(&[head], &attempts, &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_merge_that_takes_the_older_side_of_a_path() {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let side = stage.honest(BOB, &[head], text("meanwhile"));
    let banned = stage.world.decide(head, &[ANN], VoteKind::Ban, DAN);
    let older = stage.tree(side);
    let attack = stage.forged(BOB, &[banned, side], Message::Merge, older);
    let control = stage.honest(BOB, &[banned, side], Message::Merge);
    stage.assault(&[banned], &[refused(&[attack], Rule::Tree, TREE)], &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_merge_that_adds_a_file() {
    let mut stage = Stage::with_admins(1);
    let head = stage.head;
    let sides = [BOB, CID].map(|author| stage.honest(author, &[head], text("meanwhile")));
    let control = stage.honest(BOB, &sides, Message::Merge);
    let tree = stage.tree(control);
    let tree = stage.with_file(tree, "evil.txt", SCRIPT);
    let attack = stage.forged(BOB, &sides, Message::Merge, tree);
    stage.refuses(attack, control, Rule::Tree, TREE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_side_branch_older_than_the_merge_base() {
    // The side left the main line before Dan was banned and before anything that the victim's last merge was made of.
    let mut stage = Stage::with_admins(1);
    let old = stage.head;
    let ancient = stage.honest(DAN, &[old], text("I was here before"));
    let banned = stage.world.decide(old, &[ANN], VoteKind::Ban, DAN);
    let sides = [BOB, CID].map(|author| stage.honest(author, &[banned], text("meanwhile")));
    let base = stage.honest(BOB, &sides, Message::Merge);
    let with_dan = stage.tree(ancient);
    let attack = stage.forged(BOB, &[base, ancient], Message::Merge, with_dan);
    // Not even by its own hand, although Dan was a member where the branch began.
    let by_dan = stage.forged(DAN, &[ancient, base], Message::Merge, with_dan);
    let attempts = [
        refused(&[attack], Rule::Tree, TREE),
        refused(&[by_dan], Rule::Authority, "is no device of this conversation after the merge"),
    ];
    let control = stage.honest(BOB, &[base, ancient], Message::Merge);
    stage.assault(&[base], &attempts, &[control]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_merge_of_a_head_with_its_own_past() {
    let mut stage = Stage::with_admins(1);
    let old = stage.head;
    let banned = stage.world.decide(old, &[ANN], VoteKind::Ban, DAN);
    let before = stage.tree(old);
    let attack = stage.forged(BOB, &[banned, old], Message::Merge, before);
    let control = stage.honest(BOB, &[banned], text("no merge"));
    stage.assault(&[banned], &[refused(&[attack], Rule::Kind, "that head's own past")], &[control]).await;
}
