//! The `parv` command.
fn main() {}
