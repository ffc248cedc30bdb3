//! Cloning and validating a conversation against a plain `git clone` of it.

use crate::people::Person;
use crate::table::{Goal, Row};
use crate::{Scale, git, sample};
use parv::Mode;
use std::time::Instant;

/// From accepting an invitation until the conversation is joined: every commit fetched, verified and judged.
pub async fn row(scale: &Scale) -> Result<Row, Box<dyn std::error::Error>> {
    let alice = Person::new("Alice").await?;
    let conversation = alice.engine.create(Mode::InvitesOnly, None).await?;
    let id = conversation.id();
    for number in 0..scale.history {
        conversation.send(&format!("message number {number} of a long conversation")).await?;
    }
    let repository = alice.engine.folder().join("conversations").join(id.to_string());
    let (mut ratios, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.rounds.min(3) {
        let mut bob = Person::new("Bob").await?;
        alice.invite(&conversation, &mut bob).await?;
        let start = Instant::now();
        bob.accept(&id).await?;
        let our = start.elapsed().as_secs_f64();
        bob.engine.shutdown().await;
        let their = git::clone(&repository)?.as_secs_f64();
        ratios.push(our / their);
        ours.push(our);
        theirs.push(their);
    }
    alice.engine.shutdown().await;
    Ok(Row {
        key: "clone_validate_10k_vs_git_clone",
        what: format!(
            "cloning, validating and joining a conversation of {} messages, against git clone",
            scale.history
        ),
        figure: sample::median(ratios),
        unit: "×",
        goal: Goal::AtMost(5.0),
        detail: format!(
            "parv {:.2} s, git {:.2} s, which verifies nothing",
            sample::median(ours),
            sample::median(theirs)
        ),
    })
}
