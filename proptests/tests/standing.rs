//! Who keeps a part in the conversation, whatever happens: honest people do, removed devices do not, and everybody who is
//! connected comes to the same head.

use parv_model::{CommitId, Message, Mode, Role, TreeId, Uri, VoteKind};
use parv_proptests::group::Group;
use parv_proptests::random::{DEVICES, PEOPLE, attempts, modes, play};
use parv_proptests::{FOR_EVER, World, cases, text, until};
use parv_validator::State;
use proptest::prelude::*;
use proptest::sample::Index;

/// What an honest device does.
#[derive(Debug, Clone)]
enum Deed {
    Text,
    Add(usize),
    Join,
    Leave,
    /// It votes, and resolves if that is a majority.
    Vote(VoteKind, usize),
    Profile,
    /// It gets new certificates.
    Renew,
    /// Some time passes.
    Later,
    /// It hears from another one.
    Fetch(usize),
}

fn deeds(kinds: &'static [VoteKind]) -> impl Strategy<Value = Vec<(usize, Deed)>> {
    let devices = PEOPLE * DEVICES;
    let deed = prop_oneof![
        3 => Just(Deed::Text),
        2 => (0..PEOPLE).prop_map(Deed::Add),
        2 => Just(Deed::Join),
        1 => Just(Deed::Leave),
        6 => (prop::sample::select(kinds), 0..PEOPLE).prop_map(|(kind, who)| Deed::Vote(kind, who)),
        1 => Just(Deed::Profile),
        1 => Just(Deed::Renew),
        1 => Just(Deed::Later),
        10 => (0..devices).prop_map(Deed::Fetch),
    ];
    prop::collection::vec((0..devices, deed), 1..60)
}

/// Honest devices do this, each on top of all that it knows. Also gives whose heads the gate refused.
fn behave(mode: Mode, deeds: &[(usize, Deed)]) -> (Group, Vec<Uri>) {
    let world = play(mode, &[]);
    let beginning = world.history.clone();
    let mut group = Group::new(world, |_, _| beginning.clone());
    let mut refused = Vec::new();
    for (device, deed) in deeds {
        let device = *device;
        let uri = group.world.uri(device);
        let message = match deed {
            Deed::Text => text("hello"),
            Deed::Add(who) => Message::Add(group.world.uri(*who)),
            Deed::Join => Message::Join(uri),
            Deed::Leave => Message::Leave(uri),
            Deed::Vote(kind, who) => Message::Vote(*kind, group.world.uri(*who).into()),
            Deed::Profile => Message::UpdateProfile,
            Deed::Renew | Deed::Later => {
                if let Deed::Later = deed {
                    group.world.wait(1_500);
                } else {
                    renew(&mut group.world, device);
                }
                text("time goes by")
            }
            Deed::Fetch(from) => {
                if let Err(refusal) = group.fetch(device, *from) {
                    refused.extend(group.world.replica.author(&refusal.commit));
                }
                continue;
            }
        };
        // What is not allowed is not done.
        if group.write(device, message).is_ok()
            && let Deed::Vote(kind, who) = deed
        {
            let _ = group.write(device, Message::Resolve(*kind, group.world.uri(*who).into()));
        }
    }
    (group, refused)
}

fn renew(world: &mut World, device: usize) {
    let good = until(world.now() + 4_000);
    world.people[device].renew_account(good);
    world.people[device].renew_device(good);
}

/// The people who joined (or began) and did not leave after or beside that.
fn stayed(world: &World) -> Vec<usize> {
    let mut stayed = Vec::new();
    for who in 0..PEOPLE {
        let uri = world.uri(who);
        let said = |wanted: fn(&Message) -> bool| {
            let by_them = |id: &&CommitId| world.replica.author(id) == Some(uri);
            let all = world.history.iter().filter(by_them);
            all.copied().filter(|id| wanted(world.checked(id).message())).collect::<Vec<_>>()
        };
        let came = said(|message| matches!(message, Message::Initial { .. } | Message::Join(_)));
        let left = said(|message| matches!(message, Message::Leave(_)));
        let after = |join: &CommitId, leave: &CommitId| world.replica.maximal(&[*join, *leave]) == [*join];
        if came.iter().any(|join| left.iter().all(|leave| after(join, leave))) {
            stayed.push(who);
        }
    }
    stayed
}

/// The removed device of [`a_removed_devices_concurrent_acts_change_nothing`] and how it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removal {
    Ban,
    Revocation,
}

/// What a removed device forges: on a commit of its last branch or on an older one.
#[derive(Debug, Clone)]
struct Forgery {
    on: Option<Index>,
    with: Index,
    deed: u8,
    kind: VoteKind,
    whom: usize,
}

fn forgeries() -> impl Strategy<Value = Vec<Forgery>> {
    let on = prop::option::weighted(0.3, any::<Index>());
    let parts = (on, any::<Index>(), 0..8u8, prop::sample::select(&VoteKind::ALL[..]), 0..PEOPLE);
    prop::collection::vec(parts.prop_map(|(on, with, deed, kind, whom)| Forgery { on, with, deed, kind, whom }), 1..12)
}

