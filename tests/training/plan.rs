//! Execution plans have autograd's bits; where they would not, autograd runs.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use final_layer::networks::{BinaryClassifier, DigitClassifier, HousePricePredictor};
use final_layer::plan::{Chain, Layer, Layer::*, Loss, Plans};
use final_layer::tasks::{Model, Network, Objective};
use final_layer::torch::nn::{functional as F, linear};
use final_layer::torch::random::get_rng_state;
use final_layer::training::{Algorithm, forward_and_backward};
use tch::nn::{Linear, Module, ModuleT, Path};
use tch::{Device, Kind, Reduction, Tensor, no_grad};

use testing::{example, on_threads, run, same_bits};

/// Plans, and the messages of their callback.
fn talking() -> (Plans, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let plans = Plans::on(move |text| hears.lock().unwrap().push(text.to_owned()));
    (plans, heard)
}

/// The messages about steps on batches of the first size.
fn said(heard: &Arc<Mutex<Vec<String>>>) -> Vec<String> {
    heard.lock().unwrap().clone()
}

/// A task with a single input, output and target tensor.
trait Task: Objective<Input = Tensor, Output = Tensor, Target = Tensor> {}
impl<T: Objective<Input = Tensor, Output = Tensor, Target = Tensor>> Task for T {}

const SIZES: [i64; 6] = [16, 16, 5, 16, 5, 16];

/// Trains on batches of two sizes in turn; returns every tensor and the messages.
fn train<N: Network<Task: Task>>(plan: bool, algorithm: Algorithm) -> (Vec<Tensor>, Vec<String>) {
    tch::manual_seed(7);
    let mut model = Model::<N>::new(Device::Cpu);
    let (plans, heard) = talking();
    model.plans = if plan { plans } else { Plans::off() };
    let mut optimizer = algorithm.build(&model.vs, 0.01).unwrap();
    let mut tensors = Vec::new();
    for size in SIZES {
        let input = N::Task::draw_input(size).unwrap();
        let target = N::Task::draw_target(size).unwrap();
        let step = forward_and_backward(&model, optimizer.as_mut(), &input, &target).unwrap();
        // Held, not copied: the results of a step must not change later.
        tensors.extend([step.output, step.loss]);
        let variables = model.vs.variables();
        let mut names: Vec<_> = variables.keys().collect();
        names.sort();
        tensors.extend(names.iter().map(|&name| variables[name].grad()));
        optimizer.step().unwrap();
        tensors.extend(names.iter().map(|&name| variables[name].detach().copy()));
        tensors.push(model.predict(&input));
    }
    tensors.push(get_rng_state().unwrap());
    (tensors, said(&heard))
}

/// Trains with and without plans, checks that the bits are equal, and returns the messages.
fn both_ways<N: Network<Task: Task>>(algorithm: Algorithm) -> Vec<String> {
    let (with, heard) = train::<N>(true, algorithm);
    let (without, silence) = train::<N>(false, algorithm);
    assert_eq!(with.len(), without.len());
    for (number, (a, b)) in with.iter().zip(&without).enumerate() {
        assert!(same_bits(a, b), "{}, {algorithm}, tensor {number}", N::NAME);
    }
    assert!(silence.is_empty());
    heard
}

/// Checks that each batch size is run by a plan, or by autograd on a processor on which a plan has
/// other bits.
fn assert_planned(name: &str, heard: &[String]) {
    let expected: BTreeSet<_> = [16, 5]
        .iter()
        .flat_map(|size| {
            ["steps", "predictions"].map(|what| format!("{what} on batches of {size}"))
        })
        .collect();
    let planned: BTreeSet<_> = heard.iter().filter_map(|line| planned(line)).collect();
    assert_eq!(heard.len(), expected.len(), "{name}: {heard:?}");
    assert_eq!(planned, expected, "{name}: {heard:?}");
}

