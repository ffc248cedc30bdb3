//! Scripted histories in which it matters from when on something counts, and until when: votes that are void by the time they
//! are resolved, and what was void and comes to hold when more is known (validation §6). Person 0 is A, 1 is B, and so on.

use parv_model::{CommitId, Message, Mode, Role, Target, Uri, VoteKind};
use parv_proptests::scene::assembly;
use parv_proptests::{World, text};

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
const D: usize = 3;
const E: usize = 4;
/// Members, where there are five admins.
const F: usize = 5;
const G: usize = 6;
const H: usize = 7;
const I: usize = 8;

fn vote(who: usize, kind: VoteKind, target: impl Into<Target>) -> (usize, Message) {
    (who, Message::Vote(kind, target.into()))
}

fn role(world: &mut World, heads: &[CommitId], uri: Uri) -> Option<Role> {
    world.state(heads).role(&uri)
}

/// Some people say something, one after the other: whoever has built on what is there.
fn built_on(world: &mut World, head: CommitId, people: &[usize]) -> CommitId {
    people.iter().fold(head, |head, &who| world.line(head, &[(who, text("I stand by this"))]))
}

#[test]
fn the_vote_of_a_former_admin_makes_no_majority() {
    // B voted and lost office. Of the three who voted after that, D loses office meanwhile.
    let (mut world, head) = assembly(Mode::InvitesOnly, 5, 2);
    let f = world.uri(F);
    let voted = world.line(head, &[vote(B, VoteKind::Ban, f)]);
    let without_b = world.decide(voted, &[A, C, D], VoteKind::Demote, B);
    let against_f = world.decide(without_b, &[A, C, D], VoteKind::Ban, F);
    assert_eq!(role(&mut world, &[against_f], f), Some(Role::Banned), "the control");
    let against_d = world.decide(without_b, &[A, C, E], VoteKind::Demote, D);
    let against_d = built_on(&mut world, against_d, &[G]);
    assert_eq!(role(&mut world, &[against_f, against_d], f), Some(Role::Member), "two of four are left");
}

#[test]
fn the_vote_of_an_admin_who_went_on_under_others_makes_no_majority() {
    // A voted on one device. With the other A helped to make E an admin, and the others built on that.
    let (mut world, head) = assembly(Mode::InvitesOnly, 3, 4);
    let d = world.uri(D);
    let against_d = world.line(head, &[vote(A, VoteKind::Ban, d), vote(B, VoteKind::Ban, d)]);
    let against_d = world.line(against_d, &[(B, Message::Resolve(VoteKind::Ban, d.into()))]);
    assert_eq!(role(&mut world, &[against_d], d), Some(Role::Banned), "the control");
    let promoted = world.decide(head, &[A, C], VoteKind::Promote, E);
    let promoted = built_on(&mut world, promoted, &[A, C, E, F]);
    assert_eq!(role(&mut world, &[against_d, promoted], d), Some(Role::Member), "one of three is left");
}

#[test]
fn a_vote_that_the_resolution_knows_to_be_stale_makes_up_for_a_void_one() {
    // A's vote is stale where it meets what A did under new admins. Whoever resolves there knows of both.
    let (mut world, head) = assembly(Mode::InvitesOnly, 3, 4);
    let d = world.uri(D);
    let elsewhere = world.line(head, &[(G, Message::Add(world.uri(9)))]);
    let voted = world.line(head, &[vote(A, VoteKind::Ban, d)]);
    let promoted = world.decide(head, &[A, B], VoteKind::Promote, E);
    let promoted = built_on(&mut world, promoted, &[A, B, C, E]);
    let merge = world.write(B, &[voted, promoted], Message::Merge).expect("valid");
    assert!(world.state(&[merge]).votes(VoteKind::Ban, d).is_empty(), "it is stale");
    let votes = [B, C, E].map(|who| vote(who, VoteKind::Ban, d));
    let against_d = world.line(merge, &votes);
    let against_d = world.line(against_d, &[(B, Message::Resolve(VoteKind::Ban, d.into()))]);
    // C, who voted too, loses office meanwhile.
    let against_c = world.decide(merge, &[A, B, E], VoteKind::Demote, C);
    let against_c = built_on(&mut world, against_c, &[F, G]);
    let heads = [against_d, against_c, elsewhere];
    assert!(!world.state(&heads).is_admin(&world.uri(C)));
    assert_eq!(role(&mut world, &heads, d), Some(Role::Banned), "A, B and E of four");
}

#[test]
fn a_demotion_touches_votes_and_resolutions_only() {
    let (mut world, head) = assembly(Mode::InvitesOnly, 3, 0);
    let newcomer = world.uri(9);
    let invited = world.line(head, &[(C, Message::Add(newcomer)), (9, Message::Join(newcomer))]);
    let voted = world.line(head, &[vote(C, VoteKind::Ban, world.uri(B))]);
    let demoted = world.decide(head, &[A, B], VoteKind::Demote, C);
    let heads = [invited, voted, demoted];
    assert_eq!(role(&mut world, &heads, newcomer), Some(Role::Member));
    assert!(world.state(&heads).open_votes().is_empty());
}

