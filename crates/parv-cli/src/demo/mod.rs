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
use broken::Broken;
use parv_daemon::server;
use stage::{Ground, Stage};
use std::time::Instant;
use stock_git::StockGit;
use teller::Teller;

/// Runs the demo to its end.
pub async fn run(args: DemoArgs, json: bool) -> Result<(), Failure> {
    let begun = Instant::now();
    let interrupted = server::asked_to_stop()?;
    let ground = Ground::prepare(args.keep.as_deref()).map_err(|why| Failure::Error(why.0))?;
    let nobody =
        tempfile::tempdir().map_err(|error| Failure::error(format!("cannot make a temporary folder: {error}")))?;
    let git = StockGit::find(nobody.path()).map_err(|why| Failure::Error(why.0))?;
    let mut teller = Teller::new(json);
    let told = tokio::select! {
        told = play(&mut teller, &git, &ground) => told,
        () = interrupted => Err(Broken::because("it was interrupted")),
    };
    told.map_err(|Broken(why)| {
        let advice = if ground.stays() { "" } else { "; --keep DIR leaves the data to look at" };
        Failure::Error(format!("{} did not hold: {why}{advice}", teller.place()))
    })?;
    teller.end(&format!("Every step held, in {:.1} s.", begun.elapsed().as_secs_f64()));
    Ok(())
}

async fn play(teller: &mut Teller, git: &StockGit, ground: &Ground) -> Result<(), Broken> {
    teller.headline("Parv: four people, four nodes on this machine, one conversation, no server");
    teller.step("Four people, each with keys, a data folder and a node of their own");
    let mut stage = Stage::set(ground.path()).await?;
    let told = story::tell(teller, &mut stage, git, ground).await;
    stage.close().await;
    told
}
