//! Is softmax essential? The document's claims, each measured on networks trained here.
//!
//! ```sh
//! cargo run --example is_softmax_essential -- --output report.html
//! ```
//!
//! One line a claim goes to stdout: the claim, what was measured, and whether it holds by the rule
//! that the report states beside it. The report has the figures.

mod binary;
mod calibration;
mod claims;
mod confidence;
mod data;
mod figures;
mod gradients;
mod laboratory;
mod losses;
mod normalisation;
mod regression;
mod report;
mod saturation;
mod several_labels;
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
    /// torch.manual_seed(N) before each network is built
    #[arg(long, value_name = "N", default_value_t, allow_negative_numbers = true)]
    seed: Seed,
    /// Where the report goes
    #[arg(long, value_name = "FILE.html", default_value = "report.html")]
    output: PathBuf,
    /// Where the figures go as well, a file each
    #[arg(long, value_name = "FOLDER")]
    figures: Option<PathBuf>,
    /// Threads of one operation: networks this small gain nothing from more
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(i32).range(1..=1024), allow_negative_numbers = true)]
    threads: i32,
}

fn main() -> ExitCode {
    exit_code(|| run(&Cli::parse()))
}

fn run(cli: &Cli) -> Result<ExitCode> {
    let (written, read) = (Some(cli.output.as_path()), cli.data.as_deref());
    refuse_overwriting(&[("--output", written)], &[("--data", read)]);
    set_threads(cli.threads)?;
    // Found out now rather than after the training.
    let output = OutputFile::create(&cli.output)?;
    let data = Data::read(cli.data.as_deref())?;
    let laboratory = Laboratory::new(cli.seed, &data);

    let digits = losses::train(&laboratory, &data.digits)?;
    let sections = [
        laboratory.print(normalisation::section(cli.seed)?)?,
        laboratory.print(confidence::section(&data.digits, &digits.on_logits)?)?,
        laboratory.print(losses::section(&data.digits, &digits)?)?,
        laboratory.print(regression::section(&laboratory, &data.houses)?)?,
        laboratory.print(binary::section(&laboratory, &data.digits)?)?,
        laboratory.print(several_labels::section(&laboratory, &data.digits)?)?,
    ];
    laboratory.finish();
    if let Some(folder) = &cli.figures {
        report::write_figures(&sections, folder)?;
    }
    output.write(report::page(&sections, &data, cli.seed).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
