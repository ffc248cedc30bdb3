//! `parv push`: real processes, and a push service that the test plays.

mod support;

use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use support::Home;

/// The bodies that are posted to a port, and its URL.
fn push_service() -> (Receiver<Vec<u8>>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (sender, bodies) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut length = 0;
            let mut line = String::new();
            while reader.read_line(&mut line).unwrap() > 2 {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            reader.into_inner().write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").unwrap();
            if sender.send(body).is_err() {
                return;
            }
        }
    });
    (bodies, url)
}

#[test]
fn a_subscription_is_made_shown_and_ended_without_a_daemon() {
    let home = Home::with_account("Sue");
    assert!(home.json(["push", "status"])["subscription"].is_null());
    assert!(home.run(["push", "status"]).ok().contains("nobody can wake this device"));
    assert!(home.run(["push", "unsubscribe"]).failed(1).contains("no push subscription"));
    for wrong in ["push.example.net", "https://sue@push.example.net/", "gopher://push.example.net/"] {
        assert!(home.run(["push", "subscribe", wrong]).failed(2).contains("the endpoint is not"));
    }
    let endpoint = "https://push.example.net/sue";
    let why = home.run(["push", "subscribe", endpoint, "--contact", "sue@example.org"]).failed(2);
    assert!(why.contains("mailto:"), "{why}");
    let made = home.json(["push", "subscribe", endpoint, "--contact", "mailto:sue@example.org"]);
    assert_eq!((&made["subscription"]["endpoint"], &made["holders"]), (&endpoint.into(), &serde_json::json!([])));
    assert_eq!(home.json(["push", "status"]), made, "it is kept");
    let file = home.account_folder().join("push.json");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777, 0o600);
    let why = home.run_with_input(["push", "open", "-"], "no message").failed(1);
    assert!(why.contains("cut short"), "{why}");
    assert!(home.run(["push", "open", "/nowhere"]).failed(1).contains("cannot read the message"));
    home.run(["push", "unsubscribe"]).ok();
    assert!(home.json(["push", "status"])["subscription"].is_null());
}

#[test]
fn a_device_whose_daemon_was_killed_is_woken_and_reads_the_message() {
    let (bodies, url) = push_service();
    let (ann, sue) = (Home::with_account("Ann"), Home::with_account("Sue"));
    let at_ann = ann.daemon(["--private-push-services"]);
    let mut at_sue = sue.daemon([""; 0]);
    let (mut ann_hears, mut sue_hears) = (ann.events(), sue.events());
    sue.run(["connect", &at_ann.address]).ok();
    let id = ann.new_conversation();
    ann.run(["invite", &id, &sue.uri()]).ok();
    sue_hears.until("the invitation", |event| event["event"] == "request-received");
    sue.run(["accept", &id]).ok();
    ann_hears.until("Sue joins", |event| event["event"] == "member" && event["change"] == "joined");
    sue.run(["push", "subscribe", &url]).ok();
    sue_hears.until("the lease", |event| event["event"] == "lease-answered" && event["refused"].is_null());
    let shown = sue.run(["push", "status"]).ok();
    assert!(shown.contains("kept, until") && shown.contains("first for 1 and second for 0"), "{shown}");
    let device = &sue.json(["account", "show"])["device"];
    assert_eq!(&ann.json(["push", "status"])["sleepers"][0], device);

    at_sue.process.signal(Signal::KILL);
    at_sue.process.end();
    ann_hears.until("Sue is gone", |event| event["event"] == "disconnected");
    let commit = ann.json(["send", &id, "wake", "up"])["commit"].clone();
    let body = bodies.recv_timeout(Duration::from_secs(60)).unwrap();
    ann_hears.until("Sue is woken", |event| event["event"] == "wake" && event["outcome"] == "sent");
    let file = sue.path().join("message");
    std::fs::write(&file, body).unwrap();
    let news = sue.json(["push", "open", file.to_str().unwrap()]);
    let at = &ann.json(["account", "show"])["device"];
    assert_eq!(news, serde_json::json!({ "conversation": id, "commit": commit, "device": at }));

    // With a daemon the message is fetched at once.
    let _at_sue = sue.daemon([""; 0]);
    let mut sue_hears = sue.events();
    sue.run(["push", "open", file.to_str().unwrap()]).ok();
    if !sue.texts(&id).contains(&"wake up".to_owned()) {
        sue_hears.until("the text", |event| event["entry"]["message"]["body"] == "wake up");
    }
}
