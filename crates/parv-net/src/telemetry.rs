//! What a node counts, in the text format of OpenMetrics.
//!
//! Connections, bytes by transport, the table, gossip, relaying and hole punching are counted by libp2p itself (names that
//! begin with `libp2p_`); here is what only this crate knows (names that begin with `parv_`). The owner adds its own with
//! [`Telemetry::register`]. No label names a person, a device or a conversation.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Everything that a node and its owner count.
pub struct Telemetry {
    registry: Mutex<Registry>,
    refusals: Family<RefusalLabel, Counter>,
    streams: Family<StreamLabels, Counter>,
    git_bytes: Family<DirectionLabel, Counter>,
    announcements: Counter,
}

/// What was refused to a peer, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Reason {
    /// A fetch of what is not there, or not for that peer.
    FetchNotAllowed,
    /// A fetch beyond the peer's places, or while the owner was behind.
    FetchBusy,
    /// A stream whose first frame is late or no frame.
    BadFrame,
    /// A message that is no envelope.
    BadEnvelope,
    /// A message beyond the peer's places, or while the owner was behind.
    MessageBusy,
    /// An announcement that the owner rejects.
    BadAnnouncement,
    /// An announcement beyond what its author or who passed it on may announce.
    TooManyAnnouncements,
    /// An announcement that came while the owner was behind, or on a topic that nobody here follows.
    DroppedAnnouncement,
    /// A record for the table that is malformed, secondhand or outdated.
    BadRecord,
    /// A record for the table beyond what is kept.
    RecordBeyondLimit,
    /// A connection beyond a limit, or with somebody blocked.
    Connection,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabel {
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StreamLabels {
    protocol: &'static str,
    direction: Direction,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabel {
    direction: Direction,
}

/// From where to where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Direction {
    /// From a peer.
    In,
    /// To a peer.
    Out,
}

impl Telemetry {
    /// Counts from zero; `announcements` are counted where they come in.
    pub(crate) fn new(mut registry: Registry, announcements: Counter) -> Self {
        let (refusals, streams, git_bytes) = (Family::default(), Family::default(), Family::default());
        let ours = registry.sub_registry_with_prefix("parv");
        ours.register("refusals", "What was refused to peers, by reason", Family::clone(&refusals));
        ours.register("streams", "Streams of our own protocols", Family::clone(&streams));
        ours.register("git_bytes", "Bytes of history that went through git streams", Family::clone(&git_bytes));
        ours.register("announcements", "Announcements that came, each as often as it came", announcements.clone());
        Self { registry: Mutex::new(registry), refusals, streams, git_bytes, announcements }
    }

    /// How many announcements have come, each counted as often as it came.
    pub fn announcements(&self) -> u64 {
        self.announcements.get()
    }

    /// Adds what the owner counts.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(self.registry().sub_registry_with_prefix("parv"));
    }

    /// Everything as it stands, as OpenMetrics text (`application/openmetrics-text; version=1.0.0; charset=utf-8`).
    pub fn encode(&self) -> String {
        let mut out = String::new();
        text::encode(&mut out, &self.registry()).expect("text can be written to memory");
        out
    }

    pub(crate) fn refused(&self, reason: Reason) {
        self.refusals.get_or_create(&RefusalLabel { reason }).inc();
    }

    pub(crate) fn stream(&self, protocol: &'static str, direction: Direction) {
        self.streams.get_or_create(&StreamLabels { protocol, direction }).inc();
    }

    /// The meter for one git stream's bytes.
    pub(crate) fn git_bytes(&self, direction: Direction) -> Counter {
        self.git_bytes.get_or_create(&DirectionLabel { direction }).clone()
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}
