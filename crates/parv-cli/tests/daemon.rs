//! The daemon: one owner of the data folder, everybody else through its socket, and two of them over the network.

mod support;

use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use support::{Home, Process};

#[test]
fn verbs_go_through_the_daemon_and_nobody_else_gets_in() {
    let home = Home::with_account("Alice");
    let mut daemon = home.daemon([""; 0]);
    assert_eq!(std::fs::metadata(&daemon.socket).unwrap().permissions().mode() & 0o777, 0o600);

    let id = home.new_conversation();
    home.run(["send", &id, "through", "the", "socket"]).ok();
    assert_eq!(home.texts(&id), ["through the socket"]);
    assert!(home.json(["account", "show"])["addresses"][0].as_str().unwrap().starts_with("/ip4/127.0.0.1/"));
    assert_eq!(home.json(["peers"]), serde_json::json!([]));
    assert!(home.run(["log", "zz"]).failed(2).contains("is not the id of a conversation"));
    assert!(home.run(["log", &"ab".repeat(20)]).failed(1).contains("there is no conversation"));

    let why = home.run(["daemon", "--no-mdns"]).failed(1);
    assert!(why.contains("in use by another process"), "{why}");

    daemon.process.signal(Signal::TERM);
    assert_eq!(daemon.process.end().code(), Some(0));
    assert!(!daemon.socket.exists());
    assert_eq!(home.texts(&id), ["through the socket"], "and without the daemon it is all there");
    assert!(home.run(["peers"]).failed(1).contains("parv daemon"));
}

#[test]
fn a_folder_that_is_locked_without_a_daemon_is_said_to_be() {
    let home = Home::with_account("Alice");
    let daemon = home.daemon([""; 0]);
    std::fs::remove_file(&daemon.socket).unwrap();
    let why = home.run(["list"]).failed(1);
    assert!(why.contains("in use by another process") && why.contains("stop it"), "{why}");
}

#[test]
fn a_daemon_that_was_killed_leaves_nothing_in_the_way() {
    let home = Home::with_account("Alice");
    let mut daemon = home.daemon([""; 0]);
    let id = home.new_conversation();
    daemon.process.signal(Signal::KILL);
    daemon.process.end();
    assert!(daemon.socket.exists(), "its socket stays behind");
    assert_eq!(home.json(["list"])[0]["id"], *id, "verbs see that nobody listens");
    let mut daemon = home.daemon([""; 0]);
    assert_eq!(home.json(["list"])[0]["id"], *id);
    daemon.process.signal(Signal::INT);
    assert_eq!(daemon.process.end().code(), Some(0));
}

