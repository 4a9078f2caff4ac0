//! Execution plans: sequential networks run from a precompiled plan, without autograd, with reused
//! buffers, and with autograd's bits, since the plan calls the same kernels.
//!
//! In each step, autograd records a graph, allocates every result and tears the graph down again,
//! and libtorch dispatches each operation. For small networks this takes most of the time. A
//! network that declares its [`Chain`], as [`CHAIN`](crate::tasks::Network::CHAIN), gets a plan for
//! each batch size:
//!
//! | file | content |
//! | --- | --- |
//! | `chain.rs` | the declaration of a chain |
//! | `forward.rs` | the forward pass, each line beside its formula |
//! | `loss.rs` | the losses and their gradients, likewise |
//! | `backward.rs` | the gradient of every parameter, likewise |
//! | `buffer.rs` | memory that is reused unless something else holds it |
//! | `check.rs` | the comparison of a plan with autograd |
//!
//! Every plan is verified. Autograd runs the first batch of each size. Then a plan is made for that
//! size and the current number of threads, runs the same batch, and must give the same output, the
//! same loss and the same gradient for every parameter, equal to the bit. If a bit differs, or if
//! the network declares no chain, autograd runs all later batches, and the callback of
//! [`Plans::on`] receives the reason. A batch that would not expose a missing activation (no
//! negative number before a ReLU, or weights that are all 0) proves nothing; then the next batch is
//! compared.
//!
//! At each batch, a plan checks that it was made for such a batch: same shape, dtype and number of
//! threads, the weights at the same addresses, each requiring a gradient and having none. Autograd
//! runs any other batch.

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

/// The most batch sizes for which a model has plans; autograd runs the others.
const MOST: usize = 8;

/// The most batches without a clear result; after that, autograd runs this size.
const MOST_BLIND: usize = 8;

/// The plans of a model, each made at the first batch of its size.
#[derive(Debug, Default)]
pub struct Plans {
    is_off: bool,
    say: Option<Say>,
    made: RefCell<Made>,
}

/// `Some` if the value is a single tensor.
type One<'a> = Option<&'a Tensor>;

/// The callback that receives what runs a batch.
struct Say(Box<dyn Fn(&str) + Send>);

#[derive(Debug, Default)]
struct Made {
    steps: Vec<Entry<Step>>,
    predictions: Vec<Entry<Forward>>,
}

/// The result for one batch size.
#[derive(Debug)]
struct Entry<P> {
    /// The size of the input, `(N, …)`.
    size: Vec<i64>,
    threads: i32,
    runs: Runs<P>,
}

/// The state of one batch size.
#[derive(Debug)]
enum Runs<P> {
    Plan(P),
    Autograd,
    /// Autograd so far; this many batches gave no clear result.
    NotKnown(usize),
}

impl Plans {
    /// Uses plans wherever possible. `say` receives, once for each batch size, what runs it.
    pub fn on(say: impl Fn(&str) + Send + 'static) -> Self {
        Self {
            say: Some(Say(Box::new(say))),
            ..Self::default()
        }
    }

    /// Uses no plans: autograd runs every batch.
    pub fn off() -> Self {
        Self {
            is_off: true,
            ..Self::default()
        }
    }

    /// The output and the loss of a batch of input and target, with the gradients in the
    /// parameters, as from autograd; `None` and no effect if autograd has to run it.
    pub(crate) fn step(&self, chain: Option<Chain>, batch: [One<'_>; 2]) -> Option<[Tensor; 2]> {
        let ([Some(input), Some(target)], true) = (batch, self.is_on(chain)) else {
            return None;
        };
        if !is_grad_enabled() {
            return None;
        }
        let entries = &mut self.made.borrow_mut().steps;
        let plan = find(entries, |plan: &Step| plan.takes(input, target))?;
        // If the plan returns an error, autograd runs the batch and reports it.
        plan.run(input, target).ok()
    }

    /// Makes a plan for this batch size, unless it is settled already, and compares it with
    /// autograd's results for this batch: output, loss, and the gradients in the parameters.
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

    /// The output for a batch in evaluation mode; `None` if the network has to compute it.
    pub(crate) fn predict(&self, chain: Option<Chain>, input: One<'_>) -> Option<Tensor> {
        let input = input.filter(|_| self.is_on(chain))?;
        let entries = &mut self.made.borrow_mut().predictions;
        let plan = find(entries, |plan: &Forward| plan.takes(input))?;
        let output = plan.run(input).ok()?;
        Some(output.shallow_clone())
    }

    /// As [`Plans::learn_step`], for a prediction.
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
        // Forget plans whose weights have moved in memory.
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

const NOTHING_SHOWN: &str = "autograd: no batch would expose a missing activation";

const NO_CHAIN: &str = "the network declares no chain of layers";

/// The tensors, if each place has one.
fn all(places: [One<'_>; 2]) -> Result<[&Tensor; 2]> {
    let [Some(a), Some(b)] = places else {
        bail!("a plan supports only a single input, output and target tensor");
    };
    Ok([a, b])
}

/// The plan that takes this batch with the current number of threads.
fn find<P>(entries: &mut [Entry<P>], takes: impl Fn(&P) -> bool) -> Option<&mut P> {
    let threads = tch::get_num_threads();
    let mut entries = entries.iter_mut();
    entries.find_map(|entry| match &mut entry.runs {
        Runs::Plan(plan) if entry.threads == threads && takes(plan) => Some(plan),
        _ => None,
    })
}

/// A plan with layers over parameters.
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
