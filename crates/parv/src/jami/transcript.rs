//! What was said in a conversation of Jami, in the form in which its daemon tells its clients.

use crate::transcript::Line;
use parv_jami::CheckedCommit;
use parv_jami::id::Account;
use parv_model::CommitId;
use parv_validator::rules::Checked;
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest extension of a file's name that the daemon takes for one, in bytes, plus one.
const EXTENSION_LIMIT: usize = 8;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its commit.
    pub id: CommitId,
    /// Its media type, or Jami's own word for what it is.
    pub media_type: String,
    /// The account that wrote it.
    pub author: Account,
    /// What its author was called then.
    pub name: String,
    /// When it says it was written, in seconds since 1970.
    pub time: i64,
    /// The commits that it was written on.
    pub parents: Vec<CommitId>,
    /// All else that it says: `body`, `reply-to`, `react-to`, `edit`, `uri`, `action`, …
    pub fields: BTreeMap<String, String>,
}

impl Said {
    pub(super) fn new(commit: &CheckedCommit, author: Account) -> Self {
        let mut fields = commit.message().fields.clone();
        let media_type = commit.message().media_type.clone();
        if media_type == "application/data-transfer+json" {
            let field = |name: &str| fields.get(name).map_or("", String::as_str);
            let mut file = format!("{}_{}", commit.id(), field("tid"));
            if let Some(extension) = extension(field("displayName")) {
                file = format!("{file}.{extension}");
            }
            fields.insert("fileId".to_owned(), file);
        }
        Self {
            id: commit.id(),
            media_type,
            author,
            name: commit.commit().name.clone(),
            time: commit.time(),
            parents: commit.parents().to_vec(),
            fields,
        }
    }

    /// The message as archives keep it.
    pub(super) fn line(&self) -> Line {
        let mut message: serde_json::Map<String, Value> =
            self.fields.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        message.insert("type".to_owned(), self.media_type.as_str().into());
        Line {
            id: self.id.to_string(),
            author: self.author.to_string(),
            name: self.name.clone(),
            time: self.time,
            message: message.into(),
        }
    }
}

/// The extension of a file's name, as the daemon takes it out.
fn extension(name: &str) -> Option<&str> {
    let (_, extension) = name.rsplit_once('.')?;
    Some(extension).filter(|extension| !extension.is_empty() && extension.len() < EXTENSION_LIMIT)
}
