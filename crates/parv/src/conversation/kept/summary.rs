//! The summary as JSON.

use super::writers::{Writer, Writers};
use parv_model::{CommitId, DeviceId, Uri};
use parv_validator::Equivocation;
use parv_validator::settled::{Position, Step, Summary, Unreadable};
use parv_validator::swarm::Swarm;
use serde::{Deserialize, Serialize};

/// The version of this and of the rows.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    writers: Vec<Writer>,
    tips: Vec<Position>,
    /// First and last.
    steps: Vec<(Position, Position)>,
    /// Writers by number, with their newest commits.
    newest: Vec<(u32, Position)>,
    forks: Vec<(DeviceId, Uri, [CommitId; 2])>,
}

pub(super) fn encode(summary: &Summary<Swarm>, writers: &Writers) -> Result<Vec<u8>, serde_json::Error> {
    let newest = summary.trails.iter();
    let newest = newest.filter_map(|(device, account, last)| Some((writers.number(&(*account, *device))?, *last)));
    serde_json::to_vec(&Written {
        version: VERSION,
        writers: writers.list().to_vec(),
        tips: summary.tips.clone(),
        steps: summary.steps.iter().map(|step| (step.first, step.last)).collect(),
        newest: newest.collect(),
        forks: summary.forks.iter().map(|fork| (fork.device, fork.account, fork.commits)).collect(),
    })
}

/// The summary of so many rows.
pub(super) fn decode(bytes: &[u8], commits: Position) -> Result<(Summary<Swarm>, Writers), Unreadable> {
    let damaged = |why: String| Unreadable(format!("its summary is not what was written: {why}"));
    let written: Written = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if written.version != VERSION {
        return Err(damaged(format!("it is of version {}", written.version)));
    }
    let newest = |&(writer, last): &(u32, Position)| {
        let (account, device) = *written.writers.get(writer as usize)?;
        Some((device, account, last))
    };
    let trails: Option<Vec<_>> = written.newest.iter().map(newest).collect();
    let summary = Summary {
        commits,
        trails: trails.ok_or_else(|| damaged("it names no writer".into()))?,
        tips: written.tips,
        steps: written.steps.into_iter().map(|(first, last)| Step { first, last }).collect(),
        forks: written
            .forks
            .into_iter()
            .map(|(device, account, commits)| Equivocation { device, account, commits })
            .collect(),
    };
    Ok((summary, Writers::new(written.writers)))
}
