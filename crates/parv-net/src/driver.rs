//! The task that owns the swarm.
//!
//! It is the only one that touches the swarm and all that is known about peers; it never waits for anything but its
//! four sources: the swarm, the owner's commands, room for events, and the next alarm. What it does with a command is
//! in `commands`, what it does with an event of the swarm in `events`.

mod announcements;
mod collection;
mod commands;
mod conduct;
mod dials;
mod events;
mod idle;
mod letters;
mod lookups;
mod paths;
mod places;
mod relays;
mod service;
mod table;
mod whereabouts;

use crate::NetError;
use crate::addresses::{AddressBook, KnownPeer};
use crate::behaviour::Behaviour;
use crate::event::Event;
use crate::limits::{MAX_ADDRESSES_PER_PEER, PROVIDE_AGAIN_AFTER};
use crate::mailbox::SealingKey;
use crate::node::Policy;
use crate::outbox::Outbox;
use crate::peer::peer_id;
use crate::publications::Publications;
use crate::redial::Backoff;
use crate::telemetry::Telemetry;
use crate::topic::Topic;
use collection::Collection;
pub(crate) use commands::{Command, Reply};
use conduct::Conduct;
use dials::Dials;
use futures::StreamExt;
use idle::Uses;
use letters::Letters;
use libp2p::core::ConnectedPoint;
use libp2p::core::transport::TransportError;
use libp2p::identity::Keypair;
use libp2p::metrics::Metrics;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm};
use lookups::Lookups;
use parv_model::DeviceId;
use paths::Paths;
use places::Places;
pub use relays::Reachability;
use relays::{Reach, Relays};
use service::Service;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, sleep_until, timeout};
use whereabouts::Whereabouts;

/// How long the node waits for its connections to close when it is shut down.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(500);

/// How long to linger after that. QUIC counts a connection as closed before its own task has sent the other side the
/// news; if the process ended at once, the other side would believe in the connection until it times out.
const LINGER: Duration = Duration::from_millis(50);

/// For how long nothing must happen until all interfaces of the machine are taken to be known.
const INTERFACES: Duration = Duration::from_millis(50);

/// The swarm and everything around it.
pub(crate) struct Driver {
    swarm: Swarm<Behaviour>,
    commands: mpsc::Receiver<Command>,
    outbox: Outbox,
    policy: Arc<dyn Policy>,
    listening: watch::Sender<Vec<Multiaddr>>,
    connected: watch::Sender<BTreeSet<DeviceId>>,
    neighbours: HashMap<PeerId, Neighbour>,
    addresses: AddressBook,
    bootstrap: HashMap<PeerId, Backoff>,
    dials: Dials,
    lookups: Lookups,
    publications: Publications,
    /// When to publish all that we provide again.
    renewal: Instant,
    whereabouts: Whereabouts,
    letters: Letters,
    collection: Collection,
    reach: Reach,
    relays: Relays,
    /// Whether it may keep a part of the table; it does while others can reach it.
    serves_table: bool,
    /// What is done for others; only a public node has it.
    service: Option<Service>,
    /// Where a public node is reached, as its owner says.
    external: Vec<Multiaddr>,
    telemetry: Arc<Telemetry>,
    metrics: Metrics,
    paths: Paths,
    places: Places,
    conduct: Conduct,
    topics: HashSet<Topic>,
    idle_timeout: Duration,
    /// When to end the connections that nothing uses.
    sweep: Instant,
}

/// What a driver knows at the start.
pub(crate) struct Setup {
    /// The device's key, which signs what it says of itself.
    pub(crate) key: Keypair,
    /// The same key, for sealing letters.
    pub(crate) sealing: SealingKey,
    /// What it shows of itself in its address record.
    pub(crate) credential: Vec<u8>,
    /// Whom to stay connected with.
    pub(crate) bootstrap: Vec<(PeerId, Multiaddr)>,
    /// Who was met before.
    pub(crate) known: Vec<KnownPeer>,
    /// Who may have what.
    pub(crate) policy: Arc<dyn Policy>,
    /// Whether it may keep a part of the table.
    pub(crate) serves_table: bool,
    /// Whether it works for others.
    pub(crate) public: bool,
    /// Where a public node is reached, as its owner says.
    pub(crate) external: Vec<Multiaddr>,
    /// After how long a connection that nothing uses is ended.
    pub(crate) idle_timeout: Duration,
    /// What is counted.
    pub(crate) telemetry: Arc<Telemetry>,
    /// What libp2p counts.
    pub(crate) metrics: Metrics,
}

