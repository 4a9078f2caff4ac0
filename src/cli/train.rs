//! `train`: trains the network on a data set, and resumes interrupted training.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::common::{Common, Weights, model, note, read_data, stdout};
use super::paths::{trace_file, weights_file};
use super::progress::Progress;
use super::settings::{Given, Settings};
use super::signals::Interrupts;
use super::train_files::Files;
use crate::checkpoint::{self, Checkpoint, Lock, fingerprint};
use crate::data::{Samples, Splits};
use crate::evaluation::evaluate;
use crate::tasks::{Dataset, Evaluate, Network};
use crate::torch::serialization::{Metadata, NamedTensors, check_writable, save_state_dict};
use crate::torch::shown_path;
use crate::torch::utils::data::{DataLoader, DataLoaderConfig};
use crate::trace;
use crate::training::{Epoch, Observer, Position, Schedule, Training};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    given: Given,
    #[command(flatten)]
    files: Files,
    /// Run one batch and the evaluation, and write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run<N>(common: &Common, args: &Args) -> Result<ExitCode>
where
    N: Network<Task: Dataset + Evaluate>,
{
    let files = &args.files;
    files.refuse_clashes(common, args.given.data.as_deref());
    let interrupts = Interrupts::listen()?;
    // Held to the end: the checkpoint read below is the one that this training resumes and
    // replaces.
    let _lock = files.checkpoint().map(Lock::take).transpose()?;
    files.refuse_other_checkpoint()?;
    let resumed = files.resume.as_deref().map(Checkpoint::read).transpose()?;
    let settings = match &resumed {
        Some(checkpoint) => Settings::resumed::<N>(common, &args.given, checkpoint)?,
        None => Settings::new::<N>(common, &args.given),
    };
    files.refuse_clashes(common, Some(&settings.data));
    // Checked now rather than after hours of training.
    let output = files.output.as_deref().map(weights_file).transpose()?;
    let trace = files.trace.as_deref().map(trace_file).transpose()?;
    files.checkpoint().map(check_writable).transpose()?;

    // If no data are given, the checkpoint names them.
    let recorded_in = resumed.as_ref().filter(|_| args.given.data.is_none());
    let data = read_training_data::<N>(&settings.data, recorded_in)?;
    let fingerprint = fingerprint(&data.train)?;
    let mut training = new_training::<N>(&settings, &common.from, &data.train)?;
    training.model.plans = common.plans();
    if let Some(checkpoint) = &resumed {
        settings.check_same_data(checkpoint, &fingerprint)?;
        checkpoint.restore(&mut training)?;
    }
    if args.dry_run {
        return dry_run(training, &data);
    }

    if files.keeps_nothing() {
        note("without --output or --checkpoint the trained weights are not saved");
    }
    let metadata = settings.record_with_data::<N>(fingerprint);
    let mut session = Session {
        held_back: data.held_back(),
        checkpoint: files.checkpoint(),
        metadata: &metadata,
        interrupts,
        progress: Progress::new(&training.loader, training.epochs, &training.position),
        trace: trace.is_some().then(NamedTensors::new),
    };
    let ended = training.run(&data.train, &mut session);
    session.progress.finish();
    if ended?.is_break() {
        session.stop(&training)?;
        return Ok(session.interrupts.exit_code());
    }
    if let Some(file) = output {
        save_state_dict(&training.model.vs, file)?;
    }
    if let (Some(file), Some(tensors)) = (trace, &session.trace) {
        file.write_safetensors(tensors, settings.record::<N>())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read_training_data<N>(path: &Path, recorded_in: Option<&Checkpoint>) -> Result<Splits>
where
    N: Network<Task: Dataset>,
{
    let data = read_data::<N>(path);
    match recorded_in {
        Some(checkpoint) => data.with_context(|| {
            let path = shown_path(&checkpoint.path);
            format!(
                "the data are named by {path}; if they have moved, give their new place with --data"
            )
        }),
        None => data,
    }
}

/// The network, the optimizer and the loader, before the first epoch.
fn new_training<N: Network<Task: Dataset>>(
    settings: &Settings,
    weights: &Weights,
    samples: &Samples,
) -> Result<Training<N>> {
    let model = model(
        settings.seed,
        settings.device,
        Some(settings.threads),
        weights,
    )?;
    let algorithm = settings.optimizer;
    let mut optimizer = algorithm.build_with(&model.vs, settings.lr, settings.arguments)?;
    let config = DataLoaderConfig::shuffled(settings.batch_size);
    let loader = DataLoader::new(samples.len(), config)?;
    let build = |schedule: &Schedule| {
        let scheduler = schedule.build(optimizer.as_mut(), settings.epochs, loader.len());
        scheduler.with_context(|| format!("--scheduler {schedule}"))
    };
    let scheduler = settings.scheduler.as_ref().map(build).transpose()?;
    Ok(Training {
        scheduler,
        clip_grad_norm: settings.clip_grad_norm,
        ..Training::new(model, optimizer, loader, settings.epochs)
    })
}

/// The observer of a training run.
struct Session<'a> {
    held_back: (&'static str, &'a Samples),
    checkpoint: Option<&'a Path>,
    metadata: &'a Metadata,
    interrupts: Interrupts,
    progress: Progress,
    trace: Option<NamedTensors>,
}

impl Session<'_> {
    fn save<N: Network<Task: Dataset>>(&self, training: &Training<N>) -> Result<()> {
        let save = |path| checkpoint::save(training, self.metadata, path);
        self.checkpoint.map_or(Ok(()), save)
    }

    /// Saves the state of interrupted training.
    fn stop<N: Network<Task: Dataset>>(&self, training: &Training<N>) -> Result<()> {
        self.save(training)?;
        let Position { epochs, losses, .. } = &training.position;
        let place = format!(
            "stopped after batch {} of epoch {}",
            losses.len(),
            epochs + 1
        );
        match self.checkpoint {
            Some(path) => note(format!(
                "{place}; resume with --resume {}",
                shown_path(path)
            )),
            None => note(format!("{place}; without --checkpoint nothing is saved")),
        }
        Ok(())
    }
}

