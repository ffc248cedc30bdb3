//! A relay carries what it cannot read: a real relay server with a tap behind its decryption.

use crate::bench::{PATIENCE, config, connect, open_conversation, peer, start};
use futures::StreamExt;
use futures::io::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerBox, StreamMuxerEvent, SubstreamBox};
use libp2p::core::upgrade::Version;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, SwarmBuilder, Transport, noise, relay, tcp, yamux};
use parv_net::{Envelope, Event, NodeConfig};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// Everything that a relay reads from its peers, decrypted as far as it can.
type Tape = Arc<Mutex<Vec<u8>>>;

/// Connections whose streams are taped.
struct TappedMuxer(StreamMuxerBox, Tape);

/// A stream that is taped.
struct TappedStream(SubstreamBox, Tape);

impl StreamMuxer for TappedMuxer {
    type Substream = TappedStream;
    type Error = io::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<TappedStream>> {
        let stream = ready!(Pin::new(&mut self.0).poll_inbound(cx))?;
        Poll::Ready(Ok(TappedStream(stream, self.1.clone())))
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<TappedStream>> {
        let stream = ready!(Pin::new(&mut self.0).poll_outbound(cx))?;
        Poll::Ready(Ok(TappedStream(stream, self.1.clone())))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<StreamMuxerEvent>> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl AsyncRead for TappedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = ready!(Pin::new(&mut self.0).poll_read(cx, buf))?;
        self.1.lock().unwrap().extend_from_slice(&buf[..read]);
        Poll::Ready(Ok(read))
    }
}

impl AsyncWrite for TappedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

/// A relay on this machine that tapes what it reads. It tells nobody where they are seen, so that no hole is punched and
/// everything goes through it.
async fn tapped_relay() -> (Multiaddr, Tape) {
    let tape = Tape::default();
    let taping = tape.clone();
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_other_transport(|key| {
            tcp::tokio::Transport::new(tcp::Config::default())
                .upgrade(Version::V1)
                .authenticate(noise::Config::new(key).unwrap())
                .multiplex(yamux::Config::default())
                .map(move |(peer, muxer), _| {
                    let tapped = TappedMuxer(StreamMuxerBox::new(muxer), taping.clone());
                    (peer, StreamMuxerBox::new(tapped))
                })
        })
        .unwrap()
        .with_behaviour(|key| relay::Behaviour::new(key.public().to_peer_id(), relay_config()))
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
        .build();
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
    let address = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break address;
        }
    };
    swarm.add_external_address(address.clone());
    let address = address.with(Protocol::P2p(*swarm.local_peer_id()));
    tokio::spawn(async move { while swarm.next().await.is_some() {} });
    (address, tape)
}

fn relay_config() -> relay::Config {
    relay::Config { max_circuit_bytes: 1 << 30, ..relay::Config::default() }
}

fn contains(tape: &[u8], what: &[u8]) -> bool {
    tape.windows(what.len()).any(|window| window == what)
}

#[tokio::test]
async fn a_relay_sees_ciphertext_only() {
    let secret = b"what nobody but the two of us may read";
    let (relay, tape) = tapped_relay().await;
    let circuit = relay.with(Protocol::P2pCircuit);
    let listen = vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap(), circuit];
    let mut a = start(NodeConfig { listen, ..config() }).await;
    let at_relay = a.node.listen_addresses().into_iter().find(|address| address.to_string().contains("p2p-circuit"));
    let b = peer().await;
    b.node.dial_address(at_relay.expect("a place at the relay")).await.unwrap();

    let envelope = Envelope::new("text/plain", secret.to_vec());
    let (sent, received) = tokio::join!(
        b.node.send(a.device(), envelope.clone()),
        a.wait(|event| match event {
            Event::Message { envelope, .. } => Some(envelope),
            _ => None,
        })
    );
    sent.unwrap();
    assert_eq!(received, envelope);
    let mut fetched = b.node.open_git(a.device(), &open_conversation()).await.unwrap();
    let mut served = a
        .wait(|event| match event {
            Event::GitRequest { stream, .. } => Some(stream),
            _ => None,
        })
        .await;
    let history = secret.repeat(1000);
    let writing = async {
        served.write_all(&history).await.unwrap();
        served.shutdown().await.unwrap();
    };
    let mut arrived = Vec::new();
    let (_, read) =
        timeout(PATIENCE, async { tokio::join!(writing, fetched.read_to_end(&mut arrived)) }).await.unwrap();
    read.unwrap();
    assert_eq!(arrived, history);

    let connections = b.node.status().await.unwrap().connections;
    let mut with_a = connections.iter().filter(|connection| connection.device == a.device());
    assert!(with_a.all(|connection| connection.relayed), "{connections:?}");
    let tape = tape.lock().unwrap();
    // The tap works: all of it went through, and how the ends agree on encryption can be read.
    assert!(tape.len() > history.len(), "only {} bytes", tape.len());
    assert!(contains(&tape, b"/noise") && contains(&tape, b"/libp2p/circuit/relay/0.2.0/hop"));
    assert!(!contains(&tape, &secret[..16]));
    assert!(!contains(&tape, b"/parv/git/1") && !contains(&tape, b"text/plain"));
}

#[tokio::test]
async fn what_was_done_is_counted() {
    let (mut a, mut b) = (peer().await, peer().await);
    connect(&mut a, &mut b).await;
    b.node.send(a.device(), Envelope::new("text/plain", "hi")).await.unwrap();
    assert!(b.node.open_git(a.device(), &crate::bench::closed_conversation()).await.is_err());
    let (counted_a, counted_b) = (a.node.telemetry().encode(), b.node.telemetry().encode());
    for line in [
        r#"parv_refusals_total{reason="FetchNotAllowed"} 1"#,
        r#"parv_streams_total{protocol="/parv/message/1",direction="In"} 1"#,
        r#"libp2p_swarm_connections_established_total{role="Dialer""#,
    ] {
        assert!(counted_a.contains(line), "{line}\n{counted_a}");
    }
    assert!(counted_b.contains(r#"parv_streams_total{protocol="/parv/git/1",direction="Out"} 1"#), "{counted_b}");
    assert!(counted_b.contains("libp2p_bandwidth_bytes_total"), "{counted_b}");
    assert!(counted_b.ends_with("# EOF\n"));
}
