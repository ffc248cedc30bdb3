//! Invitations that wait for an answer, and those that were turned down.
//!
//! Each is a file: `requests/<conversation>.json` and `requests/declined/<conversation>.json`.

use crate::{Error, files, json};
use parv_model::{CommitId, ConversationId, DeviceId, Mode, Uri};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many invitations wait at most; more are not taken.
const MAX_REQUESTS: usize = 1000;

/// How many of them may be from one person, so that nobody can fill the list.
const MAX_REQUESTS_OF_ONE: usize = 50;

/// How many declined invitations are remembered; the oldest are forgotten first.
const MAX_DECLINED: usize = 10_000;

/// An invitation to a conversation (requirement C4). What it says of the conversation is the inviter's word; the
/// history itself is judged when the request is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// The conversation.
    pub id: ConversationId,
    /// Who invites.
    pub from: Uri,
    /// When it arrived, in seconds since 1970 by this device's clock.
    pub received: i64,
    /// What the conversation is.
    #[serde(serialize_with = "json::mode")]
    pub mode: Mode,
    /// What it is called.
    pub title: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Its picture, as the profile gives it (a `data:` address or Base64).
    pub avatar: Option<String>,
}

/// An invitation as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub(crate) from: Uri,
    /// The device that delivered it, which has the conversation.
    pub(crate) device: DeviceId,
    pub(crate) received: i64,
    /// The mode's number.
    pub(crate) mode: u8,
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) avatar: Option<String>,
    /// Who else has the conversation.
    pub(crate) members: Vec<Uri>,
    /// The commit that invites, as the inviter says: tells a new invitation from one that is delivered again.
    pub(crate) commit: CommitId,
}

impl Invitation {
    fn shown(&self, id: ConversationId) -> Option<Request> {
        Some(Request {
            id,
            from: self.from,
            received: self.received,
            mode: Mode::from_number(self.mode.into())?,
            title: self.title.clone(),
            description: self.description.clone(),
            avatar: self.avatar.clone(),
        })
    }
}

/// An invitation that was turned down.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Declined {
    at: i64,
    commit: CommitId,
}

/// See the [module](self).
pub(crate) struct Requests {
    folder: PathBuf,
    lists: Mutex<Lists>,
}

struct Lists {
    waiting: BTreeMap<ConversationId, Invitation>,
    declined: BTreeMap<ConversationId, Declined>,
}

impl Requests {
    /// Reads the lists in a folder. Damaged entries are left out, with a warning.
    pub(crate) fn open(folder: PathBuf) -> Result<Self, Error> {
        let waiting = files::read_all(&folder)?.into_iter().collect();
        let declined = files::read_all(&folder.join("declined"))?.into_iter().collect();
        Ok(Self { folder, lists: Mutex::new(Lists { waiting, declined }) })
    }

    /// Takes an invitation in, durably; says what to show, or nothing if it is to be ignored: it is here already, was
    /// declined, or there are too many.
    pub(crate) fn receive(&self, id: ConversationId, invitation: Invitation) -> Result<Option<Request>, Error> {
        let mut lists = self.lists();
        if lists.declined.get(&id).is_some_and(|declined| declined.commit == invitation.commit) {
            return Ok(None);
        }
        let there = lists.waiting.get(&id);
        if there.is_some_and(|there| there.from != invitation.from || there.commit == invitation.commit) {
            return Ok(None);
        }
        let of_one = lists.waiting.values().filter(|other| other.from == invitation.from).count();
        if there.is_none() && (lists.waiting.len() >= MAX_REQUESTS || of_one >= MAX_REQUESTS_OF_ONE) {
            tracing::warn!(from = %invitation.from, "an invitation is dropped: too many are waiting");
            return Ok(None);
        }
        let Some(shown) = invitation.shown(id) else { return Ok(None) };
        files::write_json(&self.file(&id), &invitation)?;
        lists.waiting.insert(id, invitation);
        Ok(Some(shown))
    }

    /// What waits for an answer, the oldest first.
    pub(crate) fn waiting(&self) -> Vec<Request> {
        let mut all: Vec<_> = self.lists().waiting.iter().filter_map(|(id, waiting)| waiting.shown(*id)).collect();
        all.sort_by_key(|request| (request.received, request.id));
        all
    }

    pub(crate) fn get(&self, id: &ConversationId) -> Option<Invitation> {
        self.lists().waiting.get(id).cloned()
    }

