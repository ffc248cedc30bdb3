//! Hosts, homes and lines, as network namespaces with veth pairs, bridges and nftables rules.
//!
//! A test that wants a world is run again by itself, in user, network, mount and process namespaces of its own: there it
//! is root, and when it ends nothing of it is left.

use crate::support::{Home, Process, parv};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Set in the process that is inside.
const INSIDE: &str = "PARV_TEST_WORLD";

/// How long anything may take before the test is lost.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the tests call, and the package that has it.
const TOOLS: [(&str, &str); 4] =
    [("unshare", "util-linux"), ("nsenter", "util-linux"), ("ip", "iproute2"), ("nft", "nftables")];

/// A world with one public network, `wan`, to which everything is attached.
pub struct World(());

/// How a home's router treats what comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nat {
    /// One outside port per inside port, open to those who were written to (what most homes have).
    PortRestricted,
    /// Another outside port for each whom one writes to.
    Symmetric,
    /// One outside port per inside port, open to everybody.
    FullCone,
}

impl World {
    /// Goes inside. `None` outside: the test `name` has been run inside, and was good.
    pub fn enter(name: &str) -> Option<Self> {
        if std::env::var_os(INSIDE).is_some() {
            run("mount -t tmpfs tmpfs /run");
            run("ip link set lo up");
            run("ip link add wan type bridge");
            run("ip link set wan up");
            return Some(Self(()));
        }
        for (tool, package) in TOOLS {
            let found = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            assert!(found.is_ok(), "{tool} is missing: install the package {package}");
        }
        let separate =
            ["--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
        let allowed = Command::new("unshare").args(separate).arg("true").output().unwrap();
        assert!(
            allowed.status.success(),
            "this test makes namespaces of its own, and the system does not let it: {}; allow user namespaces \
             (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0) or run it as \
             root with CAP_SYS_ADMIN",
            String::from_utf8_lossy(&allowed.stderr).trim()
        );
        let status = Command::new("unshare")
            .args(separate)
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", name, "--include-ignored", "--nocapture"])
            .env(INSIDE, "1")
            .status()
            .unwrap();
        assert!(status.success(), "the test failed inside its namespaces; see above");
        None
    }

    /// A host on the public network.
    pub fn host(&self, name: &str, address: &str) -> Host {
        let host = Host::new(name);
        host.plug_into("wan", "eth0", &format!("{address}/24"));
        host
    }

    /// Two networks with these hosts, 10.1.0.0/24 and 10.2.0.0/24, and the machine in the middle that joins them.
    pub fn two_halves(&self, left: [&str; 2], right: [&str; 2]) -> (Host, Vec<Host>) {
        let middle = Host::new("middle");
        middle.run("sysctl -qw net.ipv4.ip_forward=1");
        let mut hosts = Vec::new();
        for (number, names) in [(1, left), (2, right)] {
            let bridge = format!("half{number}");
            run(&format!("ip link add {bridge} type bridge"));
            run(&format!("ip link set {bridge} up"));
            middle.plug_into(&bridge, &format!("eth{number}"), &format!("10.{number}.0.1/24"));
            for (index, name) in names.iter().enumerate() {
                let host = Host::new(name);
                host.plug_into(&bridge, "eth0", &format!("10.{number}.0.{}/24", index + 2));
                host.run(&format!("ip route add default via 10.{number}.0.1"));
                hosts.push(host);
            }
        }
        (middle, hosts)
    }

    /// A home: a router with this address on the public network, and one host behind it. Every home has the same
    /// addresses inside, as homes do.
    pub fn home(&self, name: &str, outside: &str, nat: Nat) -> Host {
        let router = Host::new(&format!("{name}-router"));
        router.plug_into("wan", "out", &format!("{outside}/24"));
        let host = Host::new(name);
        run(&format!("ip link add lan netns {name}-router type veth peer name eth0 netns {name}"));
        router.run("ip addr add 192.168.1.1/24 dev lan");
        router.run("ip link set lan up");
        host.run("ip addr add 192.168.1.2/24 dev eth0");
        host.run("ip link set eth0 up");
        host.run("ip route add default via 192.168.1.1");
        router.run("sysctl -qw net.ipv4.ip_forward=1");
        let masquerade = if nat == Nat::Symmetric { "masquerade fully-random" } else { "masquerade" };
        router.nft(&format!(
            "table ip home {{
                chain leaving {{
                    type nat hook postrouting priority srcnat
                    oifname out {masquerade}
                }}
                chain passing {{
                    type filter hook forward priority filter; policy drop;
                    ct state established,related accept
                    iifname lan accept
                    ct status dnat accept
                }}
                chain entering {{
                    type filter hook input priority filter
                    iifname out drop
                }}
            }}"
        ));
        if nat == Nat::FullCone {
            router.nft(
                "table ip home { chain coming { type nat hook prerouting priority dstnat
                    iifname out dnat to 192.168.1.2
                }
        }",
            );
        }
        host
    }
}

