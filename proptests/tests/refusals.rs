//! What must be refused, each with its own reason, next to a control that is accepted (acceptance 4, validation §9). A
//! refusal leaves the replica as it was.

use parv_model::{Message, Mode, Role, Rule, TreePath, VoteKind};
use parv_proptests::{World, refused, text};
use parv_validator::{CheckedCommit, Draft, Replica, Signatures};

fn group() -> (World, parv_model::CommitId) {
    let mut world = World::new(6, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1, 2]);
    (world, head)
}

#[test]
fn an_extra_file_in_any_kind_of_commit() {
    let (mut world, head) = group();
    let other = world.uri(3);
    let ours = world.uri(1);
    let base = world.replica.state(&[head]).tree();
    for (author, message) in [
        (1, text("x")),
        (1, Message::Add(other)),
        (0, Message::Vote(VoteKind::Ban, ours.into())),
        (1, Message::Leave(ours)),
        (0, Message::UpdateProfile),
    ] {
        let control = world.write(author, &[head], message.clone()).expect("the control is valid");
        let tree = world.replica.state(&[control]).tree();
        let blob = world.objects.add_blob(b"BEGIN:VCARD\nVERSION:2.1\nEND:VCARD\n".to_vec());
        let known = world.replica.len();
        for path in ["evil.txt", "members/evil", "devices/../x", "votes/ban/members/x", ".git/config"] {
            let tree = world.objects.with_file(&tree, path, Some(blob));
            let bytes = world.forge(author, &[head], message.clone(), tree);
            refused(world.submit(bytes), Rule::Tree, "a file was added, removed or changed");
        }
        assert_eq!(world.replica.len(), known);
    }
    // A file of the state taken away, and one changed.
    let member = TreePath::Member(ours).to_string();
    let foreign = world.objects.add_blob(world.people[4].credentials.account.pem().to_vec());
    for blob in [None, Some(foreign)] {
        let tree = world.objects.with_file(&base, &member, blob);
        let bytes = world.forge(2, &[head], text("x"), tree);
        refused(world.submit(bytes), Rule::Tree, "a file was added, removed or changed");
    }
}

#[test]
fn a_merge_that_adds_a_file_or_takes_one_side() {
    let (mut world, head) = group();
    let target = world.uri(2);
    let voted = world.line(head, &[(0, Message::Vote(VoteKind::Ban, target.into()))]);
    let banned = world.line(voted, &[(0, Message::Resolve(VoteKind::Ban, target.into()))]);
    let side = world.line(head, &[(1, text("meanwhile"))]);
    let merge = world.write(0, &[banned, side], Message::Merge).expect("the control is valid");
    let merged = world.replica.state(&[merge]);
    assert_eq!(merged.role(&target), Some(Role::Banned));
    let older_side = world.replica.state(&[side]).tree();
    let blob = world.objects.add_blob(b"x".to_vec());
    let with_file = world.objects.with_file(&merged.tree(), "evil.txt", Some(blob));
    for tree in [older_side, with_file] {
        let bytes = world.forge(0, &[banned, side], Message::Merge, tree);
        refused(world.submit(bytes), Rule::Tree, "not the one that the rules make");
    }
    // The banned one cannot sign the merge that would bring them back.
    let bytes = world.forge(2, &[banned, side], Message::Merge, merged.tree());
    refused(world.submit(bytes), Rule::Authority, "is no device of this conversation after the merge");
    let bytes = world.forge(0, &[merge, side], Message::Merge, merged.tree());
    refused(world.submit(bytes), Rule::Kind, "that head's own past");
}

