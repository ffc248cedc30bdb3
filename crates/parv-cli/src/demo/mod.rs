//! `parv demo`: four people, four nodes on this machine, real sockets, one conversation, and stock git as the judge.
//!
//! [`story`] is what happens. [`stage`] is where it happens and how it is waited for, [`hostile`] plays those who do not
//! keep the rules, [`stock_git`] is the judge, [`teller`] prints. Every claim that is printed with a tick was checked;
//! the first that does not hold ends the demo with exit code 1.

mod broken;
mod hostile;
mod stage;
mod stock_git;
mod story;
mod teller;

use crate::args::DemoArgs;
use crate::failure::Failure;
use stage::{Ground, Stage};
use std::time::Instant;
use stock_git::StockGit;
use teller::Teller;

/// Runs the demo to its end.
pub async fn run(args: DemoArgs, json: bool) -> Result<(), Failure> {
    let begun = Instant::now();
    let ground = Ground::prepare(args.keep.as_deref()).map_err(|why| Failure::Error(why.0))?;
    let nobody =
        tempfile::tempdir().map_err(|error| Failure::error(format!("cannot make a temporary folder: {error}")))?;
    let git = StockGit::find(nobody.path()).map_err(|why| Failure::Error(why.0))?;
    let mut teller = Teller::new(json);
    teller.headline("Parv: four people, four nodes on this machine, one conversation, no server");
    teller.step("Four people, each with keys, a data folder and a node of their own");
    let mut stage = match Stage::set(ground.path()).await {
        Ok(stage) => stage,
        Err(error) => return Err(not_held(&teller, &parv_daemon::failure::chain(&error))),
    };
    let told = story::tell(&mut teller, &mut stage, &git, &ground).await;
    stage.close().await;
    told.map_err(|why| not_held(&teller, &why.0))?;
    teller.headline(&format!("\nEvery step held, in {:.1} s.", begun.elapsed().as_secs_f64()));
    Ok(())
}

fn not_held(teller: &Teller, why: &str) -> Failure {
    Failure::Error(format!("{} did not hold: {why}", teller.place()))
}
