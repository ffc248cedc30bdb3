//! The swarm: which protocols a node speaks, and how each is set up.

use crate::config::NodeConfig;
use crate::limits::{
    ADDRESS_RECORD_LIFETIME, CONNECT_TIMEOUT, IDLE_TIMEOUT, LOOKUP_TIMEOUT, MAX_CONNECTIONS_PER_PEER, MAX_GOSSIP_BYTES,
    MAX_NEGOTIATING_STREAMS, MAX_PENDING_CONNECTIONS, MAX_TOPICS, PING_INTERVAL, PING_TIMEOUT,
    PROVIDER_RECORD_LIFETIME,
};
use crate::table::Table;
use crate::{NetError, streams};
use libp2p::connection_limits::ConnectionLimits;
use libp2p::gossipsub::{AllowAllSubscriptionFilter, IdentityTransform, MaxCountSubscriptionFilter};
use libp2p::identity::Keypair;
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{
    PeerId, StreamProtocol, Swarm, SwarmBuilder, allow_block_list, connection_limits, dns, gossipsub, identify, kad,
    mdns, memory_connection_limits, noise, ping, tcp, tls, yamux,
};
use std::error::Error;
use std::time::Duration;

/// Kademlia, apart from every other network's.
pub(crate) const KAD_PROTOCOL: StreamProtocol = StreamProtocol::new("/parv/kad/1");

/// What identify says we speak.
const IDENTIFY_PROTOCOL: &str = "/parv/1";

/// How often gossip mends its meshes. Announcements go out at once, this only decides who is a neighbour.
const GOSSIP_HEARTBEAT: Duration = Duration::from_millis(700);

/// For how many heartbeats an announcement can be judged (about half a minute): fetching and validating what it
/// announces comes first.
const GOSSIP_HISTORY: usize = 43;

/// How many announcements wait for one slow neighbour; at their largest, 32 MiB.
const GOSSIP_QUEUE: usize = 512;

/// Topics per peer, counted.
pub(crate) type SubscriptionFilter = MaxCountSubscriptionFilter<AllowAllSubscriptionFilter>;

/// Announcements.
pub(crate) type Gossip = gossipsub::Behaviour<IdentityTransform, SubscriptionFilter>;

/// Everything a node speaks. The guards come first, so that nothing else hears of a connection that they refuse.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) blocked: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    limits: connection_limits::Behaviour,
    memory: memory_connection_limits::Behaviour,
    pub(crate) streams: streams::Behaviour,
    pub(crate) gossip: Gossip,
    pub(crate) kad: kad::Behaviour<Table>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    mdns: Toggle<mdns::tokio::Behaviour>,
}

/// Makes the swarm; it listens nowhere yet.
pub(crate) fn swarm(config: &NodeConfig, key: &Keypair) -> Result<Swarm<Behaviour>, NetError> {
    let base = || {
        let base = SwarmBuilder::with_existing_identity(key.clone())
            .with_tokio()
            .with_tcp(
                tcp::Config::default().nodelay(true),
                (noise::Config::new, tls::Config::new),
                yamux::Config::default,
            )
            .map_err(|error| setup("the secure transports", error))?
            .with_quic();
        Ok::<_, NetError>(base)
    };
    let behaviour = behaviour(config, key)?;
    let tune = |config: libp2p::swarm::Config| {
        config.with_idle_connection_timeout(IDLE_TIMEOUT).with_max_negotiating_inbound_streams(MAX_NEGOTIATING_STREAMS)
    };
    // A machine without a resolver can still reach peers by number.
    let swarm = match base()?.with_dns() {
        Ok(builder) => builder
            .with_behaviour(|_| behaviour)
            .unwrap_or_else(|never| match never {})
            .with_swarm_config(tune)
            .with_connection_timeout(CONNECT_TIMEOUT)
            .build(),
        Err(error) => {
            tracing::warn!(%error, "names will not be resolved");
            base()?
                .with_dns_config(dns::ResolverConfig::from_parts(None, Vec::new(), Vec::new()), Default::default())
                .with_behaviour(|_| behaviour)
                .unwrap_or_else(|never| match never {})
                .with_swarm_config(tune)
                .with_connection_timeout(CONNECT_TIMEOUT)
                .build()
        }
    };
    Ok(swarm)
}

fn behaviour(config: &NodeConfig, key: &Keypair) -> Result<Behaviour, NetError> {
    let me = key.public().to_peer_id();
    let limits = ConnectionLimits::default()
        .with_max_established(Some(config.max_connections))
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
    Ok(Behaviour {
        blocked: Default::default(),
        limits: connection_limits::Behaviour::new(limits),
        memory: memory_connection_limits::Behaviour::with_max_bytes(config.max_process_memory),
        streams: Default::default(),
        gossip: gossip(key)?,
        kad: kademlia(me),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT)),
        mdns: mdns.into(),
    })
}

fn gossip(key: &Keypair) -> Result<Gossip, NetError> {
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(gossipsub::ValidationMode::Strict)
        .validate_messages()
        .message_id_fn(message_id)
        .max_transmit_size(MAX_GOSSIP_BYTES)
        // What a peer follows counts as control, and 16 KiB, the default, are three hundred conversations.
        .max_control_message_size(MAX_GOSSIP_BYTES)
        .heartbeat_initial_delay(Duration::ZERO)
        .heartbeat_interval(GOSSIP_HEARTBEAT)
        .history_length(GOSSIP_HISTORY)
        .connection_handler_queue_len(GOSSIP_QUEUE)
        // Small swarms hear at once, however young their meshes are.
        .flood_publish(true)
        .build()
        .map_err(|error| setup("gossip", error))?;
    let filter = MaxCountSubscriptionFilter {
        filter: AllowAllSubscriptionFilter {},
        max_subscribed_topics: MAX_TOPICS,
        max_subscriptions_per_request: MAX_TOPICS,
    };
    let author = gossipsub::MessageAuthenticity::Signed(key.clone());
    gossipsub::Behaviour::new_with_subscription_filter(author, config, filter).map_err(|error| setup("gossip", error))
}

/// One name for one announcement: all that its author signed.
fn message_id(message: &gossipsub::Message) -> gossipsub::MessageId {
    let mut hasher = blake3::Hasher::new_derive_key("parv 1 gossip message id");
    let author = message.source.map(PeerId::to_bytes).unwrap_or_default();
    for part in [author.as_slice(), message.topic.as_str().as_bytes()] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hasher.update(&message.sequence_number.unwrap_or_default().to_le_bytes()).update(&message.data);
    gossipsub::MessageId::new(hasher.finalize().as_bytes())
}

fn kademlia(me: PeerId) -> kad::Behaviour<Table> {
    let mut config = kad::Config::new(KAD_PROTOCOL);
    config
        .set_query_timeout(LOOKUP_TIMEOUT)
        .set_provider_record_ttl(Some(PROVIDER_RECORD_LIFETIME))
        .set_record_ttl(Some(ADDRESS_RECORD_LIFETIME))
        // A search must not leave copies behind: they would outlive newer ones.
        .set_caching(kad::Caching::Disabled)
        // Publishing again is ours to time; see the module `publications`.
        .set_provider_publication_interval(None)
        .set_publication_interval(None)
        .set_replication_interval(None);
    let mut kad = kad::Behaviour::with_config(me, Table::new(me), config);
    kad.set_mode(Some(kad::Mode::Server));
    kad
}

pub(crate) fn setup(part: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> NetError {
    NetError::Setup { part, source: source.into() }
}
