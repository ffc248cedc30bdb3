//! Bans of single devices (validation §5 and §6, decision 0012): the account stays, the device does not.

use parv_model::{CommitId, DeviceId, Message, Mode, Role, Rule, VoteKind};
use parv_proptests::scene::{THIEF, stolen_device};
use parv_proptests::{Person, World, refused, text};

/// These admins decide on a device.
fn decide(world: &mut World, head: CommitId, voters: &[usize], kind: VoteKind, device: DeviceId) -> CommitId {
    let votes: Vec<_> = voters.iter().map(|&voter| (voter, Message::Vote(kind, device.into()))).collect();
    let head = world.line(head, &votes);
    world.line(head, &[(voters[0], Message::Resolve(kind, device.into()))])
}

fn ban(world: &mut World, head: CommitId) -> CommitId {
    let device = world.people[THIEF].device();
    decide(world, head, &[0, 1], VoteKind::Ban, device)
}

fn files(world: &mut World, head: CommitId) -> Vec<String> {
    let state = world.state(&[head]);
    for tree in state.render().trees {
        world.objects.add_tree(tree);
    }
    world.objects.paths(&state.tree())
}

#[test]
fn a_banned_device_writes_no_more_and_its_account_does() {
    let (mut world, head) = stolen_device();
    let device = world.people[THIEF].device();
    world.write(THIEF, &[head], text("not yet")).expect("the control is valid");
    let banned = ban(&mut world, head);
    let now = world.state(&[banned]);
    assert!(now.is_device_banned(&device) && now.device_account(&device).is_none());
    assert_eq!(now.role(&world.uri(3)), Some(Role::Member));
    assert!(now.votes(VoteKind::Ban, device).is_empty(), "the votes are used up");
    refused(world.write(THIEF, &[banned], text("hello")), Rule::Authority, "is banned");
    let forged = world.forge(THIEF, &[banned], text("hello"), now.tree());
    refused(world.submit(forged), Rule::Authority, "is banned");
    let side = world.line(head, &[(0, text("meanwhile"))]);
    let merged = world.state(&[banned, side]).tree();
    let forged = world.forge(THIEF, &[banned, side], Message::Merge, merged);
    refused(world.submit(forged), Rule::Authority, "is banned");
    world.write(3, &[banned], text("I am still here")).expect("the other device is good");
}

#[test]
fn the_tree_shows_votes_and_bans_of_devices() {
    let (mut world, head) = stolen_device();
    let device = world.people[THIEF].device();
    let zero = world.uri(0);
    let voted = world.line(head, &[(0, Message::Vote(VoteKind::Ban, device.into()))]);
    let paths = files(&mut world, voted);
    assert!(paths.contains(&format!("votes/ban/devices/{device}/{zero}")), "{paths:?}");
    let banned = ban(&mut world, head);
    let paths = files(&mut world, banned);
    assert!(paths.contains(&format!("banned/devices/{device}.crt")), "{paths:?}");
    assert!(!paths.iter().any(|path| path.starts_with("votes/") || *path == format!("devices/{device}.crt")));
    let again = decide(&mut world, banned, &[0, 1], VoteKind::Unban, device);
    let (before, after) = (files(&mut world, head), files(&mut world, again));
    assert_eq!(before, after, "an unban gives back what a ban took");
}

