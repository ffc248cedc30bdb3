//! What a conversation takes on the disk after consolidation, against `git gc`.

use crate::git;
use crate::past::Past;
use crate::table::{Goal, Row};
use parv_store::Repository;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// The writer's repository with its index, in whole blocks of the disk. Stock git has the last word, so this comes last.
pub async fn rows(past: Past) -> Result<[Row; 2], Box<dyn std::error::Error>> {
    let path = past.repository();
    let Past { alice, conversation, messages } = past;
    drop(conversation);
    alice.engine.shutdown().await;
    Repository::open(&path)?.consolidate(&AtomicBool::new(false))?;
    let index = blocks(&path.join("parv-index"))?;
    let ours = blocks(&path.join("objects"))? + index;
    git::gc(&path)?;
    let theirs = blocks(&path.join("objects"))?;
    let detail = format!("parv {ours} bytes, {index} of them the index; git gc {theirs} bytes; {messages} messages");
    let row = |key, what: &str, figure, unit, goal| Row {
        key,
        what: what.into(),
        figure,
        unit,
        goal: Goal::AtMost(goal),
        detail: detail.clone(),
    };
    Ok([
        row(
            "disk_vs_git_gc",
            "size on disk after consolidation, against git gc",
            ours as f64 / theirs as f64,
            "×",
            1.5,
        ),
        row("bytes_per_message", "size on disk per message", ours as f64 / messages as f64, "bytes", 600.0),
    ])
}

/// How many bytes of the disk a folder takes with all in it.
fn blocks(path: &Path) -> std::io::Result<u64> {
    let metadata = std::fs::metadata(path)?;
    let mut bytes = metadata.blocks() * 512;
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path)? {
            bytes += blocks(&entry?.path())?;
        }
    }
    Ok(bytes)
}
