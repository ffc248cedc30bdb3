//! Scripted histories of partitions and attacks on the state resolution, with the outcome the rules give (validation §6).
//! Person 0 is A, 1 is B, and so on.

use parv_model::{CommitId, Message, Mode, Role, Uri, VoteKind};
use parv_proptests::fixture::Fixture;
use parv_proptests::scene::{PEOPLE, assembly};
use parv_proptests::{World, text};
use std::path::Path;

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
const D: usize = 3;
const E: usize = 4;

/// So many admins and members, in a conversation in which everybody may invite.
fn setup(admins: usize, members: usize) -> (World, CommitId) {
    assembly(Mode::InvitesOnly, admins, members)
}

/// The scenario and what it comes to are the fixture of this name; with `PARV_WRITE_FIXTURES`, they become it.
fn is_fixture(world: &mut World, name: &str, outcomes: &[&[CommitId]]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{name}.json"));
    let fixture = Fixture::of(world, PEOPLE.into(), outcomes).without_ids();
    if std::env::var_os("PARV_WRITE_FIXTURES").is_some() {
        std::fs::write(&path, fixture.to_json()).expect("a writable folder");
    }
    let text = std::fs::read_to_string(&path).expect("the fixture's file");
    assert_eq!(serde_json::from_str::<Fixture>(&text).expect("a fixture"), fixture, "{path:?}");
}

fn admins(world: &mut World, heads: &[CommitId]) -> Vec<usize> {
    let state = world.replica.state(heads);
    let mut numbers: Vec<usize> = state.admins().map(|uri| number(world, uri)).collect();
    numbers.sort();
    numbers
}

fn number(world: &World, uri: parv_model::Uri) -> usize {
    (0..world.people.len()).find(|&n| world.uri(n) == uri).expect("one of our people")
}

fn role(world: &mut World, heads: &[CommitId], who: usize) -> Option<Role> {
    let uri = world.uri(who);
    world.replica.state(heads).role(&uri)
}

#[test]
fn two_majorities_duel_and_one_side_wins() {
    // B voted both ways; nobody has built on either ban yet.
    let (mut world, head) = setup(3, 0);
    let (a, c) = (world.uri(A), world.uri(C));
    let half = world.line(head, &[(B, Message::Vote(VoteKind::Ban, c.into()))]);
    let against_c = world
        .line(half, &[(A, Message::Vote(VoteKind::Ban, c.into())), (A, Message::Resolve(VoteKind::Ban, c.into()))]);
    let against_a = world.line(
        half,
        &[
            (B, Message::Vote(VoteKind::Ban, a.into())),
            (C, Message::Vote(VoteKind::Ban, a.into())),
            (C, Message::Resolve(VoteKind::Ban, a.into())),
        ],
    );
    assert_eq!(admins(&mut world, &[against_c, against_a]).len(), 2);
    assert_eq!(world.replica.state(&[against_c, against_a]).undecided().count(), 0);
    // Once B has built on one of them, that one holds.
    let acknowledged = world.line(against_a, &[(B, text("I stand by this"))]);
    assert_eq!(admins(&mut world, &[against_c, acknowledged]), [B, C]);
    is_fixture(
        &mut world,
        "two_majorities_duel_and_one_side_wins",
        &[&[against_c, against_a], &[against_c, acknowledged]],
    );
}

#[test]
fn two_admins_cannot_evict_each_other() {
    let (mut world, head) = setup(2, 0);
    let b = world.uri(B);
    let voted = world.line(head, &[(A, Message::Vote(VoteKind::Ban, b.into()))]);
    assert!(world.write(A, &[voted], Message::Resolve(VoteKind::Ban, b.into())).is_err());
    is_fixture(&mut world, "two_admins_cannot_evict_each_other", &[&[voted]]);
}

#[test]
fn attack_backdated_invitations_of_a_banned_member_bring_nobody_in() {
    let (mut world, head) = setup(3, 1);
    let banned = world.decide(head, &[A, B], VoteKind::Ban, D);
    let (sybil, second) = (world.uri(8), world.uri(9));
    let backdated = world.line(
        head,
        &[
            (D, text("meanwhile")),
            (D, Message::Add(sybil)),
            (8, Message::Join(sybil)),
            (8, Message::Add(second)),
            (9, Message::Join(second)),
        ],
    );
    assert_eq!(role(&mut world, &[banned, backdated], D), Some(Role::Banned));
    assert_eq!(role(&mut world, &[banned, backdated], 8), None);
    assert_eq!(role(&mut world, &[banned, backdated], 9), None);
    assert!(world.write(D, &[backdated, banned], Message::Merge).is_err());
    is_fixture(&mut world, "attack_backdated_invitations_of_a_banned_member_bring_nobody_in", &[&[banned, backdated]]);
}

