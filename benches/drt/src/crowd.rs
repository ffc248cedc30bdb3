//! A conversation of many members.

use crate::board::{Board, Notes, Text};
use crate::figures::{Figures, Spread};
use crate::member::{Member, topic};
use futures::future::join_all;
use parv_model::DeviceId;
use parv_net::NetError;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A conversation of many members.
pub struct Crowd {
    judging: Duration,
    members: Vec<Member>,
    board: Board,
    /// How many members were ever started, and how many texts written.
    started: u64,
    written: Text,
}

impl Crowd {
    /// Nobody yet. Fetching and judging a text takes each member so long.
    pub fn new(judging: Duration) -> Self {
        Self { judging, members: Vec::new(), board: Board::default(), started: 0, written: 0 }
    }

    /// How many members live.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody lives.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// So many newcomers join. Everybody knows from then on who the members are and where, as from the tree and the
    /// table.
    pub async fn grow(&mut self, newcomers: usize) -> Result<(), NetError> {
        for _ in 0..newcomers {
            self.started += 1;
            self.members.push(Member::start(self.started, &self.board, self.judging).await?);
        }
        let devices: Vec<_> = self.members.iter().map(Member::device).collect();
        for member in &self.members {
            for other in &self.members {
                let address = other.node.listen_addresses().into_iter().next();
                if let Some(address) = address.filter(|_| other.device() != member.device()) {
                    member.node.add_address(other.device(), address).await?;
                }
            }
            member.node.set_followers(topic(), devices.iter().copied());
        }
        Ok(())
    }

    /// Texts are written one after the other by members here and there, each when all have the one before; says what
    /// that took, or that somebody did not get one.
    pub async fn talk(&mut self, texts: usize) -> Result<Figures, String> {
        let everybody = 0..self.members.len();
        let begin = self.tally();
        let mut written = Vec::new();
        let since = Instant::now();
        for _ in 0..texts {
            let text = self.write(everybody.clone()).await;
            self.all_know(everybody.clone(), &[text], since).await?;
            written.push(text);
        }
        Ok(self.figures(&written, begin, since))
    }

    /// The half of the members die at once, while the others write texts. Says what it took until all who live
    /// have all texts.
    pub async fn halve(&mut self, texts: usize) -> Result<Figures, String> {
        let dying = self.members.split_off(self.members.len() / 2);
        let everybody = 0..self.members.len();
        let begin = self.tally();
        let since = Instant::now();
        let death = join_all(dying.iter().map(|member| member.node.shutdown()));
        let (written, _) = tokio::join!(self.write_many(everybody.clone(), texts), death);
        drop(dying);
        self.written += texts as Text;
        self.all_know(everybody, &written, since).await?;
        Ok(self.figures(&written, begin, since))
    }

    /// So many newcomers join while texts are written. Says what it took until all have these texts and all from before.
    pub async fn join(&mut self, newcomers: usize, texts: usize) -> Result<Figures, String> {
        let old = 0..self.members.len();
        let begin = self.tally();
        let since = Instant::now();
        let mut written = Vec::new();
        for part in 0..texts {
            let share = newcomers * (part + 1) / texts - newcomers * part / texts;
            self.grow(share).await.map_err(|error| error.to_string())?;
            written.push(self.write(old.clone()).await);
        }
        let all: Vec<_> = self.board.look(|notes| notes.receipts.keys().copied().collect());
        self.all_know(0..self.members.len(), &all, since).await?;
        Ok(self.figures(&written, begin, since))
    }