#[test]
fn signatures_and_structure() {
    let (mut world, head) = group();
    let tree = world.replica.state(&[head]).tree();
    let good = world.forge(1, &[head], text("hello"), tree);
    let other = world.forge(2, &[head], text("hello"), tree);
    let as_text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("commits are UTF-8");
    let armour =
        |bytes: &[u8]| as_text(bytes).split("gpgsig ").nth(1).unwrap().split("\n\n").next().unwrap().to_owned();
    let swap = |from: &str, to: &str| CheckedCommit::check(as_text(&good).replacen(from, to, 1).as_bytes());
    refused(swap("hello", "HELLO"), Rule::Signature, "");
    refused(swap(&armour(&good), &armour(&other)), Rule::Signature, "is signed by device");
    refused(swap(&format!("gpgsig {}\n", armour(&good)), ""), Rule::Signature, "not signed");
    refused(swap("\n\n", "\n \n\n"), Rule::Signature, "");
    refused(swap("+0000\ngpgsig", "+0000\nencoding x\ngpgsig"), Rule::Structure, "not allowed");
    refused(CheckedCommit::check(b"\xff\xfe"), Rule::Structure, "not UTF-8");
    // Many at once, as they are checked when a conversation is opened again.
    let bad = as_text(&good).replacen("hello", "HELLO", 1).into_bytes();
    let many = [&good, &bad, &other, &good].map(Vec::as_slice);
    for signatures in [Signatures::New, Signatures::Admitted] {
        let verdicts = CheckedCommit::check_many(&many, signatures).into_iter();
        let rules: Vec<_> = verdicts.map(|verdict| verdict.err().map(|refusal| refusal.rule)).collect();
        assert_eq!(rules, [None, Some(Rule::Signature), None, None], "{signatures:?}");
    }
    world.submit(good).expect("the control is valid");

    let odd = world.forge(1, &[head, world.root()], text("x"), tree);
    refused(world.submit(odd), Rule::Structure, "two parents are for merges");
    let octopus = world.forge(1, &[head, world.root(), world.history[1]], Message::Merge, tree);
    refused(world.submit(octopus), Rule::Structure, "3 parents");
    let twice = world.forge(1, &[head, head], Message::Merge, tree);
    refused(world.submit(twice), Rule::Structure, "same parent twice");
    let rootless = world.forge(1, &[], text("x"), tree);
    refused(world.submit(rootless), Rule::Root, "no parent");
    let orphan = world.forge(1, &[parv_model::CommitId::from_bytes([7; 20])], text("x"), tree);
    refused(world.submit(orphan), Rule::Completeness, "is missing");
}

#[test]
fn a_second_beginning_or_another_conversation() {
    let (mut world, head) = group();
    let other = World::new(1, Mode::Public, None);
    let foreign_root = other.objects.commit(&other.root()).to_vec();
    refused(world.submit(foreign_root), Rule::Root, "has begun already");
    // A commit of another conversation: its parents are not here.
    let mut twin = World::new(2, Mode::Public, None);
    let said = twin.write(0, &[twin.root()], text("elsewhere")).expect("valid over there");
    let bytes = twin.objects.commit(&said).to_vec();
    refused(world.submit(bytes), Rule::Completeness, "is missing");
    world.write(0, &[head], text("here")).expect("the control is valid");
}

#[test]
fn certificates() {
    let (mut world, head) = group();
    let base = world.replica.state(&[head]).tree();
    let invited = world.write(0, &[head], Message::Add(world.uri(3))).expect("valid");
    let joiner = world.uri(3);
    let control = world.write(3, &[invited], Message::Join(joiner)).expect("the control is valid");
    let joined = world.replica.state(&[control]).tree();
    let device_path = TreePath::Device(world.people[3].device()).to_string();
    let account_path = TreePath::Member(joiner).to_string();
    let foreign_device = world.people[4].credentials.device.pem().to_vec();
    let foreign_account = world.people[4].credentials.account.pem().to_vec();
    for (path, bytes, why) in [
        (&device_path, foreign_device, "is the certificate of device"),
        (&account_path, foreign_account, "is the certificate of"),
        (&device_path, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(), "devices/"),
        (&account_path, b"0\x82\x01\x02binary".to_vec(), "members/"),
        (&account_path, Vec::new(), "members/"),
    ] {
        let blob = world.objects.add_blob(bytes);
        let tree = world.objects.with_file(&joined, path, Some(blob));
        let bytes = world.forge(3, &[invited], Message::Join(joiner), tree);
        refused(world.submit(bytes), Rule::Certificate, why);
    }
    let huge = world.objects.add_blob(vec![b'x'; 9000]);
    let tree = world.objects.with_file(&joined, &account_path, Some(huge));
    let bytes = world.forge(3, &[invited], Message::Join(joiner), tree);
    refused(world.submit(bytes), Rule::Tree, "more than the 8192 allowed");
    let tree = world.objects.with_file(&joined, &device_path, None);
    let bytes = world.forge(3, &[invited], Message::Join(joiner), tree);
    refused(world.submit(bytes), Rule::Certificate, "does not bring the certificate of its device");
    // One's own certificate replaced by another's, in a text.
    let foreign = world.objects.add_blob(world.people[4].credentials.account.pem().to_vec());
    let tree = world.objects.with_file(&base, &TreePath::Member(world.uri(1)).to_string(), Some(foreign));
    let bytes = world.forge(1, &[head], text("x"), tree);
    refused(world.submit(bytes), Rule::Certificate, "is the certificate of");
}