#[test]
fn whoever_becomes_an_admin_by_a_void_vote_invites_nobody_where_admins_invite() {
    let (mut world, head) = assembly(Mode::AdminInvitesOnly, 3, 4);
    let (newcomer, d) = (world.uri(9), world.uri(D));
    let promoted = world.decide(head, &[A, B], VoteKind::Promote, D);
    let invited = world.line(promoted, &[(D, Message::Add(newcomer)), (9, Message::Join(newcomer))]);
    assert_eq!(role(&mut world, &[invited], newcomer), Some(Role::Member), "the control");
    let against_b = world.decide(head, &[A, C], VoteKind::Demote, B);
    let against_b = built_on(&mut world, against_b, &[E, F]);
    let heads = [invited, against_b];
    assert_eq!(role(&mut world, &heads, d), Some(Role::Member));
    assert_eq!(role(&mut world, &heads, newcomer), None);
}

#[test]
fn a_vote_does_not_come_back_with_the_office() {
    let (mut world, head) = assembly(Mode::InvitesOnly, 3, 2);
    let d = world.uri(D);
    // Elsewhere nobody has heard of any of this, so that all of it is weighed at once.
    let elsewhere = world.line(head, &[(E, Message::Add(world.uri(9)))]);
    let voted = world.line(head, &[vote(B, VoteKind::Ban, d)]);
    assert_eq!(world.state(&[voted, elsewhere]).votes(VoteKind::Ban, d), [world.uri(B)], "the control");
    let demoted = world.decide(voted, &[A, C], VoteKind::Demote, B);
    let again = world.decide(demoted, &[A, C], VoteKind::Promote, B);
    let state = world.state(&[again, elsewhere]);
    assert!(state.is_admin(&world.uri(B)) && state.open_votes().is_empty());
}

#[test]
fn an_unban_of_a_device_lifts_no_ban_beside_it() {
    let (mut world, head) = assembly(Mode::InvitesOnly, 3, 1);
    let device = world.people[D].device();
    let decide = |world: &mut World, head, voters: [usize; 2], kind| {
        let head = world.line(head, &voters.map(|who| vote(who, kind, device)));
        world.line(head, &[(voters[0], Message::Resolve(kind, device.into()))])
    };
    let banned = decide(&mut world, head, [A, B], VoteKind::Ban);
    let lifted = decide(&mut world, banned, [A, B], VoteKind::Unban);
    assert!(!world.state(&[lifted]).is_device_banned(&device), "the control");
    let beside = decide(&mut world, head, [B, C], VoteKind::Ban);
    assert!(world.state(&[lifted, beside]).is_device_banned(&device));
}

/// Something was decided by A, B and D, and is void for whoever hears that A lost office by C, D and E meanwhile, which more
/// have built on. C merges both sides and goes on. Then it turns out that E had lost office at the same time by A, B and D, so
/// that A had not, and what was decided holds.
///
/// `ground` comes before all of that, `before` before the decision, `last` after C's merge. Gives both heads.
fn revived(
    world: &mut World,
    head: CommitId,
    [ground, before]: [&[(usize, Message)]; 2],
    (kind, target): (VoteKind, Target),
    last: (usize, Message),
) -> [CommitId; 2] {
    let head = world.line(head, ground);
    let decided = world.line(head, before);
    let decided = world.line(decided, &[A, B, D].map(|who| vote(who, kind, target)));
    let decided = world.line(decided, &[(A, Message::Resolve(kind, target))]);
    let against_a = world.decide(head, &[C, D, E], VoteKind::Demote, A);
    let against_a = built_on(world, against_a, &[G]);
    let merge = world.write(C, &[decided, against_a], Message::Merge).expect("valid");
    let a = world.uri(A);
    assert_eq!(role(world, &[merge], a), Some(Role::Member), "what A resolved is void");
    let last = world.line(merge, &[last]);
    let against_e = world.decide(head, &[A, B, D], VoteKind::Demote, E);
    let against_e = built_on(world, against_e, &[H, I]);
    assert!(world.state(&[last, against_e]).is_admin(&a), "it is not any more");
    [last, against_e]
}

#[test]
fn votes_end_with_a_resolution_that_comes_to_hold_only_later() {
    // Three voted to ban F; then F is promoted instead, which ends those votes, or so it turns out.
    for are_old in [true, false] {
        let (mut world, head) = assembly(Mode::InvitesOnly, 5, 4);
        let f = world.uri(F);
        let votes = [B, C, D].map(|who| vote(who, VoteKind::Ban, f));
        let votes = if are_old { [&votes[..], &[]] } else { [&[][..], &votes] };
        let ban = (C, Message::Resolve(VoteKind::Ban, f.into()));
        let heads = revived(&mut world, head, votes, (VoteKind::Promote, f.into()), ban);
        assert_eq!(role(&mut world, &heads[..1], f), Some(Role::Banned), "the control");
        assert_eq!(role(&mut world, &heads, f), Some(Role::Admin), "are_old: {are_old}");
    }
}

#[test]
fn what_a_device_did_after_a_ban_that_comes_to_hold_only_later_is_void() {
    let (mut world, head) = assembly(Mode::InvitesOnly, 5, 4);
    let (device, newcomer) = (world.people[F].device(), world.uri(9));
    let invitation = (F, Message::Add(newcomer));
    let heads = revived(&mut world, head, [&[], &[]], (VoteKind::Ban, device.into()), invitation);
    assert_eq!(role(&mut world, &heads[..1], newcomer), Some(Role::Invited), "the control");
    assert!(world.state(&heads).is_device_banned(&device));
    assert_eq!(role(&mut world, &heads, newcomer), None);
}