/// The subject of a message if a plan runs it, or would run it except for a few roundings on this
/// processor. A wrong formula differs by more.
fn planned(line: &str) -> Option<String> {
    let (what, by) = line.split_once(": run by ")?;
    if by == "a plan" {
        return Some(what.to_owned());
    }
    println!("{line}");
    let (_, apart) = by
        .split_once(" differs in ")?
        .1
        .split_once(" numbers, by ")?;
    let apart: f64 = apart.strip_suffix(" at most")?.parse().ok()?;
    (apart < 1e-5).then(|| what.to_owned())
}

#[test]
fn the_three_networks_are_run_by_plans_with_autograds_bits() {
    for threads in [1, 2] {
        on_threads(threads, || {
            for algorithm in [Algorithm::Sgd, Algorithm::Momentum, Algorithm::Adam] {
                assert_planned("DigitClassifier", &both_ways::<DigitClassifier>(algorithm));
                assert_planned(
                    "HousePricePredictor",
                    &both_ways::<HousePricePredictor>(algorithm),
                );
                assert_planned(
                    "BinaryClassifier",
                    &both_ways::<BinaryClassifier>(algorithm),
                );
            }
        });
    }
}

/// Defines a network for tests: two linear layers, the functions between and after them, and its
/// declared chain.
macro_rules! network {
    ($name:ident, $task:ident, [$hidden:expr, $last:expr], $chain:expr) => {
        #[derive(Debug)]
        struct $name(Linear, Linear);

        impl Network for $name {
            type Task = $task;
            const NAME: &'static str = stringify!($name);
            const CHAIN: Option<Chain> = $chain;

            fn new(vs: &Path) -> Self {
                Self(
                    linear(vs / "a", 6, 9, Default::default()),
                    linear(vs / "b", 9, 3, Default::default()),
                )
            }
        }

        impl Module for $name {
            fn forward(&self, x: &Tensor) -> Tensor {
                let (hidden, last): (fn(&Tensor) -> Tensor, fn(&Tensor) -> Tensor) =
                    ($hidden, $last);
                last(&hidden(&x.apply(&self.0)).apply(&self.1))
            }
        }
    };
}

/// Defines a task for tests, with six numbers.
macro_rules! task {
    ($name:ident, $target:expr, $loss:expr) => {
        #[derive(Debug)]
        struct $name;

        impl Objective for $name {
            type Input = Tensor;
            type Output = Tensor;
            type Target = Tensor;

            fn draw_input(n: i64) -> Result<Tensor> {
                Ok(Tensor::f_randn([n, 6], (Kind::Float, Device::Cpu))?)
            }

            fn draw_target(n: i64) -> Result<Tensor> {
                let target: fn(i64) -> Tensor = $target;
                Ok(target(n))
            }

            fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
                let loss: fn(&Tensor, &Tensor) -> Tensor = $loss;
                Ok(loss(output, target))
            }
        }
    };
}

const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

fn bits(n: i64) -> Tensor {
    Tensor::randint(2, [n, 3], FLOAT)
}

task!(
    Classify,
    |n| Tensor::randint(3, [n], (Kind::Int64, Device::Cpu)),
    |y, t| { y.cross_entropy_for_logits(t) }
);
task!(Estimate, |n| Tensor::randn([n, 3], FLOAT), |y, t| y
    .mse_loss(t, Reduction::Mean));
task!(Decide, bits, |y, t| y.binary_cross_entropy::<Tensor>(
    t,
    None,
    Reduction::Mean
));
task!(DecideOnLogits, bits, |y, t| {
    y.binary_cross_entropy_with_logits::<Tensor>(t, None, None, Reduction::Mean)
});
task!(AbsoluteError, |n| Tensor::randn([n, 3], FLOAT), |y, t| y
    .l1_loss(t, Reduction::Mean));

fn same(x: &Tensor) -> Tensor {
    x.shallow_clone()
}

/// The chain of two linear layers with layers between them, and a loss.
const fn between(layers: &'static [Layer], loss: Loss) -> Option<Chain> {
    Some(Chain(layers, loss))
}

