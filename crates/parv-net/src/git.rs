//! `/parv/git/1`: a stream for Git's upload-pack.
//!
//! Who opens the stream sends the conversation's id as the first frame and gets one byte back: granted, refused or
//! busy. Refused is the same for a conversation that is not there and for one that the peer may not have. What comes
//! after the grant is Git's, and none of this crate's business.

use crate::blocking::{self, BlockingReader, BlockingWriter};
use crate::event::Event;
use crate::frame;
use crate::limits::{FIRST_FRAME_TIMEOUT, HAND_OVER_TIMEOUT};
use crate::telemetry::{Direction, Reason, Telemetry};
use crate::{NetError, Policy};
use libp2p::Stream;
use parv_model::{CommitId, ConversationId, DeviceId};
use prometheus_client::metrics::counter::Counter;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

const REFUSED: u8 = 0;
const GRANTED: u8 = 1;
const BUSY: u8 = 2;

/// A stream of bytes with one device, both ways.
///
/// Shut it down when all is written (`AsyncWriteExt::shutdown`, [`BlockingWriter::finish`]); what was written last may
/// not arrive if the stream is just dropped.
pub struct GitStream {
    io: Compat<Stream>,
    meters: Meters,
    /// Given back when the stream is dropped: one of the peer's places if the peer opened it, else the sign that the
    /// connection is in use.
    _held: Box<dyn Send + Sync>,
}

/// Where a stream's bytes are counted.
struct Meters {
    read: Counter,
    written: Counter,
}

impl Meters {
    fn of(telemetry: &Telemetry) -> Self {
        Self { read: telemetry.git_bytes(Direction::In), written: telemetry.git_bytes(Direction::Out) }
    }
}

impl GitStream {
    /// The two directions for a thread that blocks. Reading or writing fails with [`io::ErrorKind::TimedOut`] when the
    /// peer neither sends nor takes anything for `idle_timeout`, so that a peer who stalls hangs nobody.
    ///
    /// To be called inside the runtime, to be used outside it, on a thread such as that of
    /// `tokio::task::spawn_blocking`.
    pub fn into_blocking(self, idle_timeout: Duration) -> (BlockingReader, BlockingWriter) {
        blocking::split(self, idle_timeout)
    }
}

impl std::fmt::Debug for GitStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitStream").finish_non_exhaustive()
    }
}

impl AsyncRead for GitStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        self.meters.read.inc_by((buf.filled().len() - before) as u64);
        read
    }
}

impl AsyncWrite for GitStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(bytes)) = written {
            self.meters.written.inc_by(bytes as u64);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Asks for a conversation on a stream that was just opened; `in_use` is kept as long as the stream.
pub(crate) async fn ask(
    peer: DeviceId,
    stream: Stream,
    in_use: Arc<()>,
    conversation: &ConversationId,
    telemetry: &Telemetry,
) -> Result<GitStream, NetError> {
    let broken = |source| NetError::Broken { peer, source };
    let mut io = stream.compat();
    let answer = timeout(FIRST_FRAME_TIMEOUT, async {
        frame::write(&mut io, conversation.root().as_bytes()).await?;
        io.read_u8().await
    });
    let late = |_| NetError::TimedOut { what: "the answer to a git request", after: FIRST_FRAME_TIMEOUT };
    match answer.await.map_err(late)?.map_err(broken)? {
        GRANTED => Ok(GitStream { io, meters: Meters::of(telemetry), _held: Box::new(in_use) }),
        REFUSED => Err(NetError::Refused(peer)),
        BUSY => Err(NetError::Busy(peer)),
        other => Err(NetError::Malformed { what: "the answer to a git request", why: format!("it is {other}") }),
    }
}

/// Turns away a peer that has all its streams in use.
pub(crate) async fn turn_away(stream: Stream) {
    answer(&mut stream.compat(), BUSY).await;
}

/// Hears what a peer asks for, and hands the stream up if the policy allows it.
pub(crate) async fn hear(
    peer: DeviceId,
    stream: Stream,
    place: OwnedSemaphorePermit,
    policy: Arc<dyn Policy>,
    events: mpsc::Sender<Event>,
    telemetry: Arc<Telemetry>,
) {
    let mut io = stream.compat();
    let asked = match timeout(FIRST_FRAME_TIMEOUT, frame::read(&mut io)).await {
        Ok(Ok(bytes)) => <[u8; 20]>::try_from(bytes),
        Ok(Err(_)) | Err(_) => {
            telemetry.refused(Reason::BadFrame);
            return tracing::debug!(%peer, "no git request came on a git stream");
        }
    };
    let conversation = match asked {
        Ok(id) => ConversationId::new(CommitId::from_bytes(id)),
        Err(_) => {
            telemetry.refused(Reason::BadFrame);
            return answer(&mut io, REFUSED).await;
        }
    };
    if !policy.may_fetch(&peer, &conversation) {
        telemetry.refused(Reason::FetchNotAllowed);
        tracing::debug!(%peer, %conversation, "git request refused");
        return answer(&mut io, REFUSED).await;
    }
    let Ok(Ok(slot)) = timeout(HAND_OVER_TIMEOUT, events.reserve()).await else {
        telemetry.refused(Reason::FetchBusy);
        return answer(&mut io, BUSY).await;
    };
    let granted = async {
        io.write_u8(GRANTED).await?;
        io.flush().await
    };
    if let Ok(Ok(())) = timeout(FIRST_FRAME_TIMEOUT, granted).await {
        let stream = GitStream { io, meters: Meters::of(&telemetry), _held: Box::new(place) };
        slot.send(Event::GitRequest { peer, conversation, stream });
    }
}

/// Gives the last answer on a stream. Whether the peer hears it is up to the peer.
async fn answer(io: &mut Compat<Stream>, byte: u8) {
    let answered = async {
        io.write_u8(byte).await?;
        io.shutdown().await
    };
    let _ = timeout(FIRST_FRAME_TIMEOUT, answered).await;
}
