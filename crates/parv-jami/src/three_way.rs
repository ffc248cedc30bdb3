//! `resolve`: what heads stand for together, the merge of their files over their common past, as `git merge` does it.
//!
//! The common past of two heads is a set of events closed under ancestors, and stands for a state of its own. Where it has
//! several last events, these are merged first, in the same way; Git calls it a virtual merge base.

use crate::path::{Category, Path, Target};
use crate::rules::Event;
use crate::state::{Conflict, File, Files, State};
use imbl::ordmap::DiffItem;
use parv_validator::event_set::{EventNumber, EventSet};
use parv_validator::rules::Memo;
use std::sync::Arc;

/// How many steps one union may take. Real histories need a handful; without a bound a hostile one could
/// ask for exponentially many.
const MAX_STEPS: usize = 4096;

/// `resolve`: the state of a set of events closed under ancestors.
pub(crate) fn resolve(events: &[Event], memo: &mut Memo<State>, set: &EventSet) -> Arc<State> {
    let mut open = vec![set.clone()];
    for _ in 0..MAX_STEPS {
        let Some(next) = open.pop() else { break };
        if let Err(needed) = fold(events, memo, &next) {
            open.extend([next, needed]);
        }
    }
    if let Some(state) = memo.get(set) {
        return state.clone();
    }
    let some = last_events(events, set).first().map_or(State::nowhere(), |&last| (*events[last].after).clone());
    Arc::new(some.with(some.files.clone(), vec![Conflict::Tangled]))
}

/// Merges the last events of a set into one state and remembers it; or says which smaller set has to be known first.
fn fold(events: &[Event], memo: &mut Memo<State>, set: &EventSet) -> Result<(), EventSet> {
    if memo.contains_key(set) {
        return Ok(());
    }
    let mut whole: Option<(EventSet, Arc<State>)> = None;
    for last in last_events(events, set) {
        let closure = events[last].past.with(last);
        let state = events[last].after.clone();
        whole = Some(match whole {
            None => (closure, state),
            Some((known, merged)) => {
                let common = known.intersection(&closure);
                let known = known.union(&closure);
                let merged = match (memo.get(&known), memo.get(&common)) {
                    (Some(merged), _) => merged.clone(),
                    (None, Some(base)) => merge(base, &merged, &state),
                    (None, None) => return Err(common),
                };
                memo.insert(known.clone(), merged.clone());
                (known, merged)
            }
        });
    }
    // Two heads always share the first commit, which is an event.
    let state = whole.map_or_else(|| Arc::new(State::nowhere()), |(_, state)| state);
    memo.insert(set.clone(), state);
    Ok(())
}

/// The events of a closed set that no other of it comes after, the first ones first.
fn last_events(events: &[Event], set: &EventSet) -> Vec<EventNumber> {
    let mut behind = EventSet::default();
    let mut last = Vec::new();
    // Parents have lower numbers, so the highest one left is nobody's ancestor.
    while let Some(number) = set.difference(&behind).last() {
        behind = behind.union(&events[number].past.with(number));
        last.push(number);
    }
    last.reverse();
    last
}

/// Merges file by file. What both changed differently is left out and named as a conflict.
fn merge(base: &State, one: &State, other: &State) -> Arc<State> {
    let mut files = one.files.clone();
    let mut conflicts = Vec::new();
    let mut moves = Vec::new();
    let changed = |item: DiffItem<'_, '_, Path, File>| match item {
        DiffItem::Add(path, _) | DiffItem::Remove(path, _) | DiffItem::Update { old: (path, _), .. } => path.clone(),
    };
    for path in base.files.diff(&other.files).map(changed) {
        let (was, mine, theirs) = (base.files.get(&path), one.files.get(&path), other.files.get(&path));
        if mine == was {
            set(&mut files, path, theirs.copied());
        } else if mine != theirs {
            files.remove(&path);
            match follow_move(base, one, other, &path) {
                Some(moved) => moves.push(moved),
                None => conflicts.push(Conflict::Path(path)),
            }
        }
    }
    files.extend(moves);
    Arc::new(one.with(files, conflicts))
}

fn set(files: &mut Files, path: Path, file: Option<File>) {
    match file {
        Some(file) => drop(files.insert(path, file)),
        None => drop(files.remove(&path)),
    }
}

/// Where one side moved an account's certificate (a ban, an unban) and the other renewed it, Git follows the move: the new
/// bytes stand in the new place.
fn follow_move(base: &State, one: &State, other: &State, path: &Path) -> Option<(Path, File)> {
    let was = base.files.get(path)?;
    let (mover, renewed) = match (one.files.get(path), other.files.get(path)) {
        (None, Some(renewed)) => (one, *renewed),
        (Some(renewed), None) => (other, *renewed),
        _ => return None,
    };
    let mut places = places(path).into_iter();
    let place = places.find(|place| mover.files.get(place) == Some(was) && !base.has(place))?;
    Some((place, renewed))
}

/// Where a certificate may be moved to.
fn places(path: &Path) -> Vec<Path> {
    let (Path::Standing(_, target) | Path::Banned(_, target)) = *path else { return Vec::new() };
    let folders: &[Category] = match target {
        Target::Account(_) => &[Category::Admins, Category::Members],
        Target::Device(_) => &[Category::Devices],
    };
    let both = |&category: &Category| [Path::Standing(category, target), Path::Banned(category, target)];
    folders.iter().flat_map(both).filter(|place| place != path).collect()
}
