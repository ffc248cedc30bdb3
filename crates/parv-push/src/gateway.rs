//! The way to a sleeping device, whatever it is: something that takes a sealed message to where a lease says.

use crate::endpoint::EndpointError;
use crate::lease::Lease;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// There is no such subscription any more (404, 410).
    #[error("the push service does not know the subscription any more")]
    Gone,
    /// Not now (429, 5xx), or nobody answers.
    #[error("the push service cannot take the message now")]
    Later {
        /// How long it asks to wait.
        after: Option<Duration>,
    },
    /// The message is too large for the service (413).
    #[error("the push service takes no message of this size")]
    TooLarge,
    /// The service wants the message elsewhere; where it points to is not followed.
    #[error("the push service answers with a redirection")]
    Redirected,
    /// The service refuses, for good.
    #[error("the push service refuses with status {0}")]
    Refused(u16),
    /// The endpoint must not be posted to.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The lease has no token for this time.
    #[error("the lease has no voucher for this time")]
    NoVoucher,
    /// The message cannot be sealed.
    #[error(transparent)]
    Seal(#[from] crate::PushKeyError),
}

/// What [`Gateway::post`] gives.
pub type Posting<'a> = Pin<Box<dyn Future<Output = Result<(), PostError>> + Send + 'a>>;

/// Takes messages to sleeping devices.
pub trait Gateway: fmt::Debug + Send + Sync + 'static {
    /// Takes a message of at most [`MAX_CONTENT_BYTES`](crate::MAX_CONTENT_BYTES) to the device of a lease, sealed for
    /// it. `now` is the time since 1970. Must end within a bounded time, whatever the other side does.
    fn post<'a>(&'a self, lease: &'a Lease, message: &'a [u8], now: Duration) -> Posting<'a>;
}