const LEAKY: &[Layer] = &[Linear("a"), LeakyRelu(0.2), Linear("b")];
const PLAIN: &[Layer] = &[Linear("a"), Linear("b")];
const RELU: &[Layer] = &[Linear("a"), Relu, Linear("b")];
const TANH: &[Layer] = &[Linear("a"), Tanh, Linear("b")];
const SIGMOID: &[Layer] = &[Linear("a"), Sigmoid, Linear("b"), Sigmoid];

network!(
    Leaky,
    Classify,
    [|x| F::leaky_relu(x, 0.2), same],
    between(LEAKY, Loss::CrossEntropy)
);
network!(
    Flat,
    Estimate,
    [same, same],
    between(PLAIN, Loss::SquaredError)
);
network!(
    Bent,
    Estimate,
    [Tensor::tanh, same],
    between(TANH, Loss::SquaredError)
);
network!(
    Soft,
    Decide,
    [Tensor::sigmoid, Tensor::sigmoid],
    between(SIGMOID, Loss::BinaryCrossEntropy)
);
network!(
    Logits,
    DecideOnLogits,
    [Tensor::relu, same],
    between(RELU, Loss::BinaryCrossEntropyWithLogits)
);

#[test]
fn every_activation_and_every_loss_has_autograds_bits() {
    on_threads(1, || {
        for algorithm in [Algorithm::Sgd, Algorithm::Adam] {
            assert_planned("Leaky", &both_ways::<Leaky>(algorithm));
            assert_planned("Flat", &both_ways::<Flat>(algorithm));
            assert_planned("Bent", &both_ways::<Bent>(algorithm));
            assert_planned("Soft", &both_ways::<Soft>(algorithm));
            assert_planned("Logits", &both_ways::<Logits>(algorithm));
        }
    });
}

// Chains that do not describe the network.
network!(
    LeftOut,
    Classify,
    [Tensor::relu, same],
    between(PLAIN, Loss::CrossEntropy)
);
network!(
    AnotherSlope,
    Classify,
    [|x| F::leaky_relu(x, 0.1), same],
    between(LEAKY, Loss::CrossEntropy)
);
network!(
    AnotherLoss,
    AbsoluteError,
    [Tensor::relu, same],
    between(RELU, Loss::SquaredError)
);
network!(
    AnotherTarget,
    Classify,
    [Tensor::relu, same],
    between(RELU, Loss::SquaredError)
);
network!(
    Draws,
    Estimate,
    [|x| x.relu().dropout(0.5, true), same],
    between(RELU, Loss::SquaredError)
);
network!(NoChain, Estimate, [Tensor::relu, same], None);
const ABSENT: &[Layer] = &[Linear("a"), Relu, Linear("c")];
network!(
    NoSuchLayer,
    Estimate,
    [Tensor::relu, same],
    between(ABSENT, Loss::SquaredError)
);
const TWICE: &[Layer] = &[Linear("a"), Relu, Relu, Linear("b")];
network!(
    TwoInARow,
    Estimate,
    [|x| x.relu().relu(), same],
    between(TWICE, Loss::SquaredError)
);
const ONE: &[Layer] = &[Linear("a")];
network!(
    TooShort,
    Estimate,
    [Tensor::relu, same],
    between(ONE, Loss::SquaredError)
);

/// Checks that the network works with autograd's bits, and that the message about steps on batches
/// of 16 ends with `why`.
fn falls_back<N: Network<Task: Task>>(why: &str) {
    let heard = both_ways::<N>(Algorithm::Sgd);
    let expected = format!("steps on batches of 16: run by autograd: {why}");
    assert!(
        heard.iter().any(|line| line.starts_with(&expected)),
        "{heard:?}"
    );
    assert!(
        !heard
            .iter()
            .any(|line| line.starts_with("steps") && line.ends_with(": run by a plan"))
    );
}

#[test]
fn a_chain_that_is_not_the_network_falls_back_and_says_so() {
    on_threads(1, || {
        falls_back::<LeftOut>("the output differs in ");
        falls_back::<AnotherSlope>("the output differs in ");
        falls_back::<AnotherLoss>("the loss differs in 1 of 1 numbers, by ");
        falls_back::<AnotherTarget>("a plan does not support such tensors");
        falls_back::<Draws>("the output differs in ");
        falls_back::<NoChain>("the network declares no chain of layers");
        falls_back::<NoSuchLayer>("there is no c.weight");
        falls_back::<TwoInARow>("no linear layer before ReLU");
        falls_back::<TooShort>("a plan does not support such tensors");
    });
}

