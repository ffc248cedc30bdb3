//! Waking devices that sleep.
//!
//! A phone does not run all the time: its system lets one connection live, that of a *push service*, and starts the program
//! when a message comes there. Without a server of their own, the members of a conversation send those messages:
//!
//! 1. A device that may fall asleep has a [`Subscription`] at a push service of its choice and the [`ReceiverKeys`] that
//!    open what comes. It finds the two devices of each of its conversations that are closest to it ([`responsible()`]),
//!    and gives each a signed [`Lease`] that ends ([`Subscriber`]).
//! 2. Each of the two keeps it ([`Keeper`]). When there is something new and the device is not there, the first posts a
//!    sealed message, and the second does if the device has not come after a while.
//! 3. The message goes through a [`Gateway`]: [`WebPush`] is the one that browsers, phones and UnifiedPush servers know.
//!
//! | room | what it holds |
//! |---|---|
//! | [`Lease`] | the signed promise, and why one is refused |
//! | [`Keeper`] | leases of others; when to wake whom |
//! | [`Subscriber`] | one's own subscription; who holds leases |
//! | [`Subscription`], [`ReceiverKeys`] | sealing and opening (RFC 8291, RFC 8188) |
//! | [`VapidKey`], [`Vouchers`] | showing that messages are wanted (RFC 8292) |
//! | [`Endpoint`], [`Reach`] | where messages go, and which places a node does not post to |
//! | [`WebPush`] | posting (RFC 8030) |
//!
//! All but [`WebPush`] is sans-IO: it is told the time. Not in here: who is a member, who is connected, how a lease gets to
//! its holder, and what a message says; that is the engine's (crate `parv`).

#![forbid(unsafe_code)]

mod content_encoding;
mod endpoint;
mod gateway;
mod keeper;
mod keys;
mod lease;
pub mod limits;
mod responsible;
#[cfg(test)]
mod sample;
mod subscriber;
mod subscription;
mod text;
mod vapid;
mod web_push;

pub use content_encoding::EncodingError;
pub use endpoint::{Endpoint, EndpointError, MAX_ENDPOINT_BYTES, Reach};
pub use gateway::{Gateway, PostError, Posting};
pub use keeper::{Due, Keeper, Posted};
pub use keys::PUBLIC_KEY_BYTES;
pub use lease::{Lease, LeaseError};
pub use responsible::{Responsible, responsible};
pub use subscriber::{Errand, Holding, SubscribeError, Subscriber};
pub use subscription::{AUTH_BYTES, MAX_CONTENT_BYTES, PushKeyError, ReceiverKeys, Subscription};
pub use vapid::{TOKEN_SPAN, VapidKey, Vouchers};
pub use web_push::WebPush;
