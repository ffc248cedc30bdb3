//! The engine: accounts, conversations, requests and sync, with typed events.
