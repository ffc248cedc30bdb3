//! The story of a conversation, from its beginning to a partition that heals, measured chapter by chapter.

use crate::{Crowd, Figures};
use std::time::Duration;
use tokio::time::sleep;

/// The chapter in which nothing disturbs anybody.
pub const SETTLED: &str = "settled";

/// How long links and meshes settle before something is measured: a few of gossip's heartbeats.
const REST: Duration = Duration::from_secs(5);

/// How many texts a chapter has.
const TEXTS: usize = 20;

/// Tells it with so many members, whom fetching and judging a text takes so long; calls `told` after each chapter.
pub async fn tell(members: usize, judging: Duration, mut told: impl FnMut(&str, &Figures)) -> Result<(), String> {
    let mut crowd = Crowd::new(judging);
    crowd.grow(members).await.map_err(|error| error.to_string())?;
    told("from the first moment", &crowd.talk(1).await?);
    sleep(REST).await;
    told(SETTLED, &crowd.talk(TEXTS).await?);
    told("half of them die at once", &crowd.halve(TEXTS).await?);
    told("as many newcomers join", &crowd.join(members / 2, TEXTS / 2).await?);
    sleep(REST).await;
    told("settled again", &crowd.talk(TEXTS).await?);
    told("a partition heals", &crowd.part_and_heal(TEXTS / 2).await?);
    crowd.end().await;
    Ok(())
}