/// A gradient that is missing in the chain; both networks have the same output.
#[derive(Debug)]
struct MoreWeights(Bent, Tensor);

impl Network for MoreWeights {
    type Task = Estimate;
    const NAME: &'static str = "MoreWeights";
    const CHAIN: Option<Chain> = Bent::CHAIN;

    fn new(vs: &Path) -> Self {
        Self(Bent::new(vs), vs.zeros("shift", &[3]))
    }
}

impl ModuleT for MoreWeights {
    fn forward_t(&self, x: &Tensor, _train: bool) -> Tensor {
        self.0.forward(x) + &self.1
    }
}

#[test]
fn a_gradient_that_is_not_in_the_chain_is_seen() {
    on_threads(1, || {
        falls_back::<MoreWeights>("the gradient of shift is not in the chain");
    });
}

/// One step on a batch of 16.
fn step<N: Network<Task: Task>>(model: &Model<N>, seed: i64) -> (Tensor, Tensor) {
    tch::manual_seed(seed);
    let (input, target) = (
        N::Task::draw_input(16).unwrap(),
        N::Task::draw_target(16).unwrap(),
    );
    let mut optimizer = Algorithm::Sgd.build(&model.vs, 0.1).unwrap();
    let step = forward_and_backward(model, optimizer.as_mut(), &input, &target).unwrap();
    optimizer.step().unwrap();
    (step.output, step.loss)
}

/// A model with a plan for batches of 16, and one without, with the same weights.
fn two_models<N: Network<Task: Task>>() -> [Model<N>; 2] {
    [false, true].map(|is_off| {
        tch::manual_seed(3);
        let mut model = Model::<N>::new(Device::Cpu);
        if is_off {
            model.plans = Plans::off();
        }
        for seed in 0..3 {
            let _ = step(&model, seed);
        }
        model
    })
}

/// Does something to both models, and checks that they still have the same bits.
fn after(what: &str, spoil: impl Fn(&mut Model<Bent>)) {
    let mut models = two_models::<Bent>();
    for model in &mut models {
        spoil(model);
    }
    for seed in 10..14 {
        let [(a, one), (b, other)] = [0, 1].map(|number| step(&models[number], seed));
        assert!(
            same_bits(&a, &b) && same_bits(&one, &other),
            "{what}: {a} {b}"
        );
        let [ours, theirs] = [0, 1].map(|number| models[number].vs.variables());
        for (name, tensor) in &ours {
            assert!(same_bits(tensor, &theirs[name]), "{what}: {name}");
            assert_eq!(
                tensor.grad().defined(),
                theirs[name].grad().defined(),
                "{what}: {name}"
            );
        }
    }
}

#[test]
fn weights_changed_after_a_plan_was_made() {
    on_threads(1, || {
        after("frozen", |model| {
            drop(model.vs.variables()["a.weight"].set_requires_grad(false))
        });
        // Elsewhere in memory, with the same handles.
        after("moved", |model| {
            let new = Tensor::ones([9, 6], FLOAT) * 0.1;
            model
                .vs
                .variables()
                .get_mut("a.weight")
                .unwrap()
                .set_data(&new);
        });
        after("moved and transposed", |model| {
            let new = (Tensor::arange(54, FLOAT) / 100. - 0.2).view([6, 9]).tr();
            model
                .vs
                .variables()
                .get_mut("a.weight")
                .unwrap()
                .set_data(&new);
        });
        // In place.
        after("written", |model| {
            no_grad(|| drop(model.vs.variables()["b.weight"].shallow_clone().fill_(0.3)))
        });
        // A gradient that exists already and that the optimizer does not know.
        after("with a gradient", |model| {
            let variables = model.vs.variables();
            variables["a.bias"].sum(Kind::Float).backward();
        });
        after("not a number", |model| {
            no_grad(|| {
                drop(
                    model.vs.variables()["b.bias"]
                        .shallow_clone()
                        .fill_(f64::NAN),
                )
            })
        });
    });
}

