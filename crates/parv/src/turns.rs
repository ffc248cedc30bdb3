//! Taking turns at one device: it serves only so many streams of ours at once, and there may be many conversations to
//! fetch from it after a reconnection.

use parv_model::DeviceId;
use parv_net::limits::MAX_GIT_STREAMS_PER_PEER;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many fetches from one device run at once. One less than it allows: it sees a stream end later than we do.
const MAX_AT_ONCE: usize = MAX_GIT_STREAMS_PER_PEER - 1;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<DeviceId, Arc<Semaphore>>>);

impl Turns {
    /// Waits for a turn at a device, for as long as the result is kept.
    pub(crate) async fn take(&self, device: DeviceId) -> Option<OwnedSemaphorePermit> {
        let places = {
            let mut devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            devices.retain(|_, places| places.available_permits() < MAX_AT_ONCE || Arc::strong_count(places) > 1);
            devices.entry(device).or_insert_with(|| Arc::new(Semaphore::new(MAX_AT_ONCE))).clone()
        };
        places.acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    /// What is ready at once.
    async fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        timeout(Duration::ZERO, future).await.ok()
    }

    #[tokio::test]
    async fn each_device_has_turns_of_its_own() {
        let turns = Turns::default();
        let device = |number| DeviceId::from_bytes([number; 32]);
        let mut taken = Vec::new();
        for _ in 0..MAX_AT_ONCE {
            taken.push(now(turns.take(device(1))).await.flatten().unwrap());
        }
        assert!(now(turns.take(device(1))).await.is_none());
        assert!(now(turns.take(device(2))).await.is_some());
        taken.pop();
        assert!(now(turns.take(device(1))).await.is_some());
        taken.clear();
        drop(turns.take(device(3)).await);
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
