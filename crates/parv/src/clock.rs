//! The clock. Everything below this crate is told the time; this is where it comes from.

use parv_model::limits::MAX_TIME;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds since 1970, never outside what a commit may carry.
pub(crate) fn now() -> i64 {
    i64::try_from(since_1970().as_secs()).unwrap_or(MAX_TIME).min(MAX_TIME)
}

/// Time since 1970; none before that.
pub(crate) fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
