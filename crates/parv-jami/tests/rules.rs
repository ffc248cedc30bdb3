//! Jami's rules one by one: what its daemons write is valid, what they should not write is refused, and where the original is
//! laxer than that, a lenient judge says so and goes on.

mod support;

use parv_jami::lenience::Laxness;
use parv_jami::{JamiRules, Role};
use parv_model::{CommitId, Refusal, Rule};
use support::*;

fn strict(mode: u8) -> (World, CommitId) {
    World::with_members(JamiRules::strict(), mode)
}

/// Does the same under both judges: the strict one refuses, the lenient one warns of just this.
#[track_caller]
fn lax(
    laxness: Laxness,
    rule: Rule,
    words: &str,
    does: impl Fn(JamiRules) -> (World, Result<CommitId, Refusal>),
) -> World {
    refused(does(JamiRules::strict()).1, rule, words);
    let (world, done) = does(JamiRules::lenient());
    let commit = done.expect("a lenient judge lets it through");
    let warned: Vec<_> = world.warnings().into_iter().map(|warning| (warning.commit, warning.laxness)).collect();
    assert_eq!(warned, [(commit, laxness)]);
    world
}

#[test]
fn a_second_device_comes_with_its_first_message() {
    let (mut world, head) = strict(2);
    let second = world.author("alice2");
    let text = r#"{"body":"x","type":"text/plain"}"#;
    refused(world.text("alice2", &[head], "x"), Rule::Authority, "not a device of this conversation");
    let file = (second.device_path(), second.device_file.clone());
    let head = world.write("alice2", &[head], text, |files| drop(files.insert(file.0, file.1))).unwrap();
    world.text("alice2", &[head], "y").unwrap();
    assert_eq!(world.state(head).owner(&second.device), Some(world.alice.account));
}

#[test]
fn nobody_brings_a_device_for_somebody_else() {
    let (mut world, head) = strict(2);
    let dave = world.author("dave");
    let text = r#"{"body":"x","type":"text/plain"}"#;
    let result = world.write("bob", &[head], text, |files| {
        files.insert(dave.device_path(), dave.device_file.clone());
    });
    refused(result, Rule::Tree, "should not be there");
}

/// A certificate that only names the victim's account: the original compares the names.
#[test]
fn a_device_must_be_signed_by_its_account() {
    lax(Laxness::DeviceUnsigned, Rule::Certificate, "not signed by the account", |rules| {
        let (mut world, head) = World::with_members(rules, 2);
        let dave = world.author("dave");
        let result = world.write("dave", &[head], r#"{"body":"I am Alice","type":"text/plain"}"#, |files| {
            files.insert(dave.device_path(), key_file("dave.as-alice.crt"));
        });
        (world, result)
    });
}

#[test]
fn certificates_are_renewed_by_their_owner_only_and_expire() {
    let (mut world, head) = strict(2);
    let text = r#"{"body":"x","type":"text/plain"}"#;
    let (alice, bob) = (world.author("alice"), world.author("bob"));
    world
        .write("alice", &[head], text, |files| drop(files.insert(alice.admin(), key_file("alice.account-renewed.crt"))))
        .unwrap();
    let result = world
        .write("alice", &[head], text, |files| drop(files.insert(bob.member(), key_file("bob.account-renewed.crt"))));
    refused(result, Rule::Tree, "should not be changed");
    let result =
        world.write("alice", &[head], text, |files| drop(files.insert(alice.admin(), bob.account_file.clone())));
    refused(result, Rule::Certificate, "is the certificate of");
    let result = world.write("alice", &[head], text, |files| drop(files.insert(alice.admin(), b"nonsense".to_vec())));
    refused(result, Rule::Certificate, "one to four certificates");
    let result =
        world.write("bob", &[head], text, |files| drop(files.insert(bob.device_path(), key_file("bob.short.crt"))));
    refused(result, Rule::Certificate, "had expired");
}

