//! Is softmax essential? The document's claims, each measured on networks trained here.
//!
//! ```sh
//! cargo run --example is_softmax_essential
//! ```
//!
//! The answer goes to stdout in five lines, then a line a claim: its name, the verdict, and what was
//! found. The report, whose path is the last line, has the figures, and beside each verdict the rule
//! by which it was reached.

mod claims;
mod curves;
mod data;
mod figures;
mod gradients;
mod laboratory;
mod loss_figures;
mod losses;
mod rates;
mod statistics;
mod variants;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use final_layer::cli::{exit_code, refuse_overwriting, set_threads};
use final_layer::torch::random::Seed;
use final_layer::torch::serialization::OutputFile;

use data::Data;
use laboratory::Laboratory;

#[derive(Debug, Parser)]
#[command(
    name = "is_softmax_essential",
    version,
    about = "Is softmax essential? Every claim measured on trained networks"
)]
struct Cli {
    /// Folder of digits in MNIST's layout [default: the project's sample data]
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Networks are trained from seeds of their own, which follow from this one
    #[arg(long, value_name = "N", default_value_t, allow_negative_numbers = true)]
    seed: Seed,
    /// From how many seeds each network is trained, the unit of the statistics
    #[arg(long, value_name = "N", default_value_t = 10,
        value_parser = clap::value_parser!(u16).range(2..=1000), allow_negative_numbers = true)]
    seeds: u16,
    /// Where the report goes
    #[arg(long, value_name = "FILE.html", default_value = "report.html")]
    output: PathBuf,
    /// Where the figures go as well, a file each
    #[arg(long, value_name = "FOLDER")]
    figures: Option<PathBuf>,
    /// Where the accuracy by epoch at each learning rate goes as well
    #[arg(long, value_name = "FILE.json")]
    curves: Option<PathBuf>,
    /// Networks that are trained at a time, each on one thread [default: the processors]
    #[arg(long, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1024), allow_negative_numbers = true)]
    threads: Option<u16>,
}

fn main() -> ExitCode {
    exit_code(|| run(&Cli::parse()))
}

fn run(cli: &Cli) -> Result<ExitCode> {
    let written = [("--output", Some(cli.output.as_path())), ("--curves", cli.curves.as_deref())];
    refuse_overwriting(&written, &[("--data", cli.data.as_deref())]);
    set_threads(1)?;
    // Found out now rather than after the training.
    let output = OutputFile::create(&cli.output)?;
    let curves = cli.curves.as_deref().map(OutputFile::create).transpose()?;
    let data = Data::read(cli.data.as_deref())?;
    let threads = cli.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let laboratory = Laboratory::new(cli.seed, cli.seeds.into(), threads);
    laboratory.expect(5 * laboratory.work(&losses::course(&data.digits)));
    let losses = losses::study(&laboratory, &data.digits)?;
    if let Some(file) = curves {
        let name = data.folder.as_deref().unwrap_or("sample");
        let json = curves::json(&losses, name, losses::EPOCHS, cli.seeds.into());
        file.write(format!("{json}\n").as_bytes())?;
    }
    let sections = [losses::section(&losses, &data.digits)?];
    laboratory.finish();
    for claim in sections.iter().flat_map(|s| &s.claims) { println!("{claim}"); }
    drop(output);
    Ok(ExitCode::SUCCESS)
}
