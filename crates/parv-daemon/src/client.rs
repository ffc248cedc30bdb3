//! The asking side of the control socket.

use crate::address::SocketAddress;
use crate::lines::{self, LineError};
use crate::{Answer, Failure, Notice, Reply, Request};
use std::io;
use std::path::Path;
use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// The longest reply, in bytes: a page of the longest texts there may be.
const MAX_REPLY_BYTES: usize = 512 * 1024 * 1024;

/// Why the daemon did not answer as asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It answered that it did not do it.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The socket is there, but cannot be reached.
    #[error("cannot reach the daemon of this account")]
    Unreachable(#[source] io::Error),
    /// What came back is not an answer.
    #[error("the daemon's answer is not understood; it may be of another version: restart it")]
    NotUnderstood(#[source] LineError),
    /// It ended in the middle.
    #[error("the daemon ended before it answered; whether it was done is not known: look at the log")]
    Ended,
}

/// A connection to a running daemon.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Client {
    /// Connects to the daemon of the account in that folder. None when no daemon runs there.
    pub async fn connect(account_folder: &Path) -> Result<Option<Self>, ClientError> {
        let address = SocketAddress::of(account_folder).map_err(ClientError::Unreachable)?;
        match UnixStream::connect(address.path()).await {
            Ok(stream) => {
                let (reader, writer) = stream.into_split();
                Ok(Some(Self { reader: BufReader::new(reader), writer }))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => Err(ClientError::Unreachable(error)),
        }
    }

    /// Asks for something and waits for the answer.
    pub async fn call(&mut self, request: &Request) -> Result<Answer, ClientError> {
        lines::write(&mut self.writer, request).await.map_err(|_| ClientError::Ended)?;
        match self.reply().await? {
            Reply::Ok(answer) => Ok(answer),
            Reply::Failed(failure) => Err(failure.into()),
            Reply::Event(_) => Err(ClientError::NotUnderstood(unexpected())),
        }
    }

    /// The next thing that happens, after [`Request::Events`]. None when the daemon has ended.
    pub async fn next_event(&mut self) -> Result<Option<Notice>, ClientError> {
        match self.reply().await {
            Ok(Reply::Event(notice)) => Ok(Some(notice)),
            Ok(_) => Err(ClientError::NotUnderstood(unexpected())),
            Err(ClientError::Ended) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn reply(&mut self) -> Result<Reply, ClientError> {
        match lines::read(&mut self.reader, MAX_REPLY_BYTES).await {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) | Err(LineError::Io(_)) => Err(ClientError::Ended),
            Err(error) => Err(ClientError::NotUnderstood(error)),
        }
    }
}

fn unexpected() -> LineError {
    LineError::Malformed(serde::de::Error::custom("an event and an answer were mixed up"))
}
