//! Certificates expire by attested time: the word of more than half of the admins, not a clock and not a minority
//! (validation §7).

use parv_identity::certificate::{AccountCertificate, DeviceCertificate, Serial, Validity};
use parv_model::{CommitId, Message, Mode, Refusal, Rule, TreePath, VoteKind};
use parv_proptests::{FOR_EVER, Person, World, text, until};
use parv_validator::BlobSource;

/// When the certificate in these tests ends.
const END: i64 = 2_000_000;

/// Gives person `number` a device certificate that is good from `start` to `end`.
fn limit(world: &mut World, number: usize, start: i64, end: i64) {
    let Person { account_key, device_key, credentials, .. } = &mut world.people[number];
    let device = device_key.device_id();
    let serial = Serial::from_bytes(&[1, end as u8]).unwrap();
    let validity = Validity::new(start, end).unwrap();
    credentials.device =
        DeviceCertificate::issue(account_key, &credentials.account, &device, "device", &serial, validity).unwrap();
}

/// Three admins, and person 3 whose device certificate ends at [`END`].
fn group() -> (World, CommitId) {
    let mut world = World::new(5, Mode::InvitesOnly, None);
    limit(&mut world, 3, 0, END);
    let mut head = world.gather(world.root(), &[1, 2, 3]);
    head = world.decide(head, &[0], VoteKind::Promote, 1);
    head = world.decide(head, &[0, 1], VoteKind::Promote, 2);
    (world, head)
}

#[track_caller]
fn expired(result: Result<CommitId, Refusal>) {
    let refusal = result.expect_err("the certificate has ended");
    assert_eq!(refusal.rule, Rule::Certificate, "{refusal}");
    assert!(refusal.why.contains("more than half of the admins"), "{refusal}");
}

fn at(world: &mut World, time: i64, who: usize, head: CommitId) -> CommitId {
    world.write_at(time, who, &[head], text("tick")).unwrap_or_else(|refusal| panic!("{refusal}"))
}

#[test]
fn it_is_late_when_most_admins_say_so() {
    let (mut world, head) = group();
    let one = at(&mut world, END + 10, 0, head);
    world.write(3, &[one], text("one of three says it is late")).expect("no majority yet");
    let two = at(&mut world, END + 5, 1, one);
    expired(world.write(3, &[two], text("two of three")));
    // One's own date does not help, neither does a fork: the past decides.
    expired(world.write_at(5, 3, &[two], text("backdated")));
    world.write(3, &[one], text("on an older parent")).expect("valid there");
    let exactly = at(&mut world, END, 1, one);
    world.write(3, &[exactly], text("the last second")).expect("the end is included");
}

#[test]
fn a_minority_cannot_expire_others() {
    let (mut world, mut head) = group();
    for _ in 0..3 {
        head = at(&mut world, 200_000_000_000, 2, head);
        head = at(&mut world, 200_000_000_000, 3, head);
    }
    world.write(3, &[head], text("still here")).expect("one admin and a member are no majority");
}

#[test]
fn a_renewed_certificate_rides_in_with_the_next_commit() {
    let (mut world, head) = group();
    let late = at(&mut world, END + 10, 0, head);
    let late = at(&mut world, END + 10, 1, late);
    expired(world.write(3, &[late], text("expired")));
    limit(&mut world, 3, 0, 2 * END);
    let renewed = world.write(3, &[late], text("renewed")).expect("the certificate comes along");
    let other = world.write(3, &[late], text("renewed twice")).expect("valid");
    let said = at(&mut world, END + 20, 2, late);
    // Members who renewed concurrently still merge.
    let merge = world.write(0, &[renewed, said], Message::Merge).expect("valid");
    let merge = world.write(3, &[merge, other], Message::Merge).expect("valid");
    world.write(3, &[merge], text("on we go")).expect("valid");
}

#[test]
fn of_two_certificates_of_an_account_the_one_that_is_good_longer_stays() {
    // Whichever commit has the higher id.
    let mut higher = Vec::new();
    for attempt in 0..8 {
        let mut world = World::new(4, Mode::InvitesOnly, None);
        world.people[3].renew_account(until(END));
        world.bring_devices(2);
        let second = 7;
        let mut head = world.gather(world.root(), &[1, 2, 3]);
        head = world.decide(head, &[0], VoteKind::Promote, 1);
        head = world.decide(head, &[0, 1], VoteKind::Promote, 2);
        head = world.line(head, &[(second, text("my second device"))]);
        world.people[3].renew_account(until(END + 1));
        world.people[second].renew_account(until(END + 3));
        let shorter = world.line(head, &[(3, text(&format!("renewed {attempt}")))]);
        let longer = world.line(head, &[(second, text("renewed as well"))]);
        higher.push(shorter > longer);
        let late = at(&mut world, END + 2, 0, shorter);
        let late = at(&mut world, END + 2, 1, late);
        expired(world.write(3, &[late], text("nobody here knows of the other one")));
        let both = world.write(3, &[late, longer], Message::Merge).expect("valid");
        // The device that does not have it does not put the older one back.
        world.line(both, &[(3, text("I know of it now")), (second, text("my own"))]);
    }
    assert!(higher.contains(&true) && higher.contains(&false), "{higher:?}");
}

