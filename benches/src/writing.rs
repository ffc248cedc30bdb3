//! Durable messages, one by one and in bursts, against others who write signed commits.

use crate::bare::Bare;
use crate::libgit2::Libgit2;
use crate::people::Person;
use crate::sample::{self, Rounds};
use crate::table::{Goal, Row};
use crate::{Scale, git};
use parv::Mode;
use std::time::Instant;

/// One message after the other, each acknowledged only when it will survive a power cut.
pub async fn single(scale: &Scale) -> Result<Row, Box<dyn std::error::Error>> {
    let alice = Person::new("Alice").await?;
    let conversation = alice.engine.create(Mode::InvitesOnly, None).await?;
    let mut peer = git::CommitTree::new()?;
    let mut rounds = Rounds::default();
    for _ in 0..scale.rounds {
        let start = Instant::now();
        for _ in 0..scale.messages {
            conversation.send("hello swarm").await?;
        }
        let our = sample::rate(scale.messages, start.elapsed());
        rounds.add(our, sample::rate(scale.git_commits, peer.write(scale.git_commits)?));
    }
    alice.engine.shutdown().await;
    Ok(Row {
        key: "single_durable_vs_commit_tree",
        what: "single durable messages, against git commit-tree -S and update-ref".into(),
        figure: rounds.ratio(),
        unit: "×",
        goal: Goal::AtLeast(10.0),
        detail: rounds.rates("parv", "messages/s, synced to disk", "git", "commits/s, not synced"),
    })
}

/// Messages that are sent at once, each acknowledged only when it will survive a power cut: against stock git, against no
/// more than making the commits, and against libgit2.
pub async fn bursts(scale: &Scale) -> Result<[Row; 3], Box<dyn std::error::Error>> {
    let alice = Person::new("Alice").await?;
    let conversation = alice.engine.create(Mode::InvitesOnly, None).await?;
    let (mut git, mut bare, libgit2) = (git::CommitTree::new()?, Bare::new()?, Libgit2::find());
    let (mut by_git, mut by_nobody, mut by_libgit2) = (Rounds::default(), Rounds::default(), Rounds::default());
    for _ in 0..scale.rounds {
        let start = Instant::now();
        Person::send_at_once(&conversation, scale.burst, "hello swarm").await?;
        let our = sample::rate(scale.burst, start.elapsed());
        by_git.add(our, sample::rate(scale.git_commits, git.write(scale.git_commits)?));
        by_nobody.add(our, sample::rate(scale.burst, bare.make(scale.burst)?));
        if let Some(libgit2) = &libgit2 {
            by_libgit2.add(our, sample::rate(scale.burst, libgit2.write(scale.burst)?));
        }
    }
    alice.engine.shutdown().await;
    let ours = "messages/s, synced to disk";
    Ok([
        Row {
            key: "burst_durable_vs_commit_tree",
            what: "durable messages sent at once, against git commit-tree -S and update-ref".into(),
            figure: by_git.ratio(),
            unit: "×",
            goal: Goal::AtLeast(80.0),
            detail: by_git.rates("parv", ours, "git", "commits/s, not synced"),
        },
        Row {
            key: "burst_durable_vs_bare_sign",
            what: "durable messages sent at once, against building, signing and hashing them alone".into(),
            figure: by_nobody.ratio(),
            unit: "×",
            goal: Goal::AtLeast(0.5),
            detail: by_nobody.rates("parv", ours, "bare", "commits/s, stored nowhere, on one core"),
        },
        Row {
            key: "burst_durable_vs_libgit2",
            what: "durable messages sent at once, against libgit2 signing and storing as many commits".into(),
            figure: by_libgit2.ratio(),
            unit: "×",
            goal: Goal::AtLeast(4.0),
            detail: match libgit2 {
                Some(_) => by_libgit2.rates("parv", ours, "libgit2", "commits/s, not synced"),
                None => Libgit2::HOW_TO_BUILD.into(),
            },
        },
    ])
}
