//! People who were never in touch find each other, and the network is found again after a restart.

mod common;

use common::{PATIENCE, Person, TCP, account, network, within};
use parv::{Engine, Mode, Multiaddr, Network, Options};

/// A person whose node knows only `bootstrap`.
async fn newcomer(name: &str, bootstrap: Vec<Multiaddr>) -> Person {
    Person::with(name, Network { bootstrap, ..network(TCP) }).await
}

#[tokio::test]
async fn a_person_is_found_by_their_uri_alone() {
    let middle = Person::new("Middle").await;
    let bootstrap = vec![middle.address()];
    let mut bob = newcomer("Bob", bootstrap.clone()).await;
    bob.until("the middle", |engine| !engine.peers().is_empty()).await;
    let mut ann = newcomer("Ann", bootstrap).await;
    ann.until("the middle", |engine| !engine.peers().is_empty()).await;
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    ann.conversation(&id).invite(&bob.uri()).await.unwrap();
    assert_eq!(bob.wait_request().await, id);
    within("accepting", bob.engine.accept(&id)).await.unwrap();
}

#[tokio::test]
async fn the_network_is_found_again_without_a_bootstrap_node() {
    let middle = Person::new("Middle").await;
    let mut bob = newcomer("Bob", vec![middle.address()]).await;
    let mut ann = newcomer("Ann", vec![middle.address()]).await;
    ann.until("the middle", |engine| !engine.peers().is_empty()).await;
    ann.engine.shutdown().await;
    let peers = ann.engine.folder().join("peers.json");
    assert!(std::fs::read_to_string(&peers).unwrap().contains(&middle.engine.device_id().to_string()));
    let ann = ann.restart().await;
    let id = ann.engine.create(Mode::InvitesOnly, None).await.unwrap().id();
    ann.conversation(&id).invite(&bob.uri()).await.unwrap();
    assert_eq!(bob.wait_request().await, id);

    // Whatever somebody does to that file costs the memory of who was there, no more.
    ann.engine.shutdown().await;
    std::fs::write(&peers, b"[{\"device\":\"no\"").unwrap();
    let ann = ann.restart().await;
    assert_eq!(ann.engine.conversations().len(), 1);
}

#[tokio::test]
async fn two_accounts_on_one_machine_do_not_share_what_they_remember() {
    let home = tempfile::tempdir().unwrap();
    let (first, second) = (account(home.path(), "First"), account(home.path(), "Second"));
    let folders = [first.folder().to_owned(), second.folder().to_owned()];
    let options = || Options { network: Some(Network { patience: PATIENCE, ..network(TCP) }) };
    let first = Engine::start(first, options()).await.unwrap();
    let second = Engine::start(second, options()).await.unwrap();
    within("connecting", second.connect(first.addresses()[0].clone())).await.unwrap();
    first.shutdown().await;
    second.shutdown().await;
    let remembers = |folder: &std::path::Path| std::fs::read_to_string(folder.join("peers.json")).unwrap_or_default();
    assert!(remembers(&folders[1]).contains(&first.device_id().to_string()));
    assert!(!remembers(&folders[1]).contains(&second.device_id().to_string()));
}
