//! `cargo run -p parv-bench-drt -- [--plot FOLDER] [--judging MILLISECONDS] [MEMBERS…]`: how announcements travel in
//! conversations of so many members, whom fetching and judging a text takes so long, as a table; the plots are of the chapter
//! "settled".

#![forbid(unsafe_code)]

use parv_bench_drt::{Figures, JUDGING, plot, story};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { folder, judging, sizes } = Arguments::read()?;
    println!("| members | chapter | texts | deliveries | hops: mean (most) | links: mean (most) | by exchange | s |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut settled = Vec::new();
    for members in sizes {
        story::tell(members, judging, |chapter, figures| {
            println!("{}", line(chapter, figures));
            if chapter == story::SETTLED {
                settled.push(figures.clone());
            }
        })
        .await?;
    }
    folder.map_or(Ok(()), |folder| draw(&folder, &settled))
}

struct Arguments {
    folder: Option<PathBuf>,
    judging: Duration,
    sizes: Vec<usize>,
}

impl Arguments {
    fn read() -> Result<Self, Box<dyn Error>> {
        let mut all = Self { folder: None, judging: JUDGING, sizes: Vec::new() };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--plot" => all.folder = Some(arguments.next().ok_or("--plot needs a folder")?.into()),
                "--judging" => {
                    let given = arguments.next().and_then(|text| text.parse().ok());
                    all.judging = Duration::from_millis(given.ok_or("--judging needs milliseconds")?);
                }
                size => all.sizes.push(size.parse().map_err(|_| format!("{size} is no number of members"))?),
            }
        }
        if all.sizes.is_empty() {
            all.sizes = vec![10, 50, 200];
        }
        Ok(all)
    }
}

fn line(chapter: &str, it: &Figures) -> String {
    let (members, texts, deliveries, took) = (it.members, it.texts, it.deliveries, it.took.as_secs_f64());
    let (hops, links, exchanged) = (&it.hops, &it.links, it.exchanged);
    format!("| {members} | {chapter} | {texts} | {deliveries:.2} | {hops} | {links} | {exchanged} | {took:.2} |")
}

fn draw(folder: &Path, settled: &[Figures]) -> Result<(), Box<dyn Error>> {
    let title = |figures: &Figures| format!("{} members", figures.members);
    let hops: Vec<_> = settled.iter().map(|it| (title(it), it.hops.clone())).collect();
    let links: Vec<_> = settled.iter().map(|it| (title(it), it.links.clone())).collect();
    std::fs::write(folder.join("drt-hops.svg"), plot::svg("hops until a text is there", &hops))?;
    std::fs::write(folder.join("drt-links.svg"), plot::svg("links of a member", &links))?;
    Ok(())
}
