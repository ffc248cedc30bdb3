//! The daemon's side of the control socket.

use crate::address::SocketAddress;
use crate::failure::{Failure, FailureKind};
use crate::lines::{self, LineError};
use crate::{Answer, Notice, Reply, Request, perform};
use parv::Engine;
use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::BufReader;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

/// The longest request, in bytes: the longest text there may be, every byte of it escaped, and room for the rest.
const MAX_REQUEST_BYTES: usize = 6 * 64 * 1024 + 4096;

/// How many clients are served at a time; more wait. A person has a few terminals open, not hundreds.
const MAX_CLIENTS: usize = 64;

/// How long to let things calm down when a client cannot be let in, instead of trying again at once and for ever.
const RELIEF: Duration = Duration::from_millis(100);

/// Why the control socket cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The socket could not be made.
    #[error("cannot listen on the control socket {}", .path.display())]
    Listen {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Signals could not be watched.
    #[error("cannot watch for the signals that end the daemon")]
    Signals(#[source] io::Error),
}

/// A control socket that is listened on. Dropping it removes the socket.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    address: SocketAddress,
}

impl Server {
    /// Listens on the control socket in `account_folder`.
    ///
    /// The caller holds the account's lock, so a socket that already lies there was left by a daemon that died, and is
    /// replaced.
    pub fn bind(account_folder: &Path) -> Result<Self, ServerError> {
        let fail = |source| ServerError::Listen { path: crate::address::socket_path(account_folder), source };
        let address = SocketAddress::of(account_folder).map_err(fail)?;
        match std::fs::remove_file(address.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        let listener = UnixListener::bind(address.path()).map_err(fail)?;
        let server = Self { listener, address };
        // The folder is the owner's alone; the socket says so too.
        std::fs::set_permissions(server.address.path(), std::fs::Permissions::from_mode(0o600)).map_err(fail)?;
        Ok(server)
    }

    /// Does what clients ask for until `stop` is ready. Requests that are being worked on then are dropped: what was
    /// acknowledged is durable, what was not is not done.
    pub async fn serve(self, engine: &Engine, stop: impl Future<Output = ()>) {
        let places = Arc::new(Semaphore::new(MAX_CLIENTS));
        let mut clients = JoinSet::new();
        tokio::pin!(stop);
        loop {
            let place = tokio::select! {
                () = &mut stop => return,
                place = places.clone().acquire_owned() => place.expect("the semaphore is never closed"),
            };
            let accepted = tokio::select! {
                () = &mut stop => return,
                accepted = self.listener.accept() => accepted,
            };
            while clients.try_join_next().is_some() {}
            match accepted {
                Ok((stream, _)) => {
                    let engine = engine.clone();
                    clients.spawn(async move {
                        let _place = place;
                        if let Err(error) = attend(&engine, stream).await {
                            tracing::debug!("a client of the control socket went away: {error}");
                        }
                    });
                }
                // Out of file handles, or the client was gone at once: the next one may do better.
                Err(error) => {
                    tracing::warn!("a client could not be let in: {error}");
                    tokio::time::sleep(RELIEF).await;
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already, or not ours to remove any more: nothing is lost either way.
        let _ = std::fs::remove_file(self.address.path());
    }
}

/// Ready when the process is asked to end: SIGINT (Ctrl-C) or SIGTERM. Watches from the moment it is called.
pub fn asked_to_stop() -> Result<impl Future<Output = ()>, ServerError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServerError::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ServerError::Signals)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Answers one client, request by request, until it hangs up.
async fn attend(engine: &Engine, stream: UnixStream) -> Result<(), LineError> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let request = match lines::read(&mut reader, MAX_REQUEST_BYTES).await {
            Ok(None) => return Ok(()),
            Ok(Some(request)) => request,
            Err(LineError::Malformed(error)) => {
                let failure = Failure::new(FailureKind::Usage, format!("the request is not understood: {error}"));
                lines::write(&mut writer, &Reply::Failed(failure)).await?;
                continue;
            }
            Err(error) => {
                let failure = Failure::new(FailureKind::Usage, error.to_string());
                lines::write(&mut writer, &Reply::Failed(failure)).await?;
                return Err(error);
            }
        };
        if request == Request::Events {
            return follow(engine, reader, writer).await;
        }
        let reply = match perform(engine, request).await {
            Ok(answer) => Reply::Ok(answer),
            Err(failure) => Reply::Failed(failure),
        };
        lines::write(&mut writer, &reply).await?;
    }
}

/// Tells one client everything that happens, until it hangs up.
async fn follow(
    engine: &Engine,
    mut reader: BufReader<tokio::net::unix::OwnedReadHalf>,
    mut writer: tokio::net::unix::OwnedWriteHalf,
) -> Result<(), LineError> {
    let mut events = engine.events();
    lines::write(&mut writer, &Reply::Ok(Answer::Following)).await?;
    loop {
        let notice = tokio::select! {
            event = events.recv() => match event {
                Ok(event) => Notice::from(event),
                Err(RecvError::Lagged(count)) => Notice::Missed { count },
                Err(RecvError::Closed) => return Ok(()),
            },
            // Whatever the client says now: it has nothing more to ask, or it hung up.
            _ = lines::read::<serde::de::IgnoredAny>(&mut reader, MAX_REQUEST_BYTES) => return Ok(()),
        };
        lines::write(&mut writer, &Reply::Event(notice)).await?;
    }
}
