//! Figures of several rounds.

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::{Duration, Instant};

/// The middle one; the mean of the two in the middle for an even number.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => figures[middle],
        _ => (figures[middle - 1] + figures[middle]) / 2.0,
    }
}

/// What was measured on two sides in turn.
#[derive(Default)]
pub struct Rounds {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

impl Rounds {
    /// One round.
    pub fn add(&mut self, ours: f64, theirs: f64) {
        self.ours.push(ours);
        self.theirs.push(theirs);
    }

    /// The middle of the rounds' ratios; not a number when nothing was measured.
    pub fn ratio(&self) -> f64 {
        median(self.ours.iter().zip(&self.theirs).map(|(ours, theirs)| ours / theirs).collect())
    }

    /// Both sides' rates in words.
    pub fn rates(&self, us: &str, our_unit: &str, them: &str, their_unit: &str) -> String {
        let (ours, theirs) = (median(self.ours.clone()), median(self.theirs.clone()));
        format!("{us} {ours:.0} {our_unit}; {them} {theirs:.0} {their_unit}")
    }

    /// Both sides' times in words; they were measured in seconds.
    pub fn times(&self, us: &str, them: &str) -> String {
        format!("{us} {:.2} s, {them} {:.2} s", median(self.ours.clone()), median(self.theirs.clone()))
    }
}

/// The processor time that this process has taken so far, all threads together, in seconds, where the system tells. Unlike a
/// clock it does not see what else the machine does.
pub fn processor_seconds() -> Option<f64> {
    /// Linux counts in hundredths of a second towards programs.
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let ticks = |field: &str| field.parse::<u32>().ok().map(f64::from);
    // The name of the program, in brackets, may hold blanks; user and system time are the 14th and the 15th field.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    Some((ticks(fields.next()?)? + ticks(fields.next()?)?) / TICKS)
}

/// The processor time that this thread has taken so far, in seconds.
pub fn thread_seconds() -> f64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
    tv_sec as f64 + tv_nsec as f64 / 1e9
}

/// How many in a second.
pub fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// What some work gives, and how many seconds it takes by the clock and of processor time.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, [f64; 2]) {
    let processor = || processor_seconds().unwrap_or(f64::NAN);
    let (start, before) = (Instant::now(), processor());
    let done = work();
    (done, [start.elapsed().as_secs_f64(), processor() - before])
}
