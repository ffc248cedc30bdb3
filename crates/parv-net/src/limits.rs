//! Every limit of the node, with its reason. Sizes are in bytes.

use std::time::Duration;

/// The largest frame on a message stream and the largest first frame of any stream: a long text fits, a file does not.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;

/// The largest body of an [`crate::Envelope`]: a frame less what the envelope itself needs.
pub const MAX_BODY_BYTES: usize = MAX_FRAME_BYTES - 1024;

/// The longest media type of an [`crate::Envelope`]; the longest registered one has less than 130.
pub const MAX_MIME_BYTES: usize = 256;

/// The largest announcement: room for a list of heads and a seal.
pub const MAX_ANNOUNCEMENT_BYTES: usize = 64 * 1024;

/// How many topics one node may follow: ten thousand conversations are ordinary, a flood is not.
pub const MAX_TOPICS: usize = 16 * 1024;

/// The largest gossip transmission: all [`MAX_TOPICS`] that a node follows, 53 bytes each, are told at once.
pub(crate) const MAX_GOSSIP_BYTES: usize = 1024 * 1024;

/// How many git streams one peer may have open with us: a fetch each for a few conversations at once.
pub const MAX_GIT_STREAMS_PER_PEER: usize = 4;

/// How many messages of one peer may be on their way in at once.
pub const MAX_MESSAGE_STREAMS_PER_PEER: usize = 16;

/// How long a peer may take to send the first frame of a stream that it opened, or to answer ours.
pub const FIRST_FRAME_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a message or a git request waits for a reader of events who is behind before the peer is turned away.
pub(crate) const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long one attempt to connect may take, over all addresses of a round.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a look-up of providers or addresses may take.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a question to the table may go on in the background, as when something is published: a few peers in a row may
/// be unreachable, each for [`CONNECT_TIMEOUT`].
pub(crate) const QUERY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long [`crate::Node::dial`] may take: connect, and if that fails look up addresses and connect again.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(15);

/// How long one of two who may have dialled each other at the same moment waits while the other tries again.
pub(crate) const OTHERS_TURN: Duration = Duration::from_millis(250);

/// How long a node may take until it listens on every address it was told.
pub(crate) const LISTEN_TIMEOUT: Duration = Duration::from_secs(10);

/// After how long a connection that nothing uses is closed, if nothing else is said.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// How often a quiet connection is checked; a peer that does not answer in [`PING_TIMEOUT`] is taken for gone.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(15);

/// How long an answer to a ping may take.
pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Two sides that dial each other at once have two connections; more than a few are an attack.
pub(crate) const MAX_CONNECTIONS_PER_PEER: u32 = 4;

/// How many handshakes may be going on in each direction: they cost some memory before anybody is known, and with few of
/// them, sockets that say nothing for [`CONNECT_TIMEOUT`] would keep everybody else out.
pub(crate) const MAX_PENDING_CONNECTIONS: u32 = 512;

/// How many of them may come from one network: a quarter, so that it takes several to keep others out.
pub(crate) const MAX_PENDING_OF_NETWORK: u32 = MAX_PENDING_CONNECTIONS / 4;

/// How many streams of one connection may be negotiating their protocol.
pub(crate) const MAX_NEGOTIATING_STREAMS: usize = 64;

/// How many of the nearest followers of a topic a node is connected with, besides one at every distance.
pub const NEAREST_LINKS: usize = 3;

/// With how many connections a node stops to look for more of its own accord: half of what it takes by default, so that
/// others still find room.
pub const MAX_LINKS: usize = 256;

/// How many links are being dialled at once.
pub(crate) const MAX_LINK_DIALS: usize = 8;

/// How long a follower who cannot be reached is left alone at most.
pub(crate) const LONGEST_LINK_WAIT: Duration = Duration::from_secs(15 * 60);

/// How many events wait for their reader; see [`crate::Event`] for what happens when it is full.
pub(crate) const EVENT_QUEUE: usize = 1024;

/// How many commands wait for the swarm task.
pub(crate) const COMMAND_QUEUE: usize = 256;

/// How many events that must not be lost wait behind a full queue.
pub(crate) const MAX_BACKLOG: usize = 8 * 1024;

/// How many peers' addresses are remembered.
pub(crate) const MAX_REMEMBERED_PEERS: usize = 8 * 1024;

/// How many addresses of one peer are remembered.
pub(crate) const MAX_ADDRESSES_PER_PEER: usize = 16;

