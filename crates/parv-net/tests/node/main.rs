//! Real nodes on real sockets of this machine.

mod abuse;
mod announcements;
mod bench;
mod connections;
mod discovery;
mod fetches;
mod floods;
mod latency;
mod letters;
mod links;
mod messages;
mod relays;