impl<N: Network<Task: Dataset + Evaluate>> Observer<N> for Session<'_> {
    fn after_step(&mut self, position: &Position, samples: usize) -> ControlFlow<()> {
        self.progress.advance(position, samples);
        match self.interrupts.has_come() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn after_epoch(&mut self, training: &Training<N>, epoch: &Epoch) -> Result<()> {
        let (name, samples) = self.held_back;
        // A network may draw numbers in evaluation too, and resumed training has to draw the same
        // ones. So evaluate before saving the checkpoint, which is saved even if the evaluation
        // fails.
        let evaluated = evaluate(&training.model, samples);
        self.save(training)?;
        let (output, evaluation) = evaluated?;
        if let Some(trace) = &mut self.trace {
            trace::insert_epoch(trace, training, epoch, &output, &evaluation);
        }
        let (number, epochs) = (epoch.number, training.epochs);
        let loss = epoch.mean_loss;
        let line = format!("epoch {number}/{epochs}: loss {loss:.6}; {name}: {evaluation}");
        self.progress.print(&line)
    }
}

/// An observer that ends training after its first step.
struct OneStep;

impl<N: Network<Task: Dataset>> Observer<N> for OneStep {
    fn after_step(&mut self, _: &Position, _: usize) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

fn dry_run<N>(mut training: Training<N>, data: &Splits) -> Result<ExitCode>
where
    N: Network<Task: Dataset + Evaluate>,
{
    let _ = training.run(&data.train, &mut OneStep)?;
    let (name, samples) = data.held_back();
    let (_, evaluation) = evaluate(&training.model, samples)?;
    let step = match training.position.losses.last() {
        Some(loss) => format!("loss of one batch {loss:.6}"),
        None => "no batch is left".to_owned(),
    };
    writeln!(
        stdout(),
        "dry run: {step}; {name}: {evaluation}; nothing is written"
    )?;
    Ok(ExitCode::SUCCESS)
}
