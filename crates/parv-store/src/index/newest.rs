//! Listed rows in display order, the newest first, put together from all layers.

use super::layer::{Layer, Run};
use super::{IndexRow, Place};
use crate::error::StoreError;
use std::sync::Arc;

/// Rows of several layers, the newest first. After an error there is nothing more.
#[derive(Debug)]
pub struct Newest<'a> {
    /// The layers with rows left: which, how many, and the newest of these.
    runs: Vec<(&'a Layer, u32, IndexRow)>,
}

impl<'a> Newest<'a> {
    pub(super) fn before(layers: &'a [Arc<Layer>], end: Option<&Place>) -> Result<Self, StoreError> {
        let mut runs = Vec::with_capacity(layers.len());
        for layer in layers {
            let left = end.map_or(Ok(layer.listed()), |end| layer.listed_before(end))?;
            runs.extend(last(layer, left)?);
        }
        Ok(Self { runs })
    }

    fn take(&mut self, run: usize) -> Result<IndexRow, StoreError> {
        let (layer, left, newest) = self.runs.swap_remove(run);
        self.runs.extend(last(layer, left - 1)?);
        Ok(newest)
    }
}

/// The last of so many listed rows of a layer.
fn last(layer: &Layer, left: u32) -> Result<Option<(&Layer, u32, IndexRow)>, StoreError> {
    let newest = left.checked_sub(1).map(|last| layer.in_order(last).and_then(|row| layer.row(row))).transpose()?;
    Ok(newest.map(|newest| (layer, left, newest)))
}

impl Iterator for Newest<'_> {
    type Item = Result<IndexRow, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (run, _) = self.runs.iter().enumerate().max_by_key(|(_, (.., newest))| newest.place)?;
        let taken = self.take(run);
        if taken.is_err() {
            self.runs.clear();
        }
        Some(taken)
    }
}