/// A machine of its own.
pub struct Host {
    name: String,
}

impl Host {
    /// A machine that nothing is plugged into.
    pub fn new(name: &str) -> Self {
        run(&format!("ip netns add {name}"));
        let host = Self { name: name.to_owned() };
        host.run("ip link set lo up");
        host
    }

    /// Plugs a cable into a bridge.
    pub fn plug_into(&self, bridge: &str, device: &str, address: &str) {
        let Self { name } = self;
        let other_end = format!("to-{name}-{device}").chars().take(15).collect::<String>();
        run(&format!("ip link add {other_end} master {bridge} up type veth peer name {device} netns {name}"));
        self.run(&format!("ip addr add {address} dev {device}"));
        self.run(&format!("ip link set {device} up"));
    }

    /// Runs a command there.
    #[track_caller]
    pub fn run(&self, command: &str) -> String {
        let mut words = command.split_whitespace();
        let mut inside = self.command(words.next().unwrap());
        inside.args(words);
        done(inside)
    }

    /// Loads firewall rules there.
    #[track_caller]
    pub fn nft(&self, rules: &str) {
        let mut nft = self.command("nft");
        nft.arg(rules);
        done(nft);
    }

    /// A command that will run there.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net=/run/netns/{}", self.name)).arg("--").arg(program);
        command
    }

    /// Runs a public node there, and gives the process and the addresses that others begin with.
    pub fn bootstrap_node(&self, home: &Home) -> (Process, Vec<String>) {
        let mut command = self.command(parv().get_program());
        command.arg("--home").arg(home.path()).args(["bootstrap", "--json"]);
        command.env("PARV_LOG", "parv_net=debug");
        let mut process = Process::spawn(command);
        let ready = process.line("the public node is ready");
        let addresses =
            ready["addresses"].as_array().unwrap().iter().map(|address| address.as_str().unwrap().to_owned());
        (process, addresses.collect())
    }

    /// Runs somebody's daemon there, on all addresses. Its log is on standard error.
    pub fn daemon(&self, home: &Home, bootstrap: &[String], more: &[&str]) -> Process {
        self.daemon_at(home, bootstrap, more, "/").0
    }

    /// The same, and gives one of its addresses that begins so.
    pub fn daemon_at(&self, home: &Home, bootstrap: &[String], more: &[&str], begins: &str) -> (Process, String) {
        let mut command = self.command(parv().get_program());
        command.arg("--home").arg(home.path()).args(["daemon", "--json", "--no-mdns", "--no-port-mapping"]);
        command.args(bootstrap.iter().flat_map(|address| ["--bootstrap", address])).args(more);
        command.env("PARV_LOG", "parv=debug,parv_net=debug");
        let mut process = Process::spawn(command);
        let ready = process.line("the daemon is ready");
        let mut addresses = ready["addresses"].as_array().unwrap().iter().map(|address| address.as_str().unwrap());
        let address = addresses.find(|address| address.starts_with(begins));
        let address = address.unwrap_or_else(|| panic!("no address begins with {begins}: {ready}")).to_owned();
        (process, address)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Looks again and again until it is as it should be.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, Value>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) => assert!(Instant::now() < deadline, "in vain for this: {what}; seen last: {seen:#}"),
        }
    }
}

/// Runs a command in the world itself.
#[track_caller]
pub fn run(command: &str) -> String {
    let mut words = command.split_whitespace();
    let mut here = Command::new(words.next().unwrap());
    here.args(words);
    done(here)
}

#[track_caller]
fn done(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
