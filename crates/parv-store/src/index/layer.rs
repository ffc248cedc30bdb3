//! One file of rows, written once: the rows by position, their ids in order, and their positions in display order.

use super::list::Named;
use super::pages::{Pages, Table, Writer};
use super::{IndexRow, Place, REST_BYTES, damaged, put};
use crate::error::StoreError;
use parv_model::CommitId;
use std::cmp::Ordering;
use std::io;
use std::path::Path;

const ID: usize = 20;

/// Id, generation, time, whether it is listed, and the rest.
const ROW: usize = ID + 4 + 8 + 1 + REST_BYTES;

/// After so many guesses where an id is, by the numbers that ids are, it is looked for by halves: ids can be made up.
const GUESSES: usize = 8;

/// Rows with their ids in order and their display order: a layer, or one in the making. Numbers are within the run.
pub(super) trait Run {
    fn rows(&self) -> u32;

    fn listed(&self) -> u32;

    /// The bytes of a row.
    fn bytes(&self, row: u32) -> Result<[u8; ROW], StoreError>;

    /// An id, by its place among the sorted ids, and the row that it is of.
    fn id(&self, place: u32) -> Result<(CommitId, u32), StoreError>;

    /// A listed row, by its place in display order.
    fn in_order(&self, place: u32) -> Result<u32, StoreError>;

    /// A row.
    fn row(&self, row: u32) -> Result<IndexRow, StoreError> {
        Ok(decode(&self.bytes(row)?))
    }
}

/// Rows that are not in a file yet.
pub(super) struct Fresh {
    rows: Vec<[u8; ROW]>,
    ids: Vec<(CommitId, u32)>,
    order: Vec<u32>,
}

impl Fresh {
    /// Rows that come after so many others.
    pub(super) fn new(before: u32, rows: &[IndexRow]) -> Result<Self, StoreError> {
        let count = u32::try_from(rows.len()).ok().filter(|count| before.checked_add(*count).is_some());
        let count = count.ok_or_else(|| damaged("it cannot hold so many rows"))?;
        let encoded = rows.iter().map(|row| encode(row).ok_or_else(|| damaged("a generation is too high")));
        let mut ids: Vec<_> = rows.iter().map(|row| row.place.2).zip(0..).collect();
        ids.sort_unstable();
        let mut order: Vec<u32> = (0..count).filter(|row| rows[*row as usize].listed).collect();
        order.sort_unstable_by_key(|row| rows[*row as usize].place);
        Ok(Self { rows: encoded.collect::<Result<_, _>>()?, ids, order })
    }
}

impl Run for Fresh {
    fn rows(&self) -> u32 {
        self.rows.len() as u32
    }

    fn listed(&self) -> u32 {
        self.order.len() as u32
    }

    fn bytes(&self, row: u32) -> Result<[u8; ROW], StoreError> {
        Ok(self.rows[row as usize])
    }

    fn id(&self, place: u32) -> Result<(CommitId, u32), StoreError> {
        Ok(self.ids[place as usize])
    }