#[test]
fn a_second_device_rides_in_with_its_first_commit() {
    let (mut world, head) = group();
    world.people.push(world.people[1].at_device(1));
    let second = world.people.len() - 1;
    let tree = world.replica.state(&[head]).tree();
    let bytes = world.forge(second, &[head], text("unknown device"), tree);
    refused(world.submit(bytes), Rule::Authority, "is not a device of this conversation");
    let with_rider = world.write(second, &[head], text("hello from my second device")).expect("valid");
    let state = world.replica.state(&[with_rider]);
    assert_eq!(state.device_account(&world.people[second].device()), Some(world.uri(1)));
    // A stranger's device does not get in that way.
    let stranger = world.objects.add_blob(world.people[4].credentials.device.pem().to_vec());
    let path = TreePath::Device(world.people[4].device()).to_string();
    let tree = world.objects.with_file(&tree, &path, Some(stranger));
    let bytes = world.forge(4, &[head], text("hi"), tree);
    refused(world.submit(bytes), Rule::Authority, "a stranger");
}

#[test]
fn joining_and_inviting() {
    let (mut world, head) = group();
    let (third, fourth) = (world.uri(3), world.uri(4));
    refused(world.write(3, &[head], Message::Join(third)), Rule::Kind, "has not been invited");
    let invited = world.write(1, &[head], Message::Add(third)).expect("members invite in this mode");
    refused(world.write(1, &[invited], Message::Add(third)), Rule::Kind, "already here (invited)");
    refused(world.write(1, &[head], Message::Add(world.uri(1))), Rule::Kind, "nobody invites themselves");
    refused(world.write(3, &[invited], text("hi")), Rule::Authority, "has not joined");
    refused(world.write(3, &[invited], Message::Join(fourth)), Rule::Kind, "cannot join in the name of");
    refused(world.write(4, &[invited], Message::Join(third)), Rule::Kind, "cannot join in the name of");
    let joined = world.write(3, &[invited], Message::Join(third)).expect("the control is valid");
    refused(world.write(3, &[joined], Message::Join(third)), Rule::Kind, "is already here");
    // A join that leaves the invitation where it is.
    let state = world.replica.state(&[joined]);
    let empty = world.objects.add_blob(Vec::new());
    let tree = world.objects.with_file(&state.tree(), &TreePath::Invited(third).to_string(), Some(empty));
    let bytes = world.forge(3, &[invited], Message::Join(third), tree);
    refused(world.submit(bytes), Rule::Tree, "not the one");
}

#[test]
fn modes() {
    let mut closed = World::new(4, Mode::AdminInvitesOnly, None);
    let head = closed.gather(closed.root(), &[1]);
    let two = closed.uri(2);
    refused(closed.write(1, &[head], Message::Add(two)), Rule::Kind, "only an admin may invite");
    closed.write(0, &[head], Message::Add(two)).expect("the control is valid");

    let mut pair = World::new(4, Mode::OneToOne, Some(1));
    let (one, two) = (pair.uri(1), pair.uri(2));
    let root = pair.root();
    assert_eq!(pair.replica.state(&[root]).role(&one), Some(Role::Invited));
    refused(pair.write(0, &[root], Message::Add(two)), Rule::Kind, "room only for the person named");
    refused(pair.write(2, &[root], Message::Join(two)), Rule::Kind, "has not been invited");
    let joined = pair.write(1, &[root], Message::Join(one)).expect("the control is valid");
    let left = pair.write(1, &[joined], Message::Leave(one)).expect("valid");
    pair.write(0, &[left], Message::Add(one)).expect("the one named at the start may be asked again");

    let mut oneself = World::new(2, Mode::OneToOne, None);
    let root = oneself.root();
    let one = oneself.uri(1);
    refused(oneself.write(0, &[root], Message::Add(one)), Rule::Kind, "room only for");
    oneself.write(0, &[root], text("note to self")).expect("the control is valid");

    let mut public = World::new(3, Mode::Public, None);
    let root = public.root();
    let one = public.uri(1);
    let joined = public.write(1, &[root], Message::Join(one)).expect("anyone may join");
    let banned = public.decide(joined, &[0], VoteKind::Ban, 1);
    refused(public.write(1, &[banned], Message::Join(one)), Rule::Kind, "is banned");
    refused(public.write(1, &[banned], text("x")), Rule::Authority, "is banned");
}

