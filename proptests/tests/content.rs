//! What is shown of the words of the banned (validation §6, "Content"), and which devices forked (§8).

use parv_model::{CommitId, Message, Mode, Target, VoteKind};
use parv_proptests::random::{attempts, modes, play};
use parv_proptests::{World, cases, text};
use parv_validator::{Content, Equivocation};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// One admin and members 1, 2 and 3.
fn group() -> (World, CommitId) {
    let mut world = World::new(4, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1, 2, 3]);
    (world, head)
}

#[test]
fn words_at_the_same_time_as_the_ban_are_hidden_unless_somebody_took_them_up() {
    let (mut world, head) = group();
    let before = world.line(head, &[(3, text("long before"))]);
    let said = world.line(before, &[(3, text("one")), (3, text("two"))]);
    let one = world.history[world.history.len() - 2];
    let banned = world.decide(before, &[0], VoteKind::Ban, 3);
    let content = world.replica.content(&[banned]);
    assert_eq!(
        content,
        [(one, Content::Hidden), (said, Content::Hidden)].into(),
        "what came before is nobody's business"
    );
    // Somebody took up the first of them before they heard of the ban.
    let answer = world.line(one, &[(1, text("I hear you"))]);
    let content = world.replica.content(&[banned, answer]);
    assert_eq!(content, [(one, Content::Flagged), (said, Content::Hidden)].into());
    // Who knows of the ban takes nothing up any more.
    let merge = world.line(banned, &[(2, text("meanwhile"))]);
    let late = world.write(2, &[merge, said], Message::Merge).expect("a member may merge what they have");
    let content = world.replica.content(&[late]);
    assert_eq!(
        content,
        [(one, Content::Hidden), (said, Content::Hidden)].into(),
        "the answer is not among these heads"
    );
    // An unban helps only what comes after it.
    let back = world.decide(banned, &[0], VoteKind::Unban, 3);
    let again = world.line(back, &[(3, text("hello again"))]);
    let content = world.replica.content(&[again, answer]);
    assert_eq!(content, [(one, Content::Flagged), (said, Content::Hidden)].into());
}

#[test]
fn nobody_takes_up_their_own_words_and_no_banned_one_those_of_another() {
    let (mut world, head) = group();
    let second = world.people[3].at_device(1);
    world.people.push(second);
    let head = world.line(head, &[(4, text("my second device"))]);
    let said = world.line(head, &[(3, text("listen"))]);
    let own = world.line(said, &[(4, text("yes, listen"))]);
    let friend = world.line(own, &[(2, text("listen to them"))]);
    let one = world.decide(head, &[0], VoteKind::Ban, 3);
    let both = world.decide(one, &[0], VoteKind::Ban, 2);
    let hidden = |commits: &[CommitId]| -> BTreeMap<CommitId, Content> {
        commits.iter().map(|commit| (*commit, Content::Hidden)).collect()
    };
    assert_eq!(world.replica.content(&[both, friend]), hidden(&[said, own, friend]));
    let flagged = world.replica.content(&[one, friend]);
    assert_eq!(flagged, [(said, Content::Flagged), (own, Content::Flagged)].into(), "the friend was not banned here");
    // A ban of one device is about the words of that device.
    let device = world.people[4].device();
    let deeds = [(0, Message::Vote(VoteKind::Ban, device.into())), (0, Message::Resolve(VoteKind::Ban, device.into()))];
    let banned = world.line(head, &deeds);
    assert_eq!(world.replica.content(&[banned, own]), hidden(&[own]));
    let answer = world.line(own, &[(3, text("that was me, at my other device"))]);
    assert_eq!(world.replica.content(&[banned, answer]), hidden(&[own]), "one's own word is no other account's");
}

#[test]
fn what_one_ban_hides_another_does_not_show() {
    // Person 3 and their device are banned at once. Whoever takes up their words has heard of the one and not of the other.
    let (mut world, head) = group();
    let device = world.people[3].device();
    let said = world.line(head, &[(3, text("listen"))]);
    let person = world.decide(head, &[0], VoteKind::Ban, 3);
    let deeds = [(0, Message::Vote(VoteKind::Ban, device.into())), (0, Message::Resolve(VoteKind::Ban, device.into()))];
    let machine = world.line(head, &deeds);
    let heard = world.write(2, &[said, machine], Message::Merge).expect("a member may merge what they have");
    assert_eq!(world.replica.content(&[heard]), [(said, Content::Hidden)].into(), "the control");
    assert_eq!(world.replica.content(&[heard, person]), [(said, Content::Hidden)].into());
}

#[test]
fn a_device_that_forks_is_shown_with_both_commits() {
    let (mut world, head) = group();
    let second = world.people[1].at_device(1);
    world.people.push(second);
    let one = world.line(head, &[(1, text("one"))]);
    let other_device = world.line(head, &[(4, text("at my other device"))]);
    assert_eq!(world.replica.equivocations().count(), 0, "two devices may write at the same time");
    let mark = world.replica.checkpoint();
    let merged = world.line(one, &[(1, text("two"))]);
    let other = world.write(1, &[head], text("something else")).expect("each is valid by itself");
    let found: Vec<Equivocation> = world.replica.equivocations().collect();
    let (device, account) = (world.people[1].device(), world.uri(1));
    assert_eq!(found, [Equivocation { device, account, commits: [merged, other] }]);
    world.replica.rollback(mark);
    assert_eq!(world.replica.equivocations().count(), 0);
    let both = world.write(1, &[one, other_device], Message::Merge).expect("on all heads");
    world.write(1, &[both], text("on top of it")).expect("valid");
    assert_eq!(world.replica.equivocations().count(), 0, "who writes on all that they have does not fork");
}

