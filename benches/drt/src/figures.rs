//! What is measured.

use std::fmt;
use std::time::Duration;

/// Some numbers of one kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spread(Vec<usize>);

impl Spread {
    /// Over these numbers.
    pub fn of(numbers: impl IntoIterator<Item = usize>) -> Self {
        let mut numbers: Vec<_> = numbers.into_iter().collect();
        numbers.sort_unstable();
        Self(numbers)
    }

    /// Their mean; zero if there are none.
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<usize>() as f64 / self.0.len().max(1) as f64
    }

    /// The largest; zero if there are none.
    pub fn max(&self) -> usize {
        self.0.last().copied().unwrap_or(0)
    }

    /// How often each number from zero to the largest occurs.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.max() + 1];
        self.0.iter().for_each(|number| counts[*number] += 1);
        counts
    }
}

/// "mean (largest)".
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ({})", self.mean(), self.max())
    }
}

/// What became of some texts that were written in a conversation.
#[derive(Debug, Clone)]
pub struct Figures {
    /// How many members there were.
    pub members: usize,
    /// How many texts were written.
    pub texts: usize,
    /// How often each announcement came to each member on average, its author aside.
    pub deliveries: f64,
    /// Over how many links each text came to each member.
    pub hops: Spread,
    /// With how many others each member was connected.
    pub links: Spread,
    /// How many receipts came by an exchange of heads and not by an announcement.
    pub exchanged: usize,
    /// How long it took until the last member had the last text.
    pub took: Duration,
}