#[test]
fn two_daemons_invite_accept_and_talk() {
    let (alice, bob) = (Home::with_account("Alice"), Home::with_account("Bob"));
    let (at_alice, _at_bob) = (alice.daemon([""; 0]), bob.daemon([""; 0]));
    let (mut alice_hears, mut bob_hears) = (alice.events(), bob.events());

    bob.run(["connect", &at_alice.address]).ok();
    assert_eq!(bob.json(["peers"])[0]["account"], alice.uri());
    let id = alice.new_conversation();
    alice.run(["invite", &id, &bob.uri()]).ok();
    bob_hears.until("the invitation", |event| event["event"] == "request-received" && event["id"] == *id);
    let requests = bob.json(["requests"]);
    assert_eq!(requests[0]["id"], *id);
    assert_eq!(requests[0]["from"], alice.uri());
    assert_eq!(requests[0]["mode"], 2);

    assert_eq!(bob.json(["accept", &id[..10]])["id"], *id);
    assert_eq!(bob.json(["requests"]), serde_json::json!([]));
    alice_hears.until("Bob joins", |event| event["event"] == "member" && event["change"] == "joined");

    alice.run(["send", &id, "hello", "Bob"]).ok();
    bob_hears.until("Alice's text", |event| event["entry"]["message"]["body"] == "hello Bob");
    bob.run(["send", &id, "hello", "Alice"]).ok();
    alice_hears.until("Bob's text", |event| event["entry"]["message"]["body"] == "hello Alice");
    for home in [&alice, &bob] {
        assert_eq!(home.texts(&id), ["hello Bob", "hello Alice"]);
        let roles: Vec<_> = home.json(["members", &id])["members"]
            .as_array()
            .unwrap()
            .iter()
            .map(|member| (member["uri"].as_str().unwrap().to_owned(), member["role"].as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(roles, [(alice.uri(), "admin".to_owned()), (bob.uri(), "member".to_owned())]);
    }

    let done = alice.json(["ban", &id, &bob.uri()[..12]]);
    assert_eq!((&done["votes"], &done["admins"]), (&1.into(), &1.into()));
    assert!(done["resolution"].is_string());
    assert_eq!(alice.json(["members", &id])["members"][1]["role"], "banned");
}

/// What the metrics of a process say.
fn scrape(address: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_the_network_does_is_seen_in_status_metrics_and_log() {
    let (alice, bob) = (Home::with_account("Alice"), Home::with_account("Bob"));
    let mut command = alice.command(["daemon", "--json", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"]);
    command.args(["--metrics", "127.0.0.1:0"]).env("PARV_LOG", "parv=debug");
    let mut at_alice = Process::spawn(command);
    let ready = at_alice.line("the daemon is ready");
    let (address, device) = (ready["addresses"][0].as_str().unwrap(), ready["device"].as_str().unwrap());
    let at_bob = bob.daemon(["--bootstrap", address]);
    let (mut alice_hears, mut bob_hears) = (alice.events(), bob.events());
    let id = alice.new_conversation();
    alice.run(["invite", &id, &bob.uri()]).ok();
    bob_hears.until("the invitation", |event| event["event"] == "request-received");
    bob.run(["accept", &id]).ok();
    alice_hears.until("Bob joins", |event| event["event"] == "member" && event["change"] == "joined");

    let status = bob.json(["net", "status"]);
    assert_eq!(status["bootstrap"], serde_json::json!([{ "device": device, "connected": true }]));
    assert_eq!(status["listening"][0], *at_bob.address);
    let with_alice = status["connections"].as_array().unwrap().iter().find(|it| it["device"] == *device).unwrap();
    assert_eq!((&with_alice["relayed"], &with_alice["outgoing"]), (&false.into(), &true.into()));

    let metrics = scrape(ready["metrics"].as_str().unwrap());
    for line in [
        r#"parv_fetches_total{outcome="News"} 1"#,
        r#"libp2p_swarm_connections_established_total{role="Listener""#,
        r#"parv_git_bytes_total{direction="Out"}"#,
        r#"parv_streams_total{protocol="/parv/git/1",direction="In"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }

    // Each line of a fetch and of a service says of which conversation, and with whom.
    at_alice.signal(Signal::TERM);
    at_alice.end();
    let log = at_alice.complaints();
    for span in ["fetch", "serve"] {
        let begin = format!("{span}{{conversation={id} device=");
        assert!(log.iter().any(|line| line.contains(&begin)), "{begin}: {log:?}");
    }
}

#[test]
fn a_declined_invitation_is_gone() {
    let (alice, bob) = (Home::with_account("Alice"), Home::with_account("Bob"));
    let (at_alice, _at_bob) = (alice.daemon([""; 0]), bob.daemon([""; 0]));
    let mut bob_hears = bob.events();
    bob.run(["connect", &at_alice.address]).ok();
    let id = alice.new_conversation();
    alice.run(["invite", &id, &bob.uri()]).ok();
    bob_hears.until("the invitation", |event| event["event"] == "request-received");
    bob.run(["decline", &id[..10]]).ok();
    assert_eq!(bob.json(["requests"]), serde_json::json!([]));
    assert_eq!(alice.json(["members", &id])["members"][1]["role"], "invited", "nobody is told");
}

#[test]
fn an_invitation_stays_while_nobody_who_has_the_conversation_is_there() {
    let (alice, bob) = (Home::with_account("Alice"), Home::with_account("Bob"));
    let (mut at_alice, _at_bob) = (alice.daemon([""; 0]), bob.daemon([""; 0]));
    let mut bob_hears = bob.events();
    bob.run(["connect", &at_alice.address]).ok();
    let id = alice.new_conversation();
    alice.run(["invite", &id, &bob.uri()]).ok();
    bob_hears.until("the invitation", |event| event["event"] == "request-received");
    at_alice.process.signal(Signal::TERM);
    at_alice.process.end();
    bob_hears.until("Alice is gone", |event| event["event"] == "disconnected");
    let why = bob.run(["accept", &id]).failed(1);
    assert!(why.contains("could be reached"), "{why}");
    assert_eq!(bob.json(["requests"])[0]["id"], *id);
    assert_eq!(bob.json(["list"]), serde_json::json!([]));
}

#[test]
fn a_verb_alone_delivers_through_the_bootstrap_node() {
    let (alice, bob) = (Home::with_account("Alice"), Home::with_account("Bob"));
    let at_bob = bob.daemon([""; 0]);
    let mut bob_hears = bob.events();
    let id = alice.new_conversation();
    let network = ["--no-mdns", "--bootstrap", &at_bob.address];
    let said = alice.json([&["invite", &id, &bob.uri()], &network[..]].concat());
    assert_eq!(said["delivery"], "done");
    bob_hears.until("the invitation", |event| event["event"] == "request-received");

    let mut at_alice = alice.daemon(["--bootstrap", &at_bob.address]);
    bob_hears.until("Alice is there", |event| event["event"] == "connected");
    bob.run(["accept", &id]).ok();
    // Perhaps before she knows that Bob has joined.
    at_alice.process.signal(Signal::TERM);
    at_alice.process.end();
    let said = alice.json([&["send", &id, "in", "passing"], &network[..]].concat());
    assert_eq!(said["delivery"], "done");
    bob_hears.until("Alice's text", |event| event["entry"]["message"]["body"] == "in passing");
}

#[test]
fn an_unreachable_node_is_said_to_be() {
    let home = Home::with_account("Alice");
    // A port that nobody listens on: it was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("/ip4/127.0.0.1/tcp/{port}");
    let peer = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp";
    let mut daemon = home.daemon(["--bootstrap", &format!("{nobody}/p2p/{peer}")]);
    let complaint = daemon.process.complaint();
    assert!(complaint.contains("cannot reach") && complaint.contains("again"), "{complaint}");
    home.run(["connect", &nobody]).failed(1);
    let id = home.new_conversation();
    home.run(["send", &id, "it works all the same"]).ok();
    assert_eq!(home.run(["connect", "nonsense"]).code, Some(2));
}

#[test]
fn nonsense_on_the_socket_is_answered() {
    let home = Home::with_account("Alice");
    let daemon = home.daemon([""; 0]);
    let stream = UnixStream::connect(&daemon.socket).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut ask = |line: &str| {
        (&stream).write_all(format!("{line}\n").as_bytes()).unwrap();
        answers.next().unwrap().unwrap()
    };
    for nonsense in ["", "{", "[]", r#"{"verb":"dance"}"#, r#"{"verb":"log"}"#, "\u{0}"] {
        let answer = ask(nonsense);
        assert!(answer.starts_with(r#"{"failed":{"kind":"usage""#), "{answer}");
    }
    assert!(ask(r#"{"verb":"list"}"#).starts_with(r#"{"ok":"#), "and the next request is served");
    let endless = "x".repeat(1 << 20);
    // The daemon hangs up in the middle of it.
    let _ = (&stream).write_all(endless.as_bytes());
    assert!(home.run(["list"]).code == Some(0), "others are served on");
}

#[test]
fn events_end_with_the_daemon() {
    let home = Home::with_account("Alice");
    let daemon = home.daemon([""; 0]);
    let mut events: Process = home.events();
    let id = home.new_conversation();
    events
        .until("the new conversation", |event| event["event"] == "conversation-ready" && event["conversation"] == *id);
    daemon.process.signal(Signal::TERM);
    assert_eq!(events.end().code(), Some(0));
}