#[test]
fn its_certificate_cannot_ride_in_again() {
    let (mut world, head) = stolen_device();
    let banned = ban(&mut world, head);
    // As a rider of the device itself, with the tree that the rules would make of it if it were not banned.
    let tree = world.replica.state(&[banned]).tree();
    let path = parv_model::TreePath::Device(world.people[THIEF].device()).to_string();
    let blob = world.objects.add_blob(world.people[THIEF].credentials.device.pem().to_vec());
    let tree = world.objects.with_file(&tree, &path, Some(blob));
    let bytes = world.forge(THIEF, &[banned], text("x"), tree);
    refused(world.submit(bytes), Rule::Authority, "is banned");
    // Nor with somebody else's commit, nor by coming in anew.
    let bytes = world.forge(0, &[banned], text("x"), tree);
    refused(world.submit(bytes), Rule::Tree, "added, removed or changed");
    let uri = world.uri(3);
    let left = world.line(banned, &[(3, Message::Leave(uri)), (0, Message::Add(uri))]);
    refused(world.write(THIEF, &[left], Message::Join(uri)), Rule::Authority, "is banned");
    let back = world.write(3, &[left], Message::Join(uri)).expect("the other device is good");
    assert!(world.state(&[back]).is_device_banned(&world.people[THIEF].device()));
}

#[test]
fn its_late_branch_is_not_let_in_and_changes_nothing() {
    let (mut world, head) = stolen_device();
    let banned = ban(&mut world, head);
    let late = world.write(THIEF, &[head], text("late")).expect("valid there");
    refused(world.replica.gate(&[banned], &[late]), Rule::Standing, "is banned by now");
    let answer = world.write(1, &[late], text("who are you?")).expect("valid");
    world.replica.gate(&[banned], &[answer]).expect("what others built on comes along");
    // The account's other device wrote at the same time: that stands.
    let own = world.write(3, &[head], text("me")).expect("valid");
    world.replica.gate(&[banned], &[own]).expect("the account is in good standing");
}

#[test]
fn what_it_did_at_the_same_time_is_void_unless_others_built_on_it() {
    for thief_forks_from_the_past in [false, true] {
        let (mut world, head) = stolen_device();
        world.people.push(Person::new(9));
        let friend = world.people.len() - 1;
        let uri = world.uri(friend);
        // On the newest commit, or on one from before the device first wrote.
        let on = if thief_forks_from_the_past { world.history[world.history.len() - 2] } else { head };
        let invited = world.line(on, &[(THIEF, Message::Add(uri)), (friend, Message::Join(uri))]);
        let banned = ban(&mut world, head);
        assert_eq!(world.state(&[invited, banned]).role(&uri), None);
        // Its own account's word is no endorsement, and one of two other admins is not more than half.
        let own = world.line(invited, &[(3, text("welcome")), (0, text("welcome"))]);
        assert_eq!(world.state(&[own, banned]).role(&uri), None);
        let built = world.line(own, &[(1, text("welcome"))]);
        assert_eq!(world.state(&[built, banned]).role(&uri), Some(Role::Member));
        // The same by the account's other device is none of the ban's business.
        let invited = world.line(head, &[(3, Message::Add(uri))]);
        assert_eq!(world.state(&[invited, banned]).role(&uri), Some(Role::Invited));
    }
}

#[test]
fn a_device_of_an_admin_takes_only_its_own_concurrent_votes_along() {
    let (mut world, head) = stolen_device();
    let second = world.people[2].at_device(1);
    let device = second.device();
    world.people.push(second);
    let number = world.people.len() - 1;
    let target = world.uri(3);
    let head = world.line(head, &[(number, text("my second device"))]);
    let banned = decide(&mut world, head, &[0, 1], VoteKind::Ban, device);
    for (voter, expected) in [(number, Role::Member), (2, Role::Banned)] {
        let vote = Message::Vote(VoteKind::Ban, target.into());
        let votes = world.line(head, &[(voter, vote.clone()), (0, vote)]);
        let out = world.line(votes, &[(0, Message::Resolve(VoteKind::Ban, target.into()))]);
        // Nobody has built on the resolution but its voters; the stolen device's vote is void with the ban.
        assert_eq!(world.state(&[out, banned]).role(&target), Some(expected), "voted with device {voter}");
    }
}

