//! Getting a request done: by the account's running daemon, else by an engine of one's own.

use crate::alone;
use crate::args::{Global, NetworkArgs};
use crate::failure::Failure;
use crate::home;
use parv::{Account, Engine, Network, Options};
use parv_daemon::{Answer, Client, Request};
use std::time::Duration;

/// How long an engine may take to end.
const END: Duration = Duration::from_secs(5);

/// Whom a verb needs when no daemon runs.
#[derive(Debug)]
pub enum Reach<'a> {
    /// Nobody: what lies on disk is enough.
    Nobody,
    /// Others: a node is started for a bounded time.
    Others(&'a NetworkArgs),
}

/// Something that does requests.
pub enum Session {
    /// The daemon of the account.
    Daemon(Client),
    /// An engine of our own, because no daemon runs.
    Alone(Engine),
}

impl Session {
    /// The account's daemon if one runs, else an engine of our own.
    pub async fn open(global: &Global, reach: Reach<'_>) -> Result<Self, Failure> {
        if let Some(client) = find_daemon(global).await? {
            return Ok(Session::Daemon(client));
        }
        let account = open_account(global)?;
        let network = match reach {
            Reach::Nobody => None,
            Reach::Others(args) => Some(network(global, args, Vec::new())?),
        };
        Ok(Session::Alone(Engine::start(account, Options { network }).await?))
    }

    /// The account's daemon, for verbs that make no sense without one.
    pub async fn daemon(global: &Global) -> Result<Client, Failure> {
        let missing = || Failure::error("no daemon runs for this account; start one with: parv daemon");
        find_daemon(global).await?.ok_or_else(missing)
    }

    /// Has it done. The daemon delivers what comes of it by itself; a node of our own gets a bounded time to meet the
    /// people whom it concerns.
    pub async fn call(&mut self, request: Request) -> Result<Answer, Failure> {
        match self {
            Session::Daemon(client) => Ok(client.call(&request).await?),
            Session::Alone(engine) => alone::perform(engine, request).await,
        }
    }

    /// Ends it.
    pub async fn close(self) {
        match self {
            Session::Daemon(_) => {}
            Session::Alone(engine) => end(&engine).await,
        }
    }
}

async fn find_daemon(global: &Global) -> Result<Option<Client>, Failure> {
    let folder = home::account_folder(&home::folder(global)?, global.account)?;
    Ok(Client::connect(&folder).await?)
}

/// Ends an engine. What was acknowledged is on disk already, so one that does not end in time is left to the end of the
/// process.
pub async fn end(engine: &Engine) {
    let _ = tokio::time::timeout(END, engine.shutdown()).await;
}

/// Opens the account, which nobody else may have open.
pub fn open_account(global: &Global) -> Result<Account, Failure> {
    Account::open(&home::folder(global)?, global.account).map_err(|error| match error {
        parv::Error::Locked { .. } => {
            let how = "wait until it is done, or stop it";
            Failure::error(format!("{error}; {how}"))
        }
        other => other.into(),
    })
}

/// The engine's network options for what was typed, and for the bootstrap nodes that are written down.
pub fn network(global: &Global, args: &NetworkArgs, listen: Vec<parv::Multiaddr>) -> Result<Network, Failure> {
    let mut bootstrap = args.bootstrap.clone();
    bootstrap.extend(parv::bootstrap_list(&home::folder(global)?)?);
    let network = Network { bootstrap, mdns: !args.no_mdns, ..Network::default() };
    Ok(match listen.is_empty() {
        true => network,
        false => Network { listen, ..network },
    })
}