#[test]
fn a_chain_must_hold_to_its_end() {
    let (mut world, head) = World::begun(JamiRules::strict(), 2);
    let bob = world.author("bob");
    let head = world.add("alice", &[head], &bob).unwrap();
    let account = String::from_utf8(bob.account_file.clone()).unwrap();
    let other = String::from_utf8(world.author("carol").account_file.clone()).unwrap();
    let end = "-----END CERTIFICATE-----\n";
    let first = |text: &str| text[..text.find(end).unwrap() + end.len()].to_owned();
    let rest = |text: &str| text[text.find(end).unwrap() + end.len()..].to_owned();
    for (file, words) in [(first(&account), "not signed"), (first(&account) + &rest(&other), "not signed")] {
        let result = world.write("bob", &[head], &member("join", &bob), |files| {
            files.remove(&bob.invited());
            files.insert(bob.member(), file.into_bytes());
            files.insert(bob.device_path(), bob.device_file.clone());
        });
        refused(result, Rule::Certificate, words);
    }
    world.join(&[head], &bob).unwrap();
}

#[test]
fn the_first_commit_is_signed_and_brings_its_author() {
    lax(Laxness::UnsignedRoot, Rule::Signature, "not signed", |rules| {
        let mut world = World::new(rules);
        let root = world.begin(r#"{"mode":2,"type":"initial"}"#, Sign::Not, |_| {});
        (world, root)
    });
    let begin = |message: &str, change: &dyn Fn(&mut Files)| {
        World::new(JamiRules::strict()).begin(message, Sign::Well, |files| change(files))
    };
    let (alice, bob) = (Author::new("alice", 1), Author::new("bob", 1));
    let initial = r#"{"mode":2,"type":"initial"}"#;
    refused(begin(initial, &|files| drop(files.remove(&alice.admin()))), Rule::Certificate, "missing");
    refused(begin(initial, &|files| drop(files.remove(&alice.device_path()))), Rule::Certificate, "missing");
    refused(begin(initial, &|files| drop(files.insert(bob.invited(), Vec::new()))), Rule::Tree, "should not be there");
    refused(begin(r#"{"body":"x","type":"text/plain"}"#, &|_| {}), Rule::Root, "begins with an initial commit");
    let one_to_one = format!(r#"{{"invited":"{}","mode":0,"type":"initial"}}"#, bob.account);
    refused(begin(&one_to_one, &|_| {}), Rule::Tree, "should be there");
    begin(&one_to_one, &|files| drop(files.insert(bob.invited(), Vec::new()))).unwrap();
}

#[test]
fn a_one_to_one_conversation_has_room_for_two() {
    let mut world = World::new(JamiRules::strict());
    let (bob, carol) = (world.author("bob"), world.author("carol"));
    let initial = format!(r#"{{"invited":"{}","mode":0,"type":"initial"}}"#, bob.account);
    let root = world.begin(&initial, Sign::Well, |files| drop(files.insert(bob.invited(), Vec::new()))).unwrap();
    assert_eq!(world.state(root).role(&bob.account), Some(Role::Invited));
    refused(world.add("alice", &[root], &carol), Rule::Kind, "room only for the two");
    let head = world.join(&[root], &bob).unwrap();
    let head = world.leave("bob", &[head], &bob).unwrap();
    assert_eq!(world.state(head).role(&bob.account), Some(Role::Left), "who was named at the start is not forgotten");
    let head = world.add("alice", &[head], &bob).unwrap();
    let head = world.join(&[head], &bob).unwrap();
    assert_eq!(world.state(head).role(&bob.account), Some(Role::Member));
}

#[test]
fn who_may_invite_is_the_mode() {
    lax(Laxness::MemberInvites, Rule::Kind, "only an admin may invite", |rules| {
        let (mut world, head) = World::with_members(rules, 1);
        let dave = world.author("dave");
        let result = world.add("bob", &[head], &dave);
        (world, result)
    });
    let (mut world, head) = strict(1);
    let dave = world.author("dave");
    world.add("alice", &[head], &dave).unwrap();
    let (mut world, head) = strict(2);
    world.add("bob", &[head], &dave).unwrap();
    let bob = world.author("bob");
    refused(world.add("bob", &[head], &bob), Rule::Kind, "nobody invites themselves");
    refused(world.add("dave", &[head], &bob), Rule::Authority, "not a device");
}

#[test]
fn nobody_is_invited_twice() {
    lax(Laxness::AddPresent, Rule::Kind, "already here", |rules| {
        let (mut world, head) = World::with_members(rules, 2);
        let bob = world.author("bob");
        let result = world.add("alice", &[head], &bob);
        (world, result)
    });
}

#[test]
fn only_who_is_invited_joins_and_only_for_themselves() {
    let (mut world, head) = strict(2);
    let (bob, dave) = (world.author("bob"), world.author("dave"));
    refused(world.join(&[head], &dave), Rule::Kind, "has not been invited");
    refused(world.join(&[head], &bob), Rule::Kind, "already here");
    let invited = world.add("alice", &[head], &dave).unwrap();
    let result = world.write("dave", &[invited], &member("join", &bob), |files| {
        files.remove(&dave.invited());
        files.insert(dave.member(), dave.account_file.clone());
        files.insert(dave.device_path(), dave.device_file.clone());
    });
    refused(result, Rule::Kind, "cannot join in the name of");
    let result = world.write("dave", &[invited], &member("join", &dave), |files| {
        files.insert(dave.member(), dave.account_file.clone());
        files.insert(dave.device_path(), dave.device_file.clone());
    });
    refused(result, Rule::Tree, "invited/");
    let joined = world.join(&[invited], &dave).unwrap();
    assert_eq!(world.state(joined).role(&dave.account), Some(Role::Member));
}

#[test]
fn one_leaves_with_or_without_ones_devices_and_only_oneself() {
    let (mut world, head) = strict(2);
    let (bob, carol) = (world.author("bob"), world.author("carol"));
    let left = world.leave("bob", &[head], &bob).unwrap();
    assert_eq!(world.state(left).role(&bob.account), None, "who leaves a group is forgotten");
    refused(world.text("bob", &[left], "still here?"), Rule::Authority, "stranger");
    let back = world.add("alice", &[left], &bob).unwrap();
    world.join(&[back], &bob).unwrap();
    let left = world
        .write("bob", &[head], &member("remove", &bob), |files| {
            files.remove(&bob.member());
            files.remove(&bob.device_path());
        })
        .unwrap();
    assert_eq!(world.state(left).owner(&bob.device), None);
    let result = world.write("bob", &[head], &member("remove", &bob), |files| {
        files.remove(&bob.member());
        files.remove(&carol.device_path());
    });
    refused(result, Rule::Tree, "should be there");
    let world = lax(Laxness::Leave, Rule::Kind, "cannot leave in the name of", |rules| {
        let (mut world, head) = World::with_members(rules, 2);
        let carol = world.author("carol");
        let result = world.leave("bob", &[head], &carol);
        (world, result)
    });
    assert_eq!(world.warnings().len(), 1);
}

#[test]
fn bans_and_unbans_of_every_category() {
    let (mut world, head) = strict(2);
    let (bob, carol, dave) = (world.author("bob"), world.author("carol"), world.author("dave"));
    let mut head = world.add("alice", &[head], &dave).unwrap();
    for (folder, whom, role) in [
        ("members", bob.account.to_string(), Some((bob.account, Role::Member))),
        ("invited", dave.account.to_string(), Some((dave.account, Role::Invited))),
        ("devices", carol.device.to_string(), None),
    ] {
        refused(world.resolve("alice", &[head], "ban", folder, &whom), Rule::Kind, "0 of 1 admins voted");
        let voted = world.vote("alice", &[head], "ban", folder, &whom).unwrap();
        refused(world.resolve("bob", &[voted], "ban", folder, &whom), Rule::Kind, "only an admin");
        let again = world.write("alice", &[voted], &format!(r#"{{"type":"vote","uri":"{whom}"}}"#), |_| {});
        let banned = world.resolve("alice", &[again.unwrap()], "ban", folder, &whom).unwrap();
        if let Some((account, _)) = role {
            assert_eq!(world.state(banned).role(&account), Some(Role::Banned));
        }
        refused(world.resolve("alice", &[banned], "unban", folder, &whom), Rule::Kind, "0 of 1 admins voted");
        let voted = world.vote("alice", &[banned], "unban", folder, &whom).unwrap();
        head = world.resolve("alice", &[voted], "unban", folder, &whom).unwrap();
        if let Some((account, role)) = role {
            assert_eq!(world.state(head).role(&account), Some(role));
        }
    }
}

#[test]
fn a_banned_one_or_a_banned_device_writes_no_more() {
    let (mut world, head) = strict(2);
    let (bob, carol) = (world.author("bob"), world.author("carol"));
    let whom = bob.account.to_string();
    let voted = world.vote("alice", &[head], "ban", "members", &whom).unwrap();
    let banned = world.resolve("alice", &[voted], "ban", "members", &whom).unwrap();
    refused(world.text("bob", &[banned], "x"), Rule::Authority, "is banned");
    refused(world.add("carol", &[banned], &bob), Rule::Kind, "only an unban vote");
    let device = carol.device.to_string();
    let voted = world.vote("alice", &[head], "ban", "devices", &device).unwrap();
    let banned = world.resolve("alice", &[voted], "ban", "devices", &device).unwrap();
    refused(world.text("carol", &[banned], "x"), Rule::Authority, "not a device of this conversation");
}

#[test]
fn a_vote_is_one_empty_file_in_the_voters_name() {
    let (mut world, head) = strict(2);
    let (alice, bob, dave) = (world.author("alice"), world.author("bob"), world.author("dave"));
    let whom = bob.account.to_string();
    let own = alice.account.to_string();
    refused(
        world.vote("bob", &[head], "ban", "members", &world.carol.account.to_string()),
        Rule::Kind,
        "only an admin may vote",
    );
    refused(world.vote("alice", &[head], "ban", "admins", &own), Rule::Kind, "nobody votes on themselves");
    refused(world.vote("alice", &[head], "ban", "devices", &alice.device.to_string()), Rule::Kind, "nobody votes");
    refused(
        world.vote("alice", &[head], "ban", "members", &dave.account.to_string()),
        Rule::Kind,
        "there is no members/",
    );
    refused(world.vote("alice", &[head], "unban", "members", &whom), Rule::Kind, "there is no banned/members/");
    refused(world.vote("alice", &[head], "ban", "admins", &whom), Rule::Kind, "there is no admins/");
    let message = format!(r#"{{"type":"vote","uri":"{whom}"}}"#);
    let path = format!("votes/ban/members/{whom}/{own}");
    let result = world.write("alice", &[head], &message, |files| drop(files.insert(path, b"yes".to_vec())));
    refused(result, Rule::Tree, "should not be changed");
    let path = format!("votes/ban/members/{whom}/{}", world.carol.account);
    let result = world.write("alice", &[head], &message, |files| drop(files.insert(path, Vec::new())));
    refused(result, Rule::Kind, "leaves no vote");
}

#[test]
fn laxness_about_votes() {
    lax(Laxness::VoteWithoutFile, Rule::Kind, "leaves no vote", |rules| {
        let (mut world, head) = World::with_members(rules, 2);
        let message = format!(r#"{{"type":"vote","uri":"{}"}}"#, world.bob.account);
        let result = world.write("alice", &[head], &message, |_| {});
        (world, result)
    });
    let about_carol = |rules: JamiRules| {
        let (mut world, head) = World::with_members(rules, 2);
        let message = format!(r#"{{"type":"vote","uri":"{}"}}"#, world.bob.account);
        let path = format!("votes/ban/members/{}/{}", world.carol.account, world.alice.account);
        let result = world.write("alice", &[head], &message, |files| drop(files.insert(path, Vec::new())));
        (world, result)
    };
    refused(about_carol(JamiRules::strict()).1, Rule::Kind, "leaves no vote");
    let (world, done) = about_carol(JamiRules::lenient());
    let laxness = world.warnings().iter().map(|warning| warning.laxness).collect::<Vec<_>>();
    assert!(done.is_ok() && laxness.contains(&Laxness::VoteForOther), "{done:?} {laxness:?}");
}

/// In a history that keeps the rules there is only ever one admin. The original, though, lets somebody "leave" into the
/// admins' folder; then there are two, and it takes one vote of two for enough.
#[test]
fn half_of_the_admins_is_no_majority() {
    let usurp = |rules: JamiRules| {
        let (mut world, head) = World::with_members(rules, 2);
        let bob = world.author("bob");
        let result = world.write("bob", &[head], &member("remove", &bob), |files| {
            let file = files.remove(&bob.member()).unwrap();
            files.insert(bob.admin(), file);
        });
        (world, result)
    };
    refused(usurp(JamiRules::strict()).1, Rule::Tree, "admins/");
    let (mut world, head) = usurp(JamiRules::lenient());
    let head = head.unwrap();
    let whom = world.bob.account.to_string();
    assert_eq!(world.state(head).role(&world.author("bob").account), Some(Role::Admin));
    let voted = world.vote("alice", &[head], "ban", "admins", &whom).unwrap();
    let banned = world.resolve("alice", &[voted], "ban", "admins", &whom).unwrap();
    let warned: Vec<_> = world.warnings().into_iter().map(|warning| (warning.commit, warning.laxness)).collect();
    assert_eq!(warned, [(head, Laxness::Leave), (banned, Laxness::HalfMajority)]);
}

#[test]
fn a_ban_takes_along_nothing_but_what_it_may() {
    let (mut world, head) = strict(2);
    let (bob, carol) = (world.author("bob"), world.author("carol"));
    let whom = bob.account.to_string();
    let voted = world.vote("alice", &[head], "ban", "members", &whom).unwrap();
    let ban = member("ban", &bob);
    for take in [carol.device_path(), carol.member(), world.alice.device_path()] {
        let result = world.write("alice", &[voted], &ban, |files| {
            move_file(files, "ban", "members", &whom);
            files.remove(&take);
        });
        refused(result, Rule::Tree, "should be there");
    }
    world
        .write("alice", &[voted], &ban, |files| {
            move_file(files, "ban", "members", &whom);
            files.remove(&bob.device_path());
        })
        .unwrap();
    let result = world.write("alice", &[voted], &ban, |_| {});
    refused(result, Rule::Kind, "moves nothing");
}

#[test]
fn only_admins_change_the_profile() {
    let (mut world, head) = strict(2);
    let message = r#"{"type":"application/update-profile"}"#;
    let vcard =
        |files: &mut Files| drop(files.insert("profile.vcf".to_owned(), b"BEGIN:VCARD\nFN:x\nEND:VCARD".to_vec()));
    refused(world.write("bob", &[head], message, vcard), Rule::Kind, "only an admin");
    refused(world.write("alice", &[head], message, |_| {}), Rule::Kind, "no profile.vcf");
    let head = world.write("alice", &[head], message, vcard).unwrap();
    assert!(world.state(head).profile().is_some());
    refused(
        world.write("alice", &[head], r#"{"body":"x","type":"text/plain"}"#, |files| drop(files.remove("profile.vcf"))),
        Rule::Tree,
        "should be there",
    );
}

#[test]
fn edits_are_of_ones_own_texts() {
    let (mut world, head) = strict(2);
    let text = world.text("bob", &[head], "hello").unwrap();
    let edit = |of: CommitId| format!(r#"{{"body":"y","edit":"{of}","type":"application/edited-message"}}"#);
    let edited = world.write("bob", &[text], &edit(text), |_| {}).unwrap();
    refused(world.write("carol", &[text], &edit(text), |_| {}), Rule::Kind, "somebody else wrote");
    refused(world.write("bob", &[edited], &edit(edited), |_| {}), Rule::Kind, "nothing that can be edited");
    refused(world.write("bob", &[head], &edit(text), |_| {}), Rule::Kind, "not in its past");
    lax(Laxness::EditFiles, Rule::Tree, "evil.txt should not be there", |rules| {
        let (mut world, head) = World::with_members(rules, 2);
        let text = world.text("bob", &[head], "hello").unwrap();
        let result =
            world.write("bob", &[text], &edit(text), |files| drop(files.insert("evil.txt".to_owned(), b"x".to_vec())));
        (world, result)
    });
}

#[test]
fn messages_of_kinds_that_are_not_known_are_taken_if_they_touch_nothing() {
    let (mut world, head) = strict(2);
    let head = world.write("bob", &[head], r#"{"type":"application/x-something-new","n":7}"#, |_| {}).unwrap();
    let call = r#"{"duration":"6000","to":"x","type":"application/call-history+json"}"#;
    world.write("bob", &[head], call, |_| {}).unwrap();
    let result = world.write("bob", &[head], call, |files| drop(files.insert("x".to_owned(), Vec::new())));
    refused(result, Rule::Tree, "x should not be there");
}

#[test]
fn values_are_of_the_kind_that_they_are_written_with() {
    lax(Laxness::JsonTypes, Rule::Message, "\"body\"", |rules| {
        let (mut world, head) = World::with_members(rules, 2);
        let result = world.write("bob", &[head], r#"{"body":7,"type":"text/plain"}"#, |_| {});
        (world, result)
    });
    let (mut world, head) = strict(2);
    refused(world.write("bob", &[head], r#"{"body":["x"],"type":"text/plain"}"#, |_| {}), Rule::Message, "JSON object");
}