#[test]
fn the_initial_commit_names_somebody_only_where_it_may() {
    let mut scratch = World::new(3, Mode::Public, None);
    for (mode, invited, why) in [
        (Mode::Public, Some(scratch.uri(1)), "only ONE_TO_ONE"),
        (Mode::OneToOne, Some(scratch.uri(0)), "other person too"),
    ] {
        let draft = Draft::initial(&scratch.people[0].credentials, mode, None).expect("a draft");
        scratch.objects.add_draft(&draft);
        let bytes = scratch.forge(0, &[], Message::Initial { mode, invited }, draft.tree());
        let commit = CheckedCommit::check(&bytes).expect("well-formed");
        refused(Replica::begin(&commit, &scratch.objects), Rule::Kind, why);
    }
    // The named person is in the tree from the start, and nobody else.
    let draft = Draft::initial(&scratch.people[0].credentials, Mode::OneToOne, Some(scratch.uri(1))).expect("a draft");
    scratch.objects.add_draft(&draft);
    let message = Message::Initial { mode: Mode::OneToOne, invited: Some(scratch.uri(2)) };
    let bytes = scratch.forge(0, &[], message, draft.tree());
    let commit = CheckedCommit::check(&bytes).expect("well-formed");
    refused(Replica::begin(&commit, &scratch.objects), Rule::Tree, "not the one");
}

#[test]
fn leaving_in_anothers_name() {
    let (mut world, head) = group();
    let (one, two) = (world.uri(1), world.uri(2));
    refused(world.write(1, &[head], Message::Leave(two)), Rule::Kind, "cannot leave in the name of");
    let left = world.write(1, &[head], Message::Leave(one)).expect("the control is valid");
    assert_eq!(world.replica.state(&[left]).role(&one), Some(Role::Left));
    refused(world.write(1, &[left], text("x")), Rule::Authority, "has left");
    // The last admin may go; what is left is a swarm without admins.
    let alone = world.write(0, &[left], Message::Leave(world.uri(0))).expect("the last admin may leave");
    assert_eq!(world.replica.state(&[alone]).admins().len(), 0);
    let three = world.uri(3);
    let invited = world.write(2, &[alone], Message::Add(three)).expect("members still invite");
    refused(
        world.write(2, &[invited], Message::Vote(VoteKind::Ban, three.into())),
        Rule::Kind,
        "only an admin may vote",
    );
    world.write(2, &[alone], text("on we go")).expect("members go on");
}

#[test]
fn votes_and_majorities() {
    // Two to five admins: exactly half is not enough, one more is (acceptance 21).
    for admins in 2..=5usize {
        let mut world = World::new(7, Mode::InvitesOnly, None);
        let mut head = world.gather(world.root(), &[1, 2, 3, 4, 5]);
        for new in 1..admins {
            head = world.decide(head, &(0..=(new / 2)).collect::<Vec<_>>(), VoteKind::Promote, new);
        }
        assert_eq!(world.replica.state(&[head]).admins().len(), admins);
        let target = world.uri(5);
        for voter in 0..admins {
            let resolution = world.write(0, &[head], Message::Resolve(VoteKind::Ban, target.into()));
            if 2 * voter > admins {
                let banned = resolution.expect("a majority decides");
                assert_eq!(world.replica.state(&[banned]).role(&target), Some(Role::Banned));
            } else {
                refused(resolution, Rule::Kind, "more than half must");
            }
            head = world.write(voter, &[head], Message::Vote(VoteKind::Ban, target.into())).expect("a vote");
            let again = world.write(voter, &[head], Message::Vote(VoteKind::Ban, target.into()));
            refused(again, Rule::Kind, "has already voted");
        }
    }
}

