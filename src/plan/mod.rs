//! The step ahead of autograd: a network that is a chain of layers, run forward and backward over
//! buffers that are kept, by the kernels that autograd calls in the end, and with its bits.
//!
//! Autograd records a graph in each step, allocates what it computes and takes the graph apart again,
//! and libtorch looks each operation up. For small networks that is most of the time. A network that
//! says its [`Chain`] ([`Network::CHAIN`]) has a plan, one for each size of batch:
//!
//! | file | what is there |
//! | --- | --- |
//! | `chain.rs` | what a network says |
//! | `forward.rs` | what it makes of a batch, line by line with formulas |
//! | `loss.rs` | the losses and their gradients, the same way |
//! | `backward.rs` | the gradient of every parameter, the same way |
//! | `buffer.rs` | memory that is used again unless somebody holds it |
//! | `check.rs` | whether a plan gives autograd's bits |
//!
//! Nobody has to trust a chain. The first batch of each size is autograd's. A plan is made for that
//! size and for the threads that there are, is given the same batch, and has to come to the same
//! output, the same loss and the same gradient of every parameter, to the bit. If one bit differs, or
//! there is no chain, autograd goes on doing the work, and [`Plans::on`] hears why. A batch that could
//! not tell an activation from none (no number below 0 in front of a ReLU, weights that are all 0)
//! proves nothing: the next one is asked.
//!
//! At each batch a plan looks whether it is one that it was made for: the shape, the dtype and the
//! threads, the weights in the memory where they were, each wanting a gradient and having none. Any
//! other is autograd's.

mod backward;
mod buffer;
mod chain;
mod check;
mod forward;
mod loss;

use std::cell::RefCell;
use std::fmt;

use anyhow::{Context, Result};
use tch::Tensor;

pub use chain::{Chain, Layer, Loss};

use self::backward::Step;
use self::check::Verdict;
use self::forward::Forward;
use crate::tasks::{Model, Network};
use crate::torch::native::is_grad_enabled;
use crate::torch::one_line;

/// How many sizes of batch a model has plans for; any more are autograd's.
const MOST: usize = 8;

/// After so many batches that could not tell, autograd stays.
const MOST_BLIND: usize = 8;

/// The plans of a model, made when a batch of a new size comes.
#[derive(Debug, Default)]
pub struct Plans {
    is_off: bool,
    say: Option<Say>,
    made: RefCell<Made>,
}

/// Hears what runs a batch.
struct Say(Box<dyn Fn(&str) + Send>);

#[derive(Debug, Default)]
struct Made {
    steps: Vec<Entry<Step>>,
    predictions: Vec<Entry<Forward>>,
}

/// What was found out about batches of one size.
#[derive(Debug)]
struct Entry<P> {
    /// Of the input, `(N, …)`.
    size: Vec<i64>,
    threads: i32,
    runs: Runs<P>,
}

/// What runs batches of one size.
#[derive(Debug)]
enum Runs<P> {
    Plan(P),
    Autograd,
    /// Autograd, until a batch can tell; so many could not.
    NotKnown(usize),
}

impl Plans {
    /// Plans where there can be some. `say` hears, once for each size of batch, what runs it.
    pub fn on(say: impl Fn(&str) + Send + 'static) -> Self {
        Self {
            say: Some(Say(Box::new(say))),
            ..Self::default()
        }
    }

    /// No plans: autograd runs every batch.
    pub fn off() -> Self {
        Self {
            is_off: true,
            ..Self::default()
        }
    }

    /// The output and the loss of a batch, with the gradients in the parameters, as by autograd; or
    /// nothing, and nothing done, where that has to do it.
    pub(crate) fn step<N: Network>(&self, input: &Tensor, target: &Tensor) -> Option<[Tensor; 2]> {
        if !self.is_on::<N>() || !is_grad_enabled() {
            return None;
        }
        let entries = &mut self.made.borrow_mut().steps;
        let plan = find(entries, |plan: &Step| plan.takes(input, target))?;
        // What the plan refuses, autograd refuses in its own words.
        plan.run(input, target).ok()
    }

