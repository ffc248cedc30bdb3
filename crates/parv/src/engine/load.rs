//! Opening what an account's folder holds: every conversation is replayed; one that does not hold up takes no other with
//! it.

use super::leaving;
use crate::author::Author;
use crate::conversation::ledger::Ledger;
use crate::folders::Folders;
use crate::{Error, error, files};
use parv_model::{ConversationId, Role};
use parv_store::Repository;
use std::sync::Arc;

/// A conversation as it was found.
pub(super) enum Found {
    /// It is good.
    Good(Box<Ledger>),
    /// It is good, and was left.
    Left(Box<Ledger>),
    /// It cannot be used.
    Unusable(ConversationId, String),
}

/// Opens every conversation. Blocks.
pub(super) fn load(folders: &Folders, author: &Arc<Author>) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for id in files::names(&folders.conversations())?.iter().filter_map(|name| name.parse().ok()) {
        match open(folders, author, id) {
            Ok(Some(ledger)) if leaving::is_forgotten(folders, &id) => {
                drop(ledger);
                leaving::erase_folders(folders, &id)?;
            }
            Ok(Some(ledger)) if leaving::is_removed(folders, &id) => found.push(Found::Left(Box::new(ledger))),
            Ok(Some(ledger)) => found.push(Found::Good(Box::new(ledger))),
            Ok(None) => {}
            Err(error) => {
                let why = match &error {
                    Error::Unusable { why, .. } => why.clone(),
                    error => error::chain(error),
                };
                tracing::error!(conversation = %id, "a conversation cannot be opened: {why}");
                found.push(Found::Unusable(id, why));
            }
        }
    }
    sweep(folders)?;
    Ok(found)
}

/// Opens one; `None` if it never came to be: a crash broke off its making or cloning. It can be asked for again.
fn open(folders: &Folders, author: &Arc<Author>, id: ConversationId) -> Result<Option<Ledger>, Error> {
    let path = folders.repository(&id);
    if Repository::open(&path)?.heads()?.is_empty() {
        files::remove_folder(&path)?;
        return Ok(None);
    }
    let mut ledger = Ledger::open(folders, id, author.clone())?;
    if matches!(ledger.state().role(&author.uri()), None | Some(Role::Invited)) {
        drop(ledger);
        files::remove_folder(&path)?;
        return Ok(None);
    }
    Ok(Some(ledger))
}

/// Removes what is kept beside conversations that were left and erased.
fn sweep(folders: &Folders) -> Result<(), Error> {
    let data = folders.conversation_data_of_all();
    for id in files::names(&data)?.iter().filter_map(|name| name.parse().ok()) {
        if leaving::is_removed(folders, &id) && !folders.repository(&id).exists() {
            leaving::erase_folders(folders, &id)?;
        }
    }
    Ok(())
}
