//! `parv bootstrap`: a public node, in one command.

use crate::args::{BootstrapArgs, Global};
use crate::failure::Failure;
use crate::{home, output};
use parv::{Multiaddr, NetStatus, PublicNode, PublicNodeOptions};
use parv_daemon::metrics::MetricsServer;
use parv_daemon::server;
use serde_json::json;
use std::io::Write;
use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

/// The port that people write down.
const PORT: u16 = 4001;

/// The folder of the node's key, in the data folder.
const FOLDER: &str = "bootstrap";

/// Runs the node until the process is asked to stop.
pub async fn run(global: &Global, args: BootstrapArgs) -> Result<(), Failure> {
    let stop = server::asked_to_stop()?;
    let BootstrapArgs { listen, external, bootstrap, max_connections, metrics } = args;
    let listen = if listen.is_empty() { everywhere() } else { listen };
    let options = PublicNodeOptions { listen, external, bootstrap, max_connections };
    let node = Arc::new(PublicNode::start(&home::folder(global)?.join(FOLDER), options).await?);
    let metrics = match metrics {
        None => None,
        Some(address) => {
            let (metrics, counting) = (MetricsServer::bind(address).await?, node.clone());
            let address = metrics.address();
            tokio::spawn(metrics.serve(move || counting.metrics()));
            Some(address)
        }
    };
    announce(global, &node.status().await?, metrics)?;
    stop.await;
    node.shutdown().await;
    Ok(())
}

/// The default: one well-known port, both transports, every address family that the machine has.
fn everywhere() -> Vec<Multiaddr> {
    let has_ipv6 = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok();
    let families = ["/ip4/0.0.0.0", "/ip6/::"].into_iter().take(if has_ipv6 { 2 } else { 1 });
    let both = families.flat_map(|any| [format!("{any}/udp/{PORT}/quic-v1"), format!("{any}/tcp/{PORT}")]);
    both.map(|address| address.parse().expect("a constant address is well-formed")).collect()
}

/// Says that the node is ready, and with which addresses others begin.
fn announce(global: &Global, status: &NetStatus, metrics: Option<SocketAddr>) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let ours = |address: &Multiaddr| {
        let peer = parv::peer_id(&status.device);
        address.clone().with_p2p(peer).unwrap_or_else(|address| address).to_string()
    };
    let addresses: Vec<String> = status.external.iter().map(ours).collect();
    if global.json {
        output::json(&mut out, &json!({ "device": status.device, "addresses": addresses, "metrics": metrics }))?;
    } else {
        writeln!(out, "a public node; others begin with any of")?;
        addresses.iter().try_for_each(|address| writeln!(out, "  --bootstrap {address}"))?;
        if let Some(address) = metrics {
            writeln!(out, "what is counted is at http://{address}/metrics")?;
        }
        writeln!(out, "stop it with Ctrl-C")?;
    }
    Ok(out.flush()?)
}
