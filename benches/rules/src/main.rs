//! `cargo run --release -p parv-bench-rules`: what the rules cost, as a table.

#![forbid(unsafe_code)]

use parv_bench_rules::{conflict, costs, replay, table};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (history, sizes) = if quick { (10_000, &[10, 100][..]) } else { (100_000, &[10, 1_000, 5_000][..]) };
    let bytes = costs::bytes_per_message()?;
    let mut rows = replay::rows(history)?;
    rows.extend(conflict::rows()?);
    print!("{}", table::text(&rows));
    print!("{}", costs::table(sizes)?);
    if let Some(bytes) = bytes {
        println!("\na message takes {bytes} bytes of memory");
    }
    Ok(())
}
