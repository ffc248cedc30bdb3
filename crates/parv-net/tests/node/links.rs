use crate::bench::{Peer, config, connect, open_conversation, start};
use parv_net::{NodeConfig, Topic};
use std::time::Duration;

fn topic() -> Topic {
    Topic::of(&open_conversation())
}

/// One whose connections end soon when nothing uses them.
async fn fleeting() -> Peer {
    start(NodeConfig { idle_timeout: Duration::from_millis(300), ..config() }).await
}

async fn introduce(peers: &[&Peer]) {
    for one in peers {
        for other in peers.iter().filter(|other| other.device() != one.device()) {
            one.node.add_address(other.device(), other.address("/tcp/")).await.unwrap();
        }
        one.node.set_followers(topic(), peers.iter().map(|peer| peer.device()));
    }
}

#[tokio::test]
async fn followers_are_linked_and_others_go_when_nothing_is_said() {
    let (mut a, mut b, mut stranger) = (fleeting().await, fleeting().await, fleeting().await);
    introduce(&[&a, &b]).await;
    let (device_a, device_b) = (a.device(), b.device());
    tokio::join!(a.wait_connected(device_b), b.wait_connected(device_a));
    connect(&mut stranger, &mut a).await;
    // Nothing is said with either; only the stranger goes. One idle side would be enough to end a connection.
    stranger.wait_disconnected(device_a).await;
    a.wait_disconnected(stranger.device()).await;
    assert!(a.node.is_connected(&device_b) && b.node.is_connected(&device_a));
    // When neither follows any more, their connection goes as well.
    a.node.unsubscribe(topic()).await.unwrap();
    b.node.unsubscribe(topic()).await.unwrap();
    a.wait_disconnected(device_b).await;
}

#[tokio::test]
async fn a_link_that_breaks_is_made_again() {
    let (mut a, mut b) = (fleeting().await, fleeting().await);
    let (device_a, device_b) = (a.device(), b.device());
    // Only one of them looks for the other: if both did, there could be a second connection on its way.
    a.node.add_address(device_b, b.address("/tcp/")).await.unwrap();
    a.node.set_followers(topic(), [device_b]);
    for _ in 0..2 {
        tokio::join!(a.wait_connected(device_b), b.wait_connected(device_a));
        b.node.disconnect(device_a).await.unwrap();
        tokio::join!(a.wait_disconnected(device_b), b.wait_disconnected(device_a));
    }
}

#[tokio::test]
async fn who_was_blocked_is_linked_as_soon_as_that_ends() {
    let (mut a, b) = (fleeting().await, fleeting().await);
    a.node.block(b.device()).await.unwrap();
    b.node.block(a.device()).await.unwrap();
    introduce(&[&a, &b]).await;
    a.node.unblock(b.device()).await.unwrap();
    b.node.unblock(a.device()).await.unwrap();
    a.wait_connected(b.device()).await;
}

#[tokio::test]
async fn the_next_is_linked_when_the_nearest_is_gone() {
    let (mut a, b, mut c) = (fleeting().await, fleeting().await, fleeting().await);
    introduce(&[&a, &b, &c]).await;
    b.node.shutdown().await;
    let (device_a, device_c) = (a.device(), c.device());
    tokio::join!(a.wait_connected(device_c), c.wait_connected(device_a));
}
