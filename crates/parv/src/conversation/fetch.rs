//! Fetching from one device into quarantine, up to the point where only the replay can say more.
//!
//! Runs beside the actor, so a peer that stalls, trickles or sends a gigabyte holds up nobody. Signatures, which take
//! nearly all of the time, are checked here too.

use crate::counters::FetchOutcome;
use crate::engine::hub::Net;
use crate::{clock, replay};
use parv_model::{CommitId, ConversationId, DeviceId, Refusal};
use parv_net::{GitStream, NetError};
use parv_store::{FetchError, FetchLimits, Quarantine, Repository, StoreError};
use parv_validator::{CheckedCommit, Signatures};
use std::time::Duration;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{sleep, timeout};

/// How long to wait before a busy device is asked again the first time; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How far ahead of this device's clock a commit may be dated, in seconds: a day, so that no clock that is a bit off and
/// no time zone taken for another one hurts.
const MAX_AHEAD: i64 = 86_400;

/// What one device had that was not here, with good signatures. Dropping it deletes it.
pub(crate) struct Fetched {
    pub(crate) quarantine: Quarantine,
    /// The commits in quarantine, parents first.
    pub(crate) commits: Vec<CheckedCommit>,
}

/// Why nothing was fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchFailure {
    /// A commit breaks a rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The device could not be asked.
    #[error(transparent)]
    Net(#[from] NetError),
    /// It did not say in time whether it would answer.
    #[error("the other device went silent")]
    Silent,
    /// What came is no history, or not all of it.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What was fetched could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A commit is dated too far ahead of this device's clock to be judged now (validation §7).
    #[error("commit {0} is dated more than a day ahead of this device's clock; it is not taken before that time comes")]
    Ahead(CommitId),
    /// The engine is shutting down, or the thread was lost.
    #[error("the fetch was broken off")]
    BrokenOff(#[from] JoinError),
}

/// Fetches what `device` has of the conversation and `repository` lacks. `None`: nothing.
#[tracing::instrument(level = "debug", skip_all, fields(conversation = %id, %device))]
pub(crate) async fn fetch(
    net: &Net,
    repository: Repository,
    id: ConversationId,
    device: DeviceId,
) -> Result<Option<Fetched>, FetchFailure> {
    let fetched = fetch_uncounted(net, repository, id, device).await;
    let (outcome, commits) = match &fetched {
        Ok(Some(fetched)) => (FetchOutcome::News, fetched.commits.len()),
        Ok(None) => (FetchOutcome::Nothing, 0),
        Err(FetchFailure::Refused(_)) => (FetchOutcome::Refused, 0),
        Err(_) => (FetchOutcome::Failed, 0),
    };
    net.counters.fetched(outcome, commits);
    tracing::debug!(?outcome, commits, "fetched");
    fetched
}

async fn fetch_uncounted(
    net: &Net,
    repository: Repository,
    id: ConversationId,
    device: DeviceId,
) -> Result<Option<Fetched>, FetchFailure> {
    let _turn = net.turns.take(device).await;
    if !net.node.is_connected(&device) {
        net.node.dial(device).await?;
    }
    // Until it knows whose device this is, it would refuse.
    net.people.acquainted(&device, net.patience).await;
    let asked = timeout(net.patience, ask(net, id, device)).await;
    let (reader, writer) = asked.map_err(|_| FetchFailure::Silent)??.into_blocking(net.patience);
    spawn_blocking(move || {
        let limits = FetchLimits::default();
        parv_store::fetch(&repository, reader, writer, &limits)?.map(check).transpose()
    })
    .await?
}

/// Asks for the conversation, again and again while the device is busy with what else it gives to this one.
async fn ask(net: &Net, id: ConversationId, device: DeviceId) -> Result<GitStream, NetError> {
    let mut pause = FIRST_PAUSE;
    loop {
        match net.node.open_git(device, &id).await {
            Err(NetError::Busy(_)) => {}
            answer => return answer,
        }
        sleep(pause).await;
        pause *= 2;
    }
}

/// Checks all that a quarantine holds by itself.
fn check(quarantine: Quarantine) -> Result<Fetched, FetchFailure> {
    let mut commits = Vec::with_capacity(quarantine.new_commits().len());
    for batch in quarantine.new_commits().chunks(replay::BATCH) {
        let mut bytes = Vec::with_capacity(batch.len());
        for id in batch {
            bytes.push(quarantine.commit(id)?.ok_or_else(|| replay::missing(*id))?);
        }
        commits.extend(replay::check_all(batch, &bytes, Signatures::New)?);
    }
    let latest = clock::now() + MAX_AHEAD;
    if let Some(ahead) = commits.iter().find(|commit| commit.commit().time > latest) {
        return Err(FetchFailure::Ahead(ahead.id()));
    }
    Ok(Fetched { quarantine, commits })
}