#[test]
fn who_may_vote_on_whom() {
    let (mut world, head) = group();
    let (zero, one, three) = (world.uri(0), world.uri(1), world.uri(3));
    refused(world.write(1, &[head], Message::Vote(VoteKind::Ban, zero.into())), Rule::Kind, "only an admin may vote");
    refused(
        world.write(0, &[head], Message::Vote(VoteKind::Ban, zero.into())),
        Rule::Kind,
        "nobody votes on themselves",
    );
    refused(world.write(0, &[head], Message::Vote(VoteKind::Ban, three.into())), Rule::Kind, "not in the conversation");
    refused(
        world.write(0, &[head], Message::Vote(VoteKind::Unban, one.into())),
        Rule::Kind,
        "needs a target who is banned",
    );
    refused(
        world.write(0, &[head], Message::Vote(VoteKind::Demote, one.into())),
        Rule::Kind,
        "needs a target who is an admin",
    );
    let voted = world.write(0, &[head], Message::Vote(VoteKind::Ban, one.into())).expect("the control is valid");
    refused(
        world.write(1, &[voted], Message::Resolve(VoteKind::Ban, one.into())),
        Rule::Kind,
        "only an admin may resolve",
    );
    refused(world.write(0, &[head], Message::Resolve(VoteKind::Ban, one.into())), Rule::Kind, "0 of 1 admins");
    // A vote file with content.
    let tree = world.replica.state(&[voted]).tree();
    let path = TreePath::Vote(VoteKind::Ban, parv_model::Category::Members, one.into(), zero).to_string();
    let blob = world.objects.add_blob(b"because".to_vec());
    let tree = world.objects.with_file(&tree, &path, Some(blob));
    let bytes = world.forge(0, &[head], Message::Vote(VoteKind::Ban, one.into()), tree);
    refused(world.submit(bytes), Rule::Tree, "not the one");
    // The banned one is out, and an unban gives the former role back.
    let banned = world.write(0, &[voted], Message::Resolve(VoteKind::Ban, one.into())).expect("a sole admin decides");
    refused(world.write(0, &[banned], Message::Add(one)), Rule::Kind, "only an unban vote");
    refused(world.write(1, &[banned], text("still here")), Rule::Authority, "is banned");
    let back = world.decide(banned, &[0], VoteKind::Unban, 1);
    assert_eq!(world.replica.state(&[back]).role(&one), Some(Role::Member));
    world.write(1, &[back], text("thanks")).expect("the device comes back as a rider");
}

#[test]
fn profiles() {
    let (mut world, head) = group();
    refused(world.write(1, &[head], Message::UpdateProfile), Rule::Kind, "only an admin may change the profile");
    let changed = world.write(0, &[head], Message::UpdateProfile).expect("the control is valid");
    let tree = world.replica.state(&[changed]).tree();
    for (bytes, rule, why) in [
        (b"#!/bin/sh\n".to_vec(), Rule::Kind, "not a vCard"),
        (vec![b'x'; parv_model::limits::MAX_PROFILE_BYTES + 1], Rule::Tree, "more than the"),
    ] {
        let blob = world.objects.add_blob(bytes);
        let tree = world.objects.with_file(&tree, "profile.vcf", Some(blob));
        let bytes = world.forge(0, &[head], Message::UpdateProfile, tree);
        refused(world.submit(bytes), rule, why);
    }
    let base = world.replica.state(&[head]).tree();
    let bytes = world.forge(0, &[head], Message::UpdateProfile, base);
    refused(world.submit(bytes), Rule::Kind, "brings no profile.vcf");
}

#[test]
fn the_gate_keeps_the_late_branch_of_a_banned_one_out() {
    let (mut world, head) = group();
    let banned = world.decide(head, &[0], VoteKind::Ban, 1);
    let late = world.write(1, &[head], text("I was never banned here")).expect("valid in its own past");
    refused(world.replica.gate(&[banned], &[late]), Rule::Standing, "is banned by now");
    // An honest member who had built on it brings it along.
    let answer = world.write(2, &[late], text("hello you")).expect("valid");
    world.replica.gate(&[banned], &[answer]).expect("an honest head is let in");
    // Whoever leaves may tell so.
    let left = world.write(2, &[head], Message::Leave(world.uri(2))).expect("valid");
    world.replica.gate(&[banned], &[left]).expect("a leave is let in");
    // Who has not heard of the leaving yet offers what its author wrote before: that is here already.
    let said = world.write(2, &[head], text("soon I will leave")).expect("valid");
    let left = world.write(2, &[said], Message::Leave(world.uri(2))).expect("valid");
    let meanwhile = world.write(0, &[head], text("who else is here?")).expect("valid");
    world.replica.gate(&[left], &[said, meanwhile]).expect("only the new one is judged");
    world.replica.gate(&[banned, late], &[meanwhile]).expect("what was let in before the ban is not judged anew");
}
