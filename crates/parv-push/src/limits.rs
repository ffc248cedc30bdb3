//! How much of everything: what a node does for others is bounded.

use std::time::Duration;

/// The largest lease, signed, in bytes: the longest endpoint, all conversations, a week of vouchers.
pub const MAX_LEASE_BYTES: usize = 6 * 1024;

/// For how many conversations one lease is.
pub const MAX_CONVERSATIONS: usize = 128;

/// The longest contact for the push service, in bytes.
pub const MAX_CONTACT_BYTES: usize = 256;

/// The longest time that a lease may be for. A device that has not been on for so long is not woken any more.
pub const MAX_LEASE_LIFETIME: Duration = Duration::from_secs(7 * 86_400);

/// How many leases a node keeps: at most 6 MiB.
pub const MAX_LEASES: usize = 1024;

/// How many leases a node keeps for devices of one account.
pub const MAX_LEASES_PER_ACCOUNT: usize = 8;

/// Of how many devices a node remembers the last number after their leases have ended.
pub(crate) const MAX_MEMORIES: usize = 4096;

/// How long after news to see whether a device has to be woken: who is there hears of it in this time, and what follows
/// closely needs no waking of its own.
pub(crate) const FIRST_WAIT: Duration = Duration::from_secs(2);

/// How long a device that was woken is left alone; doubled each time that it did not come, up to [`LONGEST_REST`].
pub(crate) const REST: Duration = Duration::from_secs(60);

/// The longest time that a device that does not come is left alone.
pub(crate) const LONGEST_REST: Duration = Duration::from_secs(3600);

/// How often waking is tried again for the same news when the push service does not take the message.
pub(crate) const MAX_TRIES: u32 = 5;

/// How long to wait at least before that; doubled each time.
pub(crate) const RETRY: Duration = Duration::from_secs(30);

/// The longest that a push service may have a node wait (`Retry-After`).
pub(crate) const LONGEST_RETRY: Duration = Duration::from_secs(86_400);

/// How many messages are posted at once: each is a connection, and one that a silent service holds must not hold up others.
pub(crate) const MAX_POSTS: usize = 64;

/// How many addresses of a push service are tried.
pub(crate) const MAX_ADDRESSES: usize = 4;
