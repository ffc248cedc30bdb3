//! Revocation lists: an account's own word on its own devices (validation §4, §6).

use parv_identity::Crl;
use parv_identity::certificate::Serial;
use parv_model::{CommitId, Message, Mode, Role, Rule, TreePath, VoteKind};
use parv_proptests::scene::stolen_device;
use parv_proptests::{Person, World, refused, text};
use std::collections::BTreeSet;

/// A list of person `number` that revokes these.
fn list(world: &World, number: usize, at: u64, revoked: &[Serial]) -> Crl {
    let person = &world.people[number];
    let revoked: BTreeSet<Serial> = revoked.iter().copied().collect();
    Crl::issue(&person.account_key, &person.credentials.account, at, &revoked, 0, 4_000_000_000).unwrap()
}

fn serial(world: &World, number: usize) -> Serial {
    *world.people[number].credentials.device.serial()
}

/// Person 3 revokes their second device, with their first.
fn revoke(world: &mut World, head: CommitId) -> CommitId {
    let stolen = serial(world, 4);
    world.people[3].credentials.crl = Some(list(world, 3, 1, &[stolen]));
    world.line(head, &[(3, text("my second device was stolen"))])
}

#[test]
fn a_revoked_device_writes_no_more() {
    let (mut world, head) = stolen_device();
    world.write(4, &[head], text("not yet")).expect("the control is valid");
    let revoked = revoke(&mut world, head);
    refused(world.write(4, &[revoked], text("hello")), Rule::Authority, "has been revoked");
    let other = world.line(head, &[(0, text("meanwhile"))]);
    refused(world.write(4, &[revoked, other], Message::Merge), Rule::Authority, "has been revoked");
    let merge = world.write(3, &[revoked, other], Message::Merge).expect("the control is valid");
    world.state(&[merge]);
    // Its late branch is valid in its own past, and is not let in.
    let late = world.write(4, &[head], text("late")).expect("valid there");
    refused(world.replica.gate(&[revoked], &[late]), Rule::Standing, "revoked");
    let answer = world.write(1, &[late], text("who are you?")).expect("valid");
    world.replica.gate(&[revoked], &[answer]).expect("what others built on comes along");
}

#[test]
fn what_it_did_at_the_same_time_is_void_unless_others_built_on_it() {
    let (mut world, head) = stolen_device();
    let friend = Person::new(9);
    world.people.push(friend);
    let (number, uri) = (world.people.len() - 1, world.uri(world.people.len() - 1));
    let invited = world.line(head, &[(4, Message::Add(uri)), (number, Message::Join(uri))]);
    let revoked = revoke(&mut world, head);
    assert_eq!(world.state(&[invited, revoked]).role(&uri), None);
    let built = world.line(invited, &[(0, text("welcome")), (1, text("welcome"))]);
    assert_eq!(world.state(&[built, revoked]).role(&uri), Some(Role::Member));
    // What the other device did is no matter of the list.
    let other = world.line(head, &[(3, Message::Add(uri))]);
    assert_eq!(world.state(&[other, revoked]).role(&uri), Some(Role::Invited));
}

#[test]
fn a_list_outlives_the_ban_of_its_account() {
    let (mut world, head) = stolen_device();
    let revoked = revoke(&mut world, head);
    let uri = world.uri(3);
    assert!(world.replica.state(&[revoked]).is_revoked(&world.people[4].device()));
    let banned = world.decide(revoked, &[0, 1], VoteKind::Ban, 3);
    let back = world.decide(banned, &[0, 1], VoteKind::Unban, 3);
    assert_eq!(world.state(&[back]).role(&uri), Some(Role::Member));
    refused(world.write(4, &[back], text("back too?")), Rule::Authority, "has been revoked");
    world.write(3, &[back], text("back")).expect("the other device is good");
}