#[test]
fn attack_a_ban_on_an_old_parent_cannot_erase_what_others_built_on() {
    let (mut world, head) = setup(3, 1);
    let newcomer = world.uri(5);
    let invited = world.line(head, &[(D, Message::Add(newcomer)), (5, Message::Join(newcomer))]);
    let built = world.line(invited, &[(A, text("welcome")), (B, text("welcome"))]);
    let banned = world.decide(head, &[A, C], VoteKind::Ban, D);
    assert_eq!(role(&mut world, &[built, banned], 5), Some(Role::Member));
    assert_eq!(role(&mut world, &[built, banned], D), Some(Role::Banned));
    is_fixture(&mut world, "attack_a_ban_on_an_old_parent_cannot_erase_what_others_built_on", &[&[built, banned]]);
}

/// A founded alone, then B and C became admins by votes.
fn founder_and_two() -> (World, CommitId, CommitId) {
    let mut world = World::new(PEOPLE, Mode::InvitesOnly, None);
    let era = world.gather(world.root(), &[B]);
    let mut head = world.decide(era, &[A], VoteKind::Promote, B);
    head = world.line(head, &[(B, text("at your service"))]);
    head = world.gather(head, &[C]);
    head = world.decide(head, &[A, B], VoteKind::Promote, C);
    head = world.line(head, &[(C, text("me too"))]);
    (world, era, head)
}

#[test]
fn attack_a_former_sole_admin_cannot_return_to_the_time_when_one_vote_was_all() {
    let (mut world, era, head) = founder_and_two();
    let rollback = world.decide(era, &[A], VoteKind::Ban, B);
    assert_eq!(admins(&mut world, &[head, rollback]), [A, B, C]);
    let against_a = world.decide(head, &[B, C], VoteKind::Ban, A);
    assert_eq!(admins(&mut world, &[against_a, rollback]), [B, C]);
    assert_eq!(role(&mut world, &[against_a, rollback], A), Some(Role::Banned));
    is_fixture(
        &mut world,
        "attack_a_former_sole_admin_cannot_return_to_the_time_when_one_vote_was_all",
        &[&[head, rollback], &[against_a, rollback]],
    );
}

#[test]
fn attack_a_founder_cannot_mint_admins_from_the_old_time() {
    let (mut world, era, head) = founder_and_two();
    let mut forged = era;
    for sybil in 6..10 {
        let uri = world.uri(sybil);
        forged = world.line(forged, &[(A, Message::Add(uri)), (sybil, Message::Join(uri))]);
    }
    forged = world.decide(forged, &[A], VoteKind::Promote, 6);
    assert_eq!(admins(&mut world, &[head, forged]), [A, B, C]);
    let against_a = world.decide(head, &[B, C], VoteKind::Ban, A);
    assert_eq!(role(&mut world, &[against_a, forged], A), Some(Role::Banned));
    assert_eq!(role(&mut world, &[against_a, forged], 6), None);
    is_fixture(
        &mut world,
        "attack_a_founder_cannot_mint_admins_from_the_old_time",
        &[&[head, forged], &[against_a, forged]],
    );
}

#[test]
fn attack_invite_then_ban_on_a_fork_of_the_beginning() {
    let (mut world, _, head) = founder_and_two();
    let b = world.uri(B);
    let forged = world.line(world.root(), &[(A, Message::Add(b))]);
    let forged = world.decide(forged, &[A], VoteKind::Ban, B);
    assert!(admins(&mut world, &[head, forged]).contains(&B));
    let against_a = world.decide(head, &[B, C], VoteKind::Ban, A);
    assert_eq!(role(&mut world, &[against_a, forged], A), Some(Role::Banned));
    assert!(admins(&mut world, &[against_a, forged]).contains(&B));
    is_fixture(
        &mut world,
        "attack_invite_then_ban_on_a_fork_of_the_beginning",
        &[&[head, forged], &[against_a, forged]],
    );
}