    /// Takes a request off the list: it was accepted.
    pub(crate) fn remove(&self, id: &ConversationId) -> Result<(), Error> {
        let mut lists = self.lists();
        files::remove(&self.file(id))?;
        files::remove(&self.declined_file(id))?;
        lists.waiting.remove(id);
        lists.declined.remove(id);
        Ok(())
    }

    /// Turns a request down and remembers that.
    pub(crate) fn decline(&self, id: &ConversationId, now: i64) -> Result<(), Error> {
        let mut lists = self.lists();
        let invitation = lists.waiting.get(id).ok_or(Error::UnknownRequest(*id))?;
        let declined = Declined { at: now, commit: invitation.commit };
        files::write_json(&self.declined_file(id), &declined)?;
        files::remove(&self.file(id))?;
        lists.waiting.remove(id);
        lists.declined.insert(*id, declined);
        while lists.declined.len() > MAX_DECLINED {
            let oldest = lists.declined.iter().min_by_key(|(_, declined)| declined.at).map(|(id, _)| *id);
            let Some(oldest) = oldest else { break };
            files::remove(&self.declined_file(&oldest))?;
            lists.declined.remove(&oldest);
        }
        Ok(())
    }

    /// Whether the last invitation to the conversation was turned down.
    pub(crate) fn is_declined(&self, id: &ConversationId) -> bool {
        let lists = self.lists();
        lists.declined.contains_key(id) && !lists.waiting.contains_key(id)
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, id: &ConversationId) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    fn declined_file(&self, id: &ConversationId) -> PathBuf {
        self.folder.join("declined").join(format!("{id}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u16) -> ConversationId {
        ConversationId::new(commit(number))
    }

    fn commit(number: u16) -> CommitId {
        CommitId::from_bytes(std::array::from_fn(|i| number.to_le_bytes()[i % 2]))
    }

    fn invitation(from: u8, invites: u16) -> Invitation {
        Invitation {
            from: Uri::from_bytes([from; 32]),
            device: DeviceId::from_bytes([from; 32]),
            received: i64::from(invites),
            mode: 2,
            title: Some("bees".into()),
            description: None,
            avatar: None,
            members: Vec::new(),
            commit: commit(invites),
        }
    }

    #[test]
    fn a_request_comes_once_and_stays_over_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let requests = Requests::open(folder.path().into()).unwrap();
        let shown = requests.receive(id(1), invitation(1, 10)).unwrap().unwrap();
        assert_eq!((shown.id, shown.mode, shown.title.as_deref()), (id(1), Mode::InvitesOnly, Some("bees")));
        assert_eq!(requests.receive(id(1), invitation(1, 10)).unwrap(), None);
        std::fs::write(folder.path().join(format!("{}.json", id(2))), "{").unwrap();
        std::fs::write(folder.path().join("notes.json"), "{}").unwrap();
        let requests = Requests::open(folder.path().into()).unwrap();
        assert_eq!(requests.waiting(), [shown]);
        requests.remove(&id(1)).unwrap();
        assert!(Requests::open(folder.path().into()).unwrap().waiting().is_empty());
    }

    #[test]
    fn a_newer_invitation_beats_an_older_decline() {
        let folder = tempfile::tempdir().unwrap();
        let requests = Requests::open(folder.path().into()).unwrap();
        assert!(matches!(requests.decline(&id(1), 5), Err(Error::UnknownRequest(_))));
        requests.receive(id(1), invitation(1, 10)).unwrap().unwrap();
        requests.decline(&id(1), 5).unwrap();
        let requests = Requests::open(folder.path().into()).unwrap();
        assert!(requests.is_declined(&id(1)));
        assert_eq!(requests.receive(id(1), invitation(1, 10)).unwrap(), None);
        assert!(requests.receive(id(1), invitation(1, 11)).unwrap().is_some());
        assert!(!requests.is_declined(&id(1)));
    }

    #[test]
    fn nobody_can_fill_the_list() {
        let folder = tempfile::tempdir().unwrap();
        let requests = Requests::open(folder.path().into()).unwrap();
        for number in 0..MAX_REQUESTS_OF_ONE as u16 {
            assert!(requests.receive(id(number), invitation(1, number)).unwrap().is_some());
        }
        assert_eq!(requests.receive(id(999), invitation(1, 999)).unwrap(), None);
        assert!(requests.receive(id(999), invitation(2, 999)).unwrap().is_some());
        let unknown_mode = Invitation { mode: 9, ..invitation(3, 7) };
        assert_eq!(requests.receive(id(1000), unknown_mode).unwrap(), None);
    }
}
