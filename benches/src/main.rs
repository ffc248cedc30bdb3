//! Measures Parv against stock git on this machine, in one run, the two in turn: `cargo run --release -p parv-bench`.
//!
//! Only ratios mean something across machines. Every row says what it compares, and the goal it is held to.

#![forbid(unsafe_code)]

mod bare;
mod clone;
mod disk;
mod git;
mod growth;
mod jami;
mod latency;
mod libgit2;
mod open;
mod past;
mod people;
mod plot;
mod serve;
mod writing;

use clap::Parser;
use parv_bench_rules::{conflict, replay, sample, table};
use past::Past;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use table::Row;

/// Measures Parv against stock git and prints a table of ratios.
#[derive(Parser)]
struct Arguments {
    /// Prints one JSON object with the keys of the table instead.
    #[arg(long)]
    json: bool,
    /// A short run: smaller samples, wider noise.
    #[arg(long)]
    quick: bool,
    /// Measures the conversation of Jami only.
    #[arg(long)]
    jami: bool,
    /// Measures bursts of messages only.
    #[arg(long)]
    bursts: bool,
    /// Measures how costs grow with history and members instead, and draws that into this file (SVG).
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Measures what is done with a long past only: cloning, serving, fetching, its size.
    #[arg(long)]
    past: bool,
    /// Measures the opening of a very long conversation only.
    #[arg(long)]
    opening: bool,
    /// What another process of it does: opens the conversation of the account in this folder.
    #[arg(long, hide = true)]
    open: Option<PathBuf>,
}

/// How much is measured.
pub struct Scale {
    /// Rounds of the two sides in turn.
    pub rounds: usize,
    /// Messages that are sent in each round.
    pub messages: usize,
    /// Messages of a burst, of which there is one in each round.
    pub burst: usize,
    /// Commits that stock git writes in each round.
    pub git_commits: usize,
    /// Messages whose way from A to B is timed.
    pub hops: usize,
    /// Messages of the conversations with a long past.
    pub history: usize,
    /// Messages of the one that is only opened.
    pub open: usize,
    /// Commits of the conversation of Jami.
    pub jami: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let scale = if arguments.quick {
        Scale {
            rounds: 3,
            messages: 100,
            burst: 1_000,
            git_commits: 10,
            hops: 50,
            history: 5_000,
            open: 20_000,
            jami: 1_000,
        }
    } else {
        Scale {
            rounds: 7,
            messages: 300,
            burst: 5_000,
            git_commits: 30,
            hops: 300,
            history: 100_000,
            open: 1_000_000,
            jami: 10_000,
        }
    };
    if let Some(home) = arguments.open {
        return match open::open(&home).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&*error),
        };
    }
    if let Some(file) = &arguments.plot {
        return match draw(file, &scale, arguments.quick).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&*error),
        };
    }
    let measured = match () {
        () if arguments.jami => jami::row(&scale).map(|row| vec![row]),
        () if arguments.bursts => writing::bursts(&scale).await.map(Vec::from),
        () if arguments.past => past(&scale).await,
        () if arguments.opening => open::row(&scale).await.map(|row| vec![row]),
        () => measure(&scale).await,
    };
    match measured {
        Ok(rows) if arguments.json => println!("{}", table::json(&rows)),
        Ok(rows) => print!("{}", table::text(&rows)),
        Err(error) => return failed(&*error),
    }
    ExitCode::SUCCESS
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("parv-bench: {error}");
    ExitCode::FAILURE
}

async fn draw(file: &Path, scale: &Scale, quick: bool) -> Result<(), Box<dyn std::error::Error>> {
    git::version()?;
    let (lengths, sizes) = match quick {
        true => (&[100, 1_000, 10_000][..], &[10, 100][..]),
        false => (&[100, 1_000, 10_000, 100_000][..], &[10, 100, 1_000][..]),
    };
    Ok(std::fs::write(file, plot::svg(&growth::charts(scale, lengths, sizes).await?))?)
}

async fn measure(scale: &Scale) -> Result<Vec<Row>, Box<dyn std::error::Error>> {
    git::version()?;
    let mut rows = vec![writing::single(scale).await?];
    rows.extend(writing::bursts(scale).await?);
    rows.push(latency::row(scale).await?);
    rows.extend(past(scale).await?);
    rows.extend(replay::rows(scale.history)?);
    rows.extend(conflict::rows()?);
    rows.push(jami::row(scale)?);
    rows.push(open::row(scale).await?);
    Ok(rows)
}

async fn past(scale: &Scale) -> Result<Vec<Row>, Box<dyn std::error::Error>> {
    let past = Past::write(scale.history).await?;
    let mut rows = vec![clone::row(scale, &past).await?, serve::clone(scale, &past)?, serve::one(scale, &past).await?];
    rows.extend(disk::rows(past).await?);
    Ok(rows)
}
