//! Merges: what two heads come to together, who may say so, and what a merge may not slip in.

mod support;

use parv_jami::lenience::Laxness;
use parv_jami::{JamiRules, Role};
use parv_model::{CommitId, Refusal, Rule};
use support::*;

fn strict() -> (World, CommitId) {
    World::with_members(JamiRules::strict(), 2)
}

/// The file of another commit.
fn of(world: &World, commit: CommitId, path: &str) -> Vec<u8> {
    world.files(&commit)[path].clone()
}

const PROFILE: &str = r#"{"type":"application/update-profile"}"#;

fn profile(title: &str) -> Vec<u8> {
    format!("BEGIN:VCARD\nFN:{title}\nEND:VCARD").into_bytes()
}

#[test]
fn what_both_sides_did_is_there() {
    let (mut world, head) = strict();
    let dave = world.author("dave");
    let added = world.add("alice", &[head], &dave).unwrap();
    let said = world.text("bob", &[head], "meanwhile").unwrap();
    let result = world.merge("bob", said, added, |_| {});
    refused(result, Rule::Tree, "should be there");
    let merged = world.merge("bob", said, added, |files| drop(files.insert(dave.invited(), Vec::new()))).unwrap();
    assert_eq!(world.state(merged).role(&dave.account), Some(Role::Invited));
    world.join(&[merged], &dave).unwrap();
}

#[test]
fn a_merge_slips_nothing_in_and_takes_no_old_side() {
    let (mut world, head) = strict();
    let dave = world.author("dave");
    let added = world.add("alice", &[head], &dave).unwrap();
    let said = world.text("bob", &[head], "meanwhile").unwrap();
    for rules in [JamiRules::strict(), JamiRules::lenient()] {
        let (mut world, head) = World::with_members(rules, 2);
        let added = world.add("alice", &[head], &dave).unwrap();
        let said = world.text("bob", &[head], "meanwhile").unwrap();
        let result = world.merge("bob", said, added, |files| {
            files.insert(dave.invited(), Vec::new());
            files.insert("evil.txt".to_owned(), b"x".to_vec());
        });
        refused(result, Rule::Tree, "evil.txt should not be there");
    }
    refused(world.merge("bob", said, added, |_| {}), Rule::Tree, "should be there");
    // Every file is as on one of the two sides; that the invitation is gone does not trouble the original.
    let (mut world, head) = World::with_members(JamiRules::lenient(), 2);
    let added = world.add("alice", &[head], &dave).unwrap();
    let said = world.text("bob", &[head], "meanwhile").unwrap();
    let merged = world.merge("bob", said, added, |_| {}).unwrap();
    let warned: Vec<_> = world.warnings().into_iter().map(|warning| (warning.commit, warning.laxness)).collect();
    assert_eq!(warned, [(merged, Laxness::MergeSide)]);
    assert_eq!(world.state(merged).role(&dave.account), None);
    refused(world.join(&[merged], &dave), Rule::Kind, "has not been invited");
}