#[test]
fn a_vote_from_a_time_that_is_over_is_found_and_can_be_cast_again() {
    // Ann and Bob are admins. Ann's second device votes against Dan while the others go on and make Cid an admin.
    let mut world = World::new(4, Mode::InvitesOnly, None);
    let mut head = world.gather(world.root(), &[1, 2, 3]);
    head = world.decide(head, &[0], VoteKind::Promote, 1);
    let second = world.people[0].at_device(1);
    world.people.push(second);
    head = world.line(head, &[(4, text("my second device"))]);
    let (ann, dan) = (world.uri(0), world.uri(3));
    let voted = world.line(head, &[(4, Message::Vote(VoteKind::Ban, dan.into()))]);
    let mut regime = world.decide(head, &[0, 1], VoteKind::Promote, 2);
    regime = world.line(regime, &[(0, text("welcome")), (1, text("welcome")), (2, text("thank you"))]);
    assert_eq!(world.replica.state(&[voted]).votes(VoteKind::Ban, dan), [ann]);
    assert!(world.replica.lost_votes(&[voted], ann).is_empty());
    let heads = [voted, regime];
    assert!(world.replica.state(&heads).votes(VoteKind::Ban, dan).is_empty(), "it is stale");
    let lost = world.replica.lost_votes(&heads, ann);
    assert_eq!(lost, [(VoteKind::Ban, Target::Account(dan))].into());
    assert!(world.replica.lost_votes(&heads, world.people[1].uri()).is_empty());
    let merge = world.write(4, &heads, Message::Merge).expect("a member may merge");
    assert_eq!(world.replica.lost_votes(&[merge], ann), lost, "a merge alone does not bring it back");
    let again = world.line(merge, &[(4, Message::Vote(VoteKind::Ban, dan.into()))]);
    assert_eq!(world.replica.state(&[again]).votes(VoteKind::Ban, dan), [ann]);
    assert!(world.replica.lost_votes(&[again], ann).is_empty(), "once is enough");
    // What the admins decided about Dan meanwhile ends the matter, as does a ban of the device that voted.
    let decided = world.decide(regime, &[0, 1], VoteKind::Promote, 3);
    assert!(world.replica.lost_votes(&[voted, decided], ann).is_empty());
    let device = world.people[4].device();
    let ban = |voter| (voter, Message::Vote(VoteKind::Ban, device.into()));
    let banned = world.line(regime, &[ban(0), ban(1), (0, Message::Resolve(VoteKind::Ban, device.into()))]);
    assert!(world.replica.lost_votes(&[voted, banned], ann).is_empty());
}

/// What the rule says, looking at everything.
fn content_by_the_letter(world: &mut World, heads: &[CommitId]) -> BTreeMap<CommitId, Content> {
    let state = world.replica.state(heads);
    let le = |world: &World, x: &CommitId, y: &CommitId| x == y || world.replica.is_behind(x, y);
    let mut content = BTreeMap::new();
    for (ban, target) in state.bans() {
        for e in &world.history {
            let author = world.replica.author(e).unwrap();
            let of_target = match target {
                Target::Account(uri) => uri == author,
                Target::Device(device) => world.checked(e).commit().device == device,
            };
            if !of_target || le(world, e, &ban) || le(world, &ban, e) {
                continue;
            }
            let takes_up = |k: &&CommitId| {
                let other = world.replica.author(k).unwrap();
                other != author
                    && state.is_member(&other)
                    && le(world, e, k)
                    && !le(world, &ban, k)
                    && heads.iter().any(|head| le(world, k, head))
            };
            let shown = world.history.iter().find(takes_up).map_or(Content::Hidden, |_| Content::Flagged);
            let kept = content.entry(*e).or_insert(shown);
            *kept = shown.max(*kept);
        }
    }
    content
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(32), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_shown_is_what_the_rule_says(attempts in attempts(), mode in modes(), cut in any::<prop::sample::Index>()) {
        let mut world = play(mode, &attempts);
        let all = world.replica.maximal(&world.history);
        let some = [world.history[cut.index(world.history.len())]];
        for heads in [&all[..], &some] {
            prop_assert_eq!(world.replica.content(heads), content_by_the_letter(&mut world, heads));
        }
    }

    #[test]
    fn a_device_is_reported_if_and_only_if_it_forked(attempts in attempts(), mode in modes()) {
        let world = play(mode, &attempts);
        let reported: Vec<Equivocation> = world.replica.equivocations().collect();
        for person in &world.people {
            let is_own = |commit: &&CommitId| world.checked(commit).commit().device == person.device();
            let own: Vec<CommitId> = world.history.iter().filter(is_own).copied().collect();
            let concurrent = |x: &CommitId, y: &CommitId| {
                x != y && !world.replica.is_behind(x, y) && !world.replica.is_behind(y, x)
            };
            let forked = own.iter().any(|x| own.iter().any(|y| concurrent(x, y)));
            let report = reported.iter().find(|report| report.device == person.device());
            prop_assert_eq!(report.is_some(), forked);
            if let Some(Equivocation { commits: [one, other], account, .. }) = report {
                prop_assert!(concurrent(one, other) && own.contains(one) && own.contains(other));
                prop_assert_eq!(*account, person.uri());
            }
        }
    }
}
