//! The engine: an account at work.
//!
//! [`Engine`] is a handle. Behind it one task hears what comes from the [`network`] and hands it on, one looks after
//! connections ([`upkeep`]), and each conversation has its actor; the [`hub`] is what they share.

mod absent;
mod accept;
mod certificates;
mod greeting;
mod hello;
pub(crate) mod hub;
pub(crate) mod invitations;
pub(crate) mod leaving;
mod load;
mod mail;
mod network;
mod options;
mod post;
pub(crate) mod push;
pub(crate) mod refusal;
mod remember;
mod serve;
mod upkeep;

pub use options::{Network, Options};
pub use push::{LeaseHolder, PushNews, PushStatus, PushSubscription, Wake};

use crate::access::Access;
use crate::author::Author;
use crate::conversation::actor;
use crate::conversation::ledger::Ledger;
use crate::counters::Counters;
use crate::people::People;
use crate::{Account, Conversation, ConversationInfo, Error, Event, Peer, Request, clock, known_peers};
use certificates::Certificates;
use hub::{Hub, Net, Place};
use load::Found;
use parv_model::{ConversationId, DeviceId, Mode, Uri};
use parv_net::{Key, Multiaddr, NetStatus, Node, NodeConfig};
use push::Holder;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::broadcast;
use tokio::task::spawn_blocking;

/// An account at work. Cheap to clone; all clones are the same engine, which ends with the last of them or at
/// [`Engine::shutdown`].
#[derive(Clone)]
pub struct Engine(Arc<Running>);

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Engine").field(&self.uri()).finish()
    }
}

/// Ends the engine when nobody holds it any more. The folder is let go when its last task has ended.
struct Running(Arc<Hub>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.stop.cancel();
    }
}

impl Engine {
    /// Opens every conversation of the account and, if asked to, starts its node. Must be called in a Tokio runtime.
    ///
    /// A conversation whose files do not hold up keeps no other from opening; see [`Engine::conversation`].
    pub async fn start(account: Account, options: Options) -> Result<Self, Error> {
        let author = Arc::new(Author::of(&account));
        let people = Arc::new(People::new());
        let access = Arc::new(Access::new(people.clone()));
        let (folders, opener) = (account.folders().clone(), author.clone());
        let found = spawn_blocking(move || load::load(&folders, &opener)).await.map_err(|_| Error::Closed)??;
        let mut network_events = None;
        let net = match options.network {
            None => None,
            Some(network) => {
                let (leases, own, asked) = (account.folders().leases(), author.device(), network.clone());
                let held =
                    spawn_blocking(move || Holder::open(leases, own, &asked)).await.map_err(|_| Error::Closed)?;
                let holder = Arc::new(held?);
                let mut config = NodeConfig::new(*account.identity().device_key.seed());
                (config.listen, config.bootstrap, config.mdns) = (network.listen, network.bootstrap, network.mdns);
                config.port_mapping = network.port_mapping;
                let path = account.folders().known_peers();
                config.known = spawn_blocking(move || known_peers::load(&path)).await.map_err(|_| Error::Closed)?;
                let shown = Certificates::own(&author.credentials).seal(&author.uri(), author.device());
                config.credential = shown.unwrap_or_default();
                let (node, events) = Node::start(config, access.clone()).await?;
                network_events = Some(events);
                let counters = Arc::new(Counters::shown_in(node.telemetry()));
                let (people, patience) = (people.clone(), network.patience);
                Some(Net { node, people, turns: Arc::default(), counters, holder, patience })
            }
        };
        let hub = Hub::new(account, author, access, people, net)?;
        for found in found {
            match found {
                Found::Good(ledger) => drop(admit(&hub, *ledger, Place::Open)),
                Found::Left(ledger) => drop(admit(&hub, *ledger, Place::Leaving)),
                Found::Unusable(id, why) => hub.put(id, Place::Unusable(why)),
            }
        }
        if let (Some(net), Some(events)) = (hub.net.clone(), network_events) {
            hub.spawn(network::run(hub.clone(), net.clone(), events));
            hub.spawn(upkeep::run(hub.clone(), net.clone()));
            hub.spawn(post::run(hub.clone(), net.clone()));
            hub.spawn(remember::run(hub.clone(), net.clone()));
            hub.spawn(push::hold(hub.clone(), net.clone()));
            hub.spawn(push::give(hub.clone(), net.clone()));
            let own = Key::of_account(&hub.author.uri());
            hub.spawn(async move {
                if let Err(error) = net.node.provide(own).await {
                    tracing::warn!("this device is hard to find for others: {error}");
                }
            });
        }
        Ok(Self(Arc::new(Running(hub))))
    }

