//! Who wrote, and with which device. Rows name them by number, so that none ever gets another one.

use parv_model::{DeviceId, Uri};
use std::collections::BTreeMap;

/// An account and one of its devices.
pub(super) type Writer = (Uri, DeviceId);

/// See the [module](self).
#[derive(Debug, Clone, Default)]
pub(super) struct Writers {
    list: Vec<Writer>,
    numbers: BTreeMap<Writer, u32>,
}

impl Writers {
    /// Writers in the order of their numbers.
    pub(super) fn new(list: Vec<Writer>) -> Self {
        let mut this = Self::default();
        list.into_iter().for_each(|writer| this.add(writer));
        this
    }

    /// Gives somebody a number who has none.
    pub(super) fn add(&mut self, writer: Writer) {
        let number = self.list.len() as u32;
        self.numbers.entry(writer).or_insert_with(|| {
            self.list.push(writer);
            number
        });
    }

    pub(super) fn number(&self, writer: &Writer) -> Option<u32> {
        self.numbers.get(writer).copied()
    }

    pub(super) fn get(&self, number: u32) -> Option<Writer> {
        self.list.get(number as usize).copied()
    }

    pub(super) fn list(&self) -> &[Writer] {
        &self.list
    }
}
