//! The engine as a service: a control socket that other programs talk to.