    fn hub(&self) -> &Arc<Hub> {
        &self.0.0
    }

    /// The account's address.
    pub fn uri(&self) -> Uri {
        self.hub().author.uri()
    }

    /// This device.
    pub fn device_id(&self) -> DeviceId {
        self.hub().author.device()
    }

    /// What others see as the author's name.
    pub fn name(&self) -> &str {
        self.hub().author.name.as_str()
    }

    /// The account's folder.
    pub fn folder(&self) -> &Path {
        self.hub().folders.account()
    }

    /// Where the node listens, each with its peer id. Empty without a network.
    pub fn addresses(&self) -> Vec<Multiaddr> {
        self.hub().net.as_ref().map(|net| net.node.listen_addresses()).unwrap_or_default()
    }

    /// What happens from now on. A listener who falls far behind misses the oldest events and is told how many.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.hub().listen()
    }

    /// Connects to a node. Done when it and this one have shown each other whose they are, so that everything that
    /// needs them can begin; or, if it does not say who it is, when that has taken too long.
    pub async fn connect(&self, address: Multiaddr) -> Result<DeviceId, Error> {
        let net = self.hub().net()?;
        let device = net.node.dial_address(address).await?;
        if !net.people.acquainted(&device, net.patience).await {
            tracing::info!(%device, "connected, but it does not say who it is");
        }
        Ok(device)
    }

    /// The connected devices.
    pub fn peers(&self) -> Vec<Peer> {
        self.hub().people.all().into_iter().map(|(device, account)| Peer { device, account }).collect()
    }

    /// How this device stands in the network.
    pub async fn net_status(&self) -> Result<NetStatus, Error> {
        Ok(self.hub().net()?.node.status().await?)
    }

    /// What this engine and its node have counted since the start, as OpenMetrics text.
    pub fn metrics(&self) -> Result<String, Error> {
        Ok(self.hub().net()?.node.telemetry().encode())
    }

    /// Closes the connections with a device and makes and takes no others.
    pub async fn block(&self, device: DeviceId) -> Result<(), Error> {
        Ok(self.hub().net()?.node.block(device).await?)
    }

    /// Allows connections with a blocked device again.
    pub async fn unblock(&self, device: DeviceId) -> Result<(), Error> {
        self.hub().net()?.node.unblock(device).await?;
        self.hub().wake.notify_one();
        Ok(())
    }

    /// Begins a conversation; in mode `ONE_TO_ONE` with `invited` (nobody: with oneself), who gets an invitation at
    /// once. Other modes begin with nobody else; see [`Conversation::invite`].
    pub async fn create(&self, mode: Mode, invited: Option<Uri>) -> Result<Conversation, Error> {
        let hub = self.hub();
        if invited.is_some() && mode != Mode::OneToOne {
            return Err(Error::NotAllowed(format!("a conversation of mode {mode} begins with nobody else")));
        }
        let (folders, author) = (hub.folders.clone(), hub.author.clone());
        let made = spawn_blocking(move || Ledger::create(&folders, author, mode, invited));
        let conversation = admit(hub, made.await.map_err(|_| Error::Closed)??, Place::Open);
        let id = conversation.id();
        hub.tell(Event::ConversationReady { conversation: id });
        if let Some(uri) = invited {
            invitations::offer(hub, id, uri, id.root())?;
        }
        Ok(conversation)
    }

    /// Every conversation, by id; also those that are still being fetched. Not those that cannot be opened.
    pub fn conversations(&self) -> Vec<ConversationInfo> {
        let info = |(id, place)| match place {
            Place::Open(room) => Some(room.info()),
            Place::Syncing { mode, title } => {
                Some(ConversationInfo { id, mode, title, members: 2, syncing: true, heads: 0, messages: 0 })
            }
            Place::Leaving(_) | Place::Unusable(_) => None,
        };
        self.hub().all_places().into_iter().filter_map(info).collect()
    }

    /// One conversation.
    ///
    /// # Errors
    /// [`Error::UnknownConversation`], [`Error::Syncing`], or [`Error::Unusable`] with the reason.
    pub fn conversation(&self, id: &ConversationId) -> Result<Conversation, Error> {
        match self.hub().place(id) {
            Some(Place::Open(room)) => Ok(Conversation::new(self.hub().clone(), room)),
            Some(Place::Syncing { .. }) => Err(Error::Syncing(*id)),
            Some(Place::Unusable(why)) => Err(Error::Unusable { conversation: *id, why }),
            Some(Place::Leaving(_)) | None => Err(Error::UnknownConversation(*id)),
        }
    }

    /// Invitations that wait for an answer, the oldest first. None of people who are blocked.
    pub fn requests(&self) -> Vec<Request> {
        let hub = self.hub();
        hub.requests.waiting().into_iter().filter(|request| !hub.contacts.is_blocked(&request.from)).collect()
    }

    /// Blocks a person: from now on their invitations are dropped unseen. They cannot tell that from being ignored: what they
    /// send or leave is taken as before, and nothing ever goes back. Conversations that both are in are not touched.
    pub fn block_person(&self, uri: Uri) -> Result<(), Error> {
        self.hub().contacts.set_blocked(uri, true)
    }

    /// Lets a person invite again. What they sent meanwhile is gone.
    pub fn unblock_person(&self, uri: Uri) -> Result<(), Error> {
        self.hub().contacts.set_blocked(uri, false)
    }

    /// Everybody who is blocked, sorted.
    pub fn blocked_people(&self) -> Vec<Uri> {
        self.hub().contacts.blocked()
    }

    /// Takes up an invitation: clones the conversation from whoever has it, judges all of it, joins. When that fails,
    /// nothing stays but the request. A PUBLIC conversation of which only the id is known needs no request.
    pub async fn accept(&self, id: &ConversationId) -> Result<Conversation, Error> {
        let room = accept::accept(self.hub(), *id).await?;
        Ok(Conversation::new(self.hub().clone(), room))
    }

    /// Turns an invitation down. Nobody is told, and the same invitation is not shown again.
    pub fn decline(&self, id: &ConversationId) -> Result<(), Error> {
        self.hub().requests.decline(id, clock::now())
    }

    /// Finishes what is being written, closes the network and lets go of the account's folder.
    pub async fn shutdown(&self) {
        let hub = self.hub();
        hub.stop.cancel();
        if let Some(net) = &hub.net {
            remember::finally(hub, net).await;
            net.node.shutdown().await;
        }
        hub.tasks.close();
        hub.tasks.wait().await;
        while let Some((id, _)) = hub.all_places().first() {
            hub.take_out(id);
        }
        hub.release();
    }
}

/// Starts the actor of a conversation and puts it in its place.
fn admit(hub: &Arc<Hub>, ledger: Ledger, place: fn(crate::conversation::room::Room) -> Place) -> Conversation {
    let room = actor::start(hub, ledger);
    hub.put(room.id(), place(room.clone()));
    hub.follow(room.id());
    Conversation::new(hub.clone(), room)
}
