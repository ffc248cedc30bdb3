//! Many messages at once: made durable together, acknowledged one by one.

mod common;

use common::*;
use futures::future::join_all;
use parv::{Engine, Error, Mode, Options};
use parv_store::{Repository, StoreError};
use std::path::Path;
use tokio::task::unconstrained;

/// How often the store synced the disk for messages: once for each record of its journal, and a few times for each pack.
fn groups(repository: &Path) -> usize {
    let mut journal = &std::fs::read(repository.join("parv.journal")).unwrap()[..];
    let mut records = 0;
    while let Some((length, rest)) = journal.split_first_chunk() {
        journal = &rest[u32::from_le_bytes(*length) as usize + blake3::OUT_LEN..];
        records += 1;
    }
    let packs = std::fs::read_dir(repository.join("objects/pack")).unwrap();
    records + packs.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|end| end == "pack")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_messages_at_once_take_few_syncs_and_keep_their_order() {
    let mut ann = Person::new("Ann").await;
    let conversation = ann.engine.create(Mode::InvitesOnly, None).await.unwrap();
    let id = conversation.id();
    let texts: Vec<_> = (0..200).map(|number| format!("message {number}")).collect();
    // Without the runtime's fairness, which would have some of the tasks come back later.
    let sent = unconstrained(join_all(texts.iter().map(|text| conversation.send(text)))).await;
    let sent: Vec<_> = sent.into_iter().map(Result::unwrap).collect();
    let groups = groups(&ann.repository(&id));
    assert!(groups < 50, "{groups} groups for 200 messages are not much of a group commit");
    // Every one is told of, in order.
    for text in &texts {
        ann.wait_text(text).await;
    }
    let ann = ann.restart().await;
    assert_eq!(ann.texts(&id).await, texts);
    let log = ann.conversation(&id).log(parv::LogQuery::default()).await.unwrap();
    let ids: Vec<_> = log.iter().filter(|entry| text_of(&entry.message).is_some()).map(|entry| entry.id).collect();
    assert_eq!(ids, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_not_allowed_fails_alone() {
    let home = tempfile::tempdir().unwrap();
    let engine = Engine::start(account(home.path(), "Ann"), Options::default()).await.unwrap();
    let conversation = engine.create(Mode::InvitesOnly, None).await.unwrap();
    let too_long = "x".repeat(parv_model::limits::MAX_MESSAGE_BYTES);
    let guest = account(home.path(), "Bob").uri();
    let (before, refused, first, second, after) = tokio::join!(
        conversation.send("before"),
        conversation.send(&too_long),
        conversation.invite(&guest),
        conversation.invite(&guest), // is allowed once: the second one knows of the first
        conversation.send("after"),
    );
    let (before, first, after) = (before.unwrap(), first.unwrap(), after.unwrap());
    assert!(matches!(refused, Err(Error::TooLong { .. })), "{refused:?}");
    assert!(matches!(second, Err(Error::NotAllowed(_))), "{second:?}");
    let log = conversation.log(parv::LogQuery::default()).await.unwrap();
    let ids: Vec<_> = log.iter().skip(1).map(|entry| entry.id).collect();
    assert_eq!(ids, [before, first, after]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_leaves_nothing_and_everybody_is_told() {
    let home = tempfile::tempdir().unwrap();
    let engine = Engine::start(account(home.path(), "Ann"), Options::default()).await.unwrap();
    let conversation = engine.create(Mode::InvitesOnly, None).await.unwrap();
    conversation.send("before").await.unwrap();
    // Somebody else moves the heads, so that the repository takes nothing from the engine.
    let folder = engine.folder().join("conversations").join(conversation.id().to_string());
    let repository = Repository::open(folder).unwrap();
    let (heads, root) = (repository.heads().unwrap(), conversation.id().root());
    repository.set_heads(&heads, &[root]).unwrap();
    for refused in join_all((0..300).map(|_| conversation.send("refused"))).await {
        assert!(matches!(refused, Err(Error::Store(StoreError::HeadsMoved { .. }))), "{refused:?}");
    }
    repository.set_heads(&[root], &heads).unwrap();
    conversation.send("after").await.unwrap();
    let log = conversation.log(parv::LogQuery::default()).await.unwrap();
    let texts: Vec<_> = log.iter().filter_map(|entry| text_of(&entry.message)).collect();
    assert_eq!(texts, ["before", "after"]);
}
