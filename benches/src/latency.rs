//! The way of a message from A to B.

use crate::people::Person;
use crate::table::{Goal, Row};
use crate::{Scale, sample};
use parv::{Event, Mode};
use std::time::Instant;

/// From the call to send until the other node shows it: committed durably, announced, fetched, validated, shown.
pub async fn row(scale: &Scale) -> Result<Row, Box<dyn std::error::Error>> {
    let mut alice = Person::new("Alice").await?;
    let mut bob = Person::new("Bob").await?;
    let conversation = alice.engine.create(Mode::InvitesOnly, None).await?;
    let id = conversation.id();
    alice.invite(&conversation, &mut bob).await?;
    bob.accept(&id).await?;
    let joined = bob.engine.uri();
    alice
        .wait(|event| matches!(event, Event::Member { uri, change: parv::MemberChange::Joined, .. } if *uri == joined))
        .await?;
    let mut times = Vec::new();
    for number in 0..scale.hops {
        let start = Instant::now();
        let sent = conversation.send(&format!("message {number}")).await?;
        bob.wait(|event| matches!(event, Event::Message { entry, .. } if entry.id == sent)).await?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    alice.engine.shutdown().await;
    bob.engine.shutdown().await;
    let worst = times.iter().copied().fold(0.0, f64::max);
    Ok(Row {
        key: "latency_a_to_b_ms",
        what: "a message from A to B over loopback: committed, announced, fetched, validated, shown".into(),
        figure: sample::median(times),
        unit: "ms",
        goal: Goal::AtMost(25.0),
        detail: format!("median of {} messages; the slowest took {worst:.1} ms", scale.hops),
    })
}
