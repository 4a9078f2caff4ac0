//! Is softmax essential? The article's claims, each measured on networks trained here.
//!
//! ```sh
//! cargo run --example is_softmax_essential
//! ```
//!
//! Prints the answer in five lines, then one line for each claim: its name, the verdict and the
//! finding. The last line is the path of the report, which has the figures and the rule of each
//! verdict.

mod answer;
mod binary;
mod calibration;
mod claims;
mod confidence;
mod cost;
mod curves;
mod data;
mod decision;
mod figures;
mod gradients;
mod house_figures;
mod label_figures;
mod laboratory;
mod loss_figures;
mod losses;
mod normalisation;
mod pictures;
mod price_scale;
mod rate_figures;
mod rates;
mod regression;
mod report;
mod saturation;
mod several_labels;
pub mod statistics;
mod variants;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use final_layer::cli::{exit_code, refuse_overwriting, set_threads, stdout};
use final_layer::torch::random::Seed;
use final_layer::torch::serialization::{FileKind, OutputFile};
use final_layer::torch::shown_path;

use self::claims::{Figure, Kind, Section};
use self::confidence::Answers;
use self::cost::Cost;
use self::data::Data;
use self::laboratory::Laboratory;
use self::pictures::Example;
use self::report::Provenance;

/// With fewer seeds than this, Student's t makes intervals too wide to decide much.
const FEW: u16 = 5;

#[derive(Debug, Parser)]
#[command(
    name = "is_softmax_essential",
    version,
    about = "Is softmax essential? Every claim measured on trained networks",
    after_help = "Ten seeds on the sample train over a thousand small networks, for minutes on two \
                  cores; ten on 10,000 pictures of MNIST took eleven minutes of processor time. \
                  --seeds 2 is for a first look."
)]
struct Cli {
    /// Folder of digits in MNIST's layout [default: the project's sample data]
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Seed of the experiment, from which the seeds of all networks follow
    #[arg(long, value_name = "N", default_value_t, allow_negative_numbers = true)]
    seed: Seed,
    /// Number of seeds from which each network is trained
    #[arg(long, value_name = "N", default_value_t = 10,
        value_parser = clap::value_parser!(u16).range(2..=1000), allow_negative_numbers = true)]
    seeds: u16,
    /// Write the report to this file
    #[arg(long, value_name = "FILE.html", default_value = "report.html")]
    output: PathBuf,
    /// Write each figure to a file in this folder as well
    #[arg(long, value_name = "FOLDER")]
    figures: Option<PathBuf>,
    /// Write the accuracy by epoch for each learning rate to this file as well
    #[arg(long, value_name = "FILE.json")]
    curves: Option<PathBuf>,
    /// Number of networks trained in parallel, each on one thread [default: the number of
    /// processors]
    #[arg(long, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1024), allow_negative_numbers = true)]
    threads: Option<u16>,
}

/// Runs the program.
pub fn main() -> ExitCode {
    exit_code(|| run(&Cli::parse()))
}

/// What the report and the curves may replace.
const REPORT: FileKind = FileKind {
    name: "this report",
    is_head: |head| crate::has(head, "<title>Is softmax essential?</title>"),
};
const CURVES: FileKind = FileKind {
    name: "a file of curves",
    is_head: |head| head.starts_with(b"{\"about\":\"test accuracy"),
};

fn run(cli: &Cli) -> Result<ExitCode> {
    let written = [
        ("--output", Some(cli.output.as_path())),
        ("--curves", cli.curves.as_deref()),
    ];
    refuse_overwriting(&written, &[("--data", cli.data.as_deref())]);
    set_threads(1)?;
    if cli.seeds < FEW {
        eprintln!(
            "note: --seeds {}: intervals over fewer than {FEW} seeds are wide, and most verdicts \
             then undecided",
            cli.seeds
        );
    }
    // Checked now rather than after the training.
    let output = OutputFile::replacing(&cli.output, REPORT)?;
    let curves = cli.curves.as_deref();
    let curves = curves.map(|path| OutputFile::replacing(path, CURVES));
    let curves = curves.transpose()?;
    let data = Data::read(cli.data.as_deref())?;
    let threads = cli.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let laboratory = Laboratory::new(cli.seed, cli.seeds.into(), threads);
    let studies = Studies::new(&laboratory, &data)?;
    let cost = cost::Cost::measure(&data.digits)?;
    laboratory.finish();

    let sections = studies.sections(&laboratory, &data, &cost)?;
    let (example, opening) = studies.opening(&data)?;
    if let Some(folder) = &cli.figures {
        report::write_figures(&sections, folder)?;
    }
    if let Some(file) = curves {
        let name = data.folder.as_deref().unwrap_or("the project's sample");
        let json = curves::json(&studies.losses, name, cli.seeds.into());
        file.write(format!("{json}\n").as_bytes())?;
    }
    let answer = answer::lines(&sections);
    let provenance = Provenance {
        seed: cli.seed,
        seeds: cli.seeds.into(),
        data: &data,
    };
    let page = report::page(&answer, &opening, &example, &sections, &provenance);
    output.write(page.as_bytes())?;
    print(&answer, &sections, &cli.output)?;
    Ok(ExitCode::SUCCESS)
}

/// The studies of all networks.
struct Studies {
    losses: losses::Losses,
    binary: binary::Studies,
    houses: regression::Studies,
    labels: several_labels::Studies,
}

impl Studies {
    fn new(laboratory: &Laboratory, data: &Data) -> Result<Self> {
        let digits = &data.digits;
        for (networks, course) in [
            (5, losses::course(digits)),
            (3, binary::course(digits)),
            (3, regression::course(&data.houses)),
            (3, several_labels::course(digits)),
        ] {
            laboratory.expect(networks * laboratory.work(&course));
        }
        Ok(Self {
            losses: losses::study(laboratory, digits)?,
            binary: binary::study(laboratory, digits)?,
            houses: regression::study(laboratory, &data.houses)?,
            labels: several_labels::study(laboratory, digits)?,
        })
    }

    fn sections(&self, laboratory: &Laboratory, data: &Data, cost: &Cost) -> Result<[Section; 7]> {
        let digits = &data.digits;
        Ok([
            normalisation::section(laboratory.seeds[0])?,
            confidence::section(&self.losses, digits)?,
            decision::section(&self.losses, digits)?,
            losses::section(&self.losses, digits)?,
            binary::section(&self.binary, cost, digits)?,
            regression::section(&self.houses, &laboratory.seeds, &data.houses)?,
            several_labels::section(&self.labels, digits)?,
        ])
    }

    /// The picture at the top of the report.
    fn opening(&self, data: &Data) -> Result<(Example, Figure)> {
        let test = &data.digits.test;
        let run = &self.losses.on_logits.adam().runs[0];
        pictures::opening(test, &Answers::new(&run.test, &test.targets)?)
    }
}

/// Prints the answer, one line for each claim, and the path of the report.
fn print(answer: &[String], sections: &[Section], report: &Path) -> Result<()> {
    let mut text = answer.join("\n") + "\n";
    for kind in Kind::ALL {
        text += &format!("\n{}\n", kind.title());
        let claims = sections.iter().flat_map(|part| &part.claims);
        for claim in claims.filter(|claim| claim.kind == kind) {
            text += &format!("{claim}\n");
        }
    }
    text += &format!("\n{}\n", shown_path(report));
    match stdout().write_all(text.as_bytes()) {
        // The report is written even if nobody reads the claims here.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}
