//! The swarm: which protocols a node speaks, and how each is set up.

use crate::config::NodeConfig;
use crate::gossip::{Gossip, gossip};
use crate::limits::{
    ADDRESS_RECORD_LIFETIME, CONNECT_TIMEOUT, MAX_CIRCUIT_BYTES, MAX_CIRCUIT_DURATION, MAX_CIRCUITS,
    MAX_CIRCUITS_PER_PEER, MAX_CONNECTIONS_PER_PEER, MAX_NEGOTIATING_STREAMS, MAX_PENDING_CONNECTIONS,
    MAX_RELAY_PLACES, MAX_TABLE_BYTES, PING_INTERVAL, PING_TIMEOUT, PROVIDER_RECORD_LIFETIME, QUERY_TIMEOUT,
};
use crate::table::Table;
use crate::{NetError, handshakes, streams};
use hickory_resolver::system_conf::read_system_conf;
use libp2p::connection_limits::ConnectionLimits;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{
    PeerId, StreamProtocol, Swarm, SwarmBuilder, allow_block_list, autonat, connection_limits, dcutr, dns, identify,
    kad, mdns, memory_connection_limits, noise, ping, relay, tcp, tls, upnp, yamux,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::error::Error;

/// Kademlia, apart from every other network's.
pub(crate) const KAD_PROTOCOL: StreamProtocol = StreamProtocol::new("/parv/kad/1");

/// What identify says we speak.
const IDENTIFY_PROTOCOL: &str = "/parv/1";

/// Everything a node speaks. The guards come first, so that nothing else hears of a connection that they refuse.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) blocked: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    pub(crate) banished: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    limits: connection_limits::Behaviour,
    handshakes: handshakes::Behaviour,
    memory: memory_connection_limits::Behaviour,
    pub(crate) streams: streams::Behaviour,
    pub(crate) gossip: Gossip,
    pub(crate) kad: kad::Behaviour<Table>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
    relay_client: relay::client::Behaviour,
    dcutr: dcutr::Behaviour,
    autonat_client: autonat::v2::client::Behaviour,
    upnp: Toggle<upnp::tokio::Behaviour>,
    relay_server: Toggle<relay::Behaviour>,
    autonat_server: Toggle<autonat::v2::server::Behaviour>,
}

/// Makes the swarm; it listens nowhere yet. Its bytes are counted in the registry, the announcements that come by
/// `received`.
pub(crate) fn swarm(
    config: &NodeConfig,
    key: &Keypair,
    registry: &mut Registry,
    received: Counter,
) -> Result<Swarm<Behaviour>, NetError> {
    let secure = (noise::Config::new, tls::Config::new);
    let (resolver, options) = read_system_conf().unwrap_or_else(|error| {
        // A machine without a resolver can still reach peers by number.
        tracing::warn!(%error, "names will not be resolved");
        (dns::ResolverConfig::from_parts(None, Vec::new(), Vec::new()), dns::ResolverOpts::default())
    });
    let (assemble, idle_timeout) = (behaviour(config, key, received)?, config.idle_timeout);
    let swarm = SwarmBuilder::with_existing_identity(key.clone())
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), secure, yamux::Config::default)
        .map_err(|error| setup("the secure transports", error))?
        .with_quic()
        .with_dns_config(resolver, options)
        .with_relay_client(secure, yamux::Config::default)
        .map_err(|error| setup("relayed connections", error))?
        .with_bandwidth_metrics(registry)
        .with_behaviour(|_, relay_client| assemble(relay_client))
        .unwrap_or_else(|never| match never {})
        .with_swarm_config(|config| {
            config
                .with_idle_connection_timeout(idle_timeout)
                .with_max_negotiating_inbound_streams(MAX_NEGOTIATING_STREAMS)
        })
        .with_connection_timeout(CONNECT_TIMEOUT)
        .build();
    Ok(swarm)
}

