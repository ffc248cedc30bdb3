//! Two homes behind routers that translate addresses, and a public node that both know.

use crate::support::{Home, Process};
use crate::world::{Host, Nat, World, until};
use serde_json::Value;

/// Two people at home, in touch with a public node.
struct Homes {
    alice: Home,
    bob: Home,
    at_alice: Process,
    at_bob: Process,
    public: (Process, Home, Host),
}

impl Homes {
    fn new(world: &World, of_alice: Nat, of_bob: Nat) -> Self {
        let (public, home) = (world.host("public", "203.0.113.1"), Home::new());
        let (process, bootstrap) = public.bootstrap_node(&home);
        let (alice, bob) = (Home::with_account("Alice"), Home::with_account("Bob"));
        let at_alice = world.home("alice", "203.0.113.10", of_alice).daemon(&alice, &bootstrap, &[]);
        let at_bob = world.home("bob", "203.0.113.20", of_bob).daemon(&bob, &bootstrap, &[]);
        Self { alice, bob, at_alice, at_bob, public: (process, home, public) }
    }

    /// Alice invites Bob, of whom she knows only the URI; they talk. Gives the conversation's id.
    fn talk(&self) -> String {
        let (mut alice_hears, mut bob_hears) = (self.alice.events(), self.bob.events());
        let id = self.alice.new_conversation();
        self.alice.run(["invite", &id, &self.bob.uri()]).ok();
        bob_hears.until("the invitation", |event| event["event"] == "request-received" && event["id"] == *id);
        self.bob.run(["accept", &id]).ok();
        alice_hears.until("Bob joins", |event| event["event"] == "member" && event["change"] == "joined");
        self.alice.run(["send", &id, "hello", "Bob"]).ok();
        bob_hears.until("Alice's text", |event| event["entry"]["message"]["body"] == "hello Bob");
        self.bob.run(["send", &id, "hello", "Alice"]).ok();
        alice_hears.until("Bob's text", |event| event["entry"]["message"]["body"] == "hello Alice");
        id
    }
}

impl Drop for Homes {
    /// What the nodes said helps to see why it was in vain.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (name, node) in [("Alice", &self.at_alice), ("Bob", &self.at_bob), ("public", &self.public.0)] {
                eprintln!("{name}'s node:\n{}", node.complaints().join("\n"));
            }
        }
    }
}

fn status(home: &Home) -> Value {
    home.json(["net", "status"])
}

/// The connections that one has with a device of the other.
fn connections(home: &Home, other: &Home) -> Vec<Value> {
    let (status, uri) = (status(home), other.uri());
    let all = status["connections"].as_array().unwrap();
    all.iter().filter(|connection| connection["account"] == *uri).cloned().collect()
}

/// Waits until a device has found that nobody reaches it, and holds a place at the relay.
fn until_private(home: &Home) {
    until("a place at a relay", || {
        let status = status(home);
        let circuit =
            status["external"].as_array().unwrap().iter().any(|a| a.as_str().unwrap().contains("p2p-circuit"));
        match circuit && !status["relays"].as_array().unwrap().is_empty() && status["reachability"] == "private" {
            true => Ok(()),
            false => Err(status),
        }
    });
}

#[test]
fn a_hole_is_punched_between_ordinary_homes() {
    let name = "homes::a_hole_is_punched_between_ordinary_homes";
    let Some(world) = World::enter(name) else { return };
    let homes = Homes::new(&world, Nat::PortRestricted, Nat::PortRestricted);
    until_private(&homes.alice);
    until_private(&homes.bob);
    homes.talk();
    let direct = until("a direct connection", || {
        let connections = connections(&homes.alice, &homes.bob);
        let direct = connections.iter().find(|connection| connection["relayed"] == false).cloned();
        direct.ok_or(connections.into())
    });
    assert!(direct["address"].as_str().unwrap().starts_with("/ip4/203.0.113.20/"), "{direct}");
}

#[test]
fn behind_symmetric_routers_everything_goes_through_the_relay() {
    let name = "homes::behind_symmetric_routers_everything_goes_through_the_relay";
    let Some(world) = World::enter(name) else { return };
    let mut homes = Homes::new(&world, Nat::Symmetric, Nat::Symmetric);
    until_private(&homes.alice);
    until_private(&homes.bob);
    let id = homes.talk();
    // Whoever was dialled through the relay tries to punch a hole, and gives up.
    let alice_was_dialled =
        connections(&homes.alice, &homes.bob).iter().any(|connection| connection["outgoing"] == false);
    let puncher = if alice_was_dialled { &mut homes.at_alice } else { &mut homes.at_bob };
    while !puncher.complaint().contains("no hole was punched") {}
    let connections = connections(&homes.alice, &homes.bob);
    assert!(
        !connections.is_empty() && connections.iter().all(|connection| connection["relayed"] == true),
        "{connections:?}"
    );
    let mut bob_hears = homes.bob.events();
    homes.alice.run(["send", &id, "still", "there?"]).ok();
    bob_hears.until("one more text", |event| event["entry"]["message"]["body"] == "still there?");
}

#[test]
fn a_home_whose_router_lets_everybody_in_needs_no_relay() {
    let name = "homes::a_home_whose_router_lets_everybody_in_needs_no_relay";
    let Some(world) = World::enter(name) else { return };
    let homes = Homes::new(&world, Nat::FullCone, Nat::Symmetric);
    until("that Alice is reached", || {
        let status = status(&homes.alice);
        match status["reachability"] == "public" && status["relays"] == serde_json::json!([]) {
            true => Ok(()),
            false => Err(status),
        }
    });
    homes.talk();
    let direct = |connections: &[Value]| connections.iter().any(|connection| connection["relayed"] == false);
    until("a direct connection", || {
        let connections = connections(&homes.bob, &homes.alice);
        if direct(&connections) { Ok(()) } else { Err(connections.into()) }
    });
}