/// How many met peers a node asks its owner to keep over a restart.
pub const MAX_KNOWN_PEERS: usize = 512;

/// The largest credential in an [`crate::AddressRecord`]: two certificates and a seal.
pub const MAX_CREDENTIAL_BYTES: usize = 4 * 1024;

/// The largest [`crate::AddressRecord`]: sixteen addresses of the longest kind and a credential.
pub(crate) const MAX_ADDRESS_RECORD_BYTES: usize = 8 * 1024;

/// How long an [`crate::AddressRecord`] is worth something after it was issued: as long as a letter, since it also proves
/// whose device it is, of somebody who is not there.
pub(crate) const ADDRESS_RECORD_LIFETIME: Duration = MAX_LETTER_LIFETIME;

/// How far ahead of our clock an [`crate::AddressRecord`] may be issued: clocks differ by minutes, or by a time zone
/// that was set wrong.
pub(crate) const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(24 * 3600);

/// The largest letter: some invitations with the certificates that show from whom they are.
pub const MAX_LETTER_BYTES: usize = 7 * 1024;

/// What sealing adds to a letter: two keys, one of them sealed, and a tag for each of the two sealed parts.
pub(crate) const LETTER_SEAL_BYTES: usize = 32 + (32 + 16) + 16;

/// The largest record of a letter, with its signature.
pub(crate) const MAX_LETTER_RECORD_BYTES: usize = 8 * 1024;

/// How long a letter may live: whoever was away for a holiday still gets it.
pub(crate) const MAX_LETTER_LIFETIME: Duration = Duration::from_secs(14 * 24 * 3600);

/// How many letters a device leaves at once, and how many letters of one sender a node keeps.
pub const MAX_LETTERS_OF_ONE: usize = 256;

/// How often a device looks into its mailboxes, besides whenever it comes into the network.
pub(crate) const COLLECT_EVERY: Duration = Duration::from_secs(600);

/// From how many senders letters are fetched at a time, for each purpose.
pub(crate) const MAX_SENDERS: usize = 64;

/// How many letters are being fetched at once.
pub(crate) const MAX_COLLECTING: usize = 8;

/// The largest transmission about the table: a record, and twenty peers with sixteen addresses each.
pub(crate) const MAX_TABLE_BYTES: usize = 64 * 1024;

/// How many bytes of address records of others we keep.
pub(crate) const MAX_ADDRESS_RECORDS_BYTES: usize = 32 * 1024 * 1024;

/// How many bytes of letters for others we keep.
pub(crate) const MAX_LETTERS_BYTES: usize = 64 * 1024 * 1024;

/// What keeping one record costs besides its own bytes.
pub(crate) const RECORD_OVERHEAD_BYTES: usize = 256;

/// After how many equally good copies a search for an address record ends.
pub(crate) const ENOUGH_COPIES: usize = 3;

/// How many bytes of provider records of others we keep: some 50,000.
pub(crate) const MAX_PROVIDER_RECORDS_BYTES: usize = 16 * 1024 * 1024;

/// How many providers of one key we keep: Kademlia's replication factor.
pub(crate) const MAX_PROVIDERS_PER_KEY: usize = 20;

/// How many keys we provide: conversations and accounts.
pub(crate) const MAX_OWN_KEYS: usize = 64 * 1024;

/// How long others keep our provider record, under a key that is not lasting.
pub(crate) const PROVIDER_RECORD_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// How often we renew our provider records: three times in their life.
pub(crate) const PROVIDE_AGAIN_AFTER: Duration = Duration::from_secs(8 * 3600);

/// How many keys are being published at once.
pub(crate) const MAX_PUBLICATIONS: usize = 8;

/// At how many relays a device that nobody can reach holds a place: one may go away.
pub(crate) const MAX_RESERVATIONS: usize = 2;

/// How many devices hold a place at a public node: each costs a connection.
pub(crate) const MAX_RELAY_PLACES: usize = 1024;

/// How many circuits a public node carries at once, and how many for one device.
pub(crate) const MAX_CIRCUITS: usize = 512;

/// How many circuits a public node carries for one device.
pub(crate) const MAX_CIRCUITS_PER_PEER: usize = 16;

/// How long a circuit may last. Who still needs it dials again.
pub(crate) const MAX_CIRCUIT_DURATION: Duration = Duration::from_secs(3600);

/// How many bytes a circuit carries in each direction: a long conversation's history with pictures, not a film.
pub(crate) const MAX_CIRCUIT_BYTES: u64 = 64 * 1024 * 1024;
