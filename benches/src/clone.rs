//! Cloning and validating a conversation against a plain `git clone` of it.

use crate::bare::Bare;
use crate::past::Past;
use crate::people::Person;
use crate::sample::Rounds;
use crate::table::{Goal, Row};
use crate::{Scale, git};
use std::time::Instant;

/// From accepting an invitation until the conversation is joined: every commit fetched, verified and judged. The peer is stock
/// git cloning from its own daemon, which verifies nothing, and the verification of as many signatures on all cores.
pub async fn row(scale: &Scale, past: &Past) -> Result<Row, Box<dyn std::error::Error>> {
    let id = past.conversation.id();
    let daemon = git::Daemon::start(&past.repository())?;
    let bare = Bare::new()?;
    let mut rounds = Rounds::default();
    for _ in 0..scale.rounds.min(3) {
        let mut bob = Person::new("Bob").await?;
        past.alice.invite(&past.conversation, &mut bob).await?;
        let start = Instant::now();
        bob.accept(&id).await?;
        let our = start.elapsed();
        bob.engine.shutdown().await;
        let their = git::clone(daemon.url())? + bare.verify(past.messages)?;
        rounds.add(our.as_secs_f64(), their.as_secs_f64());
    }
    Ok(Row {
        key: "clone_validate_100k_vs_git_clone_plus_verify",
        what: format!(
            "cloning, validating and joining a conversation of {} messages, against git clone from git daemon plus the bare \
             verification of its signatures",
            past.messages
        ),
        figure: rounds.ratio(),
        unit: "×",
        goal: Goal::AtMost(2.0),
        detail: rounds.times("parv", "git and signatures"),
    })
}
