//! What an engine counts beside what its node counts: fetches, and what became of them. No label names a person, a device
//! or a conversation.

use crate::engine::Wake;
use crate::event::Event;
use parv_net::Telemetry;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Counters {
    fetches: Family<Outcome, Counter>,
    commits: Counter,
    refusals: Family<RuleLabel, Counter>,
    served: Counter,
    messages: Counter,
    requests: Counter,
    wakes: Family<WakeLabel, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: FetchOutcome,
}

/// How a fetch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum FetchOutcome {
    /// Commits came.
    News,
    /// There was nothing new.
    Nothing,
    /// What came breaks a rule.
    Refused,
    /// The device could not be reached, went silent, or sent what is no history.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabel {
    /// The name of the rule.
    rule: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WakeLabel {
    outcome: WakeOutcome,
}

/// How posting a message to a sleeping device ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
enum WakeOutcome {
    Sent,
    Failed,
}

impl Counters {
    /// Counters that the node's telemetry shows.
    pub(crate) fn shown_in(telemetry: &Telemetry) -> Self {
        let counters = Self::default();
        telemetry.register(|registry| {
            registry.register("fetches", "Fetches from other devices, by outcome", counters.fetches.clone());
            registry.register("fetched_commits", "Commits that came and passed the checks", counters.commits.clone());
            registry.register("refused_commits", "Commits of others that break a rule", counters.refusals.clone());
            registry.register("served", "Fetches by other devices that were served", counters.served.clone());
            registry.register("messages", "Messages that were shown", counters.messages.clone());
            registry.register("requests", "Invitations that came", counters.requests.clone());
            registry.register("wakes", "Push messages to devices that sleep, by outcome", counters.wakes.clone());
        });
        counters
    }

    /// A fetch has ended; so many commits came.
    pub(crate) fn fetched(&self, outcome: FetchOutcome, commits: usize) {
        self.fetches.get_or_create(&Outcome { outcome }).inc();
        self.commits.inc_by(commits as u64);
    }

    /// Something happened that may be worth counting.
    pub(crate) fn note(&self, event: &Event) {
        match event {
            Event::Refused { refusal, .. } => {
                self.refusals.get_or_create(&RuleLabel { rule: refusal.rule.name().to_owned() }).inc();
            }
            Event::Fetched { .. } => drop(self.served.inc()),
            Event::Message { .. } => drop(self.messages.inc()),
            Event::RequestReceived(_) => drop(self.requests.inc()),
            Event::Wake { outcome, .. } => {
                let outcome = if *outcome == Wake::Sent { WakeOutcome::Sent } else { WakeOutcome::Failed };
                self.wakes.get_or_create(&WakeLabel { outcome }).inc();
            }
            _ => {}
        }
    }
}
