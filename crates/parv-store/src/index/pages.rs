//! Files of fixed-width records in pages, each page with a checksum: what is read is what was written, or an error.
//!
//! A table begins on a page of its own, and no record lies on two pages. Only pages that are looked at are read; the last few
//! are kept.

use super::damaged;
use crate::error::StoreError;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a page.
const PAGE: usize = 4096;

/// Bytes of its checksum, at its end: CRC-32 of the page's number and of all before.
const SUM: usize = 4;

/// How many pages of a file are kept at most.
const KEPT: usize = 64;

/// Where a table lies, in pages, and how wide its records are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    first: u64,
    records: u32,
    width: usize,
}

impl Table {
    /// The first table of a file.
    pub(super) fn first(records: u32, width: usize) -> Self {
        Self { first: 0, records, width }
    }

    /// The one after it.
    pub(super) fn next(&self, records: u32, width: usize) -> Self {
        Self { first: self.end(), records, width }
    }

    fn per_page(&self) -> usize {
        (PAGE - SUM) / self.width
    }

    /// The page after its last.
    fn end(&self) -> u64 {
        self.first + u64::from(self.records).div_ceil(self.per_page() as u64)
    }
}

fn sum(number: u64, page: &[u8]) -> [u8; SUM] {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(page);
    hasher.finalize().to_le_bytes()
}

/// A page with its number.
type Kept = (u64, Arc<[u8]>);

/// A file of pages.
#[derive(Debug)]
pub(super) struct Pages {
    path: PathBuf,
    file: File,
    /// Each page has one place where it can be.
    kept: Mutex<Vec<Option<Kept>>>,
}

impl Pages {
    /// Opens a file that ends with this table.
    pub(super) fn open(path: PathBuf, last: &Table) -> Result<Self, StoreError> {
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        let length = file.metadata().map_err(StoreError::io("look at", &path))?.len();
        if length != last.end() * PAGE as u64 {
            return Err(damaged("a layer has another length than it should"));
        }
        Ok(Self { path, file, kept: Mutex::new(vec![None; KEPT]) })
    }

    /// A record of a table in this file, given to `read`.
    pub(super) fn record<T>(&self, table: &Table, record: u32, read: impl FnOnce(&[u8]) -> T) -> Result<T, StoreError> {
        if record >= table.records {
            return Err(damaged("a layer has fewer records than it should"));
        }
        let (page, place) = (record as usize / table.per_page(), record as usize % table.per_page());
        let page = self.page(table.first + page as u64)?;
        Ok(read(&page[place * table.width..][..table.width]))
    }

    fn page(&self, number: u64) -> Result<Arc<[u8]>, StoreError> {
        let slot = (number % KEPT as u64) as usize;
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, page)) = kept()[slot].as_ref().filter(|(kept, _)| *kept == number) {
            return Ok(page.clone());
        }
        let mut page = vec![0; PAGE];
        let read = self.file.read_exact_at(&mut page, number * PAGE as u64);
        read.map_err(|error| damaged(&format!("{} cannot be read: {error}", self.path.display())))?;
        if sum(number, &page[..PAGE - SUM]) != page[PAGE - SUM..] {
            return Err(damaged("a page of a layer is not what was written"));
        }
        let page: Arc<[u8]> = page.into();
        kept()[slot] = Some((number, page.clone()));
        Ok(page)
    }
}

/// Writes tables one after the other.
pub(super) struct Writer<'a, W> {
    out: W,
    path: &'a Path,
    number: u64,
    page: Vec<u8>,
}

impl<'a, W: Write> Writer<'a, W> {
    /// Writes to `out`, which is to be the file at `path`.
    pub(super) fn new(out: W, path: &'a Path) -> Self {
        Self { out, path, number: 0, page: Vec::with_capacity(PAGE) }
    }

    /// Adds a record; all of a table are equally long.
    pub(super) fn add(&mut self, record: &[u8]) -> Result<(), StoreError> {
        if self.page.len() + record.len() > PAGE - SUM {
            self.turn()?;
        }
        self.page.extend_from_slice(record);
        Ok(())
    }

    /// Ends a table.
    pub(super) fn end_table(&mut self) -> Result<(), StoreError> {
        if self.page.is_empty() { Ok(()) } else { self.turn() }
    }

    fn turn(&mut self) -> Result<(), StoreError> {
        self.page.resize(PAGE - SUM, 0);
        let sum = sum(self.number, &self.page);
        self.page.extend_from_slice(&sum);
        self.out.write_all(&self.page).map_err(StoreError::io("write", self.path))?;
        self.page.clear();
        self.number += 1;
        Ok(())
    }
}
