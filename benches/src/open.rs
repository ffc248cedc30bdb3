//! Opening a conversation with a very long past, in a process of its own: what it takes until its state and its newest messages
//! are there, and how much memory.

use crate::Scale;
use crate::people::Person;
use crate::table::{Goal, Row};
use parv::{Account, ConversationId, Engine, LogQuery, Mode, NewAccount, Options};
use parv_bench_rules::costs;
use parv_store::Repository;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How many messages are looked at.
const NEWEST: usize = 50;

/// How often it is opened.
const ROUNDS: usize = 5;

/// What one opening took.
struct Opening {
    ms: f64,
    /// Of memory, at the end; not a number where the system does not tell.
    mib: f64,
}

/// Writes the past and measures. The writing is not timed.
pub async fn row(scale: &Scale) -> Result<Row, Box<dyn std::error::Error>> {
    let mut figures = Vec::new();
    // Shorter ones too, for comparison.
    for messages in [scale.open / 100, scale.open / 10, scale.open] {
        let home = tempfile::tempdir()?;
        let account = Account::create(home.path(), NewAccount { name: "Alice".into(), password: None })?;
        let engine = Engine::start(account, Options::default()).await?;
        let conversation = engine.create(Mode::InvitesOnly, None).await?;
        Person::send_at_once(&conversation, messages, "a message of a very long conversation").await?;
        let repository = engine.folder().join("conversations").join(conversation.id().to_string());
        settled(&repository).await?;
        drop(conversation);
        engine.shutdown().await;
        drop(engine);
        let mut rounds = (0..ROUNDS).map(|_| in_another_process(home.path())).collect::<Result<Vec<_>, _>>()?;
        rounds.sort_by(|one, other| one.ms.total_cmp(&other.ms));
        figures.push((messages, rounds.swap_remove(ROUNDS / 2)));
    }
    let detail =
        |(messages, Opening { ms, mib }): &(usize, Opening)| format!("{messages} messages: {ms:.1} ms, {mib:.0} MiB");
    let details: Vec<String> = figures.iter().map(detail).collect();
    let (_, longest) = figures.pop().ok_or("nothing was measured")?;
    Ok(Row {
        key: "open_1m_ms",
        what: format!("opening {} messages: an engine with state and the newest {NEWEST}", scale.open),
        figure: longest.ms,
        unit: "ms",
        goal: Goal::AtMost(100.0),
        detail: format!("{}; median of {ROUNDS} new processes, memory of the whole process", details.join(", ")),
    })
}

/// Waits until the engine has made few files of many, in the background.
async fn settled(repository: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let repository = Repository::open(repository)?;
    while repository.is_scattered() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn in_another_process(home: &Path) -> Result<Opening, Box<dyn std::error::Error>> {
    let output = Command::new(std::env::current_exe()?).arg("--open").arg(home).output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut numbers = text.split_whitespace().map(str::parse::<f64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(ms)), Some(Ok(mib))) => Ok(Opening { ms, mib }),
        _ => Err(format!("the other process failed: {text} {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// What the other process does: opens the only conversation of the only account there, and prints milliseconds and MiB.
pub async fn open(home: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let account = Account::open(home, None)?;
    let start = Instant::now();
    let engine = Engine::start(account, Options::default()).await?;
    let id: ConversationId = engine.conversations().first().ok_or("there is no conversation")?.id;
    let conversation = engine.conversation(&id)?;
    let (members, messages) = (conversation.members().len(), conversation.info().messages);
    let newest = conversation.log(LogQuery { limit: Some(NEWEST), ..LogQuery::default() }).await?;
    let ms = start.elapsed().as_secs_f64() * 1000.0;
    if members != 1 || newest.len() != NEWEST.min(messages) {
        return Err(format!("{members} members, {} of {messages} messages", newest.len()).into());
    }
    let mib = costs::resident().map_or(f64::NAN, |bytes| bytes as f64 / 1024.0 / 1024.0);
    println!("{ms} {mib}");
    engine.shutdown().await;
    Ok(())
}
