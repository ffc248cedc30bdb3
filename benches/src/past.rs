//! A conversation with a long past, for whatever is measured on one.

use crate::people::Person;
use parv::{Conversation, Mode};
use std::path::PathBuf;

/// Alice, and what she has written.
pub struct Past {
    /// The one who wrote it.
    pub alice: Person,
    /// The conversation.
    pub conversation: Conversation,
    /// How many messages there are.
    pub messages: usize,
}

impl Past {
    /// Writes so many messages.
    pub async fn write(messages: usize) -> Result<Self, Box<dyn std::error::Error>> {
        let alice = Person::new("Alice").await?;
        let conversation = alice.engine.create(Mode::InvitesOnly, None).await?;
        Person::send_at_once(&conversation, messages, "a message of a long conversation").await?;
        Ok(Self { alice, conversation, messages })
    }

    /// Where the conversation's repository is.
    pub fn repository(&self) -> PathBuf {
        self.alice.engine.folder().join("conversations").join(self.conversation.id().to_string())
    }
}