#[test]
fn devices_that_ban_each_other_stay() {
    // A sole admin with two devices, which a thief and the owner use against each other.
    let mut world = World::new(2, Mode::InvitesOnly, None);
    let second = world.people[0].at_device(1);
    world.people.push(second);
    let (one, two) = (world.people[0].device(), world.people[2].device());
    let head = world.line(world.root(), &[(2, text("my second device"))]);
    let here = decide(&mut world, head, &[0], VoteKind::Ban, two);
    let there = decide(&mut world, head, &[2], VoteKind::Ban, one);
    let merged = world.state(&[here, there]);
    assert!(!merged.is_device_banned(&one) && !merged.is_device_banned(&two));
    assert_eq!(merged.undecided().count(), 2);
}

#[test]
fn who_may_ban_which_device() {
    let (mut world, head) = stolen_device();
    let (thief, zero) = (world.people[THIEF].device(), world.people[0].device());
    let vote = |kind, device: DeviceId| Message::Vote(kind, device.into());
    world.write(0, &[head], vote(VoteKind::Ban, thief)).expect("the control is valid");
    refused(world.write(3, &[head], vote(VoteKind::Ban, thief)), Rule::Kind, "only an admin may vote");
    refused(world.write(0, &[head], vote(VoteKind::Ban, zero)), Rule::Kind, "no device votes on itself");
    let stranger = DeviceId::from_bytes([1; 32]);
    refused(world.write(0, &[head], vote(VoteKind::Ban, stranger)), Rule::Kind, "not in the conversation");
    refused(world.write(0, &[head], vote(VoteKind::Unban, thief)), Rule::Kind, "needs a banned device");
    let voted = world.line(head, &[(0, vote(VoteKind::Ban, thief))]);
    refused(world.write(0, &[voted], vote(VoteKind::Ban, thief)), Rule::Kind, "has already voted");
    let resolve = Message::Resolve(VoteKind::Ban, thief.into());
    refused(world.write(0, &[voted], resolve.clone()), Rule::Kind, "1 of 3 admins");
    // A vote on the account that has the same digits as a device is no vote on the device.
    let both = world.line(voted, &[(1, vote(VoteKind::Ban, thief))]);
    refused(world.write(3, &[both], resolve.clone()), Rule::Kind, "only an admin may resolve");
    let banned = world.write(2, &[both], resolve).expect("any admin may resolve");
    refused(world.write(0, &[banned], vote(VoteKind::Ban, thief)), Rule::Kind, "needs a device that may write here");
    world.write(0, &[banned], vote(VoteKind::Unban, thief)).expect("the control is valid");
}

#[test]
fn a_device_outlasts_neither_leave_nor_ban_of_its_account_and_its_ban_outlasts_both() {
    let (mut world, head) = stolen_device();
    let (thief, uri) = (world.people[THIEF].device(), world.uri(3));
    // Votes on a device go with its account.
    let voted = world.line(head, &[(0, Message::Vote(VoteKind::Ban, thief.into()))]);
    let left = world.line(voted, &[(3, Message::Leave(uri))]);
    assert!(world.state(&[left]).open_votes().is_empty());
    let out = world.decide(voted, &[0, 1], VoteKind::Ban, 3);
    assert!(world.state(&[out]).open_votes().is_empty());
    // A ban of the device stays when the account comes back; an unban while it is away gives nothing back.
    let banned = ban(&mut world, head);
    let out = world.decide(banned, &[0, 1], VoteKind::Ban, 3);
    let back = world.decide(out, &[0, 1], VoteKind::Unban, 3);
    assert!(world.state(&[back]).is_device_banned(&thief));
    let free = decide(&mut world, out, &[0, 1], VoteKind::Unban, thief);
    let back = world.decide(free, &[0, 1], VoteKind::Unban, 3);
    let now = world.state(&[back]);
    assert!(!now.is_device_banned(&thief) && now.device_account(&thief).is_none());
    let wrote = world.write(THIEF, &[back], text("back")).expect("its certificate rides along again");
    assert_eq!(world.state(&[wrote]).device_account(&thief), Some(uri));
}
