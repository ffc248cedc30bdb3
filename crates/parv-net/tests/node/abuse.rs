//! Attackers that speak raw sockets and raw libp2p, against a real node: what they get is bounded, and honest traffic goes
//! on meanwhile. `PARV_ATTACKERS` sets how many there are.

use crate::bench::{Peer, Stranger, config, connect, open_conversation, peer, start, stranger, subscribed};
use futures::future::join_all;
use libp2p::multiaddr::Protocol;
use parv_net::{Acceptance, Envelope, Event, NodeConfig, Topic};
use std::time::Instant;
use tokio::net::{TcpSocket, TcpStream};

/// How many attackers there are.
fn attackers(quick: usize) -> usize {
    std::env::var("PARV_ATTACKERS").ok().and_then(|text| text.parse().ok()).unwrap_or(quick)
}

/// The memory of this process, attackers included, in MiB.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kib.unwrap_or(0) / 1024
}

/// The processor time that this process has taken, attackers included, in seconds.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in brackets, may have spaces in it; the times are the 14th and 15th field, in hundredths.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// A word goes from one to the other.
async fn say(from: &Peer, to: &mut Peer, word: &str) {
    from.node.send(to.device(), Envelope::new("text/plain", word.as_bytes().to_vec())).await.unwrap();
    let heard = to.wait(|event| match event {
        Event::Message { envelope, .. } => Some(envelope.body),
        _ => None,
    });
    assert_eq!(heard.await, word.as_bytes());
}

/// A socket that says nothing, connected from another network to a port of this machine. `None` if it is closed at once.
async fn silent(port: u16) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    // Nodes dial from the port that they listen on, at any address: this must not keep it from them.
    socket.set_reuseaddr(true).unwrap();
    socket.bind("127.66.66.66:0".parse().unwrap()).unwrap();
    socket.connect(([127, 0, 0, 1], port).into()).await.ok()
}

#[tokio::test]
async fn sockets_of_one_network_that_never_say_anything_keep_nobody_out() {
    let (victim, mut honest) = (peer().await, peer().await);
    let address = victim.address("/tcp/");
    let port = address.iter().find_map(|part| if let Protocol::Tcp(port) = part { Some(port) } else { None }).unwrap();
    // More than all handshakes that may be going on at once.
    let silent = join_all((0..attackers(600)).map(|_| silent(port))).await;
    honest.node.dial_address(address).await.unwrap();
    say(&victim, &mut honest, "hello").await;
    assert!(silent.iter().flatten().count() > 512);
}

#[tokio::test]
async fn a_crowd_of_connections_leaves_room_for_our_own() {
    const ROOM: u32 = 16;
    let mut victim = start(NodeConfig { max_connections: ROOM, ..config() }).await;
    let (mut friend, mut late) = (peer().await, peer().await);
    connect(&mut friend, &mut victim).await;
    let before = memory();
    let mut crowd: Vec<Stranger> = Vec::new();
    for _ in 0..attackers(40) {
        crowd.push(stranger(&victim).await);
        let held = victim.node.status().await.unwrap().connections.len();
        assert!(held <= (ROOM - ROOM / 4) as usize, "{held} connections");
    }
    println!("{} attackers: {before} MiB before, {} MiB after, {} s", crowd.len(), memory(), processor());
    say(&friend, &mut victim, "still here").await;
    victim.node.dial_address(late.address("/tcp/")).await.unwrap();
    say(&victim, &mut late, "come in").await;
    assert!(victim.node.telemetry().encode().contains(r#"parv_refusals_total{reason="Connection"}"#));
}

#[tokio::test]
async fn a_flood_of_announcements_is_cut_and_honest_ones_pass() {
    let topic = Topic::of(&open_conversation());
    let (mut flooder, mut victim, mut honest) = (peer().await, peer().await, peer().await);
    for peer in [&flooder, &victim, &honest] {
        peer.node.subscribe(topic).await.unwrap();
    }
    for peer in [&mut flooder, &mut honest] {
        connect(peer, &mut victim).await;
        subscribed(peer, victim.device()).await;
        subscribed(&mut victim, peer.device()).await;
    }
    let begin = Instant::now();
    let (node, number) = (flooder.node.clone(), attackers(3000) as u32);
    let flood = tokio::spawn(async move {
        for number in 0..number {
            // Its own queue may be full: then the next is as good.
            let _ = node.publish(topic, number.to_le_bytes().to_vec()).await;
            tokio::task::yield_now().await;
        }
    });
    let mut of_flood = 0;
    for word in ["one", "two", "three"] {
        honest.node.publish(topic, word.into()).await.unwrap();
        loop {
            let (author, data, handle) = victim
                .wait(|event| match event {
                    Event::Announcement { author, data, handle, .. } => Some((author, data, handle)),
                    _ => None,
                })
                .await;
            victim.node.judge(handle, Acceptance::Ignore).await.unwrap();
            if author == honest.device() {
                assert_eq!(data, word.as_bytes());
                break;
            }
            of_flood += 1;
        }
        if word == "two" {
            // The last word comes when all of the flood is out.
            while !flood.is_finished() {
                tokio::task::yield_now().await;
            }
        }
    }
    let allowed = 512 + begin.elapsed().as_millis() / 8;
    println!(
        "{of_flood} of {number} announcements were handed up, {allowed} were allowed; {} MiB, {} s",
        memory(),
        processor()
    );
    assert!(of_flood as u128 <= allowed, "{of_flood} of {allowed}");
}
