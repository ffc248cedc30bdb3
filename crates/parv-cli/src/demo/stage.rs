//! The stage: where the four people's data lies, who they are, and waiting for what happens to them.

use super::broken::Broken;
use crate::session;
use parv::{Account, Conversation, ConversationId, Engine, Error, Event, Network, NewAccount, Options, Uri};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// How long anything that is waited for may take. Everything happens on one machine within a fraction of a second; a
/// slow and busy machine still gets through.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who is who. The number is the place in the cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    Alice,
    Bob,
    Carol,
    Dave,
}

impl Who {
    /// Everybody.
    pub const ALL: [Who; 4] = [Who::Alice, Who::Bob, Who::Carol, Who::Dave];

    /// What they are called.
    pub fn name(self) -> &'static str {
        match self {
            Who::Alice => "Alice",
            Who::Bob => "Bob",
            Who::Carol => "Carol",
            Who::Dave => "Dave",
        }
    }

    /// Their data folder's name.
    pub fn folder(self) -> String {
        self.name().to_lowercase()
    }
}

/// Where everything lies: in the folder that was asked for, or in one that is removed at the end.
#[derive(Debug)]
pub struct Ground {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Ground {
    /// Makes or takes the folder.
    pub fn prepare(keep: Option<&Path>) -> Result<Self, Broken> {
        let Some(keep) = keep else {
            let temporary = tempfile::Builder::new().prefix("parv-demo-").tempdir();
            let temporary =
                temporary.map_err(|error| Broken::because(format!("cannot make a temporary folder: {error}")))?;
            return Ok(Self { path: temporary.path().to_owned(), _temporary: Some(temporary) });
        };
        let fail = |error: std::io::Error| Broken::because(format!("cannot use {}: {error}", keep.display()));
        std::fs::create_dir_all(keep).map_err(fail)?;
        if std::fs::read_dir(keep).map_err(fail)?.next().is_some() {
            let keep = keep.display();
            return Err(Broken::because(format!("{keep} is not empty; name a new or an empty folder with --keep")));
        }
        Ok(Self { path: std::path::absolute(keep).map_err(fail)?, _temporary: None })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it stays.
    pub fn stays(&self) -> bool {
        self._temporary.is_none()
    }
}

/// One of the four, at work.
#[derive(Debug)]
pub struct Person {
    /// The engine.
    pub engine: Engine,
    account_folder: PathBuf,
}

/// The four people and everything that has happened to them.
#[derive(Debug)]
pub struct Stage {
    home: PathBuf,
    people: Vec<Person>,
    news: mpsc::UnboundedReceiver<(Who, Event)>,
    reporter: mpsc::UnboundedSender<(Who, Event)>,
    happened: Vec<(Who, Event)>,
}

impl Stage {
    /// Makes the four accounts and starts their nodes.
    pub async fn set(home: &Path) -> Result<Self, Error> {
        let (reporter, news) = mpsc::unbounded_channel();
        let mut stage = Self { home: home.to_owned(), people: Vec::new(), news, reporter, happened: Vec::new() };
        for who in Who::ALL {
            let account = Account::create(
                &stage.home.join(who.folder()),
                NewAccount { name: who.name().to_owned(), password: None },
            )?;
            let person = stage.start(who, account).await?;
            stage.people.push(person);
        }
        Ok(stage)
    }

    /// Starts somebody again who was sent away with [`Self::dismiss`].
    pub async fn bring_back(&mut self, who: Who) -> Result<(), Error> {
        let account = Account::open(&self.home.join(who.folder()), None)?;
        self.people[who as usize] = self.start(who, account).await?;
        Ok(())
    }

    async fn start(&self, who: Who, account: Account) -> Result<Person, Error> {
        let loopback = ["/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/0"];
        let listen = loopback.map(|address| address.parse().expect("a constant address is well-formed"));
        let network = Network { listen: listen.into(), mdns: false, ..Network::default() };
        let account_folder = account.folder().to_owned();
        let engine = Engine::start(account, Options { network: Some(network) }).await?;
        tokio::spawn(report(who, engine.events(), self.reporter.clone()));
        Ok(Person { engine, account_folder })
    }

