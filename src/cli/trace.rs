//! `trace`: a few training steps on random data, tensor by tensor.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::value_parser;

use super::common::Common;
use super::settings::{batch_size, learning_rate, torch_version};
use crate::tasks::Network;
use crate::torch::serialization::{Metadata, OutputFile};
use crate::trace;
use crate::training::Algorithm;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the tensors go
    #[arg(long, value_name = "FILE.safetensors")]
    output: PathBuf,
    /// Training steps, all on the same batch
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u32).range(1..))]
    steps: u32,
    /// Samples in the batch
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = batch_size)]
    batch_size: i64,
    /// Optimizer, with PyTorch's defaults
    #[arg(long, value_enum, default_value_t = Algorithm::Sgd)]
    optimizer: Algorithm,
    /// Learning rate
    #[arg(long, value_name = "F", default_value_t = 1e-3, value_parser = learning_rate)]
    lr: f64,
}

pub(super) fn run<N: Network>(common: &Common, args: &Args) -> Result<ExitCode> {
    let output = OutputFile::create(&args.output)?;
    let model = common.model::<N>()?;
    let mut optimizer = args.optimizer.build(&model.vs, args.lr)?;
    let steps = args.steps as usize;
    let trace = trace::record(&model, optimizer.as_mut(), args.batch_size, steps)
        .context("cannot record the trace")?;
    let metadata = [
        ("network", N::NAME.to_owned()),
        ("seed", common.seed().to_string()),
        ("steps", args.steps.to_string()),
        ("batch_size", args.batch_size.to_string()),
        ("optimizer", args.optimizer.to_string()),
        ("lr", args.lr.to_string()),
        ("device", common.device().to_string()),
        ("threads", tch::get_num_threads().to_string()),
        ("torch", torch_version().to_owned()),
    ];
    let metadata: Metadata = metadata.map(|(key, value)| (key.to_owned(), value)).into();
    output.write_safetensors(&trace, metadata)?;
    Ok(ExitCode::SUCCESS)
}
