//! Runs cases and reports the time of each: the Rust side of `scripts/bench.py`,
//! `benches/growth.py` and `benches/instructions.py`.
//!
//! A case is a line on stdin, its result a line of JSON on stdout; `benches/worker.py` is the
//! Python side and takes the same lines.
//!
//! | case | one call |
//! | --- | --- |
//! | `inference NETWORK BATCH` | one forward pass, without gradients |
//! | `step NETWORK BATCH OPTIMIZER` | one training step, always on the same batch |
//! | `epoch NETWORK SAMPLES OPTIMIZER` | one epoch of training on random samples, batches of 64 |
//! | `product M K N` | one matrix product, `(M, K)` by `(N, K)` transposed |
//! | `copy BYTES` | one copy from one buffer to another |
//!
//! `wide_N` is the digit classifier with N hidden units instead of 128.

use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use final_layer::cli::keep_freed_memory;
use final_layer::data::Samples;
use final_layer::networks::{BinaryClassifier, DigitClassifier, HousePricePredictor};
use final_layer::plan::Plans;
use final_layer::tasks::{Dataset, Model, Network, Objective};
use final_layer::torch::utils::data::{DataLoader, DataLoaderConfig};
use final_layer::training::{Algorithm, Position, Training, forward_and_backward};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor, no_grad};

#[path = "worker/wide.rs"]
mod wide;

/// Declares the modules of networks that are examples, and finds the case of a network by its name.
macro_rules! examples {
    ($($path:literal $module:ident::$network:ident;)+) => {
        $(
            // The module's main function is used only by the example.
            #[allow(dead_code)]
            #[path = $path]
            mod $module;
        )+

        fn example_case(
            what: &str,
            network: &str,
            size: i64,
            optimizer: &[&str],
            autograd: bool,
        ) -> Result<Case> {
            match network {
                $($module::$network::NAME => {
                    network_case::<$module::$network>(what, size, optimizer, autograd)
                })+
                _ => bail!("unknown network {network}"),
            }
        }
    };
}

examples! {
    "../examples/character_model.rs" character_model::CharacterModel;
    "../examples/convolutional_classifier.rs" convolutional_classifier::ConvolutionalClassifier;
    "../examples/recurrent_classifier.rs" recurrent_classifier::RecurrentClassifier;
    "../examples/variational_autoencoder.rs" variational_autoencoder::VariationalAutoencoder;
}

/// The optimizers' usual learning rate for these networks.
const LR: f64 = 1e-3;

/// The batches of an epoch.
const BATCH_SIZE: i64 = 64;

/// Calls are timed in groups that take at least this long, so that reading the clock costs nothing.
const GROUP: Duration = Duration::from_millis(1);

#[derive(Debug, Parser)]
struct Args {
    /// Threads per operation
    #[arg(long, default_value_t = 1)]
    threads: i32,
    /// Time to repeat each case, after a warm-up of a fifth of it
    #[arg(long, default_value_t = 1.)]
    seconds: f64,
    /// Calls of each case, after as many to warm up, without a clock
    #[arg(long)]
    calls: Option<u32>,
    /// Measure processor time, over all threads, which other programs disturb less than wall time
    #[arg(long)]
    processor_time: bool,
    /// Run every batch by autograd
    #[arg(long)]
    autograd: bool,
    /// Accepted because `cargo bench` passes it
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    // As the examples do.
    keep_freed_memory();
    tch::set_num_threads(args.threads);
    let mut stdout = io::stdout().lock();
    let about = json!({ "torch": final_layer::torch::LIBTORCH_VERSION });
    writeln!(stdout, "{about}")?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let answer = answer(&args, &line).unwrap_or_else(|error| {
            let text = format!("{error:#}");
            json!({ "error": text.lines().next() })
        });
        writeln!(stdout, "{answer}")?;
    }
    Ok(())
}

fn answer(args: &Args, line: &str) -> Result<Value> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut case = case(&words, args.autograd)?;
    if let Some(calls) = args.calls {
        repeat_counted(calls, &mut case);
        repeat_counted(calls, &mut case);
        return Ok(json!({ "calls": calls }));
    }
    let budget = Duration::try_from_secs_f64(args.seconds)?;
    let start = Instant::now();
    Ok(match args.processor_time {
        true => time(budget, &processor_time, &mut case),
        false => time(budget, &|| start.elapsed(), &mut case),
    })
}

/// The median time of a call by `clock`, in microseconds.
fn time(budget: Duration, clock: &dyn Fn() -> Duration, case: &mut dyn FnMut()) -> Value {
    let start = Instant::now();
    let mut calls = 0;
    while calls == 0 || start.elapsed() < budget / 5 {
        case();
        calls += 1;
    }
    let call = start.elapsed().as_secs_f64() / f64::from(calls);
    let group = (GROUP.as_secs_f64() / call).ceil() as u32;
    let mut times = Vec::new();
    let start = Instant::now();
    while times.is_empty() || start.elapsed() < budget {
        let before = clock();
        repeat_counted(group, case);
        times.push((clock() - before).as_secs_f64() * 1e6 / f64::from(group));
    }
    times.sort_by(f64::total_cmp);
    json!({ "microseconds": times[times.len() / 2], "calls": times.len() as u32 * group })
}

