//! Where things lie in an account's folder.
//!
//! ```text
//! <home>/<uri>/
//!   lock                    held by the one process that works on the account; names its pid
//!   profile.json            the name that others see
//!   identity/               device key, certificates, sealed account key (parv-identity)
//!   conversations/<id>/     bare Git repositories (parv-store)
//!   conversation_data/<id>/ what is kept beside them
//!   archives/               conversations of other systems, read only, as JSON
//!   requests/               invitations that came; `declined/`, and `outbox/` for those on their way out
//!   mailbox.json            which letters were read
//!   contacts/               people's devices
//!   push.json               where this device is woken, and by whom
//!   leases/                 other devices that this one wakes
//!   peers.json              the peers that were met, as ways into the network
//! ```

use parv_model::ConversationId;
use std::path::{Path, PathBuf};

/// The folder of one account.
#[derive(Debug, Clone)]
pub(crate) struct Folders(PathBuf);

impl Folders {
    pub(crate) fn of(account: PathBuf) -> Self {
        Self(account)
    }

    /// The account's folder itself.
    pub(crate) fn account(&self) -> &Path {
        &self.0
    }

    pub(crate) fn identity(&self) -> PathBuf {
        self.0.join("identity")
    }

    pub(crate) fn profile(&self) -> PathBuf {
        self.0.join("profile.json")
    }

    /// The conversations' repositories, named by their ids.
    pub(crate) fn conversations(&self) -> PathBuf {
        self.0.join("conversations")
    }

    pub(crate) fn repository(&self, id: &ConversationId) -> PathBuf {
        self.conversations().join(id.to_string())
    }

    /// What is kept beside the repositories, in folders of the same names.
    pub(crate) fn conversation_data_of_all(&self) -> PathBuf {
        self.0.join("conversation_data")
    }

    pub(crate) fn conversation_data(&self, id: &ConversationId) -> PathBuf {
        self.conversation_data_of_all().join(id.to_string())
    }

    /// Conversations of other systems, in files named by their ids.
    pub(crate) fn archives(&self) -> PathBuf {
        self.0.join("archives")
    }

    pub(crate) fn requests(&self) -> PathBuf {
        self.0.join("requests")
    }

    pub(crate) fn outbox(&self) -> PathBuf {
        self.0.join("requests").join("outbox")
    }

    pub(crate) fn mailbox(&self) -> PathBuf {
        self.0.join("mailbox.json")
    }

    pub(crate) fn contacts(&self) -> PathBuf {
        self.0.join("contacts")
    }

    pub(crate) fn push(&self) -> PathBuf {
        self.0.join("push.json")
    }

    pub(crate) fn leases(&self) -> PathBuf {
        self.0.join("leases")
    }

    pub(crate) fn known_peers(&self) -> PathBuf {
        self.0.join("peers.json")
    }
}
