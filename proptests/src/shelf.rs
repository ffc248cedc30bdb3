//! Rows as a store would give them, in memory, and with a store's faults if they are wanted.

use crate::World;
use parv_model::CommitId;
use parv_validator::settled::{Position, Row, Settled, Summary, Unreadable};
use parv_validator::swarm::{Mark, Swarm};
use parv_validator::{CheckedCommit, Replica};
use std::sync::Arc;

/// The rows of the oldest commits of a replica.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    /// The rows, by position.
    pub rows: Vec<Row<Swarm>>,
    /// A position whose row cannot be read.
    pub broken: Option<Position>,
}

impl Shelf {
    /// Puts all that a replica holds of its commits on the shelf, so that it reads them from there.
    pub fn take_from(&mut self, replica: &mut Replica) {
        self.rows.extend(replica.unsettled().cloned());
        replica.settle(Arc::new(self.clone()));
    }

    /// A replica that reads everything from the shelf, which holds all that `summary` is about.
    ///
    /// # Errors
    /// What the shelf holds does not fit.
    pub fn restore(&self, summary: &Summary<Swarm>, world: &World) -> Result<Replica, Unreadable> {
        let firsts = summary.steps.iter().filter_map(|step| self.rows.get(step.first as usize));
        let firsts: Vec<CheckedCommit> = firsts.map(|row| world.checked(&row.id).clone()).collect();
        Replica::restore(Swarm, Arc::new(self.clone()), summary, &firsts, &world.objects)
    }
}

impl Settled<Swarm> for Shelf {
    fn commits(&self) -> Position {
        self.rows.len() as Position
    }

    fn position(&self, commit: &CommitId) -> Result<Option<Position>, Unreadable> {
        Ok(self.rows.iter().position(|row| row.id == *commit).map(|position| position as Position))
    }

    fn row(&self, position: Position) -> Result<Row<Swarm>, Unreadable> {
        let row = self.rows.get(position as usize).filter(|_| self.broken != Some(position));
        let kept = row.and_then(|row| Some(Row { mark: Mark::from_byte(row.mark.to_byte())?, ..row.clone() }));
        kept.ok_or_else(|| Unreadable(format!("row {position} is broken")))
    }
}