#[test]
fn the_expired_cannot_merge_or_join() {
    let (mut world, head) = group();
    let left = world.write(3, &[head], Message::Leave(world.uri(3))).expect("valid");
    let back = world.write(0, &[left], Message::Add(world.uri(3))).expect("valid");
    let late = at(&mut world, END + 10, 0, back);
    let late = at(&mut world, END + 10, 1, late);
    world.write(3, &[back], Message::Join(world.uri(3))).expect("the control is valid");
    expired(world.write(3, &[late], Message::Join(world.uri(3))));

    let one = at(&mut world, END + 10, 0, head);
    let other = at(&mut world, END + 10, 1, head);
    expired(world.write(3, &[one, other], Message::Merge));
    world.write(2, &[one, other], Message::Merge).expect("the control is valid");
}

#[test]
fn what_is_not_good_yet_is_not_good() {
    let (mut world, head) = group();
    limit(&mut world, 4, END, 2 * END);
    let invited = world.write(0, &[head], Message::Add(world.uri(4))).expect("valid");
    expired(world.write(4, &[invited], Message::Join(world.uri(4))));
    let late = at(&mut world, END + 10, 0, invited);
    let late = at(&mut world, END + 10, 1, late);
    world.write(4, &[late], Message::Join(world.uri(4))).expect("now it is");
}

#[test]
fn who_resolves_their_own_demotion_may_renew_their_certificate_with_it() {
    // With the file that becomes another one, too: `admins/` turns into `members/` in the same commit.
    for renews in [false, true] {
        let (mut world, head) = group();
        let uri = world.uri(0);
        let vote = |voter| (voter, Message::Vote(VoteKind::Demote, uri.into()));
        let head = world.line(head, &[vote(1), vote(2)]);
        if renews {
            let Person { account_key, credentials, .. } = &mut world.people[0];
            let validity = until(FOR_EVER + 1);
            credentials.account = AccountCertificate::issue(account_key, "person 0", validity).unwrap();
        }
        let file = |world: &mut World, head| {
            let state = world.replica.state(&[head]);
            for tree in state.render().trees {
                world.objects.add_tree(tree);
            }
            world.objects.entry(&state.tree(), &TreePath::Member(uri)).unwrap()
        };
        let demoted = world.write(0, &[head], Message::Resolve(VoteKind::Demote, uri.into()));
        let demoted = demoted.unwrap_or_else(|refusal| panic!("renews: {renews}: {refusal}"));
        let own = parv_model::object::blob_id(world.people[0].credentials.account.pem()).unwrap();
        assert_eq!(file(&mut world, demoted), Some(own));
        assert_eq!(*world.replica.state(&[demoted]), world.replica.resolve_in_full(&[demoted]));
    }
}

#[test]
fn exactly_half_of_the_admins_do_not_say_what_time_it_is() {
    let mut world = World::new(3, Mode::InvitesOnly, None);
    limit(&mut world, 2, 0, END);
    let mut head = world.gather(world.root(), &[1, 2]);
    head = world.decide(head, &[0], VoteKind::Promote, 1);
    let one = at(&mut world, END + 10, 0, head);
    world.write(2, &[one], text("one of two")).expect("half is no majority");
    let two = at(&mut world, END + 10, 1, one);
    expired(world.write(2, &[two], text("both")));
}

#[test]
fn a_new_admin_who_was_silent_for_long_sets_the_time_back() {
    const BEGUN: i64 = 1_500_000;
    let mut world = World::new(4, Mode::InvitesOnly, None);
    let base = world.gather(world.root(), &[1, 2]);
    (0..3).for_each(|number| limit(&mut world, number, 1, 2 * END));
    let joined = world.gather(base, &[3]);
    limit(&mut world, 3, BEGUN, 2 * END);
    expired(world.write(3, &[joined], text("nobody has said that it is so late")));
    let late = at(&mut world, BEGUN, 0, joined);
    let late = at(&mut world, BEGUN, 3, late);
    let late = at(&mut world, BEGUN, 3, late);
    let promoted = world.decide(late, &[0], VoteKind::Promote, 1);
    expired(world.write(3, &[promoted], text("one of two said so, and that was before there were two")));
    let heard = at(&mut world, BEGUN, 1, promoted);
    world.write(3, &[heard], text("both said so")).expect("valid");

    // The same where a merge brings the new admin.
    let promoted = world.decide(joined, &[0], VoteKind::Promote, 1);
    expired(world.write(3, &[late, promoted], Message::Merge));
    let heard = at(&mut world, BEGUN, 1, promoted);
    world.write(3, &[late, heard], Message::Merge).expect("valid");
}
