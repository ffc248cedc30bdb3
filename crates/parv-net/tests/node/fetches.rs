use crate::bench::{PATIENCE, Peer, closed_conversation, connect, open_conversation, peer, stranger};
use futures::{AsyncReadExt, AsyncWriteExt};
use parv_net::limits::MAX_GIT_STREAMS_PER_PEER;
use parv_net::{Event, GitStream, NetError};
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

const MEGABYTE: usize = 1 << 20;

async fn next_request(peer: &mut Peer) -> GitStream {
    peer.wait(|event| match event {
        Event::GitRequest { stream, conversation, .. } if conversation == open_conversation() => Some(stream),
        _ => None,
    })
    .await
}

/// A pair that is connected, and a stream between them.
async fn stream() -> (Peer, GitStream, Peer, GitStream) {
    let (mut a, mut b) = (peer().await, peer().await);
    connect(&mut a, &mut b).await;
    let ours = a.node.open_git(b.device(), &open_conversation()).await.unwrap();
    let theirs = next_request(&mut b).await;
    (a, ours, b, theirs)
}

fn noise(seed: u32) -> Vec<u8> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..MEGABYTE).map(next).collect()
}

async fn echoes_over(transport: &str) {
    let (a, mut b) = (peer().await, peer().await);
    a.node.dial_address(b.address(transport)).await.unwrap();
    let ours = a.node.open_git(b.device(), &open_conversation()).await.unwrap();
    let theirs = next_request(&mut b).await;
    let (mut read, mut write) = theirs.into_blocking(PATIENCE);
    let echo = spawn_blocking(move || {
        io::copy(&mut read, &mut write)?;
        write.finish()
    });
    let (mut read, mut write) = ours.into_blocking(PATIENCE);
    let sender = spawn_blocking(move || {
        write.write_all(&noise(1))?;
        write.finish()
    });
    let receiver = spawn_blocking(move || {
        let mut got = Vec::new();
        read.read_to_end(&mut got).map(|_| got)
    });
    sender.await.unwrap().unwrap();
    echo.await.unwrap().unwrap();
    assert!(receiver.await.unwrap().unwrap() == noise(1));
}

#[tokio::test]
async fn a_granted_stream_carries_a_megabyte_both_ways_over_tcp() {
    echoes_over("/tcp/").await;
}

#[tokio::test]
async fn a_granted_stream_carries_a_megabyte_both_ways_over_quic() {
    echoes_over("/quic-v1").await;
}

#[tokio::test]
async fn refusal_says_nothing_else() {
    let (mut a, mut b) = (peer().await, peer().await);
    connect(&mut a, &mut b).await;
    let error = a.node.open_git(b.device(), &closed_conversation()).await.unwrap_err();
    assert!(matches!(error, NetError::Refused(device) if device == b.device()), "{error}");
    // Nor does a request that names no conversation get any other answer.
    let mut stranger = stranger(&b).await;
    for (request, expected) in [
        ([&[0, 0, 0, 20], closed_conversation().root().as_bytes().as_slice()].concat(), vec![0]),
        (b"\0\0\0\x03abc".to_vec(), vec![0]),
        (b"\xff\xff\xff\xff".to_vec(), vec![]),
    ] {
        let mut stream = stranger.open("/parv/git/1").await;
        stream.write_all(&request).await.unwrap();
        let _ = stream.flush().await;
        let mut answer = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn a_peer_has_only_so_many_streams() {
    let (mut a, mut b) = (peer().await, peer().await);
    connect(&mut a, &mut b).await;
    let mut open = Vec::new();
    for _ in 0..MAX_GIT_STREAMS_PER_PEER {
        let ours = a.node.open_git(b.device(), &open_conversation()).await.unwrap();
        open.push((ours, next_request(&mut b).await));
    }
    let error = a.node.open_git(b.device(), &open_conversation()).await.unwrap_err();
    assert!(matches!(error, NetError::Busy(_)), "{error}");
    open.pop();
    a.node.open_git(b.device(), &open_conversation()).await.unwrap();
}

#[tokio::test]
async fn a_stalled_peer_is_timed_out() {
    let (_a, ours, _b, theirs) = stream().await;
    let (mut read, mut write) = ours.into_blocking(Duration::from_millis(200));
    let begin = Instant::now();
    let reading = spawn_blocking(move || read.read(&mut [0]).unwrap_err());
    let writing = spawn_blocking(move || {
        // Nobody reads at the other end: what the windows take goes, then it stalls.
        let block = vec![0; MEGABYTE];
        (0..64).find_map(|_| write.write_all(&block).err()).expect("64 MB went nowhere")
    });
    assert_eq!(reading.await.unwrap().kind(), io::ErrorKind::TimedOut);
    assert_eq!(writing.await.unwrap().kind(), io::ErrorKind::TimedOut);
    assert!(begin.elapsed() < PATIENCE);
    drop(theirs);
}

#[tokio::test]
async fn waiting_begins_anew_with_every_byte() {
    let (_a, ours, _b, theirs) = stream().await;
    let (_, mut write) = theirs.into_blocking(PATIENCE);
    let limit = Duration::from_millis(400);
    let (mut read, _write) = ours.into_blocking(limit);
    // The pauses are the thing that is tested here.
    let writing = spawn_blocking(move || {
        for byte in 0..4 {
            std::thread::sleep(limit / 2);
            write.write_all(&[byte]).and_then(|()| write.flush()).unwrap();
        }
        write.finish().unwrap();
    });
    let got = spawn_blocking(move || {
        let mut got = Vec::new();
        read.read_to_end(&mut got).map(|_| got)
    });
    assert_eq!(got.await.unwrap().unwrap(), [0, 1, 2, 3]);
    writing.await.unwrap();
}

#[tokio::test]
async fn a_stream_ends_with_its_connection() {
    let (a, ours, _b, theirs) = stream().await;
    let (mut read, _write) = theirs.into_blocking(PATIENCE);
    let reading = spawn_blocking(move || read.read_to_end(&mut Vec::new()));
    a.node.shutdown().await;
    drop(ours);
    // An end or an error, but not a wait.
    let _ = timeout(PATIENCE / 2, reading).await.expect("the reader hangs").unwrap();
}