    /// Makes a plan for batches of this size, unless it is known what runs them, and holds it against
    /// what autograd made of this one.
    pub(crate) fn learn_step<N: Network>(
        &self,
        model: &Model<N>,
        batch: [&Tensor; 2],
        results: [&Tensor; 2],
    ) {
        let entries = &mut self.made.borrow_mut().steps;
        let check = || check::step(model, &said::<N>()?, batch, results);
        self.learn(entries, "steps", batch[0], check);
    }

    /// The output for a batch in evaluation mode, or nothing where the network has to compute it.
    pub(crate) fn predict<N: Network>(&self, input: &Tensor) -> Option<Tensor> {
        if !self.is_on::<N>() {
            return None;
        }
        let entries = &mut self.made.borrow_mut().predictions;
        let plan = find(entries, |plan: &Forward| plan.takes(input))?;
        plan.run(input).ok().map(Tensor::shallow_clone)
    }

    /// As [`Plans::learn_step`], of a prediction.
    pub(crate) fn learn_prediction<N: Network>(
        &self,
        model: &Model<N>,
        input: &Tensor,
        output: &Tensor,
    ) {
        let entries = &mut self.made.borrow_mut().predictions;
        let check = || check::prediction(model, &said::<N>()?, input, output);
        self.learn(entries, "predictions", input, check);
    }

    fn is_on<N: Network>(&self) -> bool {
        !self.is_off && N::CHAIN.is_some()
    }

    fn learn<P: Planned>(
        &self,
        entries: &mut Vec<Entry<P>>,
        what: &str,
        input: &Tensor,
        check: impl FnOnce() -> Result<Verdict<P>>,
    ) {
        // Of weights that lie elsewhere now nothing is known.
        entries.retain(|entry| match &entry.runs {
            Runs::Plan(plan) => plan.forward().weights_are_where_they_were(),
            Runs::Autograd | Runs::NotKnown(_) => true,
        });
        let (size, threads) = (input.size(), tch::get_num_threads());
        let is_known = |entry: &Entry<P>| entry.size == size && entry.threads == threads;
        let known = entries.iter().position(is_known);
        let blind = match known.map(|number| &entries[number].runs) {
            Some(Runs::NotKnown(batches)) => *batches,
            Some(_) => return,
            None if self.is_off || size.is_empty() || entries.len() >= MOST => return,
            None => 0,
        };
        if let Some(number) = known {
            entries.remove(number);
        }
        let (runs, by) = match check() {
            Ok(Verdict::Blind) if blind + 1 < MOST_BLIND => (Runs::NotKnown(blind + 1), None),
            Ok(Verdict::Blind) => (Runs::Autograd, Some(NOTHING_SHOWN.to_owned())),
            Ok(Verdict::Equal(plan)) => (Runs::Plan(plan), Some("a plan".to_owned())),
            Err(why) => {
                let by = format!("autograd: {}", one_line(why.as_ref()));
                (Runs::Autograd, Some(by))
            }
        };
        if let (Some(Say(say)), Some(by)) = (&self.say, by) {
            say(&format!("{what} on batches of {}: run by {by}", size[0]));
        }
        entries.push(Entry {
            size,
            threads,
            runs,
        });
    }
}

const NOTHING_SHOWN: &str = "autograd: no batch shows what the activations do";

/// What the network says of itself.
fn said<N: Network>() -> Result<Chain> {
    N::CHAIN.context("the network names no chain of layers")
}

/// The plan that takes a batch, with the threads that there are.
fn find<P>(entries: &mut [Entry<P>], takes: impl Fn(&P) -> bool) -> Option<&mut P> {
    let threads = tch::get_num_threads();
    let mut entries = entries.iter_mut();
    entries.find_map(|entry| match &mut entry.runs {
        Runs::Plan(plan) if entry.threads == threads && takes(plan) => Some(plan),
        _ => None,
    })
}

/// A plan, whose layers stand over parameters.
trait Planned {
    fn forward(&self) -> &Forward;
}

impl Planned for Step {
    fn forward(&self) -> &Forward {
        self.forward()
    }
}

impl Planned for Forward {
    fn forward(&self) -> &Forward {
        self
    }
}

impl fmt::Debug for Say {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Say")
    }
}
