//! Somebody who speaks the wire of the table by hand, from its description, and uses it to flood, to forge and to replay.

use crate::bench::{PATIENCE, Peer, absent, keeper, newcomer, next_letter, start};
use futures::StreamExt;
use libp2p::core::SignedEnvelope;
use libp2p::identity::Keypair;
use libp2p::kad::store::MemoryStore;
use libp2p::kad::{self, PeerRecord, Quorum, Record, RecordKey};
use libp2p::swarm::SwarmEvent;
use libp2p::{PeerId, StreamProtocol, Swarm, SwarmBuilder, tcp, tls, yamux};
use parv_model::DeviceId;
use parv_model::cbor::{self, Value};
use parv_net::{Purpose, device_id, peer_id};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::timeout;

/// How many letters of one sender a keeper keeps, as the protocol says.
const LETTERS_OF_ONE: usize = 256;

/// One who floods.
struct Flooder {
    key: Keypair,
    swarm: Swarm<kad::Behaviour<MemoryStore>>,
    keeper: PeerId,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

impl Flooder {
    /// Connected to a keeper.
    async fn at(keeper: &Peer) -> Self {
        let key = Keypair::generate_ed25519();
        let mut swarm = SwarmBuilder::with_existing_identity(key.clone())
            .with_tokio()
            .with_tcp(tcp::Config::default(), tls::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|key| {
                let me = key.public().to_peer_id();
                let config = kad::Config::new(StreamProtocol::new("/parv/kad/1")).set_max_packet_size(1 << 20).clone();
                kad::Behaviour::with_config(me, MemoryStore::new(me), config)
            })
            .unwrap()
            .with_swarm_config(|config| config.with_idle_connection_timeout(PATIENCE))
            .build();
        let id = peer_id(&keeper.device());
        swarm.behaviour_mut().add_address(&id, keeper.address("/tcp/"));
        Self { key, swarm, keeper: id }
    }

    fn device(&self) -> DeviceId {
        device_id(&self.key.public().to_peer_id()).unwrap()
    }

    /// A record as an honest sender would make it, in the slot with this number.
    fn letter(&self, number: u32, issued: u64, bytes: usize) -> Record {
        let mut slot = [0; 32];
        slot[..4].copy_from_slice(&number.to_le_bytes());
        let payload = cbor::encode(&cbor::map([
            ("slot", Value::Bytes(slot.to_vec())),
            ("issued", Value::from(issued)),
            ("sealed", Value::Bytes(vec![7; bytes])),
            ("expires", Value::from(issued + 1000 * 3600)),
        ]));
        let envelope =
            SignedEnvelope::new(&self.key, "parv-letter".into(), b"/parv/letter/1".to_vec(), payload).unwrap();
        let material = [slot.as_slice(), self.device().as_bytes()].concat();
        let key = blake3::derive_key("parv 1 record key of a letter", &material);
        Record::new(RecordKey::new(&key), envelope.into_protobuf_encoding())
    }

    /// Hands records to the keeper, all at once, and waits until it has answered each in some way.
    async fn hand_over(&mut self, records: impl IntoIterator<Item = Record>) {
        let keeper = self.keeper;
        let mut open: std::collections::HashSet<_> = records
            .into_iter()
            .map(|record| self.swarm.behaviour_mut().put_record_to(record, [keeper].into_iter(), Quorum::One))
            .collect();
        let answered = async {
            while !open.is_empty() {
                if let SwarmEvent::Behaviour(kad::Event::OutboundQueryProgressed { id, step, .. }) =
                    self.swarm.select_next_some().await
                    && step.last
                {
                    open.remove(&id);
                }
            }
        };
        timeout(PATIENCE, answered).await.expect("the keeper does not answer");
    }