/// What is remembered of a peer while it is connected.
#[derive(Default)]
struct Neighbour {
    /// What it was used for.
    uses: Uses,
    /// Whether it has said what it speaks.
    identified: bool,
    /// Its connections.
    connections: HashMap<ConnectionId, ConnectedPoint>,
}

impl Driver {
    /// A driver that is not running yet, with views of where the swarm listens and who is connected.
    pub(crate) fn new(
        swarm: Swarm<Behaviour>,
        setup: Setup,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<Event>,
    ) -> (Self, watch::Receiver<Vec<Multiaddr>>, watch::Receiver<BTreeSet<DeviceId>>) {
        let (listening, listening_view) = watch::channel(Vec::new());
        let (connected, connected_view) = watch::channel(BTreeSet::new());
        let now = Instant::now();
        let mut driver = Self {
            swarm,
            commands,
            outbox: Outbox::new(events),
            policy: setup.policy,
            listening,
            connected,
            neighbours: HashMap::new(),
            addresses: AddressBook::default(),
            bootstrap: HashMap::new(),
            dials: Dials::default(),
            lookups: Lookups::default(),
            publications: Publications::default(),
            renewal: now + PROVIDE_AGAIN_AFTER,
            whereabouts: Whereabouts::new(setup.key.clone(), setup.credential),
            letters: Letters::new(setup.key, setup.sealing),
            collection: Collection::new(now),
            reach: Reach::default(),
            relays: Relays::default(),
            serves_table: setup.serves_table,
            service: setup.public.then(Service::default),
            external: setup.external,
            telemetry: setup.telemetry,
            metrics: setup.metrics,
            paths: Paths::default(),
            places: Places::default(),
            conduct: Conduct::default(),
            topics: HashSet::new(),
            idle_timeout: setup.idle_timeout,
            sweep: now + setup.idle_timeout / 2,
        };
        for known in &setup.known {
            driver.addresses.restore(known);
            // The table dials whom it needs to find its place again.
            for address in known.addresses.iter().take(MAX_ADDRESSES_PER_PEER).filter(|_| known.serves_table) {
                driver.swarm.behaviour_mut().kad.add_address(&peer_id(&known.device), address.clone());
            }
        }
        for (peer, address) in setup.bootstrap {
            if peer != *driver.swarm.local_peer_id() {
                driver.swarm.behaviour_mut().kad.add_address(&peer, address.clone());
                driver.addresses.add(peer, address);
                // That is what they are for, until they say otherwise: also who stops before that finds them again.
                driver.addresses.note_service(&peer, true);
                driver.bootstrap.insert(peer, Backoff::new(now));
            }
        }
        (driver, listening_view, connected_view)
    }

