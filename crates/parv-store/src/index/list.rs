//! The list of layers, with the summary of all rows.

use super::{damaged, put};
use crate::error::StoreError;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The name and version of the format, of the layers too.
const SIGNATURE: &[u8] = b"parv-index 1\n";

/// Bytes of the checksum at the end: CRC-32 of all before.
const SUM: usize = 4;

/// A layer as the list names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    /// The name of its file. No two layers of an index that follow each other have the same.
    pub(super) number: u32,
    /// How many rows it has.
    pub(super) rows: u32,
    /// How many of them are listed in display order.
    pub(super) listed: u32,
}

impl Named {
    pub(super) fn path(&self, folder: &Path) -> PathBuf {
        folder.join(self.number.to_string())
    }
}

/// See the [module](self).
pub(super) struct List {
    pub(super) layers: Vec<Named>,
    pub(super) summary: Vec<u8>,
}

pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join("list")
}

impl List {
    /// What lies in the folder of an index; `None` if there is no list.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, StoreError> {
        let path = path(folder);
        match fs::read(&path) {
            Ok(bytes) => Self::decode(&bytes).map(Some).ok_or_else(|| damaged("its list is not what was written")),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (bytes, sum) = bytes.split_last_chunk::<SUM>()?;
        if crc32fast::hash(bytes).to_le_bytes() != *sum {
            return None;
        }
        let (count, mut rest) = bytes.strip_prefix(SIGNATURE)?.split_first_chunk::<4>()?;
        let mut layers = Vec::new();
        let mut number = || {
            let (number, after) = rest.split_first_chunk::<4>()?;
            rest = after;
            Some(u32::from_le_bytes(*number))
        };
        for _ in 0..u32::from_le_bytes(*count) {
            layers.push(Named { number: number()?, rows: number()?, listed: number()? });
        }
        let rows = layers.iter().try_fold(0u32, |all, layer| all.checked_add(layer.rows));
        rows.map(|_| Self { layers, summary: rest.to_vec() })
    }

    /// Replaces the list in the folder of an index.
    pub(super) fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let mut bytes = SIGNATURE.to_vec();
        let numbers = self.layers.iter().flat_map(|layer| [layer.number, layer.rows, layer.listed]);
        let numbers = [self.layers.len() as u32].into_iter().chain(numbers);
        bytes.extend(numbers.flat_map(u32::to_le_bytes));
        bytes.extend_from_slice(&self.summary);
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        let path = path(folder);
        put(folder, &path, |out| out.write_all(&bytes).map_err(StoreError::io("write", &path)))
    }
}
