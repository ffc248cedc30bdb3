//! `/parv/message/1`: one envelope, acknowledged with one byte once it is in the receiver's hands.

use crate::envelope::Envelope;
use crate::event::Event;
use crate::limits::{FIRST_FRAME_TIMEOUT, HAND_OVER_TIMEOUT};
use crate::telemetry::{Reason, Telemetry};
use crate::{NetError, frame};
use libp2p::Stream;
use parv_model::DeviceId;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;
use tokio_util::compat::FuturesAsyncReadCompatExt;

const TAKEN: u8 = 1;

/// How long the receiver has: to read the frame, and to find somebody to hand it to.
const ACKNOWLEDGE_TIMEOUT: std::time::Duration = FIRST_FRAME_TIMEOUT.saturating_add(HAND_OVER_TIMEOUT);

/// Sends an encoded envelope on a stream that was just opened, and waits until it was taken.
pub(crate) async fn send(peer: DeviceId, stream: Stream, envelope: &[u8]) -> Result<(), NetError> {
    let mut io = stream.compat();
    let answer = timeout(ACKNOWLEDGE_TIMEOUT, async {
        frame::write(&mut io, envelope).await?;
        io.read_u8().await
    });
    match answer.await {
        Err(_) => Err(NetError::TimedOut { what: "the acknowledgement of a message", after: ACKNOWLEDGE_TIMEOUT }),
        Ok(Ok(TAKEN)) => Ok(()),
        Ok(Ok(_)) => Err(NetError::NotAcknowledged(peer)),
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Err(NetError::NotAcknowledged(peer)),
        Ok(Err(source)) => Err(NetError::Broken { peer, source }),
    }
}

/// Takes the envelope that a peer sends, hands it up and acknowledges it. Anything else gets no answer.
pub(crate) async fn take(
    peer: DeviceId,
    stream: Stream,
    _place: OwnedSemaphorePermit,
    events: mpsc::Sender<Event>,
    telemetry: Arc<Telemetry>,
) {
    let mut io = stream.compat();
    let bytes = match timeout(FIRST_FRAME_TIMEOUT, frame::read(&mut io)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => {
            telemetry.refused(Reason::BadFrame);
            return tracing::debug!(%peer, %error, "no message came on a message stream");
        }
        Err(_) => {
            telemetry.refused(Reason::BadFrame);
            return tracing::debug!(%peer, "no message came in time on a message stream");
        }
    };
    let envelope = match Envelope::decode(&bytes) {
        Ok(envelope) => envelope,
        Err(error) => {
            telemetry.refused(Reason::BadEnvelope);
            return tracing::debug!(%peer, %error, "message refused");
        }
    };
    let Ok(Ok(slot)) = timeout(HAND_OVER_TIMEOUT, events.reserve()).await else {
        telemetry.refused(Reason::MessageBusy);
        return tracing::warn!(%peer, "message refused because events are not being read");
    };
    slot.send(Event::Message { peer, envelope });
    let acknowledged = async {
        io.write_u8(TAKEN).await?;
        io.shutdown().await
    };
    let _ = timeout(FIRST_FRAME_TIMEOUT, acknowledged).await;
}
