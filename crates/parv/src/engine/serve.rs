//! Giving conversations to those who may have them.

use super::hub::Hub;
use super::leaving;
use crate::event::Event;
use parv_model::{ConversationId, DeviceId};
use parv_net::{GitStream, Policy};
use parv_store::{ServeLimits, upload_pack};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tracing::Instrument;

/// How long a fetching device may be silent, in seconds. It may have a slow disk.
const SERVE_PATIENCE: Duration = Duration::from_secs(30);

/// How many devices are served at once; more wait.
const MAX_SERVED: usize = 32;

/// Who is being served.
pub(super) struct Server {
    places: Arc<Semaphore>,
}

impl Server {
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(MAX_SERVED)) }
    }

    /// Serves a conversation on a stream. The policy has allowed it.
    pub(super) fn serve(&self, hub: &Arc<Hub>, peer: DeviceId, id: ConversationId, stream: GitStream) {
        let Some(room) = hub.room(&id) else { return };
        let (hub, places) = (hub.clone(), self.places.clone());
        let task = hub.clone();
        let serving = async move {
            let Ok(_place) = places.acquire().await else { return };
            // Who was banned since the policy was asked must not hear of it here. The policy learns of a new state before
            // the view shows it, so whoever it still allows may have the heads that were seen before.
            let (view, repository) = (room.view(), room.repository().clone());
            if !task.access.may_fetch(&peer, &id) {
                return tracing::debug!("may not fetch any more");
            }
            let (reader, mut writer) = stream.into_blocking(SERVE_PATIENCE);
            let serving = spawn_blocking(move || {
                let served =
                    upload_pack::serve_heads(&repository, &view.heads, reader, &mut writer, &ServeLimits::default());
                // The peer may have what it wanted and be gone.
                let _ = writer.finish();
                served
            });
            match serving.await {
                Ok(Ok(served)) => {
                    tracing::debug!(heads = served.heads.len(), "served");
                    leaving::served(&task, id, peer, &served.heads).await;
                    task.tell(Event::Fetched { conversation: id, device: peer, heads: served.heads });
                }
                Ok(Err(error)) => tracing::debug!("serving ended early: {error}"),
                Err(error) => tracing::error!("serving was lost: {error}"),
            }
        };
        hub.spawn(serving.instrument(tracing::debug_span!("serve", conversation = %id, device = %peer)));
    }
}
