//! The network as people have it, in namespaces of this machine: homes behind routers that translate addresses, a cut in
//! the middle, bad weather on the line, and somebody who moves while things are under way. The nodes are the real
//! command; nothing leaves the namespaces, which need no rights and are gone with the test.

#[path = "../support/mod.rs"]
mod support;

mod homes;
mod moving;
mod partition;
mod weather;
mod world;
