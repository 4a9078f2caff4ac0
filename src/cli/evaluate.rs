//! `evaluate`: how good trained weights are, on the test samples of a data set.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;

use super::common::{Common, check_finite, print, read_data, require_weights, sample_data};
use crate::evaluation::evaluate;
use crate::tasks::Network;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder or file of the data [default: the project's sample data]
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run<N: Network>(common: &Common, args: &Args) -> Result<()> {
    require_weights(common);
    let model = common.model::<N>()?;
    let path = args.data.clone().unwrap_or_else(sample_data::<N>);
    let test = read_data::<N>(&path)?.test;
    let (output, evaluation) = evaluate(&model, &test)?;
    check_finite(&output, &model, common)?;
    print(|stdout| {
        if args.json {
            return writeln!(stdout, "{}", evaluation.to_json());
        }
        writeln!(stdout, "samples {}", test.len())?;
        for metric in &evaluation.metrics {
            writeln!(stdout, "{metric}")?;
        }
        if let Some(confusion) = &evaluation.confusion {
            writeln!(stdout, "\n{confusion}")?;
        }
        Ok(())
    })
}
