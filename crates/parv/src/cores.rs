//! The same small work on many things, on all cores.

use std::thread;

/// Below so many things, starting threads costs more than it saves.
const WORTH_A_THREAD: usize = 16;

/// What `work` makes of every item; the results come in their order.
pub(crate) fn on_all<T: Sync, U: Send>(items: &[T], work: impl Fn(&T) -> U + Sync) -> Vec<U> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = items.len().div_ceil(cores).max(WORTH_A_THREAD);
    let work = |share: &[T]| share.iter().map(&work).collect::<Vec<U>>();
    let Some((first, others)) = items.split_at_checked(share).filter(|(_, others)| !others.is_empty()) else {
        return work(items);
    };
    thread::scope(|scope| {
        let workers: Vec<_> = others.chunks(share).map(|share| scope.spawn(move || work(share))).collect();
        let mut done = work(first);
        for worker in workers {
            done.extend(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    })
}
