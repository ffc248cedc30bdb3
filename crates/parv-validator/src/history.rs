//! The rows of all admitted commits: the settled ones in a store, the newer ones here.
//!
//! What is not linear in the history is held for all of them: the tips, the newest commit of every device, the forks.

use crate::equivocation::Equivocation;
use crate::rules::{DeviceOf, RuleSet};
use crate::settled::{Parents, Position, Row, Settled, Trail, Unreadable};
use parv_model::CommitId;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct History<R: RuleSet> {
    settled: Option<Arc<dyn Settled<R>>>,
    tail: Vec<Entry<R>>,
    /// Where the commits of the tail stand. Only ever looked up, never walked through: the order of a hash map means
    /// nothing.
    places: HashMap<CommitId, Position>,
    pub(super) tips: BTreeSet<Position>,
    /// The newest commit of every device for every account.
    pub(super) trails: BTreeMap<DeviceOf<R>, BTreeMap<R::Account, Position>>,
    /// The devices of every account.
    devices: BTreeMap<R::Account, BTreeSet<DeviceOf<R>>>,
    pub(super) forks: BTreeMap<DeviceOf<R>, Equivocation<R::Account, DeviceOf<R>>>,
    /// Why a row could not be read.
    unreadable: OnceLock<Unreadable>,
}

/// A row of the tail.
#[derive(Debug)]
struct Entry<R: RuleSet> {
    row: Row<R>,
    /// The parents that nobody had built on before.
    continued: Vec<Position>,
}

impl<R: RuleSet> Clone for Entry<R> {
    fn clone(&self) -> Self {
        Self { row: self.row.clone(), continued: self.continued.clone() }
    }
}

impl<R: RuleSet> Clone for History<R> {
    fn clone(&self) -> Self {
        Self {
            settled: self.settled.clone(),
            tail: self.tail.clone(),
            places: self.places.clone(),
            tips: self.tips.clone(),
            trails: self.trails.clone(),
            devices: self.devices.clone(),
            forks: self.forks.clone(),
            unreadable: self.unreadable.clone(),
        }
    }
}

impl<R: RuleSet> Default for History<R> {
    fn default() -> Self {
        Self {
            settled: None,
            tail: Vec::new(),
            places: HashMap::new(),
            tips: BTreeSet::new(),
            trails: BTreeMap::new(),
            devices: BTreeMap::new(),
            forks: BTreeMap::new(),
            unreadable: OnceLock::new(),
        }
    }
}

/// A commit that is about to be taken in.
pub(crate) struct New<R: RuleSet> {
    pub(crate) id: CommitId,
    pub(crate) parents: Parents,
    pub(crate) generation: u64,
    pub(crate) time: i64,
    pub(crate) date: i64,
    pub(crate) author: R::Account,
    pub(crate) device: DeviceOf<R>,
    pub(crate) mark: R::Mark,
    pub(crate) past: u32,
}

impl<R: RuleSet> History<R> {
    /// What a store has, with the devices' newest commits there.
    pub(crate) fn of(settled: Arc<dyn Settled<R>>) -> Self {
        Self { settled: Some(settled), ..Self::default() }
    }

    /// How many commits there are.
    pub(crate) fn commits(&self) -> Position {
        // No more than a position can say are ever taken in.
        self.kept() + self.tail.len() as Position
    }

    /// How many of them are settled.
    pub(crate) fn kept(&self) -> Position {
        self.settled.as_ref().map_or(0, |settled| settled.commits())
    }

    /// The rows that are here, the oldest first.
    pub(crate) fn tail(&self) -> impl ExactSizeIterator<Item = &Row<R>> {
        self.tail.iter().map(|entry| &entry.row)
    }

    /// Where a commit stands.
    pub(crate) fn position(&self, commit: &CommitId) -> Option<Position> {
        if let Some(position) = self.places.get(commit) {
            return Some(*position);
        }
        let settled = self.settled.as_ref()?;
        self.read(settled.position(commit))?.filter(|position| *position < settled.commits())
    }

    /// The row at a position. None where there is none, or where it cannot be read.
    pub(crate) fn row(&self, position: Position) -> Option<Row<R>> {
        let kept = self.kept();
        match &self.settled {
            Some(settled) if position < kept => self.read(settled.row(position).and_then(|row| sound(position, row))),
            _ => self.tail.get((position - kept) as usize).map(|entry| entry.row.clone()),
        }
    }

    /// The row of a commit.
    pub(crate) fn find(&self, commit: &CommitId) -> Option<Row<R>> {
        self.row(self.position(commit)?)
    }

    /// Why a row could not be read, if that has happened.
    pub(crate) fn unreadable(&self) -> Option<&Unreadable> {
        self.unreadable.get()
    }

    fn read<T>(&self, read: Result<T, Unreadable>) -> Option<T> {
        read.map_err(|error| self.fail(error)).ok()
    }

    /// Notes that what is kept is of no use.
    pub(crate) fn fail(&self, why: Unreadable) {
        // The first reason says enough.
        let _ = self.unreadable.set(why);
    }