    /// A wall divides the members into halves. Texts are written on both sides and reach all of their side; then the
    /// wall falls. Says what it took from then on until all have all texts.
    pub async fn part_and_heal(&mut self, texts: usize) -> Result<Figures, String> {
        let middle = self.members.len() / 2;
        let (left, right) = (0..middle, middle..self.members.len());
        for (one, other) in self.pairs(middle) {
            one.node.block(other.device()).await.map_err(|error| error.to_string())?;
            other.node.block(one.device()).await.map_err(|error| error.to_string())?;
        }
        let mut written = Vec::new();
        for side in [&left, &right] {
            let since = Instant::now();
            let texts = self.write_many(side.clone(), texts).await;
            self.written += texts.len() as Text;
            self.all_know(side.clone(), &texts, since).await?;
            written.extend(texts);
        }
        let crossed = self.board.look(|notes| {
            let of = |text: &Text| notes.receipts.get(text).map_or(0, HashMap::len);
            written.iter().map(of).sum::<usize>() - texts * self.members.len()
        });
        if crossed > 0 {
            return Err(format!("{crossed} receipts have come through the wall"));
        }
        let begin = self.tally();
        let since = Instant::now();
        for (one, other) in self.pairs(middle) {
            one.node.unblock(other.device()).await.map_err(|error| error.to_string())?;
            other.node.unblock(one.device()).await.map_err(|error| error.to_string())?;
        }
        self.all_know(0..self.members.len(), &written, since).await?;
        Ok(self.figures(&written, begin, since))
    }

    /// Everybody stops.
    pub async fn end(self) {
        join_all(self.members.iter().map(|member| member.node.shutdown())).await;
    }

    fn pairs(&self, middle: usize) -> impl Iterator<Item = (&Member, &Member)> {
        let (left, right) = self.members.split_at(middle);
        left.iter().flat_map(move |one| right.iter().map(move |other| (one, other)))
    }

    /// One of these members writes the next text.
    async fn write(&mut self, authors: std::ops::Range<usize>) -> Text {
        let texts = self.write_many(authors, 1).await;
        self.written += 1;
        texts[0]
    }

    /// Members here and there write the next texts; counting them is the caller's.
    async fn write_many(&self, authors: std::ops::Range<usize>, texts: usize) -> Vec<Text> {
        let mut written = Vec::new();
        for text in (self.written..).take(texts) {
            // A large step, so that neighbours in the list do not write in a row.
            let author = authors.start + text as usize * 7 % authors.len();
            self.members[author].write(text).await;
            written.push(text);
        }
        written
    }

    async fn all_know(&self, members: std::ops::Range<usize>, texts: &[Text], since: Instant) -> Result<(), String> {
        let devices: Vec<_> = self.members[members].iter().map(Member::device).collect();
        self.board.all_know(&devices, texts, since).await.map(drop)
    }

    /// How many announcements were made, and how many came to each member who lives.
    fn tally(&self) -> (u64, HashMap<DeviceId, u64>) {
        let came = |member: &Member| (member.device(), member.node.telemetry().announcements());
        (self.board.look(|notes| notes.announcements), self.members.iter().map(came).collect())
    }

    fn figures(&self, texts: &[Text], begin: (u64, HashMap<DeviceId, u64>), since: Instant) -> Figures {
        let (made, came) = self.tally();
        let came: u64 = came.iter().map(|(device, count)| count - begin.1.get(device).unwrap_or(&0)).sum();
        let made = (made - begin.0) * (self.members.len() as u64 - 1);
        let links = self.members.iter().map(|member| member.node.connected().len());
        self.board.look(|notes| {
            let receipts = texts.iter().filter_map(|text| notes.receipts.get(text));
            let last = receipts.clone().flat_map(|known| known.values().map(|receipt| receipt.at)).max();
            Figures {
                members: self.members.len(),
                texts: texts.len(),
                deliveries: came as f64 / made.max(1) as f64,
                hops: Spread::of(texts.iter().flat_map(|text| hops(notes, text))),
                links: Spread::of(links),
                exchanged: receipts.flat_map(|known| known.values()).filter(|receipt| !receipt.announced).count(),
                took: last.map_or_else(Default::default, |last| last.saturating_duration_since(since)),
            }
        })
    }
}

/// Over how many links a text came to each member but its author, by who says to have it from whom.
fn hops(notes: &Notes, text: &Text) -> Vec<usize> {
    let Some(known) = notes.receipts.get(text) else { return Vec::new() };
    let distance = |device: &DeviceId| {
        let (mut at, mut hops) = (*device, 0);
        while let Some(receipt) = known.get(&at).filter(|receipt| receipt.from != at && hops <= known.len()) {
            at = receipt.from;
            hops += 1;
        }
        hops
    };
    known.keys().map(distance).filter(|hops| *hops > 0).collect()
}
