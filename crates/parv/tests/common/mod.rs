//! People with nodes on loopback sockets, each with a data folder of their own.
#![allow(dead_code, reason = "every test file uses another part")]

use parv::{
    Account, Conversation, ConversationId, Engine, Event, LogQuery, Message, Mode, Multiaddr, Network, NewAccount,
    Options, Uri,
};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::broadcast;
use tokio::time::timeout;

/// How long anything may take before a test fails. Nothing waits that long when it works.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How long nodes in tests wait for silent peers.
pub const PATIENCE: Duration = Duration::from_secs(3);

pub struct Person {
    pub home: TempDir,
    pub engine: Engine,
    pub events: broadcast::Receiver<Event>,
    transport: &'static str,
}

pub const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
pub const TCP: &str = "/ip4/127.0.0.1/tcp/0";

pub fn network(transport: &str) -> Network {
    let listen = vec![transport.parse().unwrap()];
    Network { listen, mdns: false, patience: PATIENCE, ..Network::default() }
}

pub fn account(home: &Path, name: &str) -> Account {
    Account::create(home, NewAccount { name: name.into(), password: None }).unwrap()
}

impl Person {
    pub async fn new(name: &str) -> Self {
        Self::over(name, TCP).await
    }

    pub async fn over(name: &str, transport: &'static str) -> Self {
        Self { transport, ..Self::with(name, network(transport)).await }
    }

    /// Over TCP, and with this network until the next restart.
    pub async fn with(name: &str, network: Network) -> Self {
        let home = tempfile::tempdir().unwrap();
        let account = account(home.path(), name);
        let engine = Engine::start(account, Options { network: Some(network) }).await.unwrap();
        Self { events: engine.events(), home, engine, transport: TCP }
    }

    /// Stops the node, drops everything, and starts it again from the folder.
    pub async fn restart(self) -> Self {
        let Self { home, engine, transport, .. } = self;
        engine.shutdown().await;
        drop(engine);
        Self::reopen(home, transport).await
    }

    pub async fn reopen(home: TempDir, transport: &'static str) -> Self {
        Self { transport, ..Self::reopen_with(home, network(transport)).await }
    }

    /// Starts the node again, over TCP, with this network until the next restart.
    pub async fn reopen_with(home: TempDir, network: Network) -> Self {
        let account = Account::open(home.path(), None).unwrap();
        let engine = Engine::start(account, Options { network: Some(network) }).await.unwrap();
        Self { events: engine.events(), home, engine, transport: TCP }
    }

    pub fn uri(&self) -> Uri {
        self.engine.uri()
    }

    pub fn address(&self) -> Multiaddr {
        self.engine.addresses()[0].clone()
    }

    pub async fn connect(&self, other: &Person) {
        within("connecting", self.engine.connect(other.address())).await.unwrap();
    }

    /// Waits for the first event that `wanted` makes something of; the others before it are dropped.
    pub async fn wait<T>(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let mut seen = Vec::new();
        let waiting = async {
            loop {
                let event = self.events.recv().await.unwrap();
                if let Some(found) = wanted(&event) {
                    return found;
                }
                seen.push(event);
            }
        };
        match timeout(DEADLINE, waiting).await {
            Ok(found) => found,
            Err(_) => panic!("{} waited in vain for {what}; seen: {seen:#?}", self.engine.name()),
        }
    }

    /// Waits until a text is shown.
    pub async fn wait_text(&mut self, text: &str) {
        self.wait(text, |event| match event {
            Event::Message { entry, .. } if text_of(&entry.message) == Some(text) => Some(()),
            _ => None,
        })
        .await;
    }

    /// Waits until a condition holds, looking at it again at each event.
    pub async fn until(&mut self, what: &str, mut holds: impl FnMut(&Engine) -> bool) {
        let engine = self.engine.clone();
        if !holds(&engine) {
            self.wait(what, |_| holds(&engine).then_some(())).await;
        }
    }

    pub async fn wait_request(&mut self) -> ConversationId {
        self.wait("a request", |event| match event {
            Event::RequestReceived(request) => Some(request.id),
            _ => None,
        })
        .await
    }

    pub fn conversation(&self, id: &ConversationId) -> Conversation {
        self.engine.conversation(id).unwrap()
    }

    /// The texts of a conversation, in display order.
    pub async fn texts(&self, id: &ConversationId) -> Vec<String> {
        let log = self.conversation(id).log(LogQuery::default()).await.unwrap();
        log.iter().filter_map(|entry| text_of(&entry.message).map(str::to_owned)).collect()
    }

    pub fn repository(&self, id: &ConversationId) -> std::path::PathBuf {
        self.engine.folder().join("conversations").join(id.to_string())
    }
}

pub fn text_of(message: &Message) -> Option<&str> {
    match message {
        Message::Text { body } => Some(body),
        _ => None,
    }
}

pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(DEADLINE, work).await.unwrap_or_else(|_| panic!("{what} took too long"))
}

/// `host` invites `guest` (connected) to the conversation, who accepts; both have seen that.
pub async fn bring_in(host: &mut Person, guest: &mut Person, id: &ConversationId) {
    host.conversation(id).invite(&guest.uri()).await.unwrap();
    assert_eq!(guest.wait_request().await, *id);
    within("accepting", guest.engine.accept(id)).await.unwrap();
    let uri = guest.uri();
    let joined = move |event: &Event| match event {
        Event::Member { uri: who, change: parv::MemberChange::Joined, .. } if *who == uri => Some(()),
        _ => None,
    };
    host.wait("the joining", joined).await;
}

/// Ann and Bob, connected, and a conversation of hers that he has joined.
pub async fn ann_and_bob() -> (Person, Person, ConversationId) {
    let (mut ann, mut bob) = (Person::new("Ann").await, Person::new("Bob").await);
    bob.connect(&ann).await;
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    bring_in(&mut ann, &mut bob, &id).await;
    (ann, bob, id)
}

/// Waits until a condition on several people holds, looking at it again whenever one of them hears something.
pub async fn until_all(what: &str, people: &[&Person], holds: impl Fn(&[&Person]) -> bool) {
    let (heard, mut news) = tokio::sync::mpsc::unbounded_channel();
    let mut listeners = tokio::task::JoinSet::new();
    for person in people {
        let (heard, mut events) = (heard.clone(), person.engine.events());
        listeners.spawn(async move { while events.recv().await.is_ok() && heard.send(()).is_ok() {} });
    }
    let waiting = async {
        while !holds(people) {
            news.recv().await.unwrap();
        }
    };
    if timeout(DEADLINE, waiting).await.is_err() {
        panic!("waited in vain for {what}");
    }
}
