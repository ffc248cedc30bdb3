//! Properties and simulations across crates.
