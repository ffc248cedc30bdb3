//! A node of js-libp2p speaks with ours: identify, ping, a record through our Kademlia, announcements both ways.

use parv_model::{CommitId, ConversationId, DeviceId};
use parv_net::{Acceptance, Event, Key, Node, NodeConfig, Policy, Topic, peer_id};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// After this long the test is taken to hang.
const PATIENCE: Duration = Duration::from_secs(120);

/// The oldest Node.js that these versions of js-libp2p run on.
const OLDEST_NODE: u32 = 20;

struct NoFetches;

impl Policy for NoFetches {
    fn may_fetch(&self, _: &DeviceId, _: &ConversationId) -> bool {
        false
    }
}

async fn start(seed: u8) -> (Node, mpsc::Receiver<Event>) {
    let config = NodeConfig { listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()], ..NodeConfig::new([seed; 32]) };
    Node::start(config, Arc::new(NoFetches)).await.unwrap()
}

/// A running node of js-libp2p; it ends with this.
struct Script {
    process: Child,
    says: mpsc::UnboundedReceiver<String>,
    hears: ChildStdin,
}

impl Drop for Script {
    fn drop(&mut self) {
        // Fails only when it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Script {
    fn run(arguments: &[String]) -> Self {
        let folder = installed();
        // The script finds its packages from where it lies.
        for file in ["node.js", "with-resolvers.js"] {
            std::fs::copy(source().join(file), folder.join(file)).unwrap();
        }
        let mut process = Command::new("node")
            .arg(folder.join("node.js"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines, hears) = (BufReader::new(process.stdout.take().unwrap()).lines(), process.stdin.take().unwrap());
        let (sender, says) = mpsc::unbounded_channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { process, says, hears }
    }

    /// The next line with this field.
    async fn tells(&mut self, field: &str) -> Value {
        let search = async {
            loop {
                let line = self.says.recv().await.expect("the script has ended; its errors are above");
                let line: Value = serde_json::from_str(&line).unwrap();
                if line.get(field).is_some() {
                    return line;
                }
            }
        };
        timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("the script says nothing of {field}"))
    }
}

/// The folder with the packages, which are installed there if they are not.
fn installed() -> PathBuf {
    let output = Command::new("node").arg("--version").output();
    let output = output.expect("this test runs the real `node`: install it with `apt install nodejs`");
    let text = String::from_utf8(output.stdout).unwrap();
    let major = text.trim_start_matches('v').split('.').next().and_then(|number| number.parse::<u32>().ok());
    assert!(major >= Some(OLDEST_NODE), "js-libp2p needs Node.js {OLDEST_NODE} or newer, and this is {text}");
    let (source, folder) = (source(), Path::new(env!("CARGO_TARGET_TMPDIR")).join("../js"));
    let lock = |folder: &Path| std::fs::read(folder.join("package-lock.json")).ok();
    if !folder.join("node_modules/libp2p").exists() || lock(&folder) != lock(&source) {
        let done = Command::new(source.join("install")).arg(&folder).status().unwrap();
        assert!(done.success(), "`interop/js/install` failed; it needs `npm`: install it with `apt install npm`");
    }
    folder
}

/// Where the script lies.
fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("js")
}

async fn wait<T>(events: &mut mpsc::Receiver<Event>, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let search = async {
        loop {
            if let Some(found) = wanted(events.recv().await.unwrap()) {
                return found;
            }
        }
    };
    timeout(PATIENCE, search).await.expect("the event did not come")
}

#[tokio::test]
async fn js_libp2p_identifies_pings_finds_a_record_and_gossips() {
    let ((node, mut events), (other, _other_events)) = (start(1).await, start(2).await);
    // The other one says in the table where it is, and the table is the node.
    other.dial_address(node.listen_addresses().remove(0)).await.unwrap();
    let record = async { while node.address_record(other.device_id()).await.unwrap().is_none() {} };
    timeout(PATIENCE, record).await.unwrap();
    let topic = Topic::of(&ConversationId::new(CommitId::from_bytes([1; 20])));
    node.subscribe(topic).await.unwrap();

    let key: String = Key::of_device(&other.device_id()).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut script = Script::run(&[node.listen_addresses()[0].to_string(), key, topic.to_string()]);
    let identified = script.tells("identify").await;
    assert_eq!((identified["identify"].as_str(), identified["agent"].as_str()), (Some("/parv/1"), Some("parv")));
    assert!(identified["protocols"].as_array().unwrap().iter().any(|protocol| protocol == "/parv/kad/1"));
    assert_eq!(script.tells("ping").await["ping"], true);
    // The record is the other device's: it names the port on which that one listens.
    let record = script.tells("record").await["record"].as_str().unwrap().to_owned();
    let port =
        other.listen_addresses()[0].iter().find_map(|part| part.to_string().strip_prefix("/tcp/").map(str::to_owned));
    let port: u16 = port.unwrap().parse().unwrap();
    assert!(record.contains(&format!("06{port:04x}")), "{record} does not name port {port}");

    // Announcements go both ways, each signed by its author.
    wait(&mut events, |event| matches!(event, Event::Subscribed { .. }).then_some(())).await;
    node.publish(topic, b"from Rust".to_vec()).await.unwrap();
    let heard = script.tells("gossip").await;
    assert_eq!(heard["gossip"].as_str().unwrap(), "66726f6d2052757374");
    assert_eq!(heard["from"].as_str().unwrap(), peer_id(&node.device_id()).to_string());
    script.hears.write_all(b"from JavaScript").unwrap();
    let (author, data, handle) = wait(&mut events, |event| match event {
        Event::Announcement { author, data, handle, .. } => Some((author, data, handle)),
        _ => None,
    })
    .await;
    assert_eq!(
        (peer_id(&author).to_string().as_str(), data.as_slice()),
        (identified["us"].as_str().unwrap(), &b"from JavaScript"[..])
    );
    node.judge(handle, Acceptance::Accept).await.unwrap();
}
