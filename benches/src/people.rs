//! People with nodes on loopback sockets, each with a data folder of their own.

use parv::{Account, Conversation, ConversationId, Engine, Error, Event, Network, NewAccount, Options};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::task::JoinSet;

/// How many messages are under way at once: more than are made durable together.
const AT_ONCE: usize = 1024;

/// Somebody with a running node.
pub struct Person {
    /// Their node.
    pub engine: Engine,
    /// What it tells.
    pub events: Receiver<Event>,
    /// Goes away with them.
    _home: TempDir,
}

impl Person {
    /// Starts a node.
    pub async fn new(name: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let home = tempfile::tempdir()?;
        let account = Account::create(home.path(), NewAccount { name: name.into(), password: None })?;
        let listen = vec!["/ip4/127.0.0.1/tcp/0".parse()?];
        let network = Network { listen, mdns: false, ..Network::default() };
        let engine = Engine::start(account, Options { network: Some(network) }).await?;
        Ok(Self { events: engine.events(), engine, _home: home })
    }

    /// Stops the node and starts it again from the folder: gives how long the start takes.
    pub async fn reopen(self) -> Result<Duration, Box<dyn std::error::Error>> {
        let Self { engine, _home: home, .. } = self;
        engine.shutdown().await;
        drop(engine);
        let start = Instant::now();
        let engine = Engine::start(Account::open(home.path(), None)?, Options::default()).await?;
        let time = start.elapsed();
        engine.shutdown().await;
        Ok(time)
    }

    /// Sends so many messages, as many at once as a conversation takes in.
    pub async fn send_at_once(
        conversation: &Conversation,
        count: usize,
        text: &str,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let mut under_way = JoinSet::new();
        for number in 0..count {
            if under_way.len() >= AT_ONCE
                && let Some(sent) = under_way.join_next().await
            {
                sent??;
            }
            let (conversation, text) = (conversation.clone(), format!("{text} {number}"));
            under_way.spawn(async move { conversation.send(&text).await });
        }
        while let Some(sent) = under_way.join_next().await {
            sent??;
        }
        Ok(())
    }

    /// Connects to another node.
    pub async fn meet(&self, other: &Self) -> Result<(), Box<dyn std::error::Error>> {
        let address = other.engine.addresses().into_iter().next().ok_or("the node has no address")?;
        self.engine.connect(address).await?;
        Ok(())
    }

    /// Waits for an event; events that were missed under load are passed over.
    pub async fn wait(&mut self, wanted: impl Fn(&Event) -> bool) -> Result<(), Box<dyn std::error::Error>> {
        let wait = async {
            loop {
                match self.events.recv().await {
                    Ok(event) if wanted(&event) => return Ok(()),
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Err("the node has stopped".into()),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait).await.map_err(|_| "an event did not come in a minute")?
    }

    /// Invites another node's owner and waits until the invitation is there.
    pub async fn invite(
        &self,
        conversation: &Conversation,
        other: &mut Self,
    ) -> Result<(), Box<dyn std::error::Error>> {
        self.meet(other).await?;
        conversation.invite(&other.engine.uri()).await?;
        other.wait(|event| matches!(event, Event::RequestReceived(_))).await
    }

    /// Accepts an invitation.
    pub async fn accept(&self, id: &ConversationId) -> Result<Conversation, Error> {
        self.engine.accept(id).await
    }
}