/// All that people can see of a state. It remembers what strangers said of their own devices, too.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    tree: TreeId,
    admins: Vec<Uri>,
    people: Vec<(Uri, Role)>,
    undecided: Vec<CommitId>,
}

fn shown(state: &State) -> Shown {
    Shown {
        tree: state.tree(),
        admins: state.admins().collect(),
        people: state.people().collect(),
        undecided: state.undecided().collect(),
    }
}

/// Writes the forgeries of `removed` on commits that do not know of the removal, and the same with mere texts in place of
/// every deed. Gives all heads of the one and of the other.
fn forge(
    world: &mut World,
    removed: usize,
    unaware: &[CommitId],
    strangers: &[usize],
    forgeries: &[Forgery],
) -> (Vec<CommitId>, Vec<CommitId>) {
    let (mut forged, mut twins): (Vec<CommitId>, Vec<CommitId>) = (Vec::new(), Vec::new());
    for Forgery { on, with, deed, kind, whom } in forgeries {
        let (parent, twin_parent) = match (on, forged.last().copied().zip(twins.last().copied())) {
            (None, Some(last)) => last,
            (on, _) => {
                let old = *on.unwrap_or(*with).get(unaware);
                (old, old)
            }
        };
        let (own, target) = (world.uri(removed), world.uri(*whom));
        let message = match deed {
            0 => text("I was here all the time"),
            1 => Message::Add(target),
            2 => Message::Leave(own),
            3 => Message::UpdateProfile,
            4 | 5 => Message::Vote(*kind, target.into()),
            _ => Message::Resolve(*kind, target.into()),
        };
        let time = world.just_after(&[parent]);
        let Ok(act) = world.write_at(time, removed, &[parent], message) else { continue };
        let twin = world.write_at(time, removed, &[twin_parent], text("I was here all the time")).expect("a member");
        forged.push(act);
        twins.push(twin);
        // Which strangers they invite come. (Others are not the removed device's, whoever invites them.)
        if *deed == 1
            && strangers.contains(whom)
            && let Ok(joined) = world.write_at(time + 1, *whom, &[act], Message::Join(target))
        {
            // A public conversation needs nobody's invitation.
            let twin = world.write_at(time + 1, *whom, &[twin], Message::Join(target)).unwrap_or(twin);
            forged.push(joined);
            twins.push(twin);
        }
    }
    (forged, twins)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_honest_member_is_locked_out_by_honest_behaviour(
        mode in modes(),
        deeds in deeds(&[VoteKind::Promote, VoteKind::Demote]),
    ) {
        let (mut group, refused) = behave(mode, &deeds);
        for author in refused {
            // Those who leave with one device and write with the other at the same time are gone.
            let leaves = |id: &CommitId| *group.world.checked(id).message() == Message::Leave(author);
            prop_assert!(group.world.history.iter().any(leaves), "the gate refused {}", author);
        }
        group.meet(2);
        let stayed = stayed(&group.world);
        let all = group.world.heads();
        let state = group.world.replica.state(&all);
        for device in 0..PEOPLE * DEVICES {
            let (who, uri) = (device % PEOPLE, group.world.uri(device));
            prop_assert_eq!(state.is_member(&uri), stayed.contains(&who), "person {}", who);
            if stayed.contains(&who) {
                renew(&mut group.world, device);
                group.write(device, text("still here")).map_err(|why| TestCaseError::fail(why.to_string()))?;
            }
        }
    }

    #[test]
    fn whoever_is_out_can_come_back_if_the_others_want(
        mode in modes(),
        deeds in deeds(&VoteKind::ALL),
        who in 0..PEOPLE,
    ) {
        let (mut group, _) = behave(mode, &deeds);
        group.meet(2);
        let uri = group.world.uri(who);
        let heads = group.world.heads();
        let state = group.world.replica.state(&heads);
        let able = |device: &usize| state.device_account(&group.world.people[*device].device()).is_some();
        let Some(host) = (0..PEOPLE * DEVICES).filter(|device| device % PEOPLE != who).find(able) else {
            return Ok(());
        };
        renew(&mut group.world, host);
        renew(&mut group.world, who);
        // One head for all, by whoever may write.
        let mut head = heads[0];
        for other in &heads[1..] {
            let Ok(merge) = group.world.write(host, &[head, *other], Message::Merge) else { return Ok(()) };
            head = merge;
        }
        if state.role(&uri) == Some(Role::Banned) {
            for voter in 0..PEOPLE {
                let vote = group.world.write(voter, &[head], Message::Vote(VoteKind::Unban, uri.into()));
                head = vote.unwrap_or(head);
            }
            let state = group.world.replica.state(&[head]);
            if !state.majority(VoteKind::Unban, uri) {
                return Ok(());
            }
            let admin = (0..PEOPLE).find(|&n| state.is_admin(&group.world.uri(n))).expect("a majority of them");
            let lifted = group.world.write(admin, &[head], Message::Resolve(VoteKind::Unban, uri.into()));
            head = lifted.map_err(|why| TestCaseError::fail(why.to_string()))?;
        }
        let state = group.world.replica.state(&[head]);
        if matches!(state.role(&uri), None | Some(Role::Left)) {
            let invited = group.world.write(host, &[head], Message::Add(uri));
            if mode == Mode::AdminInvitesOnly && !state.is_admin(&group.world.uri(host)) {
                return Ok(());
            }
            head = invited.map_err(|why| TestCaseError::fail(why.to_string()))?;
        }
        if group.world.replica.state(&[head]).role(&uri) == Some(Role::Invited) {
            let joined = group.world.write(who, &[head], Message::Join(uri));
            head = joined.map_err(|why| TestCaseError::fail(why.to_string()))?;
        }
        group.world.write(who, &[head], text("back")).map_err(|why| TestCaseError::fail(why.to_string()))?;
    }

    #[test]
    fn all_who_are_connected_come_to_one_head(
        mode in modes(),
        attempts in attempts(),
        known in prop::collection::vec(any::<Index>(), PEOPLE * DEVICES),
    ) {
        let world = play(mode, &attempts);
        let mut group = Group::new(world, |world, device| vec![*known[device].get(&world.history)]);
        (0..PEOPLE * DEVICES).for_each(|device| renew(&mut group.world, device));
        group.meet(3);
        let heads: Vec<CommitId> = (0..PEOPLE * DEVICES).flat_map(|device| group.heads(device).to_vec()).collect();
        let heads = group.world.replica.maximal(&heads);
        let state = group.world.replica.state(&heads);
        let mut distinct: Vec<Vec<CommitId>> = Vec::new();
        for device in 0..PEOPLE * DEVICES {
            let id = group.world.people[device].device();
            if state.device_account(&id).is_some() && !state.is_revoked(&id) {
                distinct.push(group.heads(device).to_vec());
            }
        }
        distinct.sort();
        distinct.dedup();
        prop_assert!(distinct.len() <= 1, "the devices in good standing still have {:?}", distinct);
        prop_assert!(distinct.iter().all(|heads| heads.len() == 1), "not merged: {:?}", distinct);
    }

    #[test]
    fn a_removed_devices_concurrent_acts_change_nothing(
        mode in modes(),
        attempts in prop_oneof![attempts(), Just(Vec::new())],
        removed in 0..PEOPLE,
        removal in prop::sample::select(vec![Removal::Ban, Removal::Revocation]),
        forgeries in forgeries(),
    ) {
        let mut world = play(mode, &attempts);
        (0..PEOPLE * DEVICES).for_each(|device| world.people[device].renew_device(until(FOR_EVER)));
        let uri = world.uri(removed);
        // One of the others merges everything that there is.
        let heads = world.heads();
        let state = world.replica.state(&heads);
        let others: Vec<usize> = (0..PEOPLE).filter(|&n| n != removed && state.is_member(&world.uri(n))).collect();
        let (Some(&host), true) = (others.first(), state.is_member(&uri)) else { return Ok(()) };
        let mut head = heads[0];
        for other in &heads[1..] {
            let Ok(merge) = world.write(host, &[head, *other], Message::Merge) else { return Ok(()) };
            head = merge;
        }
        let unaware = world.history.clone();
        // The device goes, and all the other admins build on that.
        let device = match removal {
            Removal::Ban => {
                for &voter in &others {
                    head = world.write(voter, &[head], Message::Vote(VoteKind::Ban, uri.into())).unwrap_or(head);
                }
                let ban = others.iter().find_map(|&n| world.write(n, &[head], Message::Resolve(VoteKind::Ban, uri.into())).ok());
                let Some(ban) = ban else { return Ok(()) };
                head = ban;
                removed
            }
            Removal::Revocation => {
                let device = removed + PEOPLE;
                let stolen = world.people[device].serials();
                world.people[removed].revoke(stolen);
                let Ok(revoked) = world.write(removed, &[head], text("my other device is stolen")) else { return Ok(()) };
                // The other one may have been first with a list of the same number.
                prop_assume!(world.event_of(&revoked).papers.list.is_some());
                head = revoked;
                device
            }
        };
        for &other in &others {
            head = world.write(other, &[head], text("seen")).unwrap_or(head);
        }
        let settled = world.replica.state(&[head]);
        let strangers: Vec<usize> = (0..PEOPLE).filter(|&n| settled.role(&world.uri(n)).is_none()).collect();
        let (forged, twins) = forge(&mut world, device, &unaware, &strangers, &forgeries);
        let with_acts = world.replica.state(&[vec![head], forged].concat());
        let with_texts = world.replica.state(&[vec![head], twins].concat());
        prop_assert_eq!(shown(&with_acts), shown(&with_texts), "what it did made a difference");
        // Where nothing was contested before, nothing of it counts as endorsement either. In a public conversation, those
        // whom it brought along are there in their own right.
        if attempts.is_empty() && mode != Mode::Public {
            prop_assert_eq!(shown(&with_acts), shown(&settled), "that it was there made a difference");
        }
    }
}