#[test]
fn a_list_only_grows_and_is_ones_own() {
    let (mut world, head) = stolen_device();
    let revoked = revoke(&mut world, head);
    let stolen = serial(&world, 4);
    let first = list(&world, 3, 1, &[stolen]);
    let tree = world.replica.state(&[revoked]).tree();
    let path = TreePath::Crl(world.uri(3)).to_string();
    let foreign = list(&world, 2, 9, &[stolen]);
    for (crl, why) in [
        (list(&world, 3, 2, &[]).pem().to_vec(), "takes a revocation back"),
        (list(&world, 3, 1, &[stolen, serial(&world, 3)]).pem().to_vec(), "is not higher than"),
        (foreign.pem().to_vec(), "is the revocation list of"),
        (b"nonsense".to_vec(), "CRLs/"),
    ] {
        let blob = world.objects.add_blob(crl);
        let tree = world.objects.with_file(&tree, &path, Some(blob));
        let bytes = world.forge(3, &[revoked], text("x"), tree);
        refused(world.submit(bytes), Rule::Certificate, why);
    }
    // Somebody else cannot bring it, nor take it away.
    let others = TreePath::Crl(world.uri(2)).to_string();
    let blob = world.objects.add_blob(foreign.pem().to_vec());
    let with_foreign = world.objects.with_file(&tree, &others, Some(blob));
    let without = world.objects.with_file(&tree, &path, None);
    for tree in [with_foreign, without] {
        let bytes = world.forge(1, &[revoked], text("x"), tree);
        refused(world.submit(bytes), Rule::Tree, "added, removed or changed");
    }
    drop(first);
    let more = list(&world, 3, 2, &[stolen]);
    world.people[3].credentials.crl = Some(more);
    let renewed = world.write(3, &[revoked], text("the same with a higher number")).expect("the control is valid");
    world.state(&[renewed]);
}

#[test]
fn two_devices_that_revoke_each_other_are_both_revoked() {
    let (mut world, head) = stolen_device();
    let (one, two) = (serial(&world, 3), serial(&world, 4));
    world.people[3].credentials.crl = Some(list(&world, 3, 1, &[two]));
    world.people[4].credentials.crl = Some(list(&world, 3, 1, &[one]));
    let here = world.line(head, &[(3, text("the other one is stolen"))]);
    let there = world.line(head, &[(4, text("no, the other one"))]);
    let merged = world.state(&[here, there]);
    assert!(merged.is_revoked(&world.people[3].device()) && merged.is_revoked(&world.people[4].device()));
    let merge = world.write(0, &[here, there], Message::Merge).expect("valid");
    for device in [3, 4] {
        refused(world.write(device, &[merge], text("x")), Rule::Authority, "has been revoked");
    }
}

#[test]
fn a_vote_of_a_revoked_device_does_not_count_at_the_same_time() {
    let mut world = World::new(4, Mode::InvitesOnly, None);
    let mut head = world.gather(world.root(), &[1, 2, 3]);
    head = world.decide(head, &[0], VoteKind::Promote, 1);
    head = world.decide(head, &[0, 1], VoteKind::Promote, 2);
    let second = world.people[1].at_device(1);
    world.people.push(second);
    head = world.line(head, &[(4, text("the second device of an admin"))]);
    let target = world.uri(3);
    let stolen = serial(&world, 4);
    let voted = world.line(
        head,
        &[(4, Message::Vote(VoteKind::Ban, target.into())), (0, Message::Vote(VoteKind::Ban, target.into()))],
    );
    let banned = world.line(voted, &[(0, Message::Resolve(VoteKind::Ban, target.into()))]);
    world.people[1].credentials.crl = Some(list(&world, 1, 1, &[stolen]));
    let revoked = world.line(head, &[(1, text("stolen"))]);
    let merged = world.state(&[banned, revoked]);
    assert_eq!(merged.role(&target), Some(Role::Member), "only one good vote of three is left");
}