    /// What lies under a key.
    async fn look_up(&mut self, key: RecordKey) -> Option<PeerRecord> {
        let query = self.swarm.behaviour_mut().get_record(key);
        let mut found = None;
        let answered = async {
            loop {
                if let SwarmEvent::Behaviour(kad::Event::OutboundQueryProgressed { id, result, step, .. }) =
                    self.swarm.select_next_some().await
                    && id == query
                {
                    if let kad::QueryResult::GetRecord(Ok(kad::GetRecordOk::FoundRecord(record))) = result {
                        found = Some(record);
                    }
                    if step.last {
                        return;
                    }
                }
            }
        };
        timeout(PATIENCE, answered).await.expect("the keeper does not answer");
        found
    }
}

/// How often the keeper has refused something for that reason.
fn refused(keeper: &Peer, reason: &str) -> usize {
    let line = format!("parv_refusals_total{{reason=\"{reason}\"}} ");
    let text = keeper.node.telemetry().encode();
    text.lines().find_map(|found| found.strip_prefix(&line)).map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keeper_keeps_a_few_letters_of_a_flooder_and_nothing_false() {
    let keeper = keeper().await;
    let (bobs, bob) = absent(&keeper);
    let ann = newcomer(&keeper).await;
    ann.node.leave_letter(bob, Purpose::Invitation, b"first".to_vec()).await.unwrap();
    let mut eve = Flooder::at(&keeper).await;
    let issued = now();

    // Twice as many letters as allowed, all of them good.
    let flood: Vec<_> = (0..2 * LETTERS_OF_ONE as u32).map(|number| eve.letter(number, issued, 200)).collect();
    eve.hand_over(flood).await;
    assert_eq!(keeper.node.status().await.unwrap().letters, LETTERS_OF_ONE + 1);
    assert_eq!(refused(&keeper, "RecordBeyondLimit"), LETTERS_OF_ONE);

    // Too large, not signed, another's place, too old, too far ahead, and Ann's letter out of a stranger's hands.
    let anns = {
        let slot = [bob.as_bytes().as_slice(), ann.device().as_bytes(), &[0]].concat();
        let slot = blake3::derive_key("parv 1 slot of a letter", &slot);
        let material = [slot.as_slice(), ann.device().as_bytes()].concat();
        RecordKey::new(&blake3::derive_key("parv 1 record key of a letter", &material))
    };
    let stolen = eve.look_up(anns.clone()).await.expect("anybody may fetch what nobody else can open").record;
    let good = eve.letter(1, issued + 1, 200);
    let mut unsigned = good.clone();
    *unsigned.value.last_mut().unwrap() ^= 1;
    let false_ones = vec![
        eve.letter(1, issued + 1, 9000),
        eve.letter(1, issued + 1, 50_000),
        unsigned,
        Record { key: anns.clone(), ..good.clone() },
        Record { key: RecordKey::new(&[7; 32]), ..good },
        eve.letter(1, issued - 2 * 1000 * 3600, 200),
        eve.letter(1, issued + 2 * 24 * 1000 * 3600, 200),
        Record::new(anns.clone(), b"anything".to_vec()),
        stolen.clone(),
    ];
    let count = false_ones.len();
    eve.hand_over(false_ones).await;
    assert_eq!(refused(&keeper, "BadRecord"), count);
    assert_eq!(keeper.node.status().await.unwrap().letters, LETTERS_OF_ONE + 1);

    // What Ann replaced does not come back by Eve's hands, and who should hear it hears it.
    ann.node.leave_letter(bob, Purpose::Invitation, b"second".to_vec()).await.unwrap();
    eve.hand_over([stolen]).await;
    assert_eq!(refused(&keeper, "BadRecord"), count + 1);
    let mut bob = start(bobs).await;
    assert_eq!(next_letter(&mut bob).await.body, b"second");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_himself_a_sender_has_to_have_written() {
    let keeper = keeper().await;
    let (bobs, bob) = absent(&keeper);
    let mut eve = Flooder::at(&keeper).await;
    // Eve puts herself into Bob's mailbox, with letters that are none.
    for purpose in [0, 1, 2] {
        let material = [bob.as_bytes().as_slice(), &[purpose]].concat();
        let mailbox = blake3::derive_key("parv 1 provider key of a mailbox", &material);
        let key = RecordKey::from([mailbox.as_slice(), &[14]].concat());
        let query = eve.swarm.behaviour_mut().start_providing(key).unwrap();
        let provided = async {
            loop {
                if let SwarmEvent::Behaviour(kad::Event::OutboundQueryProgressed { id, .. }) =
                    eve.swarm.select_next_some().await
                    && id == query
                {
                    return;
                }
            }
        };
        timeout(PATIENCE, provided).await.expect("the keeper does not answer");
    }
    let nonsense = eve.letter(0, now(), 300);
    eve.hand_over([nonsense]).await;
    let ann = newcomer(&keeper).await;
    ann.node.leave_letter(bob, Purpose::WakeUp, b"news".to_vec()).await.unwrap();
    let mut bob = start(bobs).await;
    let letter = next_letter(&mut bob).await;
    assert_eq!((letter.sender, letter.body.as_slice()), (ann.device(), b"news".as_slice()));
}
