//! The step ahead of autograd: a network that is a chain of layers, run forward and backward over
//! buffers that are kept, by the kernels that autograd calls in the end, and with its bits.
//!
//! Autograd records a graph in each step, allocates what it computes and takes the graph apart again,
//! and libtorch looks each operation up. For small networks that is most of the time. A network that
//! says its [`Chain`], as [`CHAIN`](crate::tasks::Network::CHAIN), has a plan, one for each size of
//! batch:
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

use anyhow::{Context, Result, bail};
use tch::Tensor;
use tch::nn::VarStore;

pub use chain::{Chain, Layer, Loss};

use self::backward::Step;
use self::check::Verdict;
use self::forward::Forward;
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

/// The one tensor that something is, where it is no more than one.
type One<'a> = Option<&'a Tensor>;

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

    /// The output and the loss of a batch of input and target, with the gradients in the parameters, as
    /// by autograd; or nothing, and nothing done, where that has to do it.
    pub(crate) fn step(&self, chain: Option<Chain>, batch: [One<'_>; 2]) -> Option<[Tensor; 2]> {
        let ([Some(input), Some(target)], true) = (batch, self.is_on(chain)) else {
            return None;
        };
        if !is_grad_enabled() {
            return None;
        }
        let entries = &mut self.made.borrow_mut().steps;
        let plan = find(entries, |plan: &Step| plan.takes(input, target))?;
        // What the plan refuses, autograd refuses in its own words.
        plan.run(input, target).ok()
    }

    /// Makes a plan for batches of this size, unless it is known what runs them, and holds it against
    /// what autograd made of this one: output and loss, and the gradients in the parameters.
    pub(crate) fn learn_step(
        &self,
        (chain, vs): (Option<Chain>, &VarStore),
        batch: [One<'_>; 2],
        results: [One<'_>; 2],
    ) {
        self.learn(&mut self.made.borrow_mut().steps, "steps", batch[0], || {
            let chain = chain.context(NO_CHAIN)?;
            check::step(vs, &chain, all(batch)?, all(results)?)
        });
    }

    /// The output for a batch in evaluation mode, or nothing where the network has to compute it.
    pub(crate) fn predict(&self, chain: Option<Chain>, input: One<'_>) -> Option<Tensor> {
        let input = input.filter(|_| self.is_on(chain))?;
        let entries = &mut self.made.borrow_mut().predictions;
        let plan = find(entries, |plan: &Forward| plan.takes(input))?;
        let output = plan.run(input).ok()?;
        Some(output.shallow_clone())
    }

    /// As [`Plans::learn_step`], of a prediction.
    pub(crate) fn learn_prediction(
        &self,
        (chain, vs): (Option<Chain>, &VarStore),
        input: One<'_>,
        output: One<'_>,
    ) {
        let entries = &mut self.made.borrow_mut().predictions;
        self.learn(entries, "predictions", input, || {
            let chain = chain.context(NO_CHAIN)?;
            let [input, output] = all([input, output])?;
            check::prediction(vs, &chain, input, output)
        });
    }

    fn is_on(&self, chain: Option<Chain>) -> bool {
        !self.is_off && chain.is_some()
    }

    fn learn<P: Planned>(
        &self,
        entries: &mut Vec<Entry<P>>,
        what: &str,
        input: One<'_>,
        check: impl FnOnce() -> Result<Verdict<P>>,
    ) {
        let size = input.map_or_else(Vec::new, Tensor::size);
        let threads = tch::get_num_threads();
        // Of weights that lie elsewhere now nothing is known.
        entries.retain(|entry| match &entry.runs {
            Runs::Plan(plan) => plan.forward().weights_are_where_they_were(),
            Runs::Autograd | Runs::NotKnown(_) => true,
        });
        let is_known = |entry: &Entry<P>| entry.size == size && entry.threads == threads;
        let known = entries.iter().position(is_known);
        let blind = match known.map(|number| &entries[number].runs) {
            Some(Runs::NotKnown(batches)) => *batches,
            Some(_) => return,
            None if self.is_off || entries.len() >= MOST => return,
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
            let of = size.first().map(|n| format!(" on batches of {n}"));
            say(&format!("{what}{}: run by {by}", of.unwrap_or_default()));
        }
        entries.push(Entry {
            size,
            threads,
            runs,
        });
    }
}

const NOTHING_SHOWN: &str = "autograd: no batch shows what the activations do";

const NO_CHAIN: &str = "the network names no chain of layers";

/// The tensors, if there is one in each place.
fn all(places: [One<'_>; 2]) -> Result<[&Tensor; 2]> {
    let [Some(a), Some(b)] = places else {
        bail!("it has several tensors where a plan has one");
    };
    Ok([a, b])
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
