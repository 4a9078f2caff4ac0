//! `trace`: a few training steps on random data, tensor by tensor.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::value_parser;

use super::common::Common;
use super::paths::{refuse_overwriting, trace_file};
use super::settings::{batch_size, learning_rate, not_negative, torch_version};
use crate::tasks::Network;
use crate::torch::serialization::Metadata;
use crate::trace;
use crate::training::{Algorithm, Arguments};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write the tensors to this file
    #[arg(long, value_name = "FILE.safetensors")]
    output: PathBuf,
    /// Training steps, all on the same batch
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u32).range(1..),
        allow_negative_numbers = true)]
    steps: u32,
    /// Samples in the batch
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = batch_size, allow_negative_numbers = true)]
    batch_size: i64,
    /// Optimizer, with PyTorch's defaults
    #[arg(long, value_enum, default_value_t = Algorithm::Sgd)]
    optimizer: Algorithm,
    /// Learning rate
    #[arg(long, value_name = "F", default_value_t = 1e-3, value_parser = learning_rate, allow_hyphen_values = true)]
    lr: f64,
    /// Weight decay [default: the optimizer's]
    #[arg(long, value_name = "F", value_parser = not_negative, allow_hyphen_values = true)]
    weight_decay: Option<f64>,
    /// Momentum of SGD and RMSprop [default: the optimizer's]
    #[arg(long, value_name = "F", value_parser = not_negative, allow_hyphen_values = true)]
    momentum: Option<f64>,
}

pub(super) fn run<N: Network>(common: &Common, args: &Args) -> Result<ExitCode> {
    let (written, read) = (Some(args.output.as_path()), common.from.weights.as_deref());
    refuse_overwriting(&[("--output", written)], &[("--weights", read)]);
    let output = trace_file(&args.output)?;
    let model = common.model::<N>()?;
    let arguments = Arguments {
        weight_decay: args.weight_decay,
        momentum: args.momentum,
    };
    let mut optimizer = args.optimizer.build_with(&model.vs, args.lr, arguments)?;
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
    let mut metadata: Metadata = metadata.map(|(key, value)| (key.to_owned(), value)).into();
    // Options that were not given are not recorded.
    for (key, value) in [
        ("weight_decay", args.weight_decay),
        ("momentum", args.momentum),
    ] {
        metadata.extend(value.map(|value| (key.to_owned(), value.to_string())));
    }
    output.write_safetensors(&trace, metadata)?;
    Ok(ExitCode::SUCCESS)
}
