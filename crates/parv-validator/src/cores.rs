//! The same work on many things on all cores, while the results are taken in order.
//!
//! The things are cut into shares that any core may work on; the results are handed out in the order of the things, on the
//! thread that asks. When that thread has nothing to hand out, it works on a share itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// The most things in a share: as many signatures as are verified together, and few enough that the first results come soon.
const SHARE: usize = 512;

/// From so many things on, another thread saves more than it costs.
const WORTH_A_THREAD: usize = 16;

/// Works on all items and gives each result, with the place of its item, to `take`, in their order, until that breaks off.
/// `work` makes of some items as many results.
///
/// # Errors
/// What `take` broke off with.
pub fn in_order<T: Sync, U: Send, E>(
    items: &[T],
    work: impl Fn(&[T]) -> Vec<U> + Sync,
    mut take: impl FnMut(usize, U) -> Result<(), E>,
) -> Result<(), E> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(items.len() / WORTH_A_THREAD).max(1);
    let share = items.len().div_ceil(threads).clamp(1, SHARE);
    let shares: Vec<&[T]> = items.chunks(share).collect();
    let next = AtomicUsize::new(0);
    let work_on_next = || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        shares.get(number).map(|share| (number, work(share)))
    };
    thread::scope(|scope| {
        let (done, finished) = mpsc::channel();
        for _ in 1..threads {
            let (done, work_on_next) = (done.clone(), &work_on_next);
            // A thread whose results nobody waits for any more ends.
            scope.spawn(move || while work_on_next().is_some_and(|share| done.send(share).is_ok()) {});
        }
        drop(done);
        let mut early: BTreeMap<usize, Vec<U>> = BTreeMap::new();
        for number in 0..shares.len() {
            let results = loop {
                early.extend(finished.try_iter());
                if let Some(results) = early.remove(&number) {
                    break results;
                }
                match work_on_next() {
                    Some((same, results)) if same == number => break results,
                    Some((other, results)) => drop(early.insert(other, results)),
                    // All that is left is being worked on elsewhere.
                    None => match finished.recv() {
                        Ok((other, results)) => drop(early.insert(other, results)),
                        // One of the others panicked, and so will this one when it leaves the scope.
                        Err(mpsc::RecvError) => return Ok(()),
                    },
                }
            };
            for (place, result) in results.into_iter().enumerate() {
                if let Err(end) = take(number * share + place, result) {
                    next.store(shares.len(), Ordering::Relaxed);
                    return Err(end);
                }
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn every_result_comes_once_and_in_order() {
        for count in [0, 1, 2, WORTH_A_THREAD - 1, 2 * WORTH_A_THREAD, SHARE, 3 * SHARE + 1] {
            let items: Vec<usize> = (0..count).collect();
            let mut taken = Vec::new();
            let Ok(()) = in_order(
                &items,
                |share| share.iter().map(|item| item * 7).collect(),
                |place, result| {
                    taken.push((place, result));
                    Ok::<(), Infallible>(())
                },
            );
            assert_eq!(taken, items.iter().map(|item| (*item, item * 7)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn it_ends_where_the_taker_breaks_off() {
        let items: Vec<usize> = (0..10 * SHARE).collect();
        let mut taken = 0;
        let end = in_order(&items, <[usize]>::to_vec, |place, _| {
            taken += 1;
            if place == SHARE + 3 { Err(place) } else { Ok(()) }
        });
        assert_eq!((end, taken), (Err(SHARE + 3), SHARE + 4));
    }
}
