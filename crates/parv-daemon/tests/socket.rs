//! The control socket between a real engine and real clients.

use parv::{Account, Engine, Mode, NewAccount, Options};
use parv_daemon::{Answer, Client, ClientError, FailureKind, Notice, Request, Server, address};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon inside the test.
struct Daemon {
    folder: PathBuf,
    engine: Engine,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    _home: tempfile::TempDir,
}

impl Daemon {
    async fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        let account = Account::create(home.path(), NewAccount { name: "Alice".into(), password: None }).unwrap();
        let folder = account.folder().to_owned();
        let engine = Engine::start(account, Options::default()).await.unwrap();
        let server = Server::bind(&folder).unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = engine.clone();
        let served = tokio::spawn(async move { server.serve(&serving, async { drop(stopped.await) }).await });
        Self { folder, engine, stop, served, _home: home }
    }

    async fn client(&self) -> Client {
        Client::connect(&self.folder).await.unwrap().expect("the daemon listens")
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap();
        self.engine.shutdown().await;
    }
}

fn send(conversation: &str, text: &str) -> Request {
    Request::Send { conversation: conversation.into(), text: text.into() }
}

#[tokio::test]
async fn what_is_asked_is_done() {
    let daemon = Daemon::start().await;
    let mut client = daemon.client().await;
    let made = client.call(&Request::New { mode: Mode::Public, with: None }).await.unwrap();
    let Answer::Conversation(conversation) = made else { panic!("{made:?}") };
    let id = conversation.id.to_string();
    assert_eq!(conversation.mode, Mode::Public);

    // One after the other on one connection, and on another one meanwhile.
    let mut other = daemon.client().await;
    for text in ["one", "two"] {
        assert!(matches!(client.call(&send(&id[..6], text)).await, Ok(Answer::Written(_))));
        assert!(matches!(other.call(&Request::List).await, Ok(Answer::Conversations(all)) if all.len() == 1));
    }
    let log = client.call(&Request::Log { conversation: id, limit: None, before: None, hidden: false }).await.unwrap();
    let Answer::Log(log) = log else { panic!("{log:?}") };
    let said: Vec<_> = log.entries.iter().filter_map(|entry| entry.message["body"].as_str()).collect();
    assert_eq!(said, ["one", "two"]);
    daemon.end().await;
}

#[tokio::test]
async fn a_failure_comes_back_with_its_kind() {
    let daemon = Daemon::start().await;
    let mut client = daemon.client().await;
    for (request, kind) in [
        (send("nonsense", "x"), FailureKind::Usage),
        (send(&"ab".repeat(20), "x"), FailureKind::Unknown),
        (Request::Connect { address: "nowhere".into() }, FailureKind::Usage),
        (Request::Connect { address: "/ip4/127.0.0.1/tcp/1".into() }, FailureKind::Engine),
        (Request::Decline { conversation: "ab".into() }, FailureKind::Unknown),
    ] {
        match client.call(&request).await {
            Err(ClientError::Failed(failure)) => assert_eq!(failure.kind, kind, "{request:?}: {failure}"),
            other => panic!("{request:?}: {other:?}"),
        }
    }
    daemon.end().await;
}

#[tokio::test]
async fn the_longest_text_passes_and_a_longer_one_is_refused_by_the_engine() {
    let daemon = Daemon::start().await;
    let mut client = daemon.client().await;
    client.call(&Request::New { mode: Mode::Public, with: None }).await.unwrap();
    let id = daemon.engine.conversations()[0].id.to_string();
    // Control characters are what JSON makes longest: six bytes for one.
    client.call(&send(&id, &"\u{1}".repeat(10_000))).await.unwrap();
    client.call(&send(&id, &"x".repeat(65_000))).await.unwrap();
    let refused = client.call(&send(&id, &"x".repeat(70_000))).await;
    assert!(matches!(refused, Err(ClientError::Failed(_))), "{refused:?}");
    assert!(client.call(&Request::List).await.is_ok(), "the connection goes on");
    daemon.end().await;
}

#[tokio::test]
async fn events_are_told_until_the_daemon_ends() {
    let daemon = Daemon::start().await;
    let mut listener = daemon.client().await;
    assert_eq!(listener.call(&Request::Events).await.unwrap(), Answer::Following);
    let mut client = daemon.client().await;
    client.call(&Request::New { mode: Mode::InvitesOnly, with: None }).await.unwrap();
    let id = daemon.engine.conversations()[0].id;
    client.call(&send(&id.to_string(), "hello")).await.unwrap();

    let ready = timeout(PATIENCE, listener.next_event()).await.unwrap().unwrap();
    assert_eq!(ready, Some(Notice::ConversationReady { conversation: id }));
    match timeout(PATIENCE, listener.next_event()).await.unwrap().unwrap() {
        Some(Notice::Message { conversation, entry }) => {
            assert_eq!((conversation, &entry.message["body"]), (id, &"hello".into()));
        }
        other => panic!("{other:?}"),
    }
    daemon.end().await;
    assert_eq!(timeout(PATIENCE, listener.next_event()).await.unwrap().unwrap(), None);
}

#[tokio::test]
async fn a_socket_without_a_daemon_is_no_daemon() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Client::connect(folder.path()).await.unwrap().is_none());
    let path = address::socket_path(folder.path());
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    assert!(Client::connect(folder.path()).await.unwrap().is_none(), "nobody listens on it");
    let server = Server::bind(folder.path()).unwrap();
    assert!(Client::connect(folder.path()).await.unwrap().is_some(), "the dead one was replaced");
    drop(server);
    assert!(!path.exists());
}
