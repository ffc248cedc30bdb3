use crate::bench::{Peer, config, connect, peer, seed, start, stranger};
use libp2p::Multiaddr;
use parv_net::limits::DIAL_TIMEOUT;
use parv_net::{Event, NetError, Node, NodeConfig, Policy, peer_id};
use std::sync::Arc;
use std::time::{Duration, Instant};

async fn connects_over(transport: &str) {
    let (mut a, mut b) = (peer().await, peer().await);
    let address = b.address(transport);
    assert!(address.to_string().ends_with(&format!("/p2p/{}", peer_id(&b.device()))));
    assert_eq!(a.node.dial_address(address.clone()).await.unwrap(), b.device());
    let (device_a, device_b) = (a.device(), b.device());
    tokio::join!(a.wait_connected(device_b), b.wait_connected(device_a));
    assert_eq!((a.node.connected(), b.node.connected()), (vec![device_b], vec![device_a]));
    // Once more changes nothing.
    assert_eq!(a.node.dial_address(address).await.unwrap(), device_b);
    a.node.dial(device_b).await.unwrap();
    b.node.disconnect(device_a).await.unwrap();
    tokio::join!(a.wait_disconnected(device_b), b.wait_disconnected(device_a));
    assert!(a.node.connected().is_empty());
    // The address is remembered.
    a.node.dial(device_b).await.unwrap();
}

#[tokio::test]
async fn two_nodes_connect_over_tcp() {
    connects_over("/tcp/").await;
}

#[tokio::test]
async fn two_nodes_connect_over_quic() {
    connects_over("/quic-v1").await;
}

#[tokio::test]
async fn tls_is_spoken_where_noise_is_not() {
    let mut a = peer().await;
    let _stranger = stranger(&a).await;
    a.wait(|event| matches!(event, Event::Connected(_)).then_some(())).await;
}

#[tokio::test]
async fn an_address_without_a_name_says_who_is_there() {
    let (a, b) = (peer().await, peer().await);
    let mut address = b.address("/tcp/");
    address.pop();
    assert_eq!(a.node.dial_address(address).await.unwrap(), b.device());
}

#[tokio::test]
async fn somebody_else_at_the_address_is_an_error() {
    let (a, b, c) = (peer().await, peer().await, peer().await);
    let mut address = b.address("/tcp/");
    address.pop();
    let wrong = address.with_p2p(peer_id(&c.device())).unwrap();
    let error = a.node.dial_address(wrong.clone()).await.unwrap_err();
    assert!(matches!(error, NetError::Unreachable { .. }), "{error}");
    let error = a.node.add_address(b.device(), wrong).await.unwrap_err();
    assert!(matches!(error, NetError::Address { .. }), "{error}");
}

