//! `train`: trains the network on a data set, and goes on where it was stopped.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use clap::error::ErrorKind;

use super::common::{Common, model, note, read_data, usage_error};
use super::progress::Progress;
use super::settings::{Given, Settings};
use crate::checkpoint::{self, Checkpoint, fingerprint};
use crate::data::{Samples, Splits};
use crate::evaluation::evaluate;
use crate::storage::{Metadata, NamedTensors, OutputFile, check_writable};
use crate::tasks::Network;
use crate::torch::data::ShuffledOrder;
use crate::torch::state_dict::save_state_dict;
use crate::trace;
use crate::training::{Epoch, Observer, Position, Training};

/// The exit code of a process that an interrupt ended: 128 + SIGINT.
const INTERRUPTED: u8 = 130;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    given: Given,
    /// Where the trained weights go
    #[arg(long, value_name = "FILE.safetensors")]
    output: Option<PathBuf>,
    /// Where all that is needed to go on is kept, after each epoch and on Ctrl-C
    /// [default: the file of --resume]
    #[arg(long, value_name = "FILE.safetensors")]
    checkpoint: Option<PathBuf>,
    /// Go on from this checkpoint, under its settings; only --epochs may be raised
    #[arg(long, value_name = "FILE.safetensors")]
    resume: Option<PathBuf>,
    /// Try everything on one batch and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Record losses, weights, optimizer and outputs after each epoch, to be compared
    #[arg(long, value_name = "FILE.safetensors")]
    trace: Option<PathBuf>,
}

pub(super) fn run<N: Network>(common: &Common, args: &Args) -> Result<ExitCode> {
    refuse_what_cannot_be_meant(common, args)?;
    let resumed = args.resume.as_deref().map(Checkpoint::read).transpose()?;
    let settings = match &resumed {
        Some(checkpoint) => Settings::resumed::<N>(common, &args.given, checkpoint)?,
        None => Settings::new::<N>(common, &args.given),
    };
    // Found out now rather than after hours of training.
    let output = args.output.as_deref().map(OutputFile::create).transpose()?;
    let trace = args.trace.as_deref().map(OutputFile::create).transpose()?;
    let checkpoint = args.checkpoint.as_deref().or(args.resume.as_deref());
    checkpoint.map(check_writable).transpose()?;

    let data = read_data::<N>(&settings.data)?;
    let fingerprint = fingerprint(&data.train)?;
    let mut training = new_training::<N>(&settings, common.weights.as_deref(), &data.train)?;
    if let Some(checkpoint) = &resumed {
        settings.check_same_data(checkpoint, &fingerprint)?;
        checkpoint.restore(&mut training)?;
    }
    if args.dry_run {
        return dry_run(training, &data);
    }

    let metadata = settings.record_with_data::<N>(fingerprint);
    let mut session = Session {
        held_back: data.held_back(),
        checkpoint,
        metadata: &metadata,
        interrupted: listen_to_interrupts()?,
        progress: Progress::new(&training.order, &training.position),
        trace: trace.is_some().then(NamedTensors::new),
    };
    let ended = training.run(&data.train, &mut session);
    session.progress.finish();
    if ended?.is_break() {
        session.stop(&training)?;
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if let (Some(file), Some(tensors)) = (trace, &session.trace) {
        file.write_safetensors(tensors, settings.record::<N>())?;
    }
    if let Some(file) = output {
        save_state_dict(&training.model.vs, file)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn refuse_what_cannot_be_meant(common: &Common, args: &Args) -> Result<()> {
    if args.resume.is_some() && common.weights.is_some() {
        let message = "--weights and --resume: the checkpoint has weights of its own";
        usage_error(ErrorKind::ArgumentConflict, message);
    }
    let files = [&args.output, &args.trace, &args.checkpoint, &args.resume];
    let [output, trace, checkpoint, resume] = files.map(Option::as_deref);
    let clash = |a: Option<&Path>, b| a.is_some() && a == b;
    if clash(output, trace)
        || [output, trace]
            .iter()
            .any(|&file| clash(file, checkpoint.or(resume)))
    {
        let message = "--output, --trace and --checkpoint need a file each";
        usage_error(ErrorKind::ArgumentConflict, message);
    }
    if let Some(path) = &args.checkpoint {
        ensure!(
            !path.exists() || args.resume.as_ref() == Some(path),
            "{0}: there is a checkpoint already; go on from it with --resume {0}, or move it away",
            path.display()
        );
    }
    Ok(())
}

/// The network, the optimizer and the order of the samples, drawn as Python draws them: the order
/// right after the weights.
fn new_training<N: Network>(
    settings: &Settings,
    weights: Option<&Path>,
    samples: &Samples,
) -> Result<Training<N>> {
    let model = model(
        settings.seed,
        settings.device,
        Some(settings.threads),
        weights,
    )?;
    let optimizer = settings.optimizer.build(&model.vs, settings.lr);
    let order = ShuffledOrder::draw(samples.len(), settings.batch_size, settings.epochs);
    Ok(Training {
        model,
        optimizer,
        order,
        position: Position::default(),
    })
}

/// Whether an interrupt has come. A second one ends the process at once.
fn listen_to_interrupts() -> Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&interrupted);
    ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::SeqCst) {
            exit(INTERRUPTED.into());
        }
    })?;
    Ok(interrupted)
}