#[test]
fn attack_a_colluding_former_majority_cannot_roll_back() {
    let (mut world, era) = setup(2, 3);
    let mut head = era;
    head = world.decide(head, &[A, B], VoteKind::Promote, C);
    head = world.decide(head, &[A, B], VoteKind::Promote, D);
    head = world.decide(head, &[A, B, C], VoteKind::Promote, E);
    head = world.decide(head, &[C, D, E], VoteKind::Ban, A);
    head = world.decide(head, &[C, D, E], VoteKind::Ban, B);
    let rollback = world.decide(era, &[A, B], VoteKind::Ban, C);
    assert_eq!(admins(&mut world, &[head, rollback]), [C, D, E]);
    assert_eq!(role(&mut world, &[head, rollback], A), Some(Role::Banned));
    assert_eq!(role(&mut world, &[head, rollback], B), Some(Role::Banned));
    is_fixture(&mut world, "attack_a_colluding_former_majority_cannot_roll_back", &[&[head, rollback]]);
}

#[test]
fn an_unban_helps_what_comes_after_it_only() {
    let (mut world, head) = setup(3, 1);
    let newcomer = world.uri(5);
    let banned = world.decide(head, &[A, B], VoteKind::Ban, D);
    let before = world.line(head, &[(D, Message::Add(newcomer))]);
    let lifted = world.decide(banned, &[A, B], VoteKind::Unban, D);
    let after = world.line(lifted, &[(D, text("back"))]);
    assert_eq!(role(&mut world, &[after, before], D), Some(Role::Member));
    assert_eq!(role(&mut world, &[after, before], 5), None);
    is_fixture(&mut world, "an_unban_helps_what_comes_after_it_only", &[&[after, before]]);
}

#[test]
fn a_ban_beats_a_concurrent_join_whose_invitation_it_saw() {
    let (mut world, head) = setup(3, 0);
    let newcomer = world.uri(5);
    let invited = world.line(head, &[(A, Message::Add(newcomer))]);
    let banned = world.decide(invited, &[A, B], VoteKind::Ban, 5);
    let joined = world.line(invited, &[(5, Message::Join(newcomer)), (5, text("hello"))]);
    assert_eq!(role(&mut world, &[banned, joined], 5), Some(Role::Banned));
    let merge = world.write(A, &[banned, joined], Message::Merge).expect("an honest merge");
    assert!(world.write(5, &[merge], text("x")).is_err());
    is_fixture(&mut world, "a_ban_beats_a_concurrent_join_whose_invitation_it_saw", &[&[banned, joined], &[merge]]);
}

#[test]
fn leave_and_ban_at_once_is_banned() {
    let (mut world, head) = setup(3, 1);
    let d = world.uri(D);
    let banned = world.decide(head, &[A, B], VoteKind::Ban, D);
    let left = world.line(head, &[(D, Message::Leave(d))]);
    assert_eq!(role(&mut world, &[banned, left], D), Some(Role::Banned));
    is_fixture(&mut world, "leave_and_ban_at_once_is_banned", &[&[banned, left]]);
}

#[test]
fn votes_from_both_halves_of_a_cut_come_together() {
    let (mut world, head) = setup(3, 1);
    let d = world.uri(D);
    let here = world.line(head, &[(A, Message::Vote(VoteKind::Ban, d.into()))]);
    let there = world.line(head, &[(B, Message::Vote(VoteKind::Ban, d.into()))]);
    let merge = world.write(C, &[here, there], Message::Merge).expect("an honest merge");
    assert!(world.replica.state(&[merge]).majority(VoteKind::Ban, d));
    let banned = world.write(C, &[merge], Message::Resolve(VoteKind::Ban, d.into())).expect("a majority");
    assert_eq!(role(&mut world, &[banned], D), Some(Role::Banned));
    is_fixture(&mut world, "votes_from_both_halves_of_a_cut_come_together", &[&[merge], &[banned]]);
}

#[test]
fn concurrent_profiles_the_higher_hash_wins() {
    let (mut world, head) = setup(2, 0);
    let one = world.line(head, &[(A, Message::UpdateProfile)]);
    let other = world.line(head, &[(B, Message::UpdateProfile)]);
    let (lower, higher) = (world.replica.state(&[one.min(other)]), world.replica.state(&[one.max(other)]));
    assert_ne!(lower.profile(), higher.profile());
    assert_eq!(world.replica.state(&[one, other]).profile(), higher.profile());
    assert_eq!(world.replica.state(&[one, other]), std::sync::Arc::new(world.replica.resolve_in_full(&[other, one])));
    is_fixture(&mut world, "concurrent_profiles_the_higher_hash_wins", &[&[one, other]]);
}

