//! Is a delivery whole? Every new commit with all its ancestors, every tree and file they name, each of the right kind;
//! and nothing else.
//!
//! What the conversation has already is taken to be whole (that is what this check, and the one before each commit of
//! one's own, keep true), so the cost is that of what is new.

use crate::database::Database;
use crate::fetch::{FetchError, FetchLimits};
use crate::history::{self, Reachable};
use crate::objects::{CommitLinks, Objects, to_commit};
use crate::received::Delivery;
use crate::tree;
use gix::ObjectId;
use parv_model::CommitId;
use std::collections::{HashMap, HashSet};

/// Checks a delivery of `heads` and gives the commits that are new, parents before children.
pub(crate) fn check(
    delivery: &Delivery,
    heads: &[ObjectId],
    mine: &mut Reachable<Database>,
    limits: &FetchLimits,
) -> Result<Vec<CommitId>, FetchError> {
    let mut used = Used::new(delivery);
    let new = history::parents_first(new_commits(delivery, heads, mine, limits, &mut used)?);
    tree::visit_commits(delivery, &new, |kind, id| {
        used.mark(id);
        delivery.require_kind(kind, id).map_err(FetchError::from)
    })?;
    used.nothing_else()?;
    Ok(new.iter().map(|(id, _)| to_commit(id)).collect())
}

/// The commits of the delivery that do not belong to the conversation yet.
fn new_commits(
    delivery: &Delivery,
    heads: &[ObjectId],
    mine: &mut Reachable<Database>,
    limits: &FetchLimits,
    used: &mut Used,
) -> Result<HashMap<ObjectId, CommitLinks>, FetchError> {
    let mut new = HashMap::new();
    let mut known = HashSet::new();
    let mut buffer = Vec::new();
    let mut waiting = heads.to_vec();
    while let Some(id) = waiting.pop() {
        if new.contains_key(&id) || known.contains(&id) {
            continue;
        }
        if delivery.below.contains(&id)? && mine.contains(&id)? {
            known.insert(id);
            continue;
        }
        if !used.mark(&id) {
            return Err(match heads.contains(&id) {
                true => FetchError::NotDelivered(to_commit(&id)),
                false => FetchError::Incomplete { kind: "commit", id: id.to_string() },
            });
        }
        let links = delivery.links(&id, &mut buffer)?;
        waiting.extend_from_slice(&links.parents);
        new.insert(id, links);
        let (found, limit) = (new.len() as u64, limits.max_commits as u64);
        if found > limit {
            return Err(FetchError::TooMuch { what: "commits", found, limit });
        }
    }
    Ok(new)
}

/// Which of the delivered objects are needed.
struct Used<'a> {
    delivery: &'a Delivery<'a>,
    marks: Vec<bool>,
}

impl<'a> Used<'a> {
    fn new(delivery: &'a Delivery) -> Self {
        Self { delivery, marks: vec![false; delivery.pack.len()] }
    }

    /// Marks an object, and says whether it was delivered.
    fn mark(&mut self, id: &gix::hash::oid) -> bool {
        let place = self.delivery.pack.place(id);
        if let Some(mark) = place.and_then(|place| self.marks.get_mut(place)) {
            *mark = true;
        }
        place.is_some()
    }

    /// Others may send again what is here already; but what is neither here nor needed was smuggled in.
    fn nothing_else(&self) -> Result<(), FetchError> {
        let Delivery { pack, below, .. } = self.delivery;
        for (place, _) in self.marks.iter().enumerate().filter(|(_, mark)| !**mark) {
            let id = pack.id(place);
            if !below.contains(&id)? {
                return Err(FetchError::Unneeded(id.to_string()));
            }
        }
        Ok(())
    }
}