/// Sets up the protocols; what they make together waits for the relay client, which comes with its transport.
fn behaviour<'a>(
    config: &'a NodeConfig,
    key: &Keypair,
    received: Counter,
) -> Result<impl FnOnce(relay::client::Behaviour) -> Behaviour + use<'a>, NetError> {
    let me = key.public().to_peer_id();
    let limits = ConnectionLimits::default()
        .with_max_established(Some(config.max_connections))
        // However many come, there is room for those that we want.
        .with_max_established_incoming(Some(config.max_connections - config.max_connections / 4))
        .with_max_established_per_peer(Some(MAX_CONNECTIONS_PER_PEER))
        .with_max_pending_incoming(Some(MAX_PENDING_CONNECTIONS))
        .with_max_pending_outgoing(Some(MAX_PENDING_CONNECTIONS));
    let identify = identify::Config::new(IDENTIFY_PROTOCOL.to_owned(), key.public())
        .with_agent_version("parv".to_owned())
        .with_push_listen_addr_updates(true);
    let mdns = match config.mdns {
        true => Some(
            mdns::tokio::Behaviour::new(mdns::Config::default(), me)
                .map_err(|error| setup("discovery on the local network", error))?,
        ),
        false => None,
    };
    let gossip = gossip(key, received)?;
    Ok(move |relay_client| Behaviour {
        blocked: Default::default(),
        banished: Default::default(),
        limits: connection_limits::Behaviour::new(limits),
        handshakes: Default::default(),
        memory: memory_connection_limits::Behaviour::with_max_bytes(config.max_process_memory),
        streams: streams::Behaviour::new(!config.public),
        gossip,
        kad: kademlia(me, config.serves_table),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT)),
        mdns: mdns.into(),
        relay_client,
        dcutr: dcutr::Behaviour::new(me),
        autonat_client: autonat::v2::client::Behaviour::default(),
        upnp: (config.port_mapping && is_beyond_this_machine(config)).then(upnp::tokio::Behaviour::default).into(),
        relay_server: config.public.then(|| relay::Behaviour::new(me, relay_limits())).into(),
        autonat_server: config.public.then(autonat::v2::server::Behaviour::default).into(),
    })
}

/// Whether the node listens anywhere but on the loopback interface, so that asking a router makes sense.
fn is_beyond_this_machine(config: &NodeConfig) -> bool {
    config.listen.iter().any(|address| match address.iter().next() {
        Some(Protocol::Ip4(ip)) => !ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => !ip.is_loopback(),
        _ => false,
    })
}

/// What a public node relays at most. How often one peer or one address may ask is limited by libp2p's defaults.
fn relay_limits() -> relay::Config {
    relay::Config {
        max_reservations: MAX_RELAY_PLACES,
        max_circuits: MAX_CIRCUITS,
        max_circuits_per_peer: MAX_CIRCUITS_PER_PEER,
        max_circuit_duration: MAX_CIRCUIT_DURATION,
        max_circuit_bytes: MAX_CIRCUIT_BYTES,
        ..relay::Config::default()
    }
}

fn kademlia(me: PeerId, serves: bool) -> kad::Behaviour<Table> {
    let mut config = kad::Config::new(KAD_PROTOCOL);
    config
        .set_query_timeout(QUERY_TIMEOUT)
        .set_provider_record_ttl(Some(PROVIDER_RECORD_LIFETIME))
        .set_record_ttl(Some(ADDRESS_RECORD_LIFETIME))
        // What others want to be kept is looked at before it is.
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_max_packet_size(MAX_TABLE_BYTES)
        // A search must not leave copies behind: they would outlive newer ones.
        .set_caching(kad::Caching::Disabled)
        // Publishing again is ours to time; see the module `publications`.
        .set_provider_publication_interval(None)
        .set_publication_interval(None)
        .set_replication_interval(None);
    let mut kad = kad::Behaviour::with_config(me, Table::new(me), config);
    kad.set_mode(Some(if serves { kad::Mode::Server } else { kad::Mode::Client }));
    kad
}

pub(crate) fn setup(part: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> NetError {
    NetError::Setup { part, source: source.into() }
}
