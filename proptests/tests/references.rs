//! Replies, reactions, edits, files and calls: what they may refer to (validation §5).

use parv_model::{Call, CommitId, EditForm, FileAnnouncement, Message, Mode, Rule};
use parv_proptests::{World, text};

fn reply(to: CommitId) -> Message {
    Message::Reply { to, body: "yes".into() }
}

fn reaction(to: CommitId) -> Message {
    Message::Reaction { to, body: "!".into() }
}

fn edit(of: CommitId, body: &str) -> Message {
    Message::Edit { of, body: body.into(), form: EditForm::Edited }
}

fn file() -> Message {
    Message::File(FileAnnouncement {
        tid: "1".into(),
        display_name: "bees.png".into(),
        total_size: 7,
        sha3sum: [1; 64],
    })
}

#[test]
fn what_lies_in_the_past_can_be_answered_and_nothing_else() {
    let mut world = World::new(3, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1, 2]);
    let said = world.line(head, &[(1, text("shall we?"))]);
    let elsewhere = world.line(head, &[(2, text("on another branch"))]);
    let unknown = CommitId::from_bytes([9; 20]);
    for answer in [reply, reaction] {
        world.write(2, &[said], answer(said)).expect("the control is valid");
        world.write(2, &[said], answer(world.root())).expect("anything in the past can be answered");
        for to in [elsewhere, unknown] {
            let refusal = world.write(2, &[said], answer(to)).expect_err("it is not in the past");
            assert_eq!(refusal.rule, Rule::Kind, "{refusal}");
            assert!(refusal.why.contains("not in its past"), "{refusal}");
        }
    }
    // Over a merge, the other branch is in the past too.
    let merge = world.write(0, &[said, elsewhere], Message::Merge).expect("valid");
    let long = (0..50).fold(merge, |head, i| world.line(head, &[(i % 3, text("and so on"))]));
    for to in [elsewhere, said, head, merge] {
        world.write(1, &[long], reply(to)).expect("it is in the past");
    }
}

#[test]
fn only_ones_own_texts_are_edited() {
    let mut world = World::new(3, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1, 2]);
    let said = world.line(head, &[(1, text("hte"))]);
    let answered = world.line(said, &[(1, reply(said))]);
    let reacted = world.line(answered, &[(1, reaction(said))]);
    let offered = world.line(reacted, &[(1, file())]);
    let called = Message::Call(Call::Ended { to: world.uri(2), duration: 5 });
    let last = world.line(offered, &[(1, called)]);
    for (author, of, body, why) in [
        (1, said, "the", None),
        (1, said, "", None),
        (1, answered, "no", None),
        (1, reacted, "", None),
        (1, offered, "", None),
        (1, reacted, "?", Some("can be deleted but not rewritten")),
        (1, offered, "other.png", Some("can be deleted but not rewritten")),
        (1, last, "", Some("nothing that can be edited")),
        (0, said, "the", Some("somebody else wrote")),
        (0, world.root(), "", Some("nothing that can be edited")),
        (1, CommitId::from_bytes([9; 20]), "", Some("not in its past")),
    ] {
        for form in [EditForm::Edited, EditForm::Text] {
            let result = world.write(author, &[last], Message::Edit { of, body: body.into(), form });
            match (result, why) {
                (Ok(_), None) => {}
                (Err(refusal), Some(why)) => {
                    assert!(refusal.rule == Rule::Kind && refusal.why.contains(why), "{refusal}")
                }
                (result, why) => panic!("edit of {of} by {author} to {body:?}: {result:?}, expected {why:?}"),
            }
        }
    }
    // An edit is no text of its own: it cannot be edited, only its target again.
    let edited = world.line(last, &[(1, edit(said, "the"))]);
    assert!(world.write(1, &[edited], edit(edited, "then")).is_err());
    world.write(1, &[edited], edit(said, "then")).expect("edited twice");
}

#[test]
fn attack_an_edit_that_carries_file_changes() {
    let mut world = World::new(2, Mode::InvitesOnly, None);
    let head = world.gather(world.root(), &[1]);
    let said = world.line(head, &[(1, text("innocent"))]);
    let tree = world.replica.state(&[said]).tree();
    let blob = world.objects.add_blob(b"surprise".to_vec());
    for path in ["surprise.txt", "admins/mine.crt", "profile.vcf"] {
        let tree = world.objects.with_file(&tree, path, Some(blob));
        let bytes = world.forge(1, &[said], edit(said, "still innocent"), tree);
        assert_eq!(world.submit(bytes).expect_err("it carries a file").rule, Rule::Tree);
    }
    world.write(1, &[said], edit(said, "still innocent")).expect("the control is valid");
}
