//! Read-only archives: conversations of other systems that lie beside an account's own ones.
//!
//! An archive is one file that is written once and read whole, so neither needs the account's lock: a daemon may run
//! meanwhile.

use crate::Error;
use crate::files;
use crate::folders::Folders;
use crate::transcript::Transcript;
use parv_model::ConversationId;
use std::path::Path;

/// The largest archive that is read, in bytes: millions of messages.
const MAX_ARCHIVE_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// The archives of an account.
#[derive(Debug, Clone)]
pub struct Archives(Folders);

impl Archives {
    /// Those in an account's folder.
    pub fn of(account: &Path) -> Self {
        Self(Folders::of(account.to_owned()))
    }

    /// Keeps a conversation. One that is there already is replaced.
    pub fn keep(&self, id: &ConversationId, transcript: &Transcript) -> Result<(), Error> {
        files::write_json(&self.file(id), transcript)
    }

    /// The ids of all, sorted.
    pub fn list(&self) -> Result<Vec<ConversationId>, Error> {
        let names = files::names(&self.0.archives())?;
        Ok(names.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect())
    }

    /// The account's own conversations as their folders name them, for telling prefixes of ids apart without opening them.
    pub fn neighbours(&self) -> Result<Vec<ConversationId>, Error> {
        Ok(files::names(&self.0.conversations())?.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Reads one; `None` when there is none with that id.
    pub fn read(&self, id: &ConversationId) -> Result<Option<Transcript>, Error> {
        files::read_json_up_to(MAX_ARCHIVE_BYTES, &self.file(id))
    }

    fn file(&self, id: &ConversationId) -> std::path::PathBuf {
        self.0.archives().join(format!("{id}.json"))
    }
}
