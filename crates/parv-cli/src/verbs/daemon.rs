//! `parv daemon` and `parv events`: a node that keeps running, and what it tells.

use crate::args::{DaemonArgs, Global};
use crate::failure::Failure;
use crate::output;
use crate::session::{self, Session};
use crate::text;
use parv::{Engine, Multiaddr, Network, Options, Reach};
use parv_daemon::failure::chain;
use parv_daemon::metrics::MetricsServer;
use parv_daemon::{Request, Server, address, server};
use serde_json::json;
use std::io::Write;
use std::net::SocketAddr;

/// Keeps a node running until the process is asked to stop.
pub async fn run(global: &Global, args: DaemonArgs) -> Result<(), Failure> {
    let DaemonArgs { listen, no_port_mapping, private_push_services, metrics, network } = args;
    let stop = server::asked_to_stop()?;
    let account = session::open_account(global)?;
    let folder = account.folder().to_owned();
    let push_reach = if private_push_services { Reach::Anywhere } else { Reach::Internet };
    let network = Network { port_mapping: !no_port_mapping, push_reach, ..session::network(global, &network, listen)? };
    let bootstrap = network.bootstrap.clone();
    let options = Options { network: Some(network) };
    let engine = Engine::start(account, options).await?;
    let served = async {
        let server = Server::bind(&folder)?;
        let metrics = match metrics {
            None => None,
            Some(address) => {
                let (metrics, counting) = (MetricsServer::bind(address).await?, engine.clone());
                let address = metrics.address();
                // What fails to be counted is an engine that has ended.
                tokio::spawn(metrics.serve(move || counting.metrics().unwrap_or_default()));
                Some(address)
            }
        };
        announce(global, &engine, &folder, metrics)?;
        for address in bootstrap {
            tokio::spawn(complain_if_unreachable(engine.clone(), address));
        }
        server.serve(&engine, stop).await;
        Ok(())
    };
    let served = served.await;
    session::end(&engine).await;
    served
}

/// Says that the daemon is ready, and where.
fn announce(
    global: &Global,
    engine: &Engine,
    folder: &std::path::Path,
    metrics: Option<SocketAddr>,
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let socket = address::socket_path(folder);
    if global.json {
        let addresses: Vec<String> = engine.addresses().iter().map(ToString::to_string).collect();
        let ready = json!({
            "uri": engine.uri(), "device": engine.device_id(), "addresses": addresses, "socket": socket,
            "metrics": metrics,
        });
        output::json(&mut out, &ready)?;
    } else {
        writeln!(out, "running for {} ({})", engine.name(), engine.uri())?;
        engine.addresses().iter().try_for_each(|address| writeln!(out, "listening on {address}"))?;
        writeln!(out, "other verbs talk to it through {}", socket.display())?;
        if let Some(address) = metrics {
            writeln!(out, "what is counted is at http://{address}/metrics")?;
        }
        writeln!(out, "stop it with Ctrl-C")?;
    }
    Ok(out.flush()?)
}

/// The node tries its bootstrap addresses again and again by itself; the person should know that one fails.
async fn complain_if_unreachable(engine: Engine, address: Multiaddr) {
    if let Err(error) = engine.connect(address).await {
        let why = text::one_line(&chain(&error));
        let _ = writeln!(std::io::stderr(), "parv: {why}; it is tried again and again");
    }
}

/// Prints what happens until the daemon ends.
pub async fn follow(global: &Global) -> Result<(), Failure> {
    let mut client = Session::daemon(global).await?;
    client.call(&Request::Events).await?;
    let mut out = std::io::stdout().lock();
    match global.json {
        true => output::json(&mut out, &json!({ "event": "following" }))?,
        false => writeln!(out, "what happens from now on:")?,
    }
    out.flush()?;
    drop(out);
    while let Some(notice) = client.next_event().await? {
        let mut out = std::io::stdout().lock();
        match global.json {
            true => output::json(&mut out, &notice)?,
            false => output::notice(&mut out, &notice)?,
        }
        out.flush()?;
    }
    Ok(())
}
