//! Why the command failed, and with which exit code it says so.

use parv_daemon::failure::chain;
use std::io;

/// The command failed. Printed as one line on standard error.
#[derive(Debug)]
pub enum Failure {
    /// It could not be done: exit code 1.
    Error(String),
    /// What was typed makes no sense, or (for `verify`) what it points to is no conversation: exit code 2.
    Usage(String),
    /// It was done, and the answer is no (`verify` of an invalid history, printed already): exit code 1.
    Negative,
    /// Whoever read our output has gone, as `head` does. Nothing to complain about.
    OutputClosed,
}

impl Failure {
    /// A failure with that message.
    pub fn error(message: impl Into<String>) -> Self {
        Failure::Error(message.into())
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Error(_) | Failure::Negative => 1,
            Failure::Usage(_) => 2,
            Failure::OutputClosed => 0,
        }
    }

    /// What to say, if anything.
    pub fn message(&self) -> Option<&str> {
        match self {
            Failure::Error(message) | Failure::Usage(message) => Some(message),
            Failure::Negative | Failure::OutputClosed => None,
        }
    }
}

/// An error while writing to standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::Error(format!("cannot write the output: {error}")),
        }
    }
}

impl From<parv::Error> for Failure {
    fn from(error: parv::Error) -> Self {
        Failure::Error(chain(&error))
    }
}

impl From<parv_daemon::ServerError> for Failure {
    fn from(error: parv_daemon::ServerError) -> Self {
        Failure::Error(chain(&error))
    }
}

impl From<parv_daemon::metrics::MetricsError> for Failure {
    fn from(error: parv_daemon::metrics::MetricsError) -> Self {
        match error {
            parv_daemon::metrics::MetricsError::NotLoopback(_) => Failure::Usage(error.to_string()),
            other => Failure::Error(chain(&other)),
        }
    }
}

impl From<parv_daemon::ClientError> for Failure {
    fn from(error: parv_daemon::ClientError) -> Self {
        match error {
            parv_daemon::ClientError::Failed(failure) => failure.into(),
            other => Failure::Error(chain(&other)),
        }
    }
}

impl From<parv_daemon::Failure> for Failure {
    fn from(failure: parv_daemon::Failure) -> Self {
        match failure.kind {
            parv_daemon::FailureKind::Usage => Failure::Usage(failure.message),
            _ => Failure::Error(failure.message),
        }
    }
}
