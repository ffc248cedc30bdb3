//! The clock. Everything below this crate is told the time; this is where it comes from.

use parv_model::limits::MAX_TIME;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970, never outside what a commit may carry.
pub(crate) fn now() -> i64 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(seconds).unwrap_or(MAX_TIME).min(MAX_TIME)
}