/// What goes on beside training.
struct Session<'a> {
    held_back: (&'static str, &'a Samples),
    checkpoint: Option<&'a Path>,
    metadata: &'a Metadata,
    interrupted: Arc<AtomicBool>,
    progress: Progress,
    trace: Option<NamedTensors>,
}

impl Session<'_> {
    fn save<N: Network>(&self, training: &Training<N>) -> Result<()> {
        let save = |path| checkpoint::save(training, self.metadata, path);
        self.checkpoint.map_or(Ok(()), save)
    }

    /// Saves where training was interrupted.
    fn stop<N: Network>(&self, training: &Training<N>) -> Result<()> {
        self.save(training)?;
        let Position { epochs, losses } = &training.position;
        let place = format!(
            "stopped after batch {} of epoch {}",
            losses.len(),
            epochs + 1
        );
        match self.checkpoint {
            Some(path) => note(format!("{place}; go on with --resume {}", path.display())),
            None => note(format!("{place}; nothing is kept without --checkpoint")),
        }
        Ok(())
    }
}

impl<N: Network> Observer<N> for Session<'_> {
    fn after_step(&mut self, position: &Position, samples: usize) -> ControlFlow<()> {
        self.progress.advance(position, samples);
        match self.interrupted.load(Ordering::SeqCst) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn after_epoch(&mut self, training: &Training<N>, epoch: &Epoch) -> Result<()> {
        self.save(training)?;
        let (name, samples) = self.held_back;
        let (output, evaluation) = evaluate(&training.model, samples)?;
        if let Some(trace) = &mut self.trace {
            trace::insert_epoch(trace, training, epoch, &output, &evaluation);
        }
        let (number, epochs) = (epoch.number, training.order.epochs());
        let loss = epoch.mean_loss;
        let line = format!("epoch {number}/{epochs}: loss {loss:.6}; {name}: {evaluation}");
        Ok(self.progress.print(&line)?)
    }
}

/// Training that ends after its first step.
struct OneStep;

impl<N: Network> Observer<N> for OneStep {
    fn after_step(&mut self, _: &Position, _: usize) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn after_epoch(&mut self, _: &Training<N>, _: &Epoch) -> Result<()> {
        Ok(())
    }
}

fn dry_run<N: Network>(mut training: Training<N>, data: &Splits) -> Result<ExitCode> {
    let _ = training.run(&data.train, &mut OneStep)?;
    let (name, samples) = data.held_back();
    let (_, evaluation) = evaluate(&training.model, samples)?;
    let step = match training.position.losses.last() {
        Some(loss) => format!("loss of one batch {loss:.6}"),
        None => "no batch is left to train".to_owned(),
    };
    let mut stdout = io::stdout();
    writeln!(
        stdout,
        "dry run: {step}; {name}: {evaluation}; nothing is written"
    )?;
    Ok(ExitCode::SUCCESS)
}
