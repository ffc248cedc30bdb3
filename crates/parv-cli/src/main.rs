//! The `parv` command: a person's and a script's way to everything the engine can do.
//!
//! [`args`] says what can be typed. Each verb becomes a [`parv_daemon::Request`] that a [`session::Session`] has done,
//! by the account's running daemon or by an engine of its own, and [`output`] shows the answer. Verbs that are more
//! than one request lie in [`verbs`]; [`demo`] tells the whole story with four nodes in one process.
//!
//! No rule of conversations is known here, and no logic that another face would need too.

#![forbid(unsafe_code)]

mod alone;
mod args;
mod demo;
mod failure;
mod home;
mod output;
mod session;
mod text;
mod verbs;

use clap::Parser;
use failure::Failure;
use std::io::Write;
use std::process::ExitCode;

/// The environment variable that turns on logging to standard error, such as `PARV_LOG=parv=debug`.
const LOG_VARIABLE: &str = "PARV_LOG";

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    start_logging();
    let done = match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let done = runtime.block_on(verbs::run(cli));
            // A blocking read of standard input must not keep the process.
            runtime.shutdown_background();
            done
        }
        Err(error) => Err(Failure::error(format!("cannot start: {error}"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                // When standard error is closed, the exit code still tells.
                let _ = writeln!(std::io::stderr(), "parv: {}", text::one_line(message));
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::builder().with_env_var(LOG_VARIABLE).try_from_env();
    if let Ok(filter) = filter {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
}