#[test]
fn a_list_lends_no_force_to_the_ban_that_carries_it() {
    // A founded alone; then B became an admin, so that A's ban of B from the time before is stale.
    let mut world = World::new(4, Mode::InvitesOnly, None);
    let era = world.gather(world.root(), &[1]);
    let promoted = world.decide(era, &[0], VoteKind::Promote, 1);
    let welcomed = world.line(promoted, &[(0, text("welcome")), (1, text("at your service"))]);
    let newcomer = world.uri(2);
    let invited = world.line(welcomed, &[(1, Message::Add(newcomer)), (2, Message::Join(newcomer))]);
    let (b, nobodys) = (world.uri(1), Serial::from_bytes(&[99]).unwrap());
    let voted = world.line(era, &[(0, Message::Vote(VoteKind::Ban, b.into()))]);
    let plain = world.line(voted, &[(0, Message::Resolve(VoteKind::Ban, b.into()))]);
    assert_eq!(world.state(&[invited, plain]).role(&newcomer), Some(Role::Member), "the control");
    world.people[0].credentials.crl = Some(list(&world, 0, 1, &[nobodys]));
    let with_list = world.line(voted, &[(0, Message::Resolve(VoteKind::Ban, b.into()))]);
    let merged = world.state(&[invited, with_list]);
    assert_eq!(merged.role(&b), Some(Role::Admin), "the ban is stale");
    assert_eq!(merged.role(&newcomer), Some(Role::Member), "so it voids nothing");
}

#[test]
fn a_list_that_comes_with_a_resolution_is_no_side_of_a_duel() {
    // The stolen device of an admin resolves a ban; at the same time their other one revokes it along with a resolution.
    let mut world = World::new(5, Mode::InvitesOnly, None);
    let mut head = world.gather(world.root(), &[1, 2, 3, 4]);
    head = world.decide(head, &[0], VoteKind::Promote, 1);
    head = world.decide(head, &[0, 1], VoteKind::Promote, 2);
    let second = world.people[1].at_device(1);
    world.people.push(second);
    head = world.line(head, &[(5, text("the second device of an admin"))]);
    let (target, other) = (world.uri(3), world.uri(4));
    let ban = Message::Vote(VoteKind::Ban, target.into());
    let votes =
        [(0, Message::Vote(VoteKind::Promote, other.into())), (1, Message::Vote(VoteKind::Promote, other.into()))];
    head = world.line(head, &votes);
    let voted = world.line(head, &[(0, ban.clone()), (2, ban)]);
    let by_stolen = world.line(voted, &[(5, Message::Resolve(VoteKind::Ban, target.into()))]);
    let stolen = serial(&world, 5);
    world.people[1].credentials.crl = Some(list(&world, 1, 1, &[stolen]));
    let revoked = world.line(head, &[(1, Message::Resolve(VoteKind::Promote, other.into()))]);
    let merged = world.state(&[by_stolen, revoked]);
    assert_eq!(merged.role(&other), Some(Role::Admin));
    assert_eq!(merged.role(&target), Some(Role::Member), "a revoked device resolved it, and nobody built on that");
    let built = world.line(by_stolen, &[(0, text("seen")), (2, text("seen"))]);
    assert_eq!(world.state(&[built, revoked]).role(&target), Some(Role::Banned), "the other admins hold it");
}

#[test]
fn attack_a_founder_cannot_void_everything_by_revoking_the_device_with_which_it_began() {
    let mut world = World::new(3, Mode::InvitesOnly, None);
    let mut head = world.gather(world.root(), &[1, 2]);
    head = world.decide(head, &[0], VoteKind::Promote, 1);
    head = world.line(head, &[(1, text("thank you"))]);
    let second = world.people[0].at_device(1);
    world.people.push(second);
    let first = serial(&world, 0);
    world.people[3].credentials.crl = Some(list(&world, 0, 1, &[first]));
    // On the first commit, when there were no others whose word could have counted.
    let (root, newcomer) = (world.root(), world.uri(2));
    let backdated = world.line(root, &[(3, text("the device that I began with was stolen"))]);
    let merged = world.state(&[head, backdated]);
    assert_eq!(merged.role(&world.uri(1)), Some(Role::Admin));
    assert_eq!(merged.role(&newcomer), Some(Role::Member));
    assert!(merged.is_revoked(&world.people[0].device()), "that much is the founder's own affair");
    // The control: what nobody else has built on goes.
    let stranger = Person::new(9);
    let uri = stranger.uri();
    let invited = world.line(root, &[(0, Message::Add(uri))]);
    assert_eq!(world.state(&[invited, backdated]).role(&uri), None);
}