/// The processor time of this process so far.
fn processor_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is a valid place for the result, and the clock exists on every system with
    // this constant.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// `benches/instructions.py` counts the instructions in this function, which it finds by
/// name.
#[inline(never)]
fn repeat_counted(calls: u32, case: &mut dyn FnMut()) {
    for _ in 0..calls {
        case();
    }
}

type Case = Box<dyn FnMut()>;

/// The case that a line describes, as a function to call.
fn case(words: &[&str], autograd: bool) -> Result<Case> {
    match *words {
        ["product", m, k, n] => product(m.parse()?, k.parse()?, n.parse()?),
        ["copy", bytes] => copy(bytes.parse()?),
        [what, network, size, ref optimizer @ ..] => {
            let size = size.parse().context("expected a number of samples")?;
            match network {
                DigitClassifier::NAME => {
                    network_case::<DigitClassifier>(what, size, optimizer, autograd)
                }
                HousePricePredictor::NAME => {
                    network_case::<HousePricePredictor>(what, size, optimizer, autograd)
                }
                BinaryClassifier::NAME => {
                    network_case::<BinaryClassifier>(what, size, optimizer, autograd)
                }
                _ => match network.strip_prefix("wide_") {
                    Some(units) => wide::case(what, units, size, optimizer, autograd),
                    None => example_case(what, network, size, optimizer, autograd),
                },
            }
        }
        _ => bail!("unknown case {words:?}"),
    }
}

fn network_case<N: Network<Task: Dataset> + 'static>(
    what: &str,
    size: i64,
    optimizer: &[&str],
    autograd: bool,
) -> Result<Case> {
    ensure!(size > 0, "expected at least one sample");
    tch::manual_seed(0);
    let mut model = Model::<N>::new(Device::Cpu);
    if autograd {
        model.plans = Plans::off();
    }
    match (what, optimizer) {
        ("inference", []) => inference(model, size),
        ("step", [optimizer]) => step(model, size, parse(optimizer)?),
        ("epoch", [optimizer]) => epoch(model, size, parse(optimizer)?),
        _ => bail!("{what} does not support {optimizer:?}"),
    }
}

fn parse(optimizer: &str) -> Result<Algorithm> {
    optimizer.parse().map_err(anyhow::Error::msg)
}

fn inference<N: Network<Task: Dataset> + 'static>(
    model: Model<N>,
    batch_size: i64,
) -> Result<Case> {
    let input = N::Task::draw_input(batch_size)?;
    Ok(Box::new(move || {
        let _ = black_box(model.predict(&input));
    }))
}

fn step<N: Network<Task: Dataset> + 'static>(
    model: Model<N>,
    batch_size: i64,
    optimizer: Algorithm,
) -> Result<Case> {
    let input = N::Task::draw_input(batch_size)?;
    let target = N::Task::draw_target(batch_size)?;
    let mut optimizer = optimizer.build(&model.vs, LR)?;
    Ok(Box::new(move || {
        let step = forward_and_backward(&model, optimizer.as_mut(), &input, &target);
        black_box(step.expect("a finite loss"));
        optimizer.step().expect("plain gradients");
    }))
}

fn epoch<N: Network<Task: Dataset> + 'static>(
    model: Model<N>,
    samples: i64,
    optimizer: Algorithm,
) -> Result<Case> {
    let features = match N::Task::draw_input(1)?.numel() as i64 {
        pixels @ 784 => Tensor::f_randint(256, [samples, pixels], (Kind::Uint8, Device::Cpu))?,
        _ => N::Task::draw_input(samples)?,
    };
    let targets = N::Task::draw_target(samples)?;
    let samples = Samples { features, targets };
    let optimizer = optimizer.build(&model.vs, LR)?;
    let loader = DataLoader::new(samples.len(), DataLoaderConfig::shuffled(BATCH_SIZE))?;
    let mut training = Training::new(model, optimizer, loader, 1);
    Ok(Box::new(move || {
        training.position = Position::default();
        let ended = training.run(&samples, &mut ());
        assert!(ended.expect("finite weights").is_continue());
    }))
}

fn product(m: i64, k: i64, n: i64) -> Result<Case> {
    let draw = |rows| Tensor::f_randn([rows, k], (Kind::Float, Device::Cpu));
    let (a, b) = (draw(m)?, draw(n)?);
    Ok(Box::new(move || {
        let _ = black_box(no_grad(|| a.linear(&b, None::<&Tensor>)));
    }))
}

fn copy(bytes: i64) -> Result<Case> {
    let source = Tensor::f_ones([bytes], (Kind::Uint8, Device::Cpu))?;
    let mut copy = source.copy();
    Ok(Box::new(move || copy.copy_(&source)))
}