#[test]
fn a_new_device_cannot_ride_on_the_ban_of_its_own_account() {
    let (mut world, head) = setup(3, 0);
    world.bring_devices(2);
    let (c, new_device) = (world.uri(C), world.people.len() / 2 + C);
    let voted =
        world.line(head, &[(A, Message::Vote(VoteKind::Ban, c.into())), (B, Message::Vote(VoteKind::Ban, c.into()))]);
    if let Ok(banned) = world.write(new_device, &[voted], Message::Resolve(VoteKind::Ban, c.into())) {
        assert_eq!(*world.replica.state(&[banned]), world.replica.resolve_in_full(&[banned]));
    }
}

#[test]
fn half_of_the_electorate_is_no_majority_once_a_vote_is_void() {
    // Three of four voted to ban E; one of them is banned meanwhile, by more than had built on the ban of E.
    let (mut world, head) = setup(4, 1);
    let (c, e) = (world.uri(C), world.uri(E));
    let vote = |who: usize, target: Uri| (who, Message::Vote(VoteKind::Ban, target.into()));
    let common = world.line(head, &[vote(A, e), vote(B, e)]);
    let against_e = world.line(common, &[vote(C, e), (A, Message::Resolve(VoteKind::Ban, e.into()))]);
    let votes = [vote(A, c), vote(B, c), vote(D, c), (D, Message::Resolve(VoteKind::Ban, c.into()))];
    let against_c = world.line(common, &votes);
    assert_eq!(role(&mut world, &[against_e], E), Some(Role::Banned), "the control");
    assert_eq!(role(&mut world, &[against_e, against_c], C), Some(Role::Banned));
    assert_eq!(role(&mut world, &[against_e, against_c], E), Some(Role::Member), "two of four are left");
    is_fixture(
        &mut world,
        "half_of_the_electorate_is_no_majority_once_a_vote_is_void",
        &[&[against_e], &[against_e, against_c]],
    );
}

#[test]
fn a_stale_resolution_of_good_votes_has_no_effect() {
    // A resolves on one device what both voted for, after the others, and A too, have gone on under new admins.
    let (mut world, head) = setup(2, 2);
    let d = world.uri(D);
    let votes = [A, B].map(|who| (who, Message::Vote(VoteKind::Ban, d.into())));
    let voted = world.line(head, &votes);
    let resolved = world.line(voted, &[(A, Message::Resolve(VoteKind::Ban, d.into()))]);
    let promoted = world.decide(voted, &[B, A], VoteKind::Promote, C);
    let gone_on = world.line(promoted, &[(A, text("welcome, C")), (B, text("welcome")), (C, text("thanks"))]);
    assert_eq!(role(&mut world, &[resolved], D), Some(Role::Banned), "the control");
    assert_eq!(role(&mut world, &[resolved, gone_on], D), Some(Role::Member));
    // The votes were good and still are, so it can be resolved once more.
    let merge = world.write(C, &[resolved, gone_on], Message::Merge).expect("an honest merge");
    let again = world.line(merge, &[(C, Message::Resolve(VoteKind::Ban, d.into()))]);
    assert_eq!(role(&mut world, &[again], D), Some(Role::Banned));
    is_fixture(
        &mut world,
        "a_stale_resolution_of_good_votes_has_no_effect",
        &[&[resolved], &[resolved, gone_on], &[again]],
    );
}

#[test]
fn a_duel_of_equals_goes_to_the_senior() {
    let (mut world, head) = setup(4, 0);
    let against_c = world.decide(head, &[A, B, D], VoteKind::Ban, C);
    let against_b = world.decide(head, &[D, A, C], VoteKind::Ban, B);
    assert_eq!(admins(&mut world, &[against_c, against_b]), [A, B, D]);
    is_fixture(&mut world, "a_duel_of_equals_goes_to_the_senior", &[&[against_c, against_b]]);
}