    /// Ends somebody's node; their data stays.
    pub async fn dismiss(&mut self, who: Who) {
        session::end(self.engine(who)).await;
    }

    /// Somebody's engine.
    pub fn engine(&self, who: Who) -> &Engine {
        &self.people[who as usize].engine
    }

    /// Somebody's address.
    pub fn uri(&self, who: Who) -> Uri {
        self.engine(who).uri()
    }

    /// Somebody's view of the conversation.
    pub fn conversation(&self, who: Who, id: &ConversationId) -> Result<Conversation, Error> {
        self.engine(who).conversation(id)
    }

    /// The folder of somebody's account.
    pub fn account_folder(&self, who: Who) -> &Path {
        &self.people[who as usize].account_folder
    }

    /// Somebody's bare repository of the conversation.
    pub fn repository(&self, who: Who, id: &ConversationId) -> PathBuf {
        self.account_folder(who).join("conversations").join(id.to_string())
    }

    /// Connects two people.
    pub async fn connect(&self, a: Who, b: Who) -> Result<(), Error> {
        let mut addresses = self.engine(b).addresses().into_iter();
        let address = addresses.next().ok_or(Error::Offline)?;
        self.engine(a).connect(address).await.map(drop)
    }

    /// Cuts the line between two people, on both ends.
    pub async fn cut(&self, a: Who, b: Who) -> Result<(), Error> {
        self.engine(a).block(self.engine(b).device_id()).await?;
        self.engine(b).block(self.engine(a).device_id()).await
    }

    /// Mends the line between two people.
    pub async fn mend(&self, a: Who, b: Who) -> Result<(), Error> {
        self.engine(a).unblock(self.engine(b).device_id()).await?;
        self.engine(b).unblock(self.engine(a).device_id()).await?;
        self.connect(a, b).await
    }

    /// Waits until `holds` says so. It is asked again at everything that happens to anybody.
    pub async fn until(&mut self, awaited: &str, mut holds: impl FnMut(&Self) -> bool) -> Result<(), Broken> {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            self.listen(awaited, deadline).await?;
        }
        Ok(())
    }

    /// Waits for something to happen to somebody, and gives what `recognise` makes of it. What has happened since the
    /// last [`Self::turn_page`] counts.
    pub async fn event<T>(
        &mut self,
        who: Who,
        awaited: &str,
        mut recognise: impl FnMut(&Event) -> Option<T>,
    ) -> Result<T, Broken> {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = 0;
        loop {
            for (whom, event) in &self.happened[seen..] {
                if let Some(found) = (*whom == who).then(|| recognise(event)).flatten() {
                    return Ok(found);
                }
            }
            seen = self.happened.len();
            self.listen(awaited, deadline).await?;
        }
    }

    /// Forgets what has happened so far: the next step begins.
    pub fn turn_page(&mut self) {
        while self.news.try_recv().is_ok() {}
        self.happened.clear();
    }

    async fn listen(&mut self, awaited: &str, deadline: Instant) -> Result<(), Broken> {
        match timeout_at(deadline, self.news.recv()).await {
            Ok(Some(news)) => {
                self.happened.push(news);
                Ok(())
            }
            _ => Err(Broken::because(format!("waited {} s in vain for this: {awaited}", PATIENCE.as_secs()))),
        }
    }

    /// Ends all nodes.
    pub async fn close(self) {
        for person in &self.people {
            session::end(&person.engine).await;
        }
    }
}

async fn report(who: Who, mut events: Receiver<Event>, reporter: mpsc::UnboundedSender<(Who, Event)>) {
    loop {
        match events.recv().await {
            Ok(event) => match reporter.send((who, event)) {
                Ok(()) => {}
                Err(_) => return,
            },
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}