    /// Listens on these addresses, and waits until each is in use.
    pub(crate) async fn listen(&mut self, addresses: Vec<Multiaddr>) -> Result<(), NetError> {
        let anywhere = addresses.iter().any(|address| paths::ip_in(address).is_some_and(|ip| ip.is_unspecified()));
        let mut waiting = HashMap::new();
        for address in addresses {
            let listener = self.swarm.listen_on(address.clone()).map_err(|error| {
                let source = match error {
                    TransportError::Other(source) => source,
                    TransportError::MultiaddrNotSupported(_) => io::ErrorKind::Unsupported.into(),
                };
                NetError::Listen { address: address.clone(), source }
            })?;
            waiting.insert(listener, address);
        }
        while !waiting.is_empty() {
            let event = self.swarm.select_next_some().await;
            match &event {
                SwarmEvent::NewListenAddr { listener_id, .. } => {
                    waiting.remove(listener_id);
                }
                SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                    if let Some(address) = waiting.remove(listener_id) {
                        let source = match reason {
                            Ok(()) => io::ErrorKind::NotConnected.into(),
                            Err(error) => io::Error::new(error.kind(), error.to_string()),
                        };
                        return Err(NetError::Listen { address, source });
                    }
                }
                _ => {}
            }
            self.on_swarm_event(event);
        }
        // The interfaces of the machine are told one by one.
        while let (true, Ok(event)) = (anywhere, timeout(INTERFACES, self.swarm.select_next_some()).await) {
            self.on_swarm_event(event);
        }
        Ok(())
    }

    /// Runs until it is told to stop, or until the last handle of the node is gone.
    pub(crate) async fn run(mut self) {
        loop {
            let alarm = self.next_alarm();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                command = self.commands.recv() => {
                    let Some(command) = command else { return self.say_goodbye().await };
                    if let Some(stopped) = self.on_command(command) {
                        self.say_goodbye().await;
                        drop(self);
                        // Nobody waits for it: then nobody needs to know.
                        let _ = stopped.send(());
                        return;
                    }
                }
                () = self.outbox.flush(), if self.outbox.is_behind() => {}
                () = sleep_until(alarm.into()) => self.on_alarm(),
            }
        }
    }

    fn next_alarm(&self) -> Instant {
        let dials = self.bootstrap.values().filter_map(Backoff::due);
        let others =
            [self.whereabouts.due(), self.relays_due(), self.lookups.due(), self.collection.due(), self.letters.due()];
        let others = others.into_iter().chain([self.conduct.due(), Some(self.sweep)]).flatten();
        dials.chain(others).min().map_or(self.renewal, |due| due.min(self.renewal))
    }

    fn on_alarm(&mut self) {
        let now = Instant::now();
        if self.renewal <= now {
            self.renewal = now + PROVIDE_AGAIN_AFTER;
            self.publications.renew();
            self.publish_due();
            self.whereabouts.changed(now);
        }
        for query in self.lookups.overdue(now) {
            if let Some(mut query) = self.swarm.behaviour_mut().kad.query_mut(&query) {
                query.finish();
            }
        }
        if self.whereabouts.due().is_some_and(|due| due <= now) {
            self.publish_whereabouts();
        }
        if self.collection.due().is_some_and(|due| due <= now) {
            self.collect_letters(now);
        }
        if self.letters.due().is_some_and(|due| due <= now) {
            self.publish_awaited();
        }
        if self.relays_due().is_some_and(|due| due <= now) {
            self.look_after_relays();
        }
        while let Some(peer) = self.conduct.pardon(now) {
            self.swarm.behaviour_mut().banished.unblock_peer(peer);
        }
        if self.sweep <= now {
            self.sweep = now + self.idle_timeout / 2;
            self.end_idle(now);
        }
        let due = |backoff: &Backoff| backoff.due().is_some_and(|due| due <= now);
        let due: Vec<_> = self.bootstrap.iter().filter(|(_, backoff)| due(backoff)).map(|(peer, _)| *peer).collect();
        for peer in due {
            self.dial_bootstrap(peer, now);
        }
    }

    fn dial_bootstrap(&mut self, peer: PeerId, now: Instant) {
        let connected = self.swarm.is_connected(&peer);
        let Some(backoff) = self.bootstrap.get_mut(&peer) else {
            return;
        };
        if connected {
            return backoff.connected(now);
        }
        backoff.dialling();
        if let Err(error) = self.swarm.dial(dials::options(peer, self.addresses.of(&peer))) {
            tracing::debug!(%peer, %error, "cannot dial a bootstrap peer");
            backoff.failed(now);
        }
    }

    /// Closes all connections in good order.
    async fn say_goodbye(&mut self) {
        let peers: Vec<_> = self.swarm.connected_peers().copied().collect();
        if peers.is_empty() {
            return;
        }
        for peer in peers {
            // An error says that it is not connected any more.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let _ = timeout(GOODBYE_TIMEOUT, async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        })
        .await;
        sleep(LINGER).await;
    }
}
