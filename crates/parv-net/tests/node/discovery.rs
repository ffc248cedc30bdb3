use crate::bench::{Peer, config, open_conversation, peer, start};
use parv_model::Uri;
use parv_net::{Event, Key, NodeConfig};
use tokio::time::timeout;

fn key() -> Key {
    Key::of_conversation(&open_conversation())
}

/// A node that knows only this one.
async fn newcomer(known: &Peer) -> Peer {
    let mut peer = start(NodeConfig { bootstrap: vec![known.address("/tcp/")], ..config() }).await;
    peer.wait_connected(known.device()).await;
    peer
}

/// Asks until the answer is as expected: records spread in the background.
async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    timeout(crate::bench::PATIENCE, async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the answer never came")
}

#[tokio::test]
async fn providers_are_found_through_a_third_node() {
    let middle = peer().await;
    let a = newcomer(&middle).await;
    let b = newcomer(&middle).await;
    a.node.provide(key()).await.unwrap();
    let found = until(async || {
        let found = b.node.providers(key()).await.unwrap();
        (!found.is_empty()).then_some(found)
    })
    .await;
    assert_eq!(found, [a.device()]);
    // Who provides something is not told of itself.
    assert!(a.node.providers(key()).await.unwrap().is_empty());
    assert!(b.node.providers(Key::of_account(&Uri::from_bytes([9; 32]))).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_was_provided_alone_is_told_to_the_first_who_comes() {
    let (a, middle) = (peer().await, peer().await);
    a.node.provide(key()).await.unwrap();
    a.node.dial_address(middle.address("/tcp/")).await.unwrap();
    let b = newcomer(&middle).await;
    let found = until(async || b.node.providers(key()).await.unwrap().first().copied()).await;
    assert_eq!(found, a.device());
}

#[tokio::test]
async fn a_device_is_found_and_dialled_through_a_third_node() {
    let middle = peer().await;
    let a = newcomer(&middle).await;
    let b = newcomer(&middle).await;
    let found = until(async || {
        let found = b.node.find(a.device()).await.unwrap();
        (!found.is_empty()).then_some(found)
    })
    .await;
    let mut listening = a.address("/tcp/");
    listening.pop();
    assert!(found.contains(&listening), "{found:?}");
    b.node.dial(a.device()).await.unwrap();
    assert!(b.node.is_connected(&a.device()));
}

#[tokio::test]
async fn without_anybody_to_ask_the_answer_is_nobody() {
    let a = peer().await;
    assert!(a.node.providers(key()).await.unwrap().is_empty());
    assert!(a.node.find(peer().await.device()).await.unwrap().is_empty());
}

#[tokio::test]
async fn nodes_on_one_network_discover_each_other() {
    // Where no interface carries multicast there is nothing to discover.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    if socket.send_to(b"", "224.0.0.251:9").is_err() {
        return;
    }
    let listen = || NodeConfig { mdns: true, listen: vec!["/ip4/0.0.0.0/tcp/0".parse().unwrap()], ..config() };
    let mut a = start(listen()).await;
    let b = start(listen()).await;
    let device = b.device();
    a.wait(|event| matches!(event, Event::Discovered(other) if other == device).then_some(())).await;
    a.node.dial(device).await.unwrap();
}
