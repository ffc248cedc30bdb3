//! The same small work on many things, on all cores.

use parv_validator::cores;
use std::convert::Infallible;

/// What `work` makes of every item; the results come in their order.
pub(crate) fn on_all<T: Sync, U: Send>(items: &[T], work: impl Fn(&T) -> U + Sync) -> Vec<U> {
    on_all_with(items, || (), |(), item| work(item))
}

/// The same with something that every share of the work needs one of.
pub(crate) fn on_all_with<T: Sync, S, U: Send>(
    items: &[T],
    begin: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> U + Sync,
) -> Vec<U> {
    let mut done = Vec::with_capacity(items.len());
    let share = |share: &[T]| {
        let mut own = begin();
        share.iter().map(|item| work(&mut own, item)).collect()
    };
    let Ok(()) = cores::in_order(items, share, |_, result| {
        done.push(result);
        Ok::<(), Infallible>(())
    });
    done
}
