//! A long line in bad weather: packets take 200 ms each way, and one in twenty is lost.
//!
//! The line is two TUN devices and a thread that carries packets between them, late or not at all, so that it needs no
//! queueing discipline (`netem`) of the kernel, which not every kernel has.

use crate::support::Home;
use crate::world::{Host, World, run, until};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::json;
use std::fs::File;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_tun::Tun;

const DELAY: Duration = Duration::from_millis(200);

/// One packet in so many is lost.
const LOST: u64 = 20;

/// The largest packet on the line, in bytes.
const MTU: usize = 1500;

/// Puts a bad line between two hosts, at 10.1.0.2 and 10.2.0.2.
fn bad_line(left: &Host, right: &Host) {
    let line = Host::new("line");
    for (number, host) in [(1, left), (2, right)] {
        let (device, name) = (format!("side{number}"), host.name());
        run(&format!("ip link add {device} netns line type veth peer name eth0 netns {name}"));
        line.run(&format!("ip addr add 10.{number}.0.1/24 dev {device}"));
        line.run(&format!("ip link set {device} up"));
        host.run(&format!("ip addr add 10.{number}.0.2/24 dev eth0"));
        host.run("ip link set eth0 up");
        host.run(&format!("ip route add default via 10.{number}.0.1"));
    }
    let (sender, ready) = channel();
    std::thread::spawn(move || carry(&sender));
    ready.recv().expect("the line is there");
    for setting in ["all.rp_filter=0", "default.rp_filter=0", "tun1.rp_filter=0", "tun2.rp_filter=0", "ip_forward=1"] {
        let setting = setting.strip_prefix("ip_").map_or(format!("conf.{setting}"), |rest| format!("ip_{rest}"));
        line.run(&format!("sysctl -qw net.ipv4.{setting}"));
    }
    // Whatever comes in at a side goes up into its TUN device, and comes down at the other.
    for number in [1, 2] {
        line.run(&format!("ip rule add iif side{number} lookup 10{number}"));
        line.run(&format!("ip route add default dev tun{number} table 10{number}"));
    }
}

/// Carries packets, for ever.
fn carry(ready: &Sender<()>) {
    let line = File::open("/run/netns/line").unwrap();
    move_into_link_name_space(line.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let open = |name| Arc::new(Tun::builder().name(name).mtu(MTU as i32).up().build().unwrap().remove(0));
        let (left, right) = (open("tun1"), open("tun2"));
        ready.send(()).unwrap();
        tokio::join!(one_way(left.clone(), right.clone(), 1), one_way(right, left, 2));
    });
}

/// Carries packets from one end to the other. Which ones are lost follows from the seed.
async fn one_way(from: Arc<Tun>, to: Arc<Tun>, seed: u64) {
    let (sender, mut under_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let taking = async {
        let (mut packet, mut dice) = ([0; MTU], seed);
        loop {
            let bytes = from.recv(&mut packet).await.unwrap();
            // A xorshift generator (Marsaglia 2003).
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            if !dice.is_multiple_of(LOST) {
                sender.send((Instant::now() + DELAY, packet[..bytes].to_vec())).unwrap();
            }
        }
    };
    let giving = async {
        while let Some((due, packet)) = under_way.recv().await {
            sleep_until(due).await;
            to.send(&packet).await.unwrap();
        }
    };
    tokio::join!(taking, giving);
}

#[test]
fn people_talk_over_a_bad_line() {
    let Some(_world) = World::enter("weather::people_talk_over_a_bad_line") else { return };
    let (at_alice, at_bob) = (Host::new("alice"), Host::new("bob"));
    bad_line(&at_alice, &at_bob);
    // The line is as bad as it should be.
    let ping = at_alice.command("ping").args(["-c", "1", "-W", "5", "10.2.0.2"]).output();
    if let Ok(ping) = ping {
        let said = String::from_utf8_lossy(&ping.stdout).into_owned();
        let time = said.split("time=").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
        assert!(time.is_none_or(|milliseconds| milliseconds >= 400.0), "{said}");
    }
    let (alice, bob) = (Home::with_account("Alice"), Home::with_account("Bob"));
    let (_first, address) = at_alice.daemon_at(&alice, &[], &[], "/ip4/10.1.");
    let _second = at_bob.daemon(&bob, &[address], &[]);
    let mut bob_hears = bob.events();
    let id = alice.new_conversation();
    alice.run(["invite", &id, &bob.uri()]).ok();
    bob_hears.until("the invitation", |event| event["event"] == "request-received");
    bob.run(["accept", &id]).ok();
    let texts: Vec<String> = (1..=20).map(|number| format!("text {number}")).collect();
    for text in &texts {
        alice.run(["send", &id, text]).ok();
    }
    until("all the texts", || {
        let read = bob.texts(&id);
        if read == texts { Ok(()) } else { Err(json!(read)) }
    });
}
