//! A row as bytes. Numbers are little-endian; a position that is none is the highest number.
//!
//! ```text
//! 0 parents (4, 4)   8 date (8)   16 writer (4)   20 mark (1)   21 past (4)   25 chain (4)   29 complete (4)
//! 33 trail: previous (4), jump (4), depth (4), latest date (8)
//! ```

use super::writers::{Writer, Writers};
use parv_store::IndexRow;
use parv_store::index::REST_BYTES;
use parv_validator::settled::{Pair, Position, Row, Trail};
use parv_validator::swarm::{Mark, Swarm};

/// What is said of a row that is none.
pub(super) const DAMAGED: &str = "a row is not what was written";

const NONE: u32 = u32::MAX;

pub(super) fn encode(row: &Row<Swarm>, writers: &Writers) -> IndexRow {
    let (first, second) = match row.parents {
        Pair::None => (NONE, NONE),
        Pair::One(parent) => (parent, NONE),
        Pair::Two(one, other) => (one, other),
    };
    let writer = writers.number(&(row.author, row.device)).unwrap_or(NONE);
    let Trail { previous, jump, depth, latest } = row.trail;
    let mut rest = [0; REST_BYTES];
    let mut end = 0;
    let mut put = |bytes: &[u8]| {
        rest[end..][..bytes.len()].copy_from_slice(bytes);
        end += bytes.len();
    };
    put(&first.to_le_bytes());
    put(&second.to_le_bytes());
    put(&row.date.to_le_bytes());
    put(&writer.to_le_bytes());
    put(&[row.mark.to_byte()]);
    for number in [row.past, row.chain, row.complete, previous.unwrap_or(NONE), jump.unwrap_or(NONE), depth] {
        put(&number.to_le_bytes());
    }
    put(&latest.to_le_bytes());
    // A merge says nothing, so the log does not list it.
    IndexRow { place: (row.generation, row.time, row.id), listed: !matches!(row.parents, Pair::Two(..)), rest }
}

pub(super) fn decode(row: &IndexRow, writers: &Writers) -> Option<Row<Swarm>> {
    let (generation, time, id) = row.place;
    let (author, device) = writer(row, writers)?;
    let position = |at| some(number(row, at));
    let parents = match (position(0), position(4)) {
        (None, None) => Pair::None,
        (Some(parent), None) => Pair::One(parent),
        (Some(one), Some(other)) => Pair::Two(one, other),
        (None, Some(_)) => return None,
    };
    let trail = Trail { previous: position(33), jump: position(37), depth: number(row, 41), latest: date(row, 45) };
    Some(Row {
        id,
        parents,
        generation,
        time,
        date: date(row, 8),
        author,
        device,
        mark: Mark::from_byte(row.rest[20])?,
        past: number(row, 21),
        chain: number(row, 25),
        complete: number(row, 29),
        trail,
    })
}

/// Who wrote the commit of a row.
pub(super) fn writer(row: &IndexRow, writers: &Writers) -> Option<Writer> {
    writers.get(number(row, 16))
}

fn number(row: &IndexRow, at: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|place| row.rest[at + place]))
}

fn date(row: &IndexRow, at: usize) -> i64 {
    i64::from_le_bytes(std::array::from_fn(|place| row.rest[at + place]))
}

fn some(number: u32) -> Option<Position> {
    Some(number).filter(|number| *number != NONE)
}
