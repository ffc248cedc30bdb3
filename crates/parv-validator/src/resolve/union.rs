//! The fast path for two heads whose differences cannot contradict each other.
//!
//! It applies when everything that one side has and the other has not was written by people who knew all control events
//! that both sides have, and does nothing but invite, join, vote, change the profile or bring certificates, each about
//! something the other side has not touched. Then nothing that is common can be weighed anew, nothing is concurrent with
//! a removal, and the events of one side can simply be applied on top of the other.

use super::{Events, apply};
use crate::event::Act;
use crate::event_set::{EventNumber, EventSet};
use crate::state::State;
use parv_model::{DeviceId, Target, Uri};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The state of both heads together, or `None` where the rules are needed in full.
pub(super) fn union(
    events: Events<'_>,
    (one, one_state): (&EventSet, &Arc<State>),
    (other, other_state): (&EventSet, &Arc<State>),
) -> Option<Arc<State>> {
    if one.is_subset(other) {
        return Some(other_state.clone());
    }
    if other.is_subset(one) {
        return Some(one_state.clone());
    }
    let (mine, theirs) = (one.difference(other), other.difference(one));
    let control: BTreeSet<EventNumber> =
        one.intersection(other).iter().filter(|&e| events.get(e).is_control()).collect();
    let knows_all = |&e: &EventNumber| control.iter().all(|&c| events.get(e).past.contains(c));
    if !mine.iter().chain(&theirs).all(knows_all) {
        return None;
    }
    let touched_here = touches(events, &mine)?;
    let touched_there = touches(events, &theirs)?;
    if !touched_here.is_disjoint(&touched_there) {
        return None;
    }
    if touched_there.is_empty() {
        return Some(one_state.clone());
    }
    let mut state = (**one_state).clone();
    theirs.iter().for_each(|&e| apply::apply(&mut state, events.get(e)));
    state.seal();
    Some(Arc::new(state))
}

/// A place of the state that an event changes.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Account(Uri),
    Device(DeviceId),
    Profile,
    VoteOf(Uri, Target),
}

/// What these events change; `None` when one of them takes something away or resolves a vote.
fn touches(events: Events<'_>, numbers: &[EventNumber]) -> Option<BTreeSet<Place>> {
    let mut places = BTreeSet::new();
    for &number in numbers {
        let event = events.get(number);
        match event.act {
            Act::Witness | Act::Certificates => {}
            Act::Add(uri) => drop(places.insert(Place::Account(uri))),
            Act::Join => drop(places.insert(Place::Account(event.author))),
            Act::Vote { target, .. } => drop(places.insert(Place::VoteOf(event.author, target))),
            Act::Profile(_) => drop(places.insert(Place::Profile)),
            Act::Initial { .. } | Act::Leave | Act::Resolve { .. } => return None,
        }
        if event.brought.list.is_some() {
            return None;
        }
        if event.brought.account.is_some() {
            places.insert(Place::Account(event.author));
        }
        if let Some((device, _)) = event.brought.device {
            places.insert(Place::Device(device));
        }
    }
    Some(places)
}
