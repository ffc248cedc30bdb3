use crate::bench::{PATIENCE, Peer, absent, keeper, newcomer, next_letter, peer, start};
use parv_model::DeviceId;
use parv_net::limits::MAX_LETTER_BYTES;
use parv_net::{Event, NetError, Purpose};
use tokio::task::JoinSet;
use tokio::time::timeout;

#[tokio::test]
async fn a_letter_reaches_who_comes_after_its_sender_has_gone() {
    let keeper = keeper().await;
    let (bobs, bob) = absent(&keeper);
    let ann = newcomer(&keeper).await;
    ann.node.leave_letter(bob, Purpose::Invitation, b"come".to_vec()).await.unwrap();
    ann.node.leave_letter(bob, Purpose::Contact, vec![7; MAX_LETTER_BYTES]).await.unwrap();
    let sender = ann.device();
    ann.node.shutdown().await;
    assert_eq!(keeper.node.status().await.unwrap().letters, 2);

    let mut bob = start(bobs.clone()).await;
    let mut got = [next_letter(&mut bob).await, next_letter(&mut bob).await];
    got.sort_by_key(|letter| letter.purpose);
    assert!(got.iter().all(|letter| letter.sender == sender && letter.expires > letter.issued));
    assert_eq!(got[0].body, b"come");
    assert_eq!((got[1].purpose, got[1].body.len()), (Purpose::Contact, MAX_LETTER_BYTES));

    // It is still there, and known again by its number.
    bob.node.shutdown().await;
    let mut bob = start(bobs).await;
    let again = next_letter(&mut bob).await;
    assert!(got.contains(&again));
}

#[tokio::test]
async fn a_letter_is_replaced_and_taken_back() {
    let keeper = keeper().await;
    let (bobs, bob) = absent(&keeper);
    let ann = newcomer(&keeper).await;
    for body in ["one", "two", "two", "three"] {
        ann.node.leave_letter(bob, Purpose::WakeUp, body.into()).await.unwrap();
    }
    ann.node.leave_letter(bob, Purpose::Invitation, b"come".to_vec()).await.unwrap();
    assert_eq!(keeper.node.status().await.unwrap().letters, 2);
    ann.node.withdraw_letter(bob, Purpose::Invitation).await.unwrap();
    let gone = async {
        while keeper.node.status().await.unwrap().letters != 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("the letter was not taken back");
    let mut bob = start(bobs).await;
    let letter = next_letter(&mut bob).await;
    assert_eq!((letter.purpose, letter.body.as_slice()), (Purpose::WakeUp, b"three".as_slice()));
}

#[tokio::test]
async fn a_letter_waits_until_somebody_keeps_it() {
    let alone = peer().await;
    let keeper = keeper().await;
    let (bobs, bob) = absent(&keeper);
    let (node, mut left) = (alone.node.clone(), JoinSet::new());
    for body in ["wait", "come"] {
        let (node, body) = (node.clone(), body.as_bytes().to_vec());
        left.spawn(async move { node.leave_letter(bob, Purpose::Invitation, body).await });
        // The first one is there before the second comes in its place.
        alone.node.status().await.unwrap();
    }
    let replaced = left.join_next().await.unwrap().unwrap();
    assert!(matches!(replaced, Err(NetError::Withdrawn)), "{replaced:?}");
    let long = vec![0; MAX_LETTER_BYTES + 1];
    let refused = alone.node.leave_letter(bob, Purpose::Invitation, long).await;
    assert!(matches!(refused, Err(NetError::TooLong { .. })), "{refused:?}");
    let nobody = DeviceId::from_bytes([0; 32]);
    assert!(alone.node.leave_letter(nobody, Purpose::Invitation, b"come".to_vec()).await.is_err());
    // The first who comes keeps it, without being asked again.
    alone.node.dial_address(keeper.address("/tcp/")).await.unwrap();
    timeout(PATIENCE, left.join_next()).await.expect("nobody keeps it").unwrap().unwrap().unwrap();
    let mut bob = start(bobs).await;
    assert_eq!(next_letter(&mut bob).await.body, b"come");
}

#[tokio::test]
async fn letters_of_several_are_all_found_and_a_public_node_has_none_of_its_own() {
    let mut keeper = keeper().await;
    let (bobs, bob) = absent(&keeper);
    let mut senders = Vec::new();
    for _ in 0..4 {
        let sender = newcomer(&keeper).await;
        sender.node.leave_letter(bob, Purpose::Invitation, b"come".to_vec()).await.unwrap();
        sender.node.leave_letter(keeper.device(), Purpose::Invitation, b"come".to_vec()).await.unwrap();
        senders.push(sender);
    }
    let mut bob = start(bobs).await;
    let mut missing: Vec<_> = senders.iter().map(Peer::device).collect();
    while !missing.is_empty() {
        let letter = next_letter(&mut bob).await;
        missing.retain(|sender| *sender != letter.sender);
    }
    while let Ok(event) = keeper.events.try_recv() {
        assert!(!matches!(event, Event::Letter(_)));
    }
}