/// Weights that are all 0, with which any chain has the same output, prove nothing.
#[test]
fn a_batch_that_would_expose_no_mismatch_proves_nothing() {
    on_threads(1, || {
        tch::manual_seed(0);
        let mut model = Model::<LeftOut>::new(Device::Cpu);
        let (plans, heard) = talking();
        model.plans = plans;
        let variables = model.vs.variables();
        let kept: Vec<_> = variables
            .values()
            .map(|w| (w.shallow_clone(), w.detach().copy()))
            .collect();
        no_grad(|| {
            kept.iter()
                .for_each(|(w, _)| drop(w.shallow_clone().zero_()))
        });
        let _ = step(&model, 1);
        assert!(said(&heard).is_empty());
        no_grad(|| {
            kept.iter()
                .for_each(|(w, was)| w.shallow_clone().copy_(was))
        });
        let _ = step(&model, 1);
        let [line] = &said(&heard)[..] else {
            panic!("{heard:?}")
        };
        assert!(line.starts_with("steps on batches of 16: run by autograd: the output differs"));
        let _ = step(&model, 1);
    });
}

#[test]
fn inputs_that_plans_do_not_support() {
    on_threads(1, || {
        let [with, without] = two_models::<Bent>();
        let inputs = [
            Tensor::randn([6, 16], FLOAT).tr(),
            Tensor::randn([1, 6], FLOAT).expand([16, 6], false),
            Tensor::randn([16, 6], FLOAT).set_requires_grad(true),
            Tensor::randn([16, 12], FLOAT).narrow(1, 0, 6),
            Tensor::randn([2, 8, 6], FLOAT),
            Tensor::randn([6], FLOAT),
            Tensor::zeros([0, 6], FLOAT),
            Tensor::zeros([16, 6], FLOAT),
        ];
        for input in &inputs {
            for _ in 0..3 {
                let [a, b] = [&with, &without].map(|model| model.predict(input));
                assert!(same_bits(&a, &b), "{input:?}");
                assert!(!a.requires_grad());
            }
        }
    });
}

/// More batch sizes than there can be plans.
#[test]
fn many_sizes() {
    on_threads(1, || {
        let [with, without] = two_models::<Bent>();
        for size in (1..30).chain(1..30) {
            let input = Estimate::draw_input(size).unwrap();
            let [a, b] = [&with, &without].map(|model| model.predict(&input));
            assert!(same_bits(&a, &b));
        }
    });
}

#[test]
fn the_command_line_reports_plans() {
    let folder = tempfile::tempdir().unwrap();
    let train = |network: &str, options: &[&str]| {
        let mut command = example(network);
        let weights = folder.path().join("w.safetensors");
        command.args([
            "train",
            "--epochs=2",
            "--threads=1",
            "--batch-size=300",
            "--output",
        ]);
        let output = run(command.arg(&weights).args(options));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        let stdout = String::from_utf8(output.stdout).unwrap();
        (std::fs::read(weights).unwrap(), stdout, stderr)
    };
    let (weights, answers, heard) = train("house_price_predictor", &["--verbose"]);
    let steps = "steps on batches of 300";
    let mut notes = heard.lines().filter_map(|line| line.strip_prefix("note: "));
    assert!(
        notes.any(|note| planned(note).as_deref() == Some(steps)),
        "{heard}"
    );
    let (same_weights, same_answers, heard) =
        train("house_price_predictor", &["--verbose", "--plan=off"]);
    assert_eq!((&weights, &answers), (&same_weights, &same_answers));
    assert!(
        heard.ends_with("\nnote: autograd runs all batches: --plan off\n"),
        "{heard}"
    );
    let (same_weights, same_answers, silence) = train("house_price_predictor", &[]);
    assert_eq!((weights, answers), (same_weights, same_answers));
    assert_eq!(silence.lines().count(), 1, "{silence}");
}
