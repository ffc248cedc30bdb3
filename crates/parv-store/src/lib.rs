//! Conversations as Git repositories: durable writing, quarantined fetching, the upload-pack service, history.
