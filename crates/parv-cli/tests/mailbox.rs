//! Invitations to people who are not there, with real processes: a public node, and people who come and go.

mod support;

use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::{Daemon, Home};

/// How long to look for something that makes no event for us.
const PATIENCE: Duration = Duration::from_secs(60);

fn stop(mut daemon: Daemon) {
    daemon.process.signal(Signal::TERM);
    assert_eq!(daemon.process.end().code(), Some(0));
}

/// The invitations that wait, as soon as there are any.
fn requests(home: &Home) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let requests = home.json(["requests"]);
        if requests != json!([]) {
            return requests;
        }
        assert!(Instant::now() < deadline, "no invitation came");
    }
}

#[test]
fn an_invitation_by_a_process_that_has_ended_is_found_taken_up_and_not_shown_twice() {
    let (alice, bob, public) = (Home::with_account("Alice"), Home::with_account("Bob"), Home::new());
    let (_node, bootstrap) = public.public_node();
    let begin = ["--bootstrap", &bootstrap];
    let (at_alice, at_bob) = (alice.daemon(begin), bob.daemon(begin));
    let mut alice_hears = alice.events();
    bob.run(["connect", &at_alice.address]).ok();
    // Before that she does not know that he has a device.
    alice_hears.until("Bob is there", |event| event["event"] == "connected" && event["account"] == bob.uri());
    stop(at_alice);
    stop(at_bob);

    // Nobody's node runs when Alice invites, and hers is gone when the verb is done.
    let id = alice.new_conversation();
    let invite = ["invite", &id, &bob.uri(), "--no-mdns", "--bootstrap", &bootstrap];
    assert_eq!(alice.json(invite)["delivery"], "left");

    let at_bob = bob.daemon(begin);
    let found = requests(&bob);
    assert_eq!((&found[0]["id"], &found[0]["from"]), (&json!(id), &json!(alice.uri())));
    assert_eq!(found[0]["mode"], 2);

    let _at_alice = alice.daemon(begin);
    let mut alice_hears = alice.events();
    bob.run(["accept", &id]).ok();
    alice_hears.until("Bob joins", |event| event["event"] == "member" && event["change"] == "joined");
    alice.run(["send", &id, "welcome"]).ok();
    bob.run(["leave", &id]).ok();
    alice_hears.until("Bob leaves", |event| event["event"] == "member" && event["change"] == "left");
    stop(at_bob);
    // The letter may lie there still, or be shown again by somebody: it was read.
    let _at_bob = bob.daemon(begin);
    let mut bob_hears = bob.events();
    let other = alice.new_conversation();
    alice.run(["invite", &other, &bob.uri()]).ok();
    bob_hears.until("the other invitation", |event| event["event"] == "request-received" && event["id"] == *other);
    assert_eq!(bob.json(["requests"]).as_array().unwrap().len(), 1);
}

#[test]
fn invitations_of_who_is_blocked_are_not_shown_and_the_inviter_sees_no_difference() {
    let (alice, bob) = (Home::with_account("Alice"), Home::with_account("Bob"));
    assert_eq!(bob.run(["block"]).ok(), "nobody is blocked\n");
    assert_eq!(bob.json(["block", &alice.uri()]), json!([alice.uri()]));
    let (at_alice, _at_bob) = (alice.daemon([""; 0]), bob.daemon([""; 0]));
    bob.run(["connect", &at_alice.address]).ok();
    let mut alice_hears = alice.events();
    let unseen = alice.new_conversation();
    alice.run(["invite", &unseen, &bob.uri()]).ok();
    alice_hears.until("the delivery", |event| event["event"] == "invite-delivered" && event["conversation"] == *unseen);
    assert_eq!(bob.json(["unblock", &alice.uri()]), json!([]));
    let mut bob_hears = bob.events();
    let seen = alice.new_conversation();
    alice.run(["invite", &seen, &bob.uri()]).ok();
    alice_hears.until("the delivery", |event| event["event"] == "invite-delivered" && event["conversation"] == *seen);
    bob_hears.until("the invitation", |event| event["event"] == "request-received" && event["id"] == *seen);
    assert_eq!(bob.json(["requests"]).as_array().unwrap().len(), 1, "the other one was dropped");
}