    /// Takes in a commit whose parents are known.
    pub(crate) fn push(&mut self, new: New<R>) {
        let position = self.commits();
        let New { id, parents, generation, time, date, author, device, mark, past } = new;
        let continued: Vec<Position> = parents.iter().filter(|parent| self.tips.remove(parent)).collect();
        self.tips.insert(position);
        let chain = match parents {
            Parents::One(parent) if !continued.is_empty() => self.row(parent).map(|row| row.chain),
            _ => None,
        };
        let complete = if self.tips.len() == 1 {
            position + 1
        } else {
            parents.iter().filter_map(|parent| self.row(parent)).map(|row| row.complete).max().unwrap_or(0)
        };
        let last = self.last_of(&device);
        let trail = self.prolong(&device, &author, date);
        let chain = chain.unwrap_or(position);
        let row = Row { id, parents, generation, time, date, author, device, mark, past, chain, complete, trail };
        self.tail.push(Entry { row, continued });
        self.places.insert(id, position);
        self.trails.entry(device).or_default().insert(author, position);
        self.devices.entry(author).or_default().insert(device);
        // Until the first fork the last commit comes after all others, so it stands for them.
        if let Some(last) = last.filter(|last| !self.is_ancestor(*last, position))
            && let Some(last) = self.row(last)
        {
            self.forks.entry(device).or_insert(Equivocation { device, account: author, commits: [last.id, id] });
        }
    }

    /// The place of one more commit, with this date, in what a device wrote for an account.
    fn prolong(&self, device: &DeviceOf<R>, author: &R::Account, date: i64) -> Trail {
        let previous = self.trails.get(device).and_then(|of| of.get(author)).copied();
        let row = |position: Option<Position>| position.and_then(|position| self.row(position));
        let Some(before) = row(previous).map(|row| row.trail) else {
            return Trail { previous: None, jump: None, depth: 0, latest: date };
        };
        // Jumps are as long as the two before them together where those are equally long: the lengths are those of a
        // number written in skew binary digits.
        let far = row(before.jump).map(|row| row.trail);
        let jump = far.and_then(|far| {
            let further = row(far.jump).map_or(0, |row| row.trail.depth);
            (before.depth.wrapping_sub(far.depth) == far.depth.wrapping_sub(further)).then_some(far.jump)?
        });
        let depth = before.depth.saturating_add(1);
        Trail { previous, jump: jump.or(previous), depth, latest: before.latest.max(date) }
    }

    /// Takes back the commit that was added last; a settled one stays.
    pub(crate) fn pop(&mut self) -> Option<Row<R>> {
        let Entry { row, continued } = self.tail.pop()?;
        self.places.remove(&row.id);
        self.tips.remove(&self.commits());
        self.tips.extend(continued);
        if let Some(of_device) = self.trails.get_mut(&row.device) {
            match row.trail.previous {
                Some(previous) => drop(of_device.insert(row.author, previous)),
                None => {
                    of_device.remove(&row.author);
                    self.devices.get_mut(&row.author).map(|devices| devices.remove(&row.device));
                }
            }
        }
        if self.forks.get(&row.device).is_some_and(|fork| fork.commits[1] == row.id) {
            self.forks.remove(&row.device);
        }
        Some(row)
    }

    /// Reads the oldest rows from a store from now on.
    pub(crate) fn settle(&mut self, settled: Arc<dyn Settled<R>>) {
        let more = settled.commits().saturating_sub(self.kept()) as usize;
        for entry in self.tail.drain(..more.min(self.tail.len())) {
            self.places.remove(&entry.row.id);
        }
        self.settled = Some(settled);
    }

    /// Notes the newest commit of a device for an account.
    pub(crate) fn remember(&mut self, device: DeviceOf<R>, account: R::Account, newest: Position) {
        self.trails.entry(device).or_default().insert(account, newest);
        self.devices.entry(account).or_default().insert(device);
    }

    /// The newest commit of a device.
    pub(crate) fn last_of(&self, device: &DeviceOf<R>) -> Option<Position> {
        self.trails.get(device)?.values().max().copied()
    }

    /// The newest commit at which something is so that a device wrote for an account, if it is so for all that come before
    /// one for which it is.
    pub(crate) fn newest_where(
        &self,
        device: &DeviceOf<R>,
        account: &R::Account,
        is_so: impl Fn(Position) -> bool,
    ) -> Option<Row<R>> {
        let mut next = self.trails.get(device)?.get(account).copied();
        while let Some(position) = next {
            let row = self.row(position)?;
            if is_so(position) {
                return Some(row);
            }
            next = row.trail.jump.filter(|jump| !is_so(*jump)).or(row.trail.previous);
        }
        None
    }

    /// The latest date that a commit of an account bears before a position.
    pub(super) fn latest_before(&self, end: Position, account: &R::Account) -> Option<i64> {
        let devices = self.devices.get(account)?;
        let newest = |device| self.newest_where(device, account, |position| position < end);
        devices.iter().filter_map(newest).map(|row| row.trail.latest).max()
    }
}

/// A row that leads nowhere but back, so that every search ends.
fn sound<R: RuleSet>(position: Position, row: Row<R>) -> Result<Row<R>, Unreadable> {
    let Trail { previous, jump, .. } = row.trail;
    let back = row.parents.iter().chain(previous).chain(jump).all(|earlier| earlier < position);
    if back && row.chain <= position && row.complete <= position + 1 {
        return Ok(row);
    }
    Err(Unreadable(format!("the row of commit {} leads forward", row.id)))
}
