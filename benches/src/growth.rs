//! What things cost as a conversation gets longer, and as more people are in it: the two charts.

use crate::past::Past;
use crate::people::Person;
use crate::plot::{Chart, Line};
use crate::{Scale, sample, serve};
use parv_bench_rules::costs;
use std::time::Instant;

/// How many messages are sent one by one, and at once, at each length.
const SINGLE: usize = 50;
const BURST: usize = 1_000;

/// The charts: lengths and sizes of groups are those that are measured.
pub async fn charts(
    scale: &Scale,
    lengths: &[usize],
    sizes: &[usize],
) -> Result<[Chart; 2], Box<dyn std::error::Error>> {
    Ok([by_length(scale, lengths).await?, by_size(sizes)?])
}

async fn by_length(scale: &Scale, lengths: &[usize]) -> Result<Chart, Box<dyn std::error::Error>> {
    let names = ["opening", "fetching a message", "a message, synced", "a message of a burst"];
    let mut lines = names.map(|name| Line { name, points: Vec::new() });
    for &length in lengths {
        let past = Past::write(length).await?;
        let mut singles = Vec::new();
        for _ in 0..SINGLE {
            let start = Instant::now();
            past.conversation.send("hello swarm").await?;
            singles.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let start = Instant::now();
        Person::send_at_once(&past.conversation, BURST, "hello swarm").await?;
        let burst = start.elapsed().as_secs_f64() * 1e3 / BURST as f64;
        let fetch = serve::one(scale, &past).await?.figure;
        let Past { alice, conversation, .. } = past;
        drop(conversation);
        let open = alice.reopen().await?.as_secs_f64() * 1e3;
        for (line, figure) in lines.iter_mut().zip([open, fetch, sample::median(singles), burst]) {
            line.points.push((length as f64, figure));
        }
    }
    Ok(Chart {
        title: "Cost against the length of the history".into(),
        axes: ["messages in the conversation", "milliseconds"],
        lines: lines.into(),
    })
}

fn by_size(sizes: &[usize]) -> Result<Chart, Box<dyn std::error::Error>> {
    let mut lines = costs::COLUMNS.map(|name| Line { name, points: Vec::new() });
    for &size in sizes {
        for (line, figure) in lines.iter_mut().zip(costs::costs(size)?) {
            line.points.push((size as f64, figure));
        }
    }
    Ok(Chart {
        title: "Judging a commit, against the number of members".into(),
        axes: ["members", "microseconds of processor time"],
        lines: lines.into(),
    })
}
