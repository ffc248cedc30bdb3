//! Durable messages, one by one and in bursts, against a `git commit-tree -S` loop.

use crate::people::Person;
use crate::table::{Goal, Row};
use crate::{Scale, git, sample};
use parv::Mode;
use std::time::Instant;

/// One message after the other, each acknowledged only when it will survive a power cut.
pub async fn row(scale: &Scale) -> Result<Row, Box<dyn std::error::Error>> {
    let alice = Person::new("Alice").await?;
    let conversation = alice.engine.create(Mode::InvitesOnly, None).await?;
    let mut peer = git::CommitTree::new()?;
    let (mut ratios, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.rounds {
        let start = Instant::now();
        for _ in 0..scale.messages {
            conversation.send("hello swarm").await?;
        }
        let our = sample::rate(scale.messages, start.elapsed());
        let their = sample::rate(scale.git_commits, peer.write(scale.git_commits)?);
        ratios.push(our / their);
        ours.push(our);
        theirs.push(their);
    }
    alice.engine.shutdown().await;
    Ok(Row {
        key: "single_durable_vs_commit_tree",
        what: "single durable messages, against git commit-tree -S and update-ref".into(),
        figure: sample::median(ratios),
        unit: "×",
        goal: Goal::AtLeast(10.0),
        detail: format!(
            "parv {:.0} messages/s, synced to disk; git {:.0} commits/s, not synced",
            sample::median(ours),
            sample::median(theirs)
        ),
    })
}

/// Messages that are sent at once, each acknowledged only when it will survive a power cut.
pub async fn burst(scale: &Scale) -> Result<Row, Box<dyn std::error::Error>> {
    let alice = Person::new("Alice").await?;
    let conversation = alice.engine.create(Mode::InvitesOnly, None).await?;
    let mut peer = git::CommitTree::new()?;
    let (mut ratios, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.rounds {
        let start = Instant::now();
        let mut burst = tokio::task::JoinSet::new();
        for _ in 0..scale.messages {
            let conversation = conversation.clone();
            burst.spawn(async move { conversation.send("hello swarm").await });
        }
        while let Some(sent) = burst.join_next().await {
            sent??;
        }
        let our = sample::rate(scale.messages, start.elapsed());
        let their = sample::rate(scale.git_commits, peer.write(scale.git_commits)?);
        ratios.push(our / their);
        ours.push(our);
        theirs.push(their);
    }
    alice.engine.shutdown().await;
    Ok(Row {
        key: "burst_durable_vs_commit_tree",
        what: "durable messages sent at once, against git commit-tree -S and update-ref".into(),
        figure: sample::median(ratios),
        unit: "×",
        goal: Goal::AtLeast(80.0),
        detail: format!(
            "parv {:.0} messages/s, synced to disk; git {:.0} commits/s, not synced",
            sample::median(ours),
            sample::median(theirs)
        ),
    })
}
