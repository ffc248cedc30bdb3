//! Peers and bytes: a libp2p node with streams, messages, announcements and discovery.