#[test]
fn the_form_of_a_merge() {
    let merge = |rules: JamiRules, text: &str| -> (World, Result<CommitId, Refusal>) {
        let (mut world, head) = World::with_members(rules, 2);
        let (one, other) = (world.text("alice", &[head], "1").unwrap(), world.text("bob", &[head], "2").unwrap());
        let text = text.replace("OTHER", &other.to_string());
        let result = world.write("bob", &[one, other], &text, |_| {});
        (world, result)
    };
    merge(JamiRules::strict(), "Merge commit 'OTHER'").1.unwrap();
    merge(JamiRules::strict(), "Merge branch 'origin/main'").1.unwrap();
    refused(merge(JamiRules::strict(), r#"{"body":"x","type":"text/plain"}"#).1, Rule::Message, "not that of a merge");
    refused(merge(JamiRules::strict(), "Merge commit 'x'").1, Rule::Message, "not that of a merge");
    let (world, result) = merge(JamiRules::lenient(), "no merge");
    result.unwrap();
    assert_eq!(world.warnings()[0].laxness, Laxness::MergeText);

    let (mut world, head) = strict();
    let next = world.text("alice", &[head], "1").unwrap();
    refused(world.merge("bob", next, head, |_| {}), Rule::Kind, "own past");
    refused(world.merge("bob", next, next, |_| {}), Rule::Structure, "same parent twice");
}

#[test]
fn nobody_merges_themselves_back_in() {
    let (mut world, head) = strict();
    let bob = world.author("bob");
    let whom = bob.account.to_string();
    let voted = world.vote("alice", &[head], "ban", "members", &whom).unwrap();
    let banned = world.resolve("alice", &[voted], "ban", "members", &whom).unwrap();
    let late = world.text("bob", &[head], "late").unwrap();
    let result = world.merge("bob", late, banned, |files| move_file(files, "ban", "members", &whom));
    refused(result, Rule::Authority, "is banned");
    refused(world.merge("bob", late, banned, |_| {}), Rule::Tree, "");
    let merged = world.merge("alice", banned, late, |_| {}).unwrap();
    assert_eq!(world.state(merged).role(&bob.account), Some(Role::Banned));
}

#[test]
fn where_both_changed_the_profile_the_higher_head_decides() {
    let (mut world, head) = strict();
    let put =
        |title: &'static str| move |files: &mut Files| drop(files.insert("profile.vcf".to_owned(), profile(title)));
    let head = world.write("alice", &[head], PROFILE, put("first")).unwrap();
    let one = world.write("alice", &[head], PROFILE, put("one")).unwrap();
    let other = world.write("alice", &[head], PROFILE, put("other")).unwrap();
    let (high, low) = (one.max(other), one.min(other));
    let chosen = of(&world, high, "profile.vcf");
    let forgone = of(&world, low, "profile.vcf");
    let put = |bytes: &[u8]| {
        let bytes = bytes.to_vec();
        move |files: &mut Files| drop(files.insert("profile.vcf".to_owned(), bytes))
    };
    refused(world.merge("bob", high, low, put(&forgone)), Rule::Tree, "profile.vcf should not be changed");
    let merged = world.merge("bob", high, low, put(&chosen)).unwrap();
    // Others merge other heads with the same profiles, and may choose otherwise; then that is to be decided too.
    let mut on_low = world.text("carol", &[low], "0").unwrap();
    for attempt in 1.. {
        if on_low > high {
            break;
        }
        on_low = world.text("carol", &[low], &attempt.to_string()).unwrap();
    }
    let otherwise = world.merge("carol", on_low, high, put(&forgone)).unwrap();
    let last = if merged > otherwise { &chosen } else { &forgone };
    let end = world.merge("alice", merged, otherwise, put(last)).unwrap();
    world.text("bob", &[end], "well then").unwrap();
}

#[test]
fn a_conflict_about_people_is_nothing_to_merge() {
    for rules in [JamiRules::strict(), JamiRules::lenient()] {
        let (mut world, head) = World::with_members(rules, 2);
        let bob = world.author("bob");
        let whom = bob.account.to_string();
        let voted = world.vote("alice", &[head], "ban", "members", &whom).unwrap();
        let banned = world.resolve("alice", &[voted], "ban", "members", &whom).unwrap();
        let text = r#"{"body":"x","type":"text/plain"}"#;
        let renewed = world
            .write("bob", &[head], text, |files| drop(files.insert(bob.member(), key_file("bob.account-renewed.crt"))))
            .unwrap();
        // Git follows the move of a ban: the renewed certificate is banned.
        let path = format!("banned/members/{whom}.crt");
        let merged = world
            .merge("alice", banned, renewed, |files| {
                drop(files.insert(path.clone(), key_file("bob.account-renewed.crt")))
            })
            .unwrap();
        assert_eq!(world.state(merged).role(&bob.account), Some(Role::Banned));
        let (one, other) = (
            world.write("alice", &[head], PROFILE, |files| drop(files.insert("profile.vcf".to_owned(), profile("x")))),
            world.write("alice", &[head], text, |files| {
                files.insert(world_alice_admin(), key_file("alice.account-renewed.crt"));
            }),
        );
        world
            .merge("carol", one.unwrap(), other.unwrap(), |files| {
                files.insert(world_alice_admin(), key_file("alice.account-renewed.crt"));
            })
            .unwrap();
    }
}

fn world_alice_admin() -> String {
    Author::new("alice", 1).admin()
}

/// Two invitations of one person on two sides, one of them taken up: Git keeps the other, and so does the verdict.
#[test]
fn an_invitation_may_outlive_the_joining() {
    let (mut world, head) = strict();
    let dave = world.author("dave");
    let invited = world.add("alice", &[head], &dave).unwrap();
    let joined = world.join(&[invited], &dave).unwrap();
    let again = world.add("bob", &[head], &dave).unwrap();
    let merged = world.merge("bob", joined, again, |files| drop(files.insert(dave.invited(), Vec::new()))).unwrap();
    assert_eq!(world.state(merged).role(&dave.account), Some(Role::Member), "that counts first");
    world.text("dave", &[merged], "hello").unwrap();
}

/// Criss-cross: the common past has two last commits and is merged itself first.
#[test]
fn a_common_past_with_two_ends_is_merged_first() {
    let (mut world, head) = strict();
    let dave = world.author("dave");
    let added = world.add("alice", &[head], &dave).unwrap();
    let said = world.write("bob", &[head], r#"{"body":"x","type":"text/plain"}"#, |files| {
        files.insert(Author::new("bob", 1).member(), key_file("bob.account-renewed.crt"));
    });
    let said = said.unwrap();
    let renewed = |files: &mut Files| {
        files.insert(Author::new("bob", 1).member(), key_file("bob.account-renewed.crt"));
        files.insert(Author::new("dave", 1).invited(), Vec::new());
    };
    let one = world.merge("bob", said, added, renewed).unwrap();
    let other = world.merge("alice", added, said, renewed).unwrap();
    let joined = world.join(&[one], &dave).unwrap();
    let text = world.text("alice", &[other], "y").unwrap();
    // Seen from either of the two ends alone the invitation would be new on one side, and come back.
    refused(world.merge("carol", joined, text, |files| drop(files.insert(dave.invited(), Vec::new()))), Rule::Tree, "");
    let merged = world.merge("carol", joined, text, |_| {}).unwrap();
    assert_eq!(world.state(merged).role(&dave.account), Some(Role::Member));
}
