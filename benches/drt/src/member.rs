//! One member: a node, and what an engine does with announcements and heads.

use crate::board::{Board, Receipt, Text};
use parv_model::{CommitId, ConversationId, DeviceId};
use parv_net::{Acceptance, Envelope, Event, Multiaddr, NetError, Node, NodeConfig, Policy, Topic};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::{interval, sleep};

/// The media type of an exchange of heads.
const HEADS: &str = "application/heads";

/// How long it takes to fetch what was announced and to judge it, as an engine does it between machines that are near
/// (`latency_a_to_b_ms` is 15 ms, docs on performance).
pub const JUDGING: Duration = Duration::from_millis(10);

/// How long after a change a few are told directly, and how many: as an engine's.
const RIPPLE: Duration = Duration::from_secs(1);
const RIPPLES: usize = 4;

/// Nothing is fetched here: whoever hears of a text has it.
struct NoFetches;

impl Policy for NoFetches {
    fn may_fetch(&self, _: &DeviceId, _: &ConversationId) -> bool {
        false
    }
}

/// The topic of the conversation.
pub(crate) fn topic() -> Topic {
    Topic::of(&ConversationId::new(CommitId::from_bytes([1; 20])))
}

/// See the [module](self).
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) node: Node,
    board: Board,
    judging: Duration,
}

impl Member {
    /// Starts a node on loopback that follows the conversation, and looks after its events until it stops. Fetching and
    /// judging a text takes it so long.
    pub(crate) async fn start(seed: u64, board: &Board, judging: Duration) -> Result<Self, NetError> {
        let seed = *blake3::hash(&seed.to_le_bytes()).as_bytes();
        let listen: Multiaddr = "/ip4/127.0.0.1/tcp/0".parse().expect("a constant address is well-formed");
        let config = NodeConfig { listen: vec![listen], serves_table: false, ..NodeConfig::new(seed) };
        let (node, events) = Node::start(config, Arc::new(NoFetches)).await?;
        node.subscribe(topic()).await?;
        let member = Self { node, board: board.clone(), judging };
        tokio::spawn(member.clone().listen(events));
        Ok(member)
    }

    pub(crate) fn device(&self) -> DeviceId {
        self.node.device_id()
    }

    /// Writes a text and announces it.
    pub(crate) async fn write(&self, text: Text) {
        self.board.note(text, self.device(), Receipt { from: self.device(), announced: true, at: Instant::now() });
        self.announce(&[text]).await;
    }

    async fn listen(self, mut events: mpsc::Receiver<Event>) {
        let (mut told, mut round) = (0, 0);
        let mut ripples = interval(RIPPLE);
        loop {
            let event = tokio::select! {
                event = events.recv() => match event {
                    Some(event) => event,
                    None => return,
                },
                // As an engine does after a change: a few who may not have heard are told, others each time.
                _ = ripples.tick() => {
                    let known = self.board.known_to(&self.device());
                    if known.len() > told {
                        (told, round) = (known.len(), round + 1);
                        let connected = self.node.connected();
                        let some = connected.into_iter().cycle().skip(round * RIPPLES).take(RIPPLES);
                        some.for_each(|peer| self.tell(peer, &known));
                    }
                    continue;
                }
            };
            match event {
                Event::Announcement { relay, data, handle, .. } => {
                    let member = self.clone();
                    tokio::spawn(async move {
                        sleep(member.judging).await;
                        member.hear(&read(&data), relay, true);
                        // Fails only when the node has stopped.
                        let _ = member.node.judge(handle, Acceptance::Accept).await;
                    });
                }
                // As an engine does when a member's device connects: heads, told directly.
                Event::Subscribed { peer, .. } => self.tell(peer, &self.board.known_to(&self.device())),
                Event::Message { peer, envelope } => {
                    let news = self.hear(&read(&envelope.body), peer, false);
                    // What one was told alone, others may not have heard of.
                    if !news.is_empty() {
                        self.announce(&news).await;
                    }
                }
                _ => {}
            }
        }
    }

    /// Tells one device alone, by and by.
    fn tell(&self, peer: DeviceId, texts: &[Text]) {
        let (node, heads) = (self.node.clone(), write(texts));
        tokio::spawn(async move {
            // Lost with the connection; the next one brings another.
            let _ = node.send(peer, Envelope::new(HEADS, heads)).await;
        });
    }

    /// Notes texts; gives those that were news.
    fn hear(&self, texts: &[Text], from: DeviceId, announced: bool) -> Vec<Text> {
        let receipt = Receipt { from, announced, at: Instant::now() };
        texts.iter().copied().filter(|text| self.board.note(*text, self.device(), receipt)).collect()
    }

    async fn announce(&self, texts: &[Text]) {
        // Nobody may be connected yet: then heads are exchanged later.
        if self.node.publish(topic(), write(texts)).await.is_ok() {
            self.board.announced();
        }
    }
}

fn write(texts: &[Text]) -> Vec<u8> {
    texts.iter().flat_map(|text| text.to_le_bytes()).collect()
}

fn read(bytes: &[u8]) -> Vec<Text> {
    bytes.as_chunks().0.iter().map(|chunk| Text::from_le_bytes(*chunk)).collect()
}
