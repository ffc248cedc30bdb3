//! A crowd of attackers against the process of a public node: what it costs the node is bounded, and people find each other
//! through it meanwhile. `PARV_ATTACKERS` sets how many sockets the crowd holds.

mod support;

use std::fmt;
use std::net::SocketAddr;
use support::{Home, Process};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

/// What a process has taken up to now.
struct Cost {
    /// Memory, in MiB.
    memory: usize,
    /// Processor time, in hundredths of a second.
    processor: usize,
}

impl Cost {
    fn of(process: &Process) -> Self {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", process.id())).unwrap();
        let status = read("status");
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: usize = kib.split_whitespace().next().unwrap().parse().unwrap();
        // After the name, in brackets, the times are the 12th and the 13th field.
        let stat = read("stat");
        let fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
        Self { memory: kib / 1024, processor: fields.map(|ticks| ticks.parse::<usize>().unwrap()).sum() }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB and {} ms", self.memory, self.processor * 10)
    }
}

/// Where a TCP address of the network is.
fn socket_address(address: &str) -> SocketAddr {
    let parts: Vec<_> = address.split('/').collect();
    format!("{}:{}", parts[2], parts[4]).parse().unwrap()
}

/// Holds so many sockets, all from one network that is not the people's: a third says nothing, a third begins as it should and
/// stops, a third sends rubbish.
async fn crowd(at: SocketAddr, count: usize) -> Vec<TcpStream> {
    let words: [&[u8]; 3] = [b"", b"\x13/multistream/1.0.0\n\x07/noise\n", &[0xff; 4096]];
    let mut held = Vec::new();
    for number in 0..count {
        let socket = TcpSocket::new_v4().unwrap();
        // Nodes dial from the port that they listen on, at any address: this must not keep it from them.
        socket.set_reuseaddr(true).unwrap();
        socket.bind("127.66.66.66:0".parse().unwrap()).unwrap();
        let mut socket = socket.connect(at).await.unwrap();
        // It may be closed already.
        let _ = socket.write_all(words[number % words.len()]).await;
        held.push(socket);
    }
    held
}

#[tokio::test]
async fn a_crowd_costs_a_public_node_little_and_people_find_each_other_meanwhile() {
    let count = std::env::var("PARV_ATTACKERS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let (alice, bob, public) = (Home::with_account("Alice"), Home::with_account("Bob"), Home::new());
    let (node, bootstrap) = public.public_node();
    let begin = ["--bootstrap", &bootstrap];
    let before = Cost::of(&node);
    let held = crowd(socket_address(&bootstrap), count).await;
    let during = Cost::of(&node);

    let (_at_alice, _at_bob) = (alice.daemon(begin), bob.daemon(begin));
    let mut bob_hears = bob.events();
    let id = alice.new_conversation();
    alice.run(["invite", &id, &bob.uri()]).ok();
    bob_hears.until("the invitation", |event| event["event"] == "request-received" && event["id"] == *id);

    let after = Cost::of(&node);
    println!("{count} sockets: {before} before, {during} with them, {after} when people had met");
    drop(held);
    assert!(after.memory < before.memory + 128, "{after}");
}
