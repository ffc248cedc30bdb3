use crate::bench::{NothingIsOpen, config, newcomer, open_conversation, peer, start};
use parv_model::{DeviceId, Uri};
use parv_net::{Event, Key, NetError, Node, NodeConfig};
use std::sync::Arc;
use tokio::time::timeout;

fn key() -> Key {
    Key::of_conversation(&open_conversation())
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
async fn who_has_no_address_yet_is_named_all_the_same() {
    let middle = peer().await;
    let nowhere = NodeConfig { listen: Vec::new(), bootstrap: vec![middle.address("/tcp/")], ..config() };
    let mut a = start(nowhere).await;
    a.wait_connected(middle.device()).await;
    a.node.provide(key()).await.unwrap();
    let b = newcomer(&middle).await;
    let found = until(async || b.node.providers(key()).await.unwrap().first().copied()).await;
    assert_eq!(found, a.device());
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
async fn a_device_says_where_it_is_and_only_itself_can() {
    let middle = peer().await;
    let shown = b"sealed for those who know me".to_vec();
    let bootstrap = vec![middle.address("/tcp/")];
    let mut a = start(NodeConfig { bootstrap: bootstrap.clone(), credential: shown.clone(), ..config() }).await;
    a.wait_connected(middle.device()).await;
    let b = newcomer(&middle).await;
    let record = until(async || b.node.address_record(a.device()).await.unwrap()).await;
    assert_eq!((record.device, record.credential), (a.device(), shown));
    let mut listening = a.address("/tcp/");
    listening.pop();
    assert!(record.addresses.contains(&listening), "{:?}", record.addresses);
    // Nobody says anything of a device that is not there.
    assert_eq!(b.node.address_record(DeviceId::from_bytes([9; 32])).await.unwrap(), None);
    let long = NodeConfig { credential: vec![0; parv_net::limits::MAX_CREDENTIAL_BYTES + 1], ..config() };
    assert!(matches!(Node::start(long, Arc::new(NothingIsOpen)).await, Err(NetError::TooLong { .. })));
}

#[tokio::test]
async fn who_was_met_is_a_way_back_in() {
    let (middle, other) = (peer().await, peer().await);
    other.node.dial_address(middle.address("/tcp/")).await.unwrap();
    let first = config();
    let again = first.clone();
    let mut a = start(NodeConfig { bootstrap: vec![middle.address("/tcp/")], ..first }).await;
    a.wait_connected(middle.device()).await;
    let known = until(async || {
        let known = a.node.known_peers().await.unwrap();
        known.iter().any(|peer| peer.device == middle.device() && peer.serves_table).then_some(known)
    })
    .await;
    a.node.shutdown().await;
    // No bootstrap peer this time.
    let a = start(NodeConfig { known, ..again }).await;
    until(async || (!a.node.find(other.device()).await.unwrap().is_empty()).then_some(())).await;
    a.node.dial(other.device()).await.unwrap();
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
