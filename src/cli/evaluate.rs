//! `evaluate`: the metrics of trained weights on the test samples of a data set.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use super::common::{Common, data_or_sample, read_data, require_weights, stdout};
use crate::evaluation::{check_finite, evaluate};
use crate::tasks::{Dataset, Evaluate, Network};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder with MNIST's files, or an .npz, CSV or text file, depending on the network [default:
    /// the project's sample data]
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run<N>(common: &Common, args: &Args) -> Result<ExitCode>
where
    N: Network<Task: Dataset + Evaluate>,
{
    require_weights(common);
    let model = common.model::<N>()?;
    let path = data_or_sample::<N>(args.data.as_deref());
    let test = read_data::<N>(&path)?.test;
    let (output, evaluation) = evaluate(&model, &test)?;
    check_finite(&model.vs, &output)?;
    let mut stdout = stdout();
    if args.json {
        writeln!(stdout, "{}", evaluation.to_json())?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(stdout, "samples {}", test.len())?;
    for metric in &evaluation.metrics {
        writeln!(stdout, "{metric}")?;
    }
    if let Some(confusion) = &evaluation.confusion {
        writeln!(stdout, "\n{confusion}")?;
    }
    Ok(ExitCode::SUCCESS)
}
