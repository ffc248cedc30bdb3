//! Two halves of a network, and a firewall that cuts the line between them: both go on, and come together by themselves.

use crate::support::{Home, Process, git};
use crate::world::{World, until};
use serde_json::{Value, json};

/// What a person's device holds of a conversation: heads, log and people.
fn holding(home: &Home, id: &str) -> Value {
    let repository = home.repository(id);
    let refs = git(["--git-dir", repository.to_str().unwrap(), "for-each-ref", "--format=%(objectname)"]).ok();
    let mut heads: Vec<&str> = refs.lines().collect();
    heads.sort_unstable();
    heads.dedup();
    let log = home.json(["log", id]);
    let log: Vec<_> = log["entries"].as_array().unwrap().iter().map(|entry| entry["id"].clone()).collect();
    json!({ "heads": heads, "log": log, "people": home.json(["members", id]) })
}

fn role(home: &Home, id: &str, uri: &str) -> Value {
    let members = home.json(["members", id]);
    let member = members["members"].as_array().unwrap().iter().find(|member| member["uri"] == *uri).cloned();
    member.map_or(Value::Null, |member| member["role"].clone())
}

/// Waits until somebody has read these texts.
fn until_read(home: &Home, id: &str, texts: &[&str]) {
    until("the texts", || {
        let read = home.texts(id);
        if texts.iter().all(|text| read.iter().any(|other| other == text)) { Ok(()) } else { Err(json!(read)) }
    });
}

#[test]
fn both_halves_go_on_and_come_together() {
    let Some(world) = World::enter("partition::both_halves_go_on_and_come_together") else { return };
    let (middle, hosts) = world.two_halves(["ann", "bob"], ["cid", "dan"]);
    let people = ["Ann", "Bob", "Cid", "Dan"].map(Home::with_account);
    let [ann, bob, cid, dan] = &people;
    let listen = ["--listen", "/ip4/0.0.0.0/tcp/0"];
    let (first, address) = hosts[0].daemon_at(ann, &[], &listen, "/ip4/10.1.");
    let mut daemons: Vec<Process> = vec![first];
    for (host, home) in hosts.iter().zip(&people).skip(1) {
        daemons.push(host.daemon(home, std::slice::from_ref(&address), &listen));
    }

    let id = ann.new_conversation();
    for guest in [bob, cid, dan] {
        let mut hears = guest.events();
        ann.run(["invite", &id, &guest.uri()]).ok();
        until("the invitation", || {
            let requests = guest.json(["requests"]);
            if requests[0]["id"] == *id { Ok(()) } else { Err(requests) }
        });
        guest.run(["accept", &id]).ok();
        hears.until("the conversation", |event| event["event"] == "conversation-ready");
    }
    until("that all know each other", || {
        let roles: Vec<_> = people.iter().flat_map(|at| people.iter().map(|of| role(at, &id, &of.uri()))).collect();
        let joined = |role: &Value| role == "admin" || role == "member";
        if roles.iter().all(joined) { Ok(()) } else { Err(json!(roles)) }
    });

    let mut ann_hears = ann.events();
    middle.nft(
        "table ip cut { chain passing {
            type filter hook forward priority filter
            ip protocol tcp reject with tcp reset
            drop
        }
        }",
    );
    let eve = Home::with_account("Eve");
    ann.run(["send", &id, "left", "one"]).ok();
    cid.run(["send", &id, "right", "one"]).ok();
    ann_hears.until("that somebody is gone", |event| event["event"] == "disconnected");
    bob.run(["send", &id, "left", "two"]).ok();
    dan.run(["send", &id, "right", "two"]).ok();
    cid.run(["invite", &id, &eve.uri()]).ok();
    ann.run(["ban", &id, &dan.uri()]).ok();
    for home in [ann, bob] {
        until_read(home, &id, &["left one", "left two"]);
        until("the ban", || if role(home, &id, &dan.uri()) == "banned" { Ok(()) } else { Err(holding(home, &id)) });
        assert!(!home.texts(&id).iter().any(|text| text.starts_with("right")), "the cut leaks");
    }
    for home in [cid, dan] {
        until_read(home, &id, &["right one", "right two"]);
        until("Eve", || if role(home, &id, &eve.uri()) == "invited" { Ok(()) } else { Err(holding(home, &id)) });
        assert!(!home.texts(&id).iter().any(|text| text.starts_with("left")), "the cut leaks");
        assert_eq!(role(home, &id, &dan.uri()), "member");
    }

    middle.run("nft delete table ip cut");
    let agreed = until("one state on all", || {
        let holdings = [ann, bob, cid].map(|home| holding(home, &id));
        let together = role(ann, &id, &eve.uri()) == "invited" && holdings.iter().all(|other| *other == holdings[0]);
        if together { Ok(holdings[0].clone()) } else { Err(json!(holdings)) }
    });
    assert!(agreed["heads"].as_array().is_some_and(|heads| !heads.is_empty()));
    for home in [ann, bob, cid] {
        assert_eq!(role(home, &id, &dan.uri()), "banned");
        until_read(home, &id, &["left one", "left two", "right one"]);
    }
    cid.run(["send", &id, "together", "again"]).ok();
    until_read(ann, &id, &["together again"]);
    until_read(bob, &id, &["together again"]);
}
