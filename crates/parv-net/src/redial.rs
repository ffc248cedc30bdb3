//! When to dial somebody again.

use std::time::{Duration, Instant};

/// The first wait after a connection was lost or not made.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait, if nothing else is said.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How long a connection must have lasted for the waits to begin anew.
const LASTING: Duration = Duration::from_secs(60);

/// Waits that double with every failure.
#[derive(Debug)]
pub(crate) struct Backoff {
    longest: Duration,
    wait: Duration,
    due: Option<Instant>,
    connected_since: Option<Instant>,
}

impl Backoff {
    /// Due at once.
    pub(crate) fn new(now: Instant) -> Self {
        Self::with_longest(LONGEST_WAIT, now)
    }

    /// Due at once, with a longest wait of its own.
    pub(crate) fn with_longest(longest: Duration, now: Instant) -> Self {
        Self { longest, wait: FIRST_WAIT, due: Some(now), connected_since: None }
    }

    /// When to dial, unless connected or dialling.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What made dials fail may be over: if it waits, it waits no longer.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.wait = FIRST_WAIT;
        self.due = self.due.map(|due| due.min(now));
    }

    /// A dial has begun.
    pub(crate) fn dialling(&mut self) {
        self.due = None;
    }

    /// There is a connection.
    pub(crate) fn connected(&mut self, now: Instant) {
        self.due = None;
        self.connected_since.get_or_insert(now);
    }

    /// There is no connection, or no more.
    pub(crate) fn failed(&mut self, now: Instant) {
        if self.connected_since.take().is_some_and(|since| now - since >= LASTING) {
            self.wait = FIRST_WAIT;
        }
        self.due = Some(now + self.wait);
        self.wait = (self.wait * 2).min(self.longest);
    }

    /// Whether the last that was heard is that there is a connection.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected_since.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_begin_anew_after_a_lasting_connection() {
        let start = Instant::now();
        let mut backoff = Backoff::new(start);
        assert_eq!(backoff.due(), Some(start));
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            backoff.dialling();
            assert_eq!(backoff.due(), None);
            backoff.failed(start);
            assert_eq!(backoff.due(), Some(start + Duration::from_secs(seconds)));
        }
        // Another network: at once, and with short waits again.
        backoff.hurry(start);
        assert_eq!(backoff.due(), Some(start));
        backoff.dialling();
        backoff.hurry(start);
        assert_eq!(backoff.due(), None);
        for _ in 0..10 {
            backoff.failed(start);
        }
        // One that is closed at once does not count.
        backoff.connected(start);
        backoff.failed(start + Duration::from_secs(1));
        assert_eq!(backoff.due(), Some(start + Duration::from_secs(301)));
        backoff.connected(start);
        assert_eq!(backoff.due(), None);
        backoff.failed(start + LASTING);
        assert_eq!(backoff.due(), Some(start + LASTING + FIRST_WAIT));
    }
}
