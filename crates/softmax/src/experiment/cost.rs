//! The cost of a second output: in weights, and in the time of a training step.

use std::ops::ControlFlow;
use std::time::Instant;

use anyhow::Result;
use final_layer::data::Samples;
use final_layer::tasks::{Dataset, Model, Network};
use final_layer::torch::utils::data::{DataLoader, DataLoaderConfig};
use final_layer::training::{Algorithm, Observer, Position, Training};
use tch::{Kind, Tensor};

use crate::experiment::claims::{Claim, Kind as ClaimKind};
use crate::experiment::data::Parts;
use crate::experiment::laboratory::{BATCH_SIZE, build};
use crate::experiment::statistics::{Interval, Verdict};
use crate::experiment::variants::{OneLogit, TwoLogits, Varied};

/// The smallest share that counts as a cost.
const MARGIN: f64 = 0.05;

/// The number of turns that the two networks take alternately, so that other load affects both
/// alike.
const ROUNDS: usize = 20;

pub struct Cost {
    weights: [usize; 2],
    /// The increase of the step time with two outputs, as a share, by round.
    slower: Vec<f64>,
    /// The median time of a step with one output, in seconds.
    step: f64,
}

impl Cost {
    /// Measures the cost. Nothing else may be trained at the same time.
    pub fn measure(digits: &Parts) -> Result<Self> {
        let part = |targets: fn(&Tensor) -> Tensor| Samples {
            features: digits.train.features.shallow_clone(),
            targets: targets(&digits.train.targets),
        };
        let column = part(|digits| digits.remainder(2).to_kind(Kind::Float).unsqueeze(1));
        let class = part(|digits| digits.remainder(2));
        let (mut slower, mut steps) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let one = step::<Varied<OneLogit>>(&column)?;
            let two = step::<Varied<TwoLogits>>(&class)?;
            slower.push(two / one - 1.);
            steps.push(one);
        }
        let weights = [
            count(&build::<Varied<OneLogit>>(0)),
            count(&build::<Varied<TwoLogits>>(0)),
        ];
        Ok(Self {
            weights,
            slower,
            step: median(steps),
        })
    }

    pub fn claim(&self) -> Claim {
        let [one, two] = self.weights;
        let heavier = two as f64 / one as f64 - 1.;
        let slower = Interval::of(&self.slower);
        let parts = [Verdict::if_so(heavier > MARGIN), slower.is_above(MARGIN)];
        Claim {
            id: "second-output",
            kind: ClaimKind::Measurement,
            sentence: "Softmax, in this instance, can be used, but would generally involve two output \
                       neurons, which adds unnecessary computational cost …",
            experiment: "The weights of BinaryClassifier's layers with one output and with two, \
                         and the time of their training steps, twenty epochs each in turn on one \
                         thread."
                .to_owned(),
            finding: format!(
                "A second output adds {} weights to {one} ({:.2} %), and {:+.1} % to the time of a \
                 step of {:.2} ms.",
                two - one,
                100. * heavier,
                slower.times(100.),
                1000. * self.step
            ),
            verdict: Verdict::of_each(&parts),
            rule: "That there are more weights is known; whether it matters is judged. Holds if \
                   both weights and time grow by more than 5 %, the time by its whole interval; \
                   does not hold if neither does; in part if one does.",
        }
    }
}

/// The median time of a training step over an epoch, in seconds.
fn step<N: Network<Task: Dataset<Output = Tensor>>>(samples: &Samples) -> Result<f64> {
    let model = build::<N>(0);
    let optimizer = Algorithm::Adam.build(&model.vs, 1e-3)?;
    let loader = DataLoader::new(samples.len(), DataLoaderConfig::shuffled(BATCH_SIZE))?;
    let mut watch = Watch {
        last: Instant::now(),
        seconds: Vec::new(),
    };
    let _ = Training::new(model, optimizer, loader, 1).run(samples, &mut watch)?;
    Ok(median(watch.seconds))
}

struct Watch {
    last: Instant,
    seconds: Vec<f64>,
}

impl<N: Network<Task: Dataset<Output = Tensor>>> Observer<N> for Watch {
    fn after_step(&mut self, _position: &Position, _samples: usize) -> ControlFlow<()> {
        self.seconds.push(self.last.elapsed().as_secs_f64());
        self.last = Instant::now();
        ControlFlow::Continue(())
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The number of trainable weights.
fn count<N: Network>(model: &Model<N>) -> usize {
    let variables = model.vs.trainable_variables();
    variables.iter().map(Tensor::numel).sum()
}