#[tokio::test]
async fn an_unreachable_peer_is_an_error_in_bounded_time() {
    let (a, b) = (peer().await, peer().await);
    let (device, address) = (b.device(), b.address("/tcp/"));
    let error = a.node.dial(device).await.unwrap_err();
    assert!(matches!(error, NetError::NoAddress(unknown) if unknown == device), "{error}");
    // Nobody listens there any more.
    b.node.shutdown().await;
    a.node.add_address(device, address.clone()).await.unwrap();
    let begin = Instant::now();
    let error = a.node.dial(device).await.unwrap_err();
    assert!(matches!(error, NetError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(begin.elapsed() < DIAL_TIMEOUT);
    // An address of a documentation network, where nobody answers at all.
    let silent: Multiaddr = "/ip4/192.0.2.1/tcp/9".parse().unwrap();
    assert!(a.node.dial_address(silent).await.is_err());
    assert!(begin.elapsed() < DIAL_TIMEOUT);
    let error = a.node.dial_address("/ip4/127.0.0.1/sctp/9".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, NetError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn everybody_who_waits_for_a_dial_hears_of_it() {
    let (a, b) = (peer().await, peer().await);
    a.node.add_address(b.device(), b.address("/tcp/")).await.unwrap();
    let dials = (0..20).map(|_| a.node.dial(b.device()));
    for result in futures::future::join_all(dials).await {
        result.unwrap();
    }
    let nowhere = peer().await;
    let dials = (0..20).map(|_| a.node.dial(nowhere.device()));
    for result in futures::future::join_all(dials).await {
        assert!(matches!(result, Err(NetError::NoAddress(_))));
    }
}

#[tokio::test]
async fn a_node_does_not_dial_itself() {
    let a = peer().await;
    assert!(matches!(a.node.dial(a.device()).await, Err(NetError::Myself)));
    assert!(matches!(a.node.dial_address(a.address("/tcp/")).await, Err(NetError::Myself)));
    let mut nameless = a.address("/tcp/");
    nameless.pop();
    let error = a.node.dial_address(nameless).await.unwrap_err();
    assert!(matches!(error, NetError::Myself), "{error:?}");
}

#[tokio::test]
async fn a_blocked_device_is_cut_off_both_ways() {
    let (mut a, mut b) = (peer().await, peer().await);
    connect(&mut a, &mut b).await;
    let (device_a, device_b) = (a.device(), b.device());
    a.node.block(device_b).await.unwrap();
    tokio::join!(a.wait_disconnected(device_b), b.wait_disconnected(device_a));
    assert!(matches!(a.node.dial(device_b).await, Err(NetError::Blocked(_))));
    // The one that is blocked finds out as soon as it says anything.
    let refused = b.node.send(device_a, parv_net::Envelope::new("a/b", "hello?")).await;
    assert!(refused.is_err());
    a.node.unblock(device_b).await.unwrap();
    a.node.dial(device_b).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_dial_each_other_at_the_same_moment_connect() {
    for _ in 0..50 {
        let (a, b) = (peer().await, peer().await);
        let dials = [(a.node.clone(), b.address("/tcp/")), (b.node.clone(), a.address("/tcp/"))];
        let dials = dials.map(|(node, to)| tokio::spawn(async move { node.dial_address(to).await }));
        for dial in dials {
            dial.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn listening_where_somebody_else_listens_is_an_error() {
    struct Nothing;
    impl Policy for Nothing {
        fn may_fetch(&self, _: &parv_model::DeviceId, _: &parv_model::ConversationId) -> bool {
            false
        }
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = vec![format!("/ip4/127.0.0.1/tcp/{}", taken.local_addr().unwrap().port()).parse().unwrap()];
    let taken = NodeConfig { listen, ..NodeConfig::new(seed()) };
    let error = Node::start(taken, Arc::new(Nothing)).await.unwrap_err();
    assert!(matches!(error, NetError::Listen { .. }), "{error}");
    let nonsense = NodeConfig { listen: vec!["/ip4/127.0.0.1/sctp/1".parse().unwrap()], ..NodeConfig::new(seed()) };
    assert!(matches!(Node::start(nonsense, Arc::new(Nothing)).await, Err(NetError::Listen { .. })));
    let nameless = NodeConfig { bootstrap: vec!["/ip4/127.0.0.1/tcp/1".parse().unwrap()], ..NodeConfig::new(seed()) };
    assert!(matches!(Node::start(nameless, Arc::new(Nothing)).await, Err(NetError::Address { .. })));
}

#[tokio::test]
async fn a_node_that_was_shut_down_is_gone() {
    let (mut a, mut b) = (peer().await, peer().await);
    connect(&mut a, &mut b).await;
    let device = b.device();
    let address = b.address("/tcp/");
    b.node.shutdown().await;
    b.node.shutdown().await;
    assert!(matches!(b.node.dial(a.device()).await, Ok(()) | Err(NetError::Stopped)));
    assert!(matches!(
        b.node.subscribe(parv_net::Topic::of(&crate::bench::open_conversation())).await,
        Err(NetError::Stopped)
    ));
    a.wait_disconnected(device).await;
    // Its port is free again.
    let port = address.to_string().split('/').nth(4).unwrap().parse().unwrap();
    std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
}

#[tokio::test]
async fn a_node_stops_with_its_last_handle() {
    let (mut a, mut b) = (peer().await, peer().await);
    connect(&mut a, &mut b).await;
    let device = b.device();
    let clone = b.node.clone();
    let Peer { node, events } = b;
    drop(node);
    clone.find(a.device()).await.unwrap();
    drop((clone, events));
    a.wait_disconnected(device).await;
}

#[tokio::test]
async fn a_bootstrap_peer_is_dialled_until_it_is_there() {
    let first = peer().await;
    let identity = seed();
    let gone = start(NodeConfig { device_seed: identity.into(), ..config() }).await;
    let address = gone.address("/tcp/");
    gone.node.shutdown().await;
    // One is there, the other is not yet.
    let bootstrap = vec![first.address("/quic-v1"), address.clone()];
    let mut a = start(NodeConfig { bootstrap, ..config() }).await;
    a.wait_connected(first.device()).await;
    let mut listen = address;
    listen.pop();
    let mut back = start(NodeConfig { device_seed: identity.into(), ..config_on(listen) }).await;
    let (device_a, device) = (a.device(), back.device());
    tokio::time::timeout(Duration::from_secs(15), async {
        tokio::join!(a.wait_connected(device), back.wait_connected(device_a));
    })
    .await
    .unwrap();
    // And again when the connection is lost.
    back.node.disconnect(device_a).await.unwrap();
    a.wait_disconnected(device).await;
    a.wait_connected(device).await;
}

fn config_on(address: Multiaddr) -> NodeConfig {
    NodeConfig { listen: vec![address], ..NodeConfig::new(seed()) }
}

#[tokio::test]
async fn a_bootstrap_peer_is_found_by_its_name() {
    let first = peer().await;
    for transport in ["/tcp/", "/quic-v1"] {
        let named = first.address(transport).to_string().replace("/ip4/127.0.0.1/", "/dns4/localhost/");
        let mut a = start(NodeConfig { bootstrap: vec![named.parse().unwrap()], ..config() }).await;
        a.wait_connected(first.device()).await;
    }
}

#[tokio::test]
async fn a_bootstrap_peer_is_reached_over_ipv6() {
    // Some machines have none.
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        return;
    }
    let listen = ["/ip6/::1/tcp/0", "/ip6/::1/udp/0/quic-v1"].map(|address| address.parse().unwrap()).to_vec();
    let on_ipv6 = || NodeConfig { listen: listen.clone(), ..config() };
    let first = start(on_ipv6()).await;
    for transport in ["/tcp/", "/quic-v1"] {
        let mut a = start(NodeConfig { bootstrap: vec![first.address(transport)], ..on_ipv6() }).await;
        a.wait_connected(first.device()).await;
        let status = a.node.status().await.unwrap();
        assert!(status.connections.iter().all(|it| it.address.to_string().starts_with("/ip6/::1/")), "{status:?}");
    }
}