#[test]
fn who_leaves_is_gone_whatever_their_other_device_says_meanwhile() {
    let (mut world, head) = setup(2, 1);
    let c = world.uri(C);
    world.bring_devices(2);
    let second = world.people.len() / 2 + C;
    let left = world.line(head, &[(C, Message::Leave(c))]);
    let said = world.line(head, &[(second, text("I did not hear of that")), (second, Message::Add(world.uri(5)))]);
    assert_eq!(role(&mut world, &[left, said], C), Some(Role::Left));
    assert_eq!(role(&mut world, &[left, said], 5), Some(Role::Invited));
    is_fixture(&mut world, "who_leaves_is_gone_whatever_their_other_device_says_meanwhile", &[&[left, said]]);
}

#[test]
fn a_demotion_ends_an_office_and_its_open_votes() {
    let (mut world, head) = setup(3, 1);
    let d = world.uri(D);
    let voted = world.line(head, &[(B, Message::Vote(VoteKind::Ban, d.into()))]);
    let demoted = world.decide(voted, &[A, C], VoteKind::Demote, B);
    let said = world.line(voted, &[(D, text("what is going on?"))]);
    for heads in [&[demoted][..], &[demoted, said]] {
        assert_eq!(admins(&mut world, heads), [A, C]);
        assert_eq!(role(&mut world, heads, B), Some(Role::Member));
        assert!(world.replica.state(heads).votes(VoteKind::Ban, d).is_empty());
    }
    is_fixture(&mut world, "a_demotion_ends_an_office_and_its_open_votes", &[&[demoted], &[demoted, said]]);
}

#[test]
fn attack_an_admin_minted_in_the_founders_fork_goes_with_the_founder() {
    // Before the founder is banned, the newcomer of the fork of the beginning is an admin: the limit that §6 admits.
    let (mut world, _, head) = founder_and_two();
    let uri = world.uri(9);
    let invited = world.line(world.root(), &[(A, Message::Add(uri)), (9, Message::Join(uri))]);
    let forged = world.decide(invited, &[A], VoteKind::Promote, 9);
    let before = admins(&mut world, &[head, forged]);
    assert!([A, B, C].iter().all(|honest| before.contains(honest)), "{before:?}");
    let against_a = world.decide(head, &[B, C], VoteKind::Ban, A);
    assert_eq!(admins(&mut world, &[against_a, forged]), [B, C]);
    assert_eq!(role(&mut world, &[against_a, forged], 9), None);
    is_fixture(
        &mut world,
        "attack_an_admin_minted_in_the_founders_fork_goes_with_the_founder",
        &[&[head, forged], &[against_a, forged]],
    );
}

#[test]
fn a_ban_touches_only_what_it_has_seen() {
    // D leaves and is let in again; a ban that knows only the first stay does not end the second.
    let (mut world, head) = setup(3, 1);
    let d = world.uri(D);
    let banned = world.decide(head, &[A, B], VoteKind::Ban, D);
    let returned = world.line(head, &[(D, Message::Leave(d)), (C, Message::Add(d)), (D, Message::Join(d))]);
    let newcomer = world.uri(5);
    let invited = world.line(returned, &[(D, Message::Add(newcomer))]);
    assert_eq!(role(&mut world, &[banned, invited], 5), Some(Role::Invited), "the second stay's act stands");
    is_fixture(&mut world, "a_ban_touches_only_what_it_has_seen", &[&[banned, invited]]);
}

#[test]
fn a_text_is_endorsed_by_whoever_knows_what_its_author_knew() {
    // While C becomes an admin and bans A with B, a device of B that has heard of none of this writes a text below an
    // invitation by A. Nobody builds on the text, but A knows all that its author knew (decision 0006): so two admins of
    // the time before hold against one that B did not vote, and the ban has no majority.
    let (mut world, before) = setup(2, 2);
    let after = world.decide(before, &[A, B], VoteKind::Promote, C);
    let ban = world.decide(after, &[B, C], VoteKind::Ban, A);
    let e = world.uri(E);
    let invited = world.line(before, &[(A, Message::Add(e))]);
    let joined = world.line(invited, &[(E, Message::Join(e))]);
    assert_eq!(admins(&mut world, &[ban, joined]), [B, C]);
    let aside = world.line(invited, &[(B, text("aside"))]);
    assert_eq!(admins(&mut world, &[ban, aside]), [A, B, C]);
    is_fixture(
        &mut world,
        "a_text_is_endorsed_by_whoever_knows_what_its_author_knew",
        &[&[ban, joined], &[ban, aside]],
    );
}