    fn in_order(&self, place: u32) -> Result<u32, StoreError> {
        Ok(self.order[place as usize])
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Layer {
    named: Named,
    /// The position of its first row.
    first: u32,
    pages: Pages,
    rows: Table,
    ids: Table,
    order: Table,
}

impl Layer {
    pub(super) fn open(folder: &Path, named: Named, first: u32) -> Result<Self, StoreError> {
        let rows = Table::first(named.rows, ROW);
        let ids = rows.next(named.rows, ID + 4);
        let order = ids.next(named.listed, 4);
        let pages = Pages::open(named.path(folder), &order)?;
        Ok(Self { named, first, pages, rows, ids, order })
    }

    /// Writes the rows of several runs, one run after the other, into a new layer.
    pub(super) fn write(folder: &Path, number: u32, first: u32, runs: &[&dyn Run]) -> Result<Self, StoreError> {
        let total = |count: fn(&dyn Run) -> u32| runs.iter().map(|run| count(*run)).sum();
        let named = Named { number, rows: total(|run| run.rows()), listed: total(|run| run.listed()) };
        let path = named.path(folder);
        put(folder, &path, |out| write(Writer::new(out, &path), runs))?;
        Self::open(folder, named, first)
    }

    pub(super) fn named(&self) -> Named {
        self.named
    }

    /// The position of its first row.
    pub(super) fn first(&self) -> u32 {
        self.first
    }

    /// The position after its last row.
    pub(super) fn end(&self) -> u32 {
        self.first + self.named.rows
    }

    /// The position of a commit's row.
    pub(super) fn position(&self, commit: &CommitId) -> Result<Option<u32>, StoreError> {
        let (mut low, mut high) = (0, self.named.rows);
        // What ids are as numbers before `low`, and from `high` on.
        let (mut below, mut above) = (0, u64::MAX);
        let wanted = number(commit);
        for guess in 0.. {
            if low >= high {
                break;
            }
            let width = u64::from(high - low);
            let far = match guess {
                ..GUESSES => u128::from(wanted - below) * u128::from(width) / (u128::from(above - below) + 1),
                _ => u128::from(width / 2),
            };
            let place = low + far as u32;
            let (id, row) = self.id(place)?;
            match id.cmp(commit) {
                Ordering::Equal => return Ok(Some(self.first + row)),
                Ordering::Less => (low, below) = (place + 1, number(&id)),
                Ordering::Greater => (high, above) = (place, number(&id)),
            }
            if !(below..=above).contains(&wanted) {
                return Err(damaged("the ids of a layer are not in order"));
            }
        }
        Ok(None)
    }

    /// How many rows are listed before a place.
    pub(super) fn listed_before(&self, end: &Place) -> Result<u32, StoreError> {
        let (mut low, mut high) = (0, self.named.listed);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.row(self.in_order(middle)?)?.place < *end { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }
}

impl Run for Layer {
    fn rows(&self) -> u32 {
        self.named.rows
    }

    fn listed(&self) -> u32 {
        self.named.listed
    }

    fn bytes(&self, row: u32) -> Result<[u8; ROW], StoreError> {
        self.pages.record(&self.rows, row, array)
    }

    fn id(&self, place: u32) -> Result<(CommitId, u32), StoreError> {
        self.pages.record(&self.ids, place, |record| {
            (CommitId::from_bytes(array(&record[..ID])), u32::from_le_bytes(array(&record[ID..])))
        })
    }

    fn in_order(&self, place: u32) -> Result<u32, StoreError> {
        self.pages.record(&self.order, place, |record| u32::from_le_bytes(array(record)))
    }
}

/// Where in the space of all ids an id is.
fn number(id: &CommitId) -> u64 {
    u64::from_be_bytes(array(&id.as_bytes()[..8]))
}

/// The first bytes of a slice that has at least as many.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    std::array::from_fn(|place| bytes[place])
}

fn encode(row: &IndexRow) -> Option<[u8; ROW]> {
    let (generation, time, id) = row.place;
    let generation = u32::try_from(generation).ok()?.to_le_bytes();
    let parts: [&[u8]; 5] = [id.as_bytes(), &generation, &time.to_le_bytes(), &[u8::from(row.listed)], &row.rest];
    Some(array(&parts.concat()))
}

fn decode(bytes: &[u8; ROW]) -> IndexRow {
    let (id, rest) = bytes.split_at(ID);
    let (generation, rest) = rest.split_at(4);
    let (time, rest) = rest.split_at(8);
    let generation = u64::from(u32::from_le_bytes(array(generation)));
    let place = (generation, i64::from_le_bytes(array(time)), CommitId::from_bytes(array(id)));
    IndexRow { place, listed: rest[0] != 0, rest: array(&rest[1..]) }
}

/// Writes the tables of a layer with the rows of these runs, one run after the other.
fn write(mut out: Writer<'_, impl io::Write>, runs: &[&dyn Run]) -> Result<(), StoreError> {
    for run in runs {
        (0..run.rows()).try_for_each(|row| out.add(&run.bytes(row)?))?;
    }
    out.end_table()?;
    merge(
        runs,
        |run| run.rows(),
        |run, place| run.id(place),
        |id, row| out.add(&[id.as_bytes().as_slice(), &row.to_le_bytes()].concat()),
    )?;
    out.end_table()?;
    let in_order = |run: &dyn Run, place| {
        let row = run.in_order(place)?;
        Ok((run.row(row)?.place, row))
    };
    merge(runs, |run| run.listed(), in_order, |_, row| out.add(&row.to_le_bytes()))?;
    out.end_table()
}

/// Puts together what every run has in order, with its rows counted from the beginning of the first run.
fn merge<K: Ord + Copy>(
    runs: &[&dyn Run],
    count: impl Fn(&dyn Run) -> u32,
    get: impl Fn(&dyn Run, u32) -> Result<(K, u32), StoreError>,
    mut put: impl FnMut(K, u32) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    // Of each run that is not at its end: the next key, its row, its place, and the run with the number of rows before it.
    let mut heads = Vec::new();
    let at = |run: &dyn Run, place: u32| if place < count(run) { get(run, place).map(Some) } else { Ok(None) };
    let mut before = 0;
    for run in runs {
        heads.extend(at(*run, 0)?.map(|(key, row)| (key, row, 0, *run, before)));
        before += run.rows();
    }
    while let Some(least) = (0..heads.len()).min_by_key(|head| heads[*head].0) {
        let (key, row, place, run, before) = heads.swap_remove(least);
        put(key, before + row)?;
        heads.extend(at(run, place + 1)?.map(|(key, row)| (key, row, place + 1, run, before)));
    }
    Ok(())
}
