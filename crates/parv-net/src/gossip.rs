//! Announcements: gossipsub, set up for meshes of a few neighbours.
//!
//! A node tells the neighbours of its mesh at once that it has an announcement, and passes it on as soon as its owner has judged
//! it good, so each comes little more than once; what a mesh misses, the rumours of its other links and its owners' exchange of heads bring. Neighbours
//! are scored: who passes on what is rejected, grafts against the rules or does not keep its promises loses its place.

use crate::NetError;
use crate::behaviour::setup;
use crate::limits::{MAX_GOSSIP_BYTES, MAX_TOPICS};
use libp2p::PeerId;
use libp2p::gossipsub::{
    self, AllowAllSubscriptionFilter, ConfigBuilder, DataTransform, IdentTopic, IdentityTransform,
    MaxCountSubscriptionFilter, Message, MessageAuthenticity, MessageId, PeerScoreParams, PeerScoreThresholds,
    RawMessage, TopicHash, TopicScoreParams, ValidationMode,
};
use libp2p::identity::Keypair;
use prometheus_client::metrics::counter::Counter;
use std::io;
use std::time::Duration;

/// How often gossip mends its meshes. Announcements go out at once, this only decides who is a neighbour.
const HEARTBEAT: Duration = Duration::from_millis(700);

/// For how many heartbeats an announcement can be judged (about half a minute): fetching and validating what it
/// announces comes first.
const HISTORY: usize = 43;

/// With how many neighbours a mesh is content: measured (docs, "The network, measured").
const NEIGHBOURS: usize = 3;

/// With fewer it looks for more.
const FEWEST_NEIGHBOURS: usize = 2;

/// How many announcements wait for one slow neighbour; at their largest, 32 MiB.
const QUEUE: usize = 512;

/// How often scores fade.
const SCORES_FADE: Duration = Duration::from_secs(10);

/// Topics per peer, counted.
pub(crate) type SubscriptionFilter = MaxCountSubscriptionFilter<AllowAllSubscriptionFilter>;

/// Announcements.
pub(crate) type Gossip = gossipsub::Behaviour<Counting, SubscriptionFilter>;

/// Counts the announcements that come, each as often as it comes, and leaves them as they are.
#[derive(Clone)]
pub(crate) struct Counting(Counter);

impl DataTransform for Counting {
    fn inbound_transform(&self, message: RawMessage) -> Result<Message, io::Error> {
        self.0.inc();
        IdentityTransform.inbound_transform(message)
    }

    fn outbound_transform(&self, topic: &TopicHash, data: Vec<u8>) -> Result<Vec<u8>, io::Error> {
        IdentityTransform.outbound_transform(topic, data)
    }
}

/// Sets it up; what comes is counted by `received`.
pub(crate) fn gossip(key: &Keypair, received: Counter) -> Result<Gossip, NetError> {
    let config = ConfigBuilder::default()
        .validation_mode(ValidationMode::Strict)
        .validate_messages()
        .message_id_fn(message_id)
        .max_transmit_size(MAX_GOSSIP_BYTES)
        // What a peer follows counts as control, and 16 KiB, the default, are three hundred conversations.
        .max_control_message_size(MAX_GOSSIP_BYTES)
        .heartbeat_initial_delay(Duration::ZERO)
        .heartbeat_interval(HEARTBEAT)
        .history_length(HISTORY)
        .connection_handler_queue_len(QUEUE)
        .mesh_n(NEIGHBOURS)
        .mesh_n_low(FEWEST_NEIGHBOURS)
        .mesh_n_high(NEIGHBOURS)
        .mesh_outbound_min(1)
        // A neighbour that has an announcement already is told so before we pass it on: judging it takes longer than that.
        .idontwant_message_size_threshold(0)
        // The author does as everybody does: it costs a hop, and saves a copy to each of its other links.
        .flood_publish(false)
        .build()
        .map_err(|error| setup("gossip", error))?;
    let filter = MaxCountSubscriptionFilter {
        filter: AllowAllSubscriptionFilter {},
        max_subscribed_topics: MAX_TOPICS,
        max_subscriptions_per_request: MAX_TOPICS,
    };
    let author = MessageAuthenticity::Signed(key.clone());
    let mut gossip = Gossip::new_with_subscription_filter_and_transform(author, config, filter, Counting(received))
        .map_err(|error| setup("gossip", error))?;
    gossip
        .with_peer_score(scores(), PeerScoreThresholds::default())
        .map_err(|error| setup("the scores of neighbours", error))?;
    Ok(gossip)
}

/// Follows a topic, with its neighbours scored.
pub(crate) fn follow(gossip: &mut Gossip, topic: &IdentTopic) -> Result<(), String> {
    gossip.subscribe(topic).map_err(|error| error.to_string())?;
    gossip.set_topic_params(topic.clone(), topic_scores()).map_err(str::to_owned)
}

/// What counts against a neighbour in any topic: grafts against the rules and broken promises, beyond a few. Not how many
/// share its address (a household does), and not that it is slow.
fn scores() -> PeerScoreParams {
    PeerScoreParams {
        ip_colocation_factor_weight: 0.0,
        slow_peer_weight: 0.0,
        behaviour_penalty_weight: -1.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: 0.8,
        decay_interval: SCORES_FADE,
        ..PeerScoreParams::default()
    }
}

/// What counts in one topic: being the first to bring something good, a little; what is rejected, by the square. That
/// nothing comes counts for nothing: most conversations are silent most of the time.
fn topic_scores() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.1,
        first_message_deliveries_decay: 0.9,
        first_message_deliveries_cap: 50.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -1.0,
        invalid_message_deliveries_decay: 0.9,
        ..TopicScoreParams::default()
    }
}

/// One name for one announcement: all that its author signed.
fn message_id(message: &Message) -> MessageId {
    let mut hasher = blake3::Hasher::new_derive_key("parv 1 gossip message id");
    let author = message.source.map(PeerId::to_bytes).unwrap_or_default();
    for part in [author.as_slice(), message.topic.as_str().as_bytes()] {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    hasher.update(&message.sequence_number.unwrap_or_default().to_le_bytes()).update(&message.data);
    MessageId::new(hasher.finalize().as_bytes())
}
