//! Somebody takes the laptop elsewhere while a large fetch is under way.

use crate::support::Home;
use crate::world::{Host, World, until};
use serde_json::{Value, json};

/// How many bytes came in through a host's cable.
fn received(host: &Host) -> u64 {
    let links: Value = serde_json::from_str(&host.run("ip -s -j link show eth0")).unwrap();
    links[0]["stats64"]["rx"]["bytes"].as_u64().unwrap()
}

#[test]
fn a_fetch_goes_on_from_a_new_address() {
    let Some(world) = World::enter("moving::a_fetch_goes_on_from_a_new_address") else { return };
    let (at_alice, at_bob) = (world.host("alice", "203.0.113.10"), world.host("bob", "203.0.113.20"));
    let (alice, bob) = (Home::with_account("Alice"), Home::with_account("Bob"));
    let (_first, address) = at_alice.daemon_at(&alice, &[], &[], "/ip4/203.0.113.10/");
    let _second = at_bob.daemon(&bob, &[address], &[]);
    let (mut alice_hears, mut bob_hears) = (alice.events(), bob.events());
    let id = alice.new_conversation();
    alice.run(["invite", &id, &bob.uri()]).ok();
    bob_hears.until("the invitation", |event| event["event"] == "request-received");
    bob.run(["accept", &id]).ok();
    alice_hears.until("Bob joins", |event| event["event"] == "member" && event["change"] == "joined");

    // A thin line, and much to bring over it.
    at_alice.nft(
        "table ip thin { chain leaving {
            type filter hook output priority filter
            oifname eth0 limit rate over 100 kbytes/second burst 50 kbytes drop
        }
        }",
    );
    let before = received(&at_bob);
    let digits = |number: u64| format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31));
    let text = |part: u64| (0..3500).map(|n| digits(part << 32 | (n * n + 7 * n + part))).collect::<String>();
    let texts: Vec<String> = (1..=12).map(text).collect();
    for text in &texts {
        alice.run_with_input(["send", &id, "-"], text).ok();
    }
    until("the fetch is under way", || {
        let came = received(&at_bob) - before;
        if came > 60_000 { Ok(()) } else { Err(json!(came)) }
    });
    assert!(bob.texts(&id).len() < texts.len(), "the line was not thin enough: all is there before the move");
    at_bob.run("ip addr del 203.0.113.20/24 dev eth0");
    at_bob.run("ip addr add 203.0.113.21/24 dev eth0");

    until("all the texts", || {
        let read = bob.texts(&id);
        if read == texts { Ok(()) } else { Err(json!(read.len())) }
    });
    until("Bob at his new address", || {
        let status = alice.json(["net", "status"]);
        let connections = status["connections"].as_array().unwrap();
        let new = |connection: &Value| connection["address"].as_str().unwrap().starts_with("/ip4/203.0.113.21/");
        if connections.iter().any(new) { Ok(()) } else { Err(status) }
    });
}
