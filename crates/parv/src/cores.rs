//! The same small work on many things, on all cores.

use parv_validator::cores;
use std::convert::Infallible;

/// What `work` makes of every item; the results come in their order.
pub(crate) fn on_all<T: Sync, U: Send>(items: &[T], work: impl Fn(&T) -> U + Sync) -> Vec<U> {
    let mut done = Vec::with_capacity(items.len());
    let share = |share: &[T]| share.iter().map(&work).collect();
    let Ok(()) = cores::in_order(items, share, |_, result| {
        done.push(result);
        Ok::<(), Infallible>(())
    });
    done
}
