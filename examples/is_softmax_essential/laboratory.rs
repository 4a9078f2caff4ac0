//! Where networks are trained, all from one seed, with the library's one loop.

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::time::Instant;

use anyhow::Result;
use final_layer::cli::stdout;
use final_layer::data::Samples;
use final_layer::tasks::{Dataset, Model, Network};
use final_layer::torch::random::Seed;
use final_layer::torch::utils::data::{DataLoader, DataLoaderConfig};
use final_layer::training::{Algorithm, Epoch, Observer, Position, Training};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tch::{Device, Tensor};

use crate::binary::ROUNDS;
use crate::claims::Section;
use crate::data::Data;

/// Passes over the pictures.
pub const EPOCHS: usize = 20;
/// Passes over the houses.
pub const HOUSE_EPOCHS: usize = 100;
pub const BATCH_SIZE: i64 = 64;
pub const LEARNING_RATE: f64 = 1e-3;

/// Passes over the pictures, and over the houses, by all networks.
const ALL_EPOCHS: usize = 10 * EPOCHS + 3 * ROUNDS;
const ALL_HOUSE_EPOCHS: usize = 3 * HOUSE_EPOCHS;

pub struct Laboratory {
    seed: Seed,
    bar: ProgressBar,
}

/// A trained network, and how it got there.
pub struct Run<N: Network<Task: Dataset>, S = ()> {
    pub model: Model<N>,
    /// The mean training loss of each epoch.
    pub losses: Vec<f64>,
    /// The smallest loss of a batch.
    pub smallest_loss: f64,
    /// What the judge said after each epoch.
    pub scores: Vec<S>,
    /// The median time of a step, in seconds.
    pub step_seconds: f64,
}

impl Laboratory {
    /// A bar on a terminal counts the samples that all networks will have seen.
    pub fn new(seed: Seed, data: &Data) -> Self {
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let pictures = data.digits.train.len() as usize * ALL_EPOCHS;
        let houses = data.houses.train.len() as usize * ALL_HOUSE_EPOCHS;
        let style = ProgressStyle::with_template("{msg} [{wide_bar}] {percent} %, {eta} left")
            .expect("the template is valid")
            .progress_chars("=> ");
        let all = (pictures + houses) as u64;
        let bar = ProgressBar::with_draw_target(Some(all), target).with_style(style);
        Self { seed, bar }
    }

    /// Prints the claims of a section, a line each.
    pub fn print(&self, section: Section) -> Result<Section> {
        let printed = self.bar.suspend(|| {
            let mut stdout = stdout();
            let mut claims = section.claims.iter();
            claims.try_for_each(|claim| writeln!(stdout, "{claim}"))
        });
        match printed {
            // The report is wanted even if nobody reads the claims here.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            result => result?,
        }
        Ok(section)
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// A network with the initial weights that the seed draws.
    pub fn build<N: Network<Task: Dataset>>(&self) -> Model<N> {
        self.seed.manual_seed();
        Model::new(Device::Cpu)
    }

    /// Trains a network from the seed with Adam; `judge` is shown the model after each epoch.
    pub fn train<N: Network<Task: Dataset>, S>(
        &self,
        samples: &Samples,
        epochs: usize,
        judge: impl Fn(&Model<N>) -> Result<S>,
    ) -> Result<Run<N, S>> {
        let model = self.build();
        let optimizer = Algorithm::Adam.build(&model.vs, LEARNING_RATE)?;
        let loader = DataLoader::new(samples.len(), DataLoaderConfig::shuffled(BATCH_SIZE))?;
        let mut training = Training::new(model, optimizer, loader, epochs);
        self.bar.set_message(N::NAME);
        let mut notes = Notes {
            bar: &self.bar,
            judge,
            losses: Vec::new(),
            smallest_loss: f64::INFINITY,
            scores: Vec::new(),
            last_step: Instant::now(),
            seconds: Vec::new(),
        };
        let _ = training.run(samples, &mut notes)?;
        Ok(Run {
            losses: notes.losses,
            smallest_loss: notes.smallest_loss,
            scores: notes.scores,
            step_seconds: median(notes.seconds),
            model: training.model,
        })
    }
}

/// What is noted down during training.
struct Notes<'a, J, S> {
    bar: &'a ProgressBar,
    judge: J,
    losses: Vec<f64>,
    smallest_loss: f64,
    scores: Vec<S>,
    last_step: Instant,
    seconds: Vec<f64>,
}

impl<N: Network<Task: Dataset>, S, J: Fn(&Model<N>) -> Result<S>> Observer<N> for Notes<'_, J, S> {
    fn after_step(&mut self, position: &Position, samples: usize) -> ControlFlow<()> {
        self.seconds.push(self.last_step.elapsed().as_secs_f64());
        let loss = position.losses.last().map_or(f64::NAN, |&loss| loss.into());
        self.smallest_loss = self.smallest_loss.min(loss);
        self.bar.inc(samples as u64);
        self.last_step = Instant::now();
        ControlFlow::Continue(())
    }

    fn after_epoch(&mut self, training: &Training<N>, epoch: &Epoch) -> Result<()> {
        self.losses.push(epoch.mean_loss);
        self.scores.push((self.judge)(&training.model)?);
        self.last_step = Instant::now();
        Ok(())
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The network's outputs, without gradients.
pub fn outputs<N>(model: &Model<N>, samples: &Samples) -> Tensor
where
    N: Network<Task: Dataset<Output = Tensor>>,
{
    final_layer::evaluation::outputs(model, &samples.features, 1024)
}

/// How many numbers a network has learned.
pub fn parameters<N: Network<Task: Dataset>>(model: &Model<N>) -> usize {
    let variables = model.vs.trainable_variables();
    variables.iter().map(Tensor::numel).sum()
}
