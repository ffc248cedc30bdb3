use crate::bench::{PATIENCE, Peer, connect, peer, stranger};
use futures::{AsyncReadExt, AsyncWriteExt};
use parv_net::limits::{FIRST_FRAME_TIMEOUT, MAX_BODY_BYTES, MAX_FRAME_BYTES, MAX_MESSAGE_STREAMS_PER_PEER};
use parv_net::{Envelope, Event, NetError};
use std::time::Instant;
use tokio::time::timeout;

const MESSAGE: &str = "/parv/message/1";

async fn next_message(peer: &mut Peer) -> Envelope {
    peer.wait(|event| match event {
        Event::Message { envelope, .. } => Some(envelope),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn envelopes_go_both_ways() {
    let (mut a, mut b) = (peer().await, peer().await);
    connect(&mut a, &mut b).await;
    for size in [0, 5, MAX_BODY_BYTES] {
        let envelope = Envelope::new("application/invite", vec![7; size]);
        a.node.send(b.device(), envelope.clone()).await.unwrap();
        let (from, got) = b
            .wait(|event| match event {
                Event::Message { peer, envelope } => Some((peer, envelope)),
                _ => None,
            })
            .await;
        assert_eq!((from, got), (a.device(), envelope.clone()));
        b.node.send(a.device(), envelope.clone()).await.unwrap();
        assert_eq!(next_message(&mut a).await, envelope);
    }
}

#[tokio::test]
async fn sending_dials() {
    let (a, mut b) = (peer().await, peer().await);
    a.node.add_address(b.device(), b.address("/quic-v1")).await.unwrap();
    a.node.send(b.device(), Envelope::new("text/plain", "hello")).await.unwrap();
    assert_eq!(next_message(&mut b).await.body, b"hello");
}

#[tokio::test]
async fn a_burst_arrives_whole() {
    let (mut a, mut b) = (peer().await, peer().await);
    connect(&mut a, &mut b).await;
    let device = b.device();
    let rounds = 20;
    let sending = async {
        for round in 0..rounds {
            let batch = (0..MAX_MESSAGE_STREAMS_PER_PEER)
                .map(|i| a.node.send(device, Envelope::new("text/plain", format!("{round} {i}"))));
            for result in futures::future::join_all(batch).await {
                result.unwrap();
            }
        }
    };
    let receiving = async {
        let mut got = std::collections::BTreeSet::new();
        while got.len() < rounds * MAX_MESSAGE_STREAMS_PER_PEER {
            got.insert(next_message(&mut b).await.body);
        }
    };
    tokio::join!(sending, receiving);
}

#[tokio::test]
async fn what_is_too_long_is_not_sent() {
    let (mut a, mut b) = (peer().await, peer().await);
    connect(&mut a, &mut b).await;
    let error = a.node.send(b.device(), Envelope::new("a/b", vec![0; MAX_BODY_BYTES + 1])).await.unwrap_err();
    assert!(matches!(error, NetError::TooLong { bytes, .. } if bytes == MAX_BODY_BYTES + 1), "{error}");
}

/// Sends bytes on a message stream by hand, and reads what comes back until the stream ends.
async fn answer_to(stranger: &mut crate::bench::Stranger, bytes: &[u8]) -> Vec<u8> {
    let mut stream = stranger.open(MESSAGE).await;
    stream.write_all(bytes).await.unwrap();
    // The other side may be gone already.
    let _ = stream.flush().await;
    let mut answer = Vec::new();
    let _ = timeout(FIRST_FRAME_TIMEOUT / 2, stream.read_to_end(&mut answer)).await.expect("the stream was left open");
    answer
}

#[tokio::test]
async fn hostile_frames_get_no_answer_and_a_good_one_does() {
    let mut a = peer().await;
    let mut stranger = stranger(&a).await;
    let huge = (MAX_FRAME_BYTES as u32 + 1).to_be_bytes();
    assert_eq!(answer_to(&mut stranger, &huge).await, b"");
    assert_eq!(answer_to(&mut stranger, &[0xff; 4]).await, b"");
    assert_eq!(answer_to(&mut stranger, &[0; 4]).await, b"");
    assert_eq!(answer_to(&mut stranger, b"\0\0\0\x03abc").await, b"");
    let good = b"\xa2\x64body\x42hi\x64mime\x63a/b";
    let frame = [&(good.len() as u32).to_be_bytes(), good.as_slice()].concat();
    assert_eq!(answer_to(&mut stranger, &frame).await, [1]);
    assert_eq!(next_message(&mut a).await, Envelope::new("a/b", "hi"));
}

#[tokio::test]
async fn a_peer_that_says_nothing_holds_up_nobody() {
    let (mut a, mut b) = (peer().await, peer().await);
    connect(&mut a, &mut b).await;
    let mut stranger = stranger(&b).await;
    let mut silent = Vec::new();
    for _ in 0..MAX_MESSAGE_STREAMS_PER_PEER + 4 {
        let mut stream = stranger.open(MESSAGE).await;
        // One byte of a length, so that the stream is surely there; those over the limit may be gone already.
        let _ = stream.write_all(&[0]).await;
        let _ = stream.flush().await;
        silent.push(stream);
    }
    let begin = Instant::now();
    a.node.send(b.device(), Envelope::new("text/plain", "still there?")).await.unwrap();
    assert_eq!(next_message(&mut b).await.body, b"still there?");
    assert!(begin.elapsed() < FIRST_FRAME_TIMEOUT / 2);
    // Those over the limit are closed at once, the others when their time is up.
    for mut stream in silent {
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("a silent stream was left open");
        assert!(answer.is_empty());
    }
}

#[tokio::test]
async fn a_device_that_does_not_speak_the_protocol_is_an_error() {
    let mut a = peer().await;
    let _stranger = stranger(&a).await;
    let device = a.wait(|event| if let Event::Connected(device) = event { Some(device) } else { None }).await;
    let error = a.node.send(device, Envelope::new("a/b", "hi")).await.unwrap_err();
    assert!(matches!(error, NetError::Unsupported { protocol: MESSAGE, .. }), "{error}");
}
