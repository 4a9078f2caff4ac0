//! Every scheduler against Python's: learning rates and momenta equal to the bit, and states in
//! both directions.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use torch_parity::optim::lr_scheduler::{
    AnnealStrategy, ChainedScheduler, ConstantLR, CosineAnnealingLR, CosineAnnealingWarmRestarts,
    CyclicLR, CyclicLrConfig, CyclicMode, ExponentialLR, LambdaLR, LinearLR, LinearLrConfig,
    LrScheduler, Mode, MultiStepLR, MultiplicativeLR, OneCycleLR, OneCycleLrConfig, PolynomialLR,
    ReduceLROnPlateau, ReduceLrOnPlateauConfig, SequentialLR, StepLR, ThresholdMode,
};
use torch_parity::optim::{
    Adam, AdamConfig, Optimizer, ParamGroup, Setting, Settings, Sgd, SgdConfig,
};
use torch_parity::{Error, Result};

use testing::{python, root, stdout};

const STEPS: usize = 40;

/// The metrics for the plateau, as in the Python script.
const METRICS: [f64; 13] = [
    1.0, 0.5, 0.4999999, 0.6, 0.3, 0.31, 0.3, 0.29999, 0.5, 0.2, 0.2, 0.2, 0.1,
];

/// A scheduler of either kind.
enum Scheduler {
    Plain(Box<dyn LrScheduler>),
    Plateau(ReduceLROnPlateau),
}

type Make = fn(&mut dyn Optimizer) -> Result<Scheduler>;

fn plain(scheduler: Result<impl LrScheduler + 'static>) -> Result<Scheduler> {
    Ok(Scheduler::Plain(Box::new(scheduler?)))
}

fn plateau(optimizer: &dyn Optimizer, config: ReduceLrOnPlateauConfig) -> Result<Scheduler> {
    ReduceLROnPlateau::new(optimizer, config).map(Scheduler::Plateau)
}

fn boxed(scheduler: Result<impl LrScheduler + 'static>) -> Result<Box<dyn LrScheduler>> {
    Ok(Box::new(scheduler?))
}

/// Python's expression, and its equivalent in Rust.
const CASES: [(&str, Make); 33] = [
    ("StepLR(o, 3)", |o| plain(StepLR::new(o, 3, 0.1))),
    ("StepLR(o, 7, gamma=0.9)", |o| plain(StepLR::new(o, 7, 0.9))),
    ("MultiStepLR(o, [30, 2, 5, 5])", |o| {
        plain(MultiStepLR::new(o, &[30, 2, 5, 5], 0.1))
    }),
    ("MultiStepLR(o, [4], gamma=0.3)", |o| {
        plain(MultiStepLR::new(o, &[4], 0.3))
    }),
    ("ExponentialLR(o, 0.93)", |o| {
        plain(ExponentialLR::new(o, 0.93))
    }),
    ("CosineAnnealingLR(o, 10)", |o| {
        plain(CosineAnnealingLR::new(o, 10, 0.))
    }),
    ("CosineAnnealingLR(o, 7, eta_min=0.001)", |o| {
        plain(CosineAnnealingLR::new(o, 7, 0.001))
    }),
    ("LinearLR(o)", |o| {
        plain(LinearLR::new(o, LinearLrConfig::default()))
    }),
    (
        "LinearLR(o, start_factor=0.9, end_factor=0.05, total_iters=12)",
        |o| {
            let config = LinearLrConfig {
                start_factor: 0.9,
                end_factor: 0.05,
                total_iters: 12,
            };
            plain(LinearLR::new(o, config))
        },
    ),
    ("LambdaLR(o, lambda epoch: 0.95 ** epoch)", |o| {
        plain(LambdaLR::new(o, |epoch| 0.95f64.powf(epoch as f64)))
    }),
    (
        "LambdaLR(o, [lambda epoch: 1 / (epoch + 1), lambda epoch: epoch])",
        |o| {
            let lambdas: Vec<Box<dyn Fn(i64) -> f64>> = vec![
                Box::new(|epoch| 1. / (epoch + 1) as f64),
                Box::new(|epoch| epoch as f64),
            ];
            plain(LambdaLR::for_groups(o, lambdas))
        },
    ),
    ("ConstantLR(o)", |o| plain(ConstantLR::new(o, 1. / 3., 5))),
    ("ConstantLR(o, factor=0.7, total_iters=11)", |o| {
        plain(ConstantLR::new(o, 0.7, 11))
    }),
    ("PolynomialLR(o)", |o| plain(PolynomialLR::new(o, 5, 1.))),
    ("PolynomialLR(o, total_iters=33, power=0.9)", |o| {
        plain(PolynomialLR::new(o, 33, 0.9))
    }),
    ("MultiplicativeLR(o, lambda epoch: 0.95 ** epoch)", |o| {
        plain(MultiplicativeLR::new(o, |epoch| 0.95f64.powf(epoch as f64)))
    }),
    (
        "MultiplicativeLR(o, [lambda epoch: 1 / (epoch + 1), lambda epoch: 0.9])",
        |o| {
            let lambdas: Vec<Box<dyn Fn(i64) -> f64>> =
                vec![Box::new(|epoch| 1. / (epoch + 1) as f64), Box::new(|_| 0.9)];
            plain(MultiplicativeLR::for_groups(o, lambdas))
        },
    ),
    ("CosineAnnealingWarmRestarts(o, 7)", |o| {
        plain(CosineAnnealingWarmRestarts::new(o, 7, 1, 0.))
    }),
    (
        "CosineAnnealingWarmRestarts(o, 3, T_mult=2, eta_min=0.003)",
        |o| plain(CosineAnnealingWarmRestarts::new(o, 3, 2, 0.003)),
    ),
    (
        "SequentialLR(o, [LinearLR(o, start_factor=0.1, total_iters=5), CosineAnnealingLR(o, 20)], [5])",
        |o| {
            let warm_up = LinearLrConfig {
                start_factor: 0.1,
                ..Default::default()
            };
            let schedulers = vec![
                boxed(LinearLR::new(o, warm_up))?,
                boxed(CosineAnnealingLR::new(o, 20, 0.))?,
            ];
            plain(SequentialLR::new(o, schedulers, &[5]))
        },
    ),
    (
        "SequentialLR(o, [ConstantLR(o, 0.5, 3), ExponentialLR(o, 0.9), StepLR(o, 2), \
         PolynomialLR(o, 9, 2.0), LambdaLR(o, lambda epoch: 0.5 ** epoch), \
         CosineAnnealingWarmRestarts(o, 3, 2), MultiplicativeLR(o, lambda epoch: 0.8), \
         OneCycleLR(o, 0.5, total_steps=50)], [4, 8, 12, 16, 20, 26, 31])",
        |o| {
            let schedulers = vec![
                boxed(ConstantLR::new(o, 0.5, 3))?,
                boxed(ExponentialLR::new(o, 0.9))?,
                boxed(StepLR::new(o, 2, 0.1))?,
                boxed(PolynomialLR::new(o, 9, 2.))?,
                boxed(LambdaLR::new(o, |epoch| 0.5f64.powf(epoch as f64)))?,
                boxed(CosineAnnealingWarmRestarts::new(o, 3, 2, 0.))?,
                boxed(MultiplicativeLR::new(o, |_| 0.8))?,
                boxed(OneCycleLR::new(o, OneCycleLrConfig::new(0.5, 50)))?,
            ];
            plain(SequentialLR::new(
                o,
                schedulers,
                &[4, 8, 12, 16, 20, 26, 31],
            ))
        },
    ),
    (
        "ChainedScheduler([ConstantLR(o, 0.1, 4), ExponentialLR(o, 0.9)])",
        |o| {
            let schedulers = vec![
                boxed(ConstantLR::new(o, 0.1, 4))?,
                boxed(ExponentialLR::new(o, 0.9))?,
            ];
            plain(ChainedScheduler::new(o, schedulers))
        },
    ),
    ("CyclicLR(o, 0.01, 0.3)", |o| {
        plain(CyclicLR::new(o, CyclicLrConfig::new(0.01, 0.3)))
    }),
    (
        "CyclicLR(o, [0.01, 0.02], [0.3, 0.5], step_size_up=5, step_size_down=3, \
         mode='triangular2', base_momentum=[0.7, 0.75], max_momentum=[0.9, 0.99])",
        |o| {
            let config = CyclicLrConfig {
                base_lr: vec![0.01, 0.02],
                max_lr: vec![0.3, 0.5],
                step_size_up: 5,
                step_size_down: Some(3),
                mode: CyclicMode::Triangular2,
                base_momentum: vec![0.7, 0.75],
                max_momentum: vec![0.9, 0.99],
                ..CyclicLrConfig::new(0., 0.)
            };
            plain(CyclicLR::new(o, config))
        },
    ),
    (
        "CyclicLR(o, 0.01, 0.3, step_size_up=4, mode='exp_range', gamma=0.97, \
         cycle_momentum=False)",
        |o| {
            let config = CyclicLrConfig {
                step_size_up: 4,
                mode: CyclicMode::ExpRange,
                gamma: 0.97,
                cycle_momentum: false,
                ..CyclicLrConfig::new(0.01, 0.3)
            };
            plain(CyclicLR::new(o, config))
        },
    ),
    ("OneCycleLR(o, 0.5, total_steps=40)", |o| {
        plain(OneCycleLR::new(o, OneCycleLrConfig::new(0.5, 40)))
    }),
    (
        "OneCycleLR(o, [0.5, 0.2], epochs=5, steps_per_epoch=9, pct_start=0.25, three_phase=True, \
         anneal_strategy='linear', base_momentum=0.7, max_momentum=[0.9, 0.99], div_factor=10, \
         final_div_factor=50)",
        |o| {
            let config = OneCycleLrConfig {
                max_lr: vec![0.5, 0.2],
                pct_start: 0.25,
                three_phase: true,
                anneal_strategy: AnnealStrategy::Linear,
                base_momentum: vec![0.7],
                max_momentum: vec![0.9, 0.99],
                div_factor: 10.,
                final_div_factor: 50.,
                ..OneCycleLrConfig::new(0., 45)
            };
            plain(OneCycleLR::new(o, config))
        },
    ),
    (
        "OneCycleLR(o, 0.5, total_steps=64, cycle_momentum=False)",
        |o| {
            let config = OneCycleLrConfig {
                cycle_momentum: false,
                ..OneCycleLrConfig::new(0.5, 64)
            };
            plain(OneCycleLR::new(o, config))
        },
    ),
    ("ReduceLROnPlateau(o)", |o| {
        plateau(o, ReduceLrOnPlateauConfig::default())
    }),
    (
        "ReduceLROnPlateau(o, patience=1, factor=0.5, cooldown=2, min_lr=[0.02, 0.001])",
        |o| {
            let config = ReduceLrOnPlateauConfig {
                patience: 1,
                factor: 0.5,
                cooldown: 2,
                min_lr: vec![0.02, 0.001],
                ..Default::default()
            };
            plateau(o, config)
        },
    ),
    (
        "ReduceLROnPlateau(o, mode='max', patience=2, threshold=0.3, min_lr=0.01, eps=0.004)",
        |o| {
            let config = ReduceLrOnPlateauConfig {
                mode: Mode::Max,
                patience: 2,
                threshold: 0.3,
                min_lr: vec![0.01],
                eps: 0.004,
                ..Default::default()
            };
            plateau(o, config)
        },
    ),
    (
        "ReduceLROnPlateau(o, patience=0, threshold=0.2, threshold_mode='abs')",
        |o| {
            let config = ReduceLrOnPlateauConfig {
                patience: 0,
                threshold: 0.2,
                threshold_mode: ThresholdMode::Abs,
                ..Default::default()
            };
            plateau(o, config)
        },
    ),
    (
        "ReduceLROnPlateau(o, mode='max', patience=0, threshold=0.2, threshold_mode='abs')",
        |o| {
            let config = ReduceLrOnPlateauConfig {
                mode: Mode::Max,
                patience: 0,
                threshold: 0.2,
                threshold_mode: ThresholdMode::Abs,
                ..Default::default()
            };
            plateau(o, config)
        },
    ),
];

fn optimizer(name: &str) -> Box<dyn Optimizer> {
    let parameter = || vec![Tensor::ones([1], (Kind::Float, Device::Cpu)).set_requires_grad(true)];
    let groups = [
        ParamGroup::new(parameter()),
        ParamGroup::new(parameter()).with("lr", 0.03),
    ];
    match name {
        "SGD" => {
            let config = SgdConfig {
                momentum: 0.9,
                ..SgdConfig::new(0.1)
            };
            Box::new(Sgd::new(groups, config).unwrap())
        }
        _ => Box::new(Adam::new(groups, AdamConfig::adam(0.1)).unwrap()),
    }
}

impl Scheduler {
    fn step(&mut self, optimizer: &mut dyn Optimizer, number: usize) {
        match self {
            Self::Plain(scheduler) => scheduler.step(optimizer).unwrap(),
            Self::Plateau(scheduler) => {
                let metric = METRICS[number % METRICS.len()];
                scheduler.step(optimizer, metric).unwrap();
            }
        }
    }

    fn state(&self) -> Settings {
        match self {
            Self::Plain(scheduler) => scheduler.state_dict(),
            Self::Plateau(scheduler) => scheduler.state_dict(),
        }
    }

    fn load(&mut self, state: &Settings) -> Result<()> {
        match self {
            Self::Plain(scheduler) => scheduler.load_state_dict(state),
            Self::Plateau(scheduler) => scheduler.load_state_dict(state),
        }
    }
}

/// The learning rate and the momentum of each group.
fn rates(optimizer: &dyn Optimizer) -> Vec<[f64; 2]> {
    let groups = 0..optimizer.group_count();
    groups
        .map(|group| [optimizer.lr(group), optimizer.momentum(group).unwrap()])
        .collect()
}

/// The Python script's results for `cases`.
fn from_python(cases: &[Value]) -> Vec<Value> {
    let input = Value::from(cases).to_string();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    let mut command = python("crates/torch-parity/tests/python/lr_schedulers.py");
    let answers = stdout(command.stdin(Stdio::from(file)));
    answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A value in the format of the Python script.
fn shown(state: &Settings) -> Value {
    let text = format!("{state:?}");
    text.into()
}

fn check_rates(case: &str, step: usize, found: &[[f64; 2]], expected: &Value) {
    for (group, rates) in found.iter().enumerate() {
        for (i, rate) in rates.iter().enumerate() {
            let python = expected[group][i].as_f64().unwrap();
            assert_eq!(
                rate.to_bits(),
                python.to_bits(),
                "{case}, step {step}, group {group}: {rate:?}, in Python {python:?}"
            );
        }
    }
}

/// The ledger counts the expressions in the table.
#[test]
fn the_table_has_the_expressions_that_are_tested() {
    let file = root("crates/torch-parity/tests/tables/lr_scheduler.json");
    let table: Vec<String> = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(CASES.map(|(expression, _)| expression), table[..]);
}

#[test]
fn rates_and_momenta_equal_python() {
    let optimizers = ["SGD", "Adam"];
    let pairs = || {
        let pair = |optimizer| CASES.iter().map(move |case| (optimizer, case));
        optimizers.into_iter().flat_map(pair)
    };
    let cases = pairs().map(|(name, (expression, _))| {
        json!({ "optimizer_name": name, "expression": expression, "steps": STEPS })
    });
    let answers = from_python(&cases.collect::<Vec<_>>());
    assert_eq!(answers.len(), 2 * CASES.len());
    for ((name, (expression, make)), answer) in pairs().zip(&answers) {
        let mut optimizer = optimizer(name);
        let mut scheduler = make(optimizer.as_mut()).unwrap();
        for step in 0..=STEPS {
            if step > 0 {
                scheduler.step(optimizer.as_mut(), step);
            }
            let expected = &answer["history"][step];
            check_rates(expression, step, &rates(optimizer.as_ref()), expected);
        }
        check_state(expression, &scheduler.state(), &answer["state"]);
        for group in 0..2 {
            check_group(
                expression,
                optimizer.as_ref(),
                group,
                &answer["groups"][group],
            );
        }
    }
}

/// Python's entries exist, with Python's values.
fn check_state(case: &str, found: &Settings, python: &Value) {
    for (name, expected) in python.as_object().unwrap() {
        let setting = found
            .get(name)
            .unwrap_or_else(|| panic!("{case}: no {name}"));
        check_value(&format!("{case}: {name}"), setting, expected);
    }
}

fn check_group(case: &str, optimizer: &dyn Optimizer, group: usize, python: &Value) {
    for (name, expected) in python.as_object().unwrap() {
        let setting = optimizer
            .setting(group, name)
            .unwrap_or_else(|| panic!("{case}: no {name} in group {group}"));
        check_value(&format!("{case}: {name}"), &setting, expected);
    }
}

fn check_value(place: &str, found: &Setting, python: &Value) {
    match (found, python) {
        (Setting::None, Value::Null) => {}
        (Setting::Bool(found), Value::Bool(python)) => assert_eq!(found, python, "{place}"),
        (Setting::Text(found), Value::String(python)) => assert_eq!(found, python, "{place}"),
        (Setting::Float(found), Value::String(python)) => {
            assert_eq!(found.to_string(), *python, "{place}");
        }
        (Setting::List(found), Value::Array(python)) => {
            assert_eq!(found.len(), python.len(), "{place}");
            for (found, python) in found.iter().zip(python) {
                check_value(place, found, python);
            }
        }
        (Setting::Dict(found), python @ Value::Object(_)) => check_state(place, found, python),
        (found, python) => {
            let (found, python) = (found.as_f64(), python.as_f64());
            assert!(found.is_some(), "{place}: {found:?}, in Python {python:?}");
            assert_eq!(found, python, "{place}");
        }
    }
}

/// Running half the steps and loading the state into a new scheduler, in either language, equals a
/// single run.
#[test]
fn states_carry_a_scheduler_over() {
    const HALF: usize = 17;
    let goes_both_ways = |expression: &str| {
        // Python's state has a Counter and dicts where ours has lists.
        !expression.starts_with("MultiStep") && !expression.contains("OneCycle")
    };
    let mut halves = Vec::new();
    let mut expected = Vec::new();
    for (expression, make) in CASES {
        let mut optimizer = optimizer("SGD");
        let mut scheduler = make(optimizer.as_mut()).unwrap();
        for step in 1..=HALF {
            scheduler.step(optimizer.as_mut(), step);
        }
        let state = scheduler.state();
        let at_half = rates(optimizer.as_ref());

        let mut other = self::optimizer("SGD");
        let mut carried = make(other.as_mut()).unwrap();
        assert_ne!(shown(&carried.state()), shown(&state), "{expression}");
        carried.load(&state).unwrap();
        assert_eq!(shown(&carried.state()), shown(&state), "{expression}");
        for (group, &[lr, momentum]) in at_half.iter().enumerate() {
            other.set_lr(group, lr);
            other.set_momentum(group, momentum);
        }
        for step in HALF + 1..=STEPS {
            scheduler.step(optimizer.as_mut(), step);
            carried.step(other.as_mut(), step);
            let (one, two) = (rates(optimizer.as_ref()), rates(other.as_ref()));
            assert_eq!(one, two, "{expression}, step {step}");
        }
        // The Python script counts its metrics from 0.
        if goes_both_ways(expression) && !expression.starts_with("Reduce") {
            let lrs: Vec<f64> = at_half.iter().map(|&[lr, _]| lr).collect();
            let scheduler = json_of(&state);
            halves.push(json!({
                "optimizer_name": "SGD", "expression": expression, "steps": STEPS - HALF,
                "state": { "scheduler": scheduler, "lrs": lrs },
            }));
            expected.push((expression, rates(optimizer.as_ref())));
        }
    }
    assert!(halves.len() > 8);
    for (answer, (expression, rates)) in from_python(&halves).iter().zip(&expected) {
        let last = answer["history"].as_array().unwrap().last().unwrap();
        check_rates(expression, STEPS, rates, last);
    }
}

fn json_of(state: &Settings) -> String {
    fn value(setting: &Setting) -> Value {
        match setting {
            Setting::None => Value::Null,
            Setting::Bool(value) => (*value).into(),
            Setting::Int(value) => (*value).into(),
            Setting::Float(value) => (*value).into(),
            Setting::Text(text) => text.as_str().into(),
            Setting::List(items) => items.iter().map(value).collect(),
            Setting::Dict(entries) => {
                let entries = entries.iter();
                let entries = entries.map(|(name, setting)| (name.clone(), value(setting)));
                Value::Object(entries.collect())
            }
        }
    }
    let entries = state
        .iter()
        .map(|(name, setting)| (name.clone(), value(setting)));
    Value::Object(entries.collect()).to_string()
}

#[test]
fn arguments_that_python_refuses_are_refused() {
    fn refused<T>(result: Result<T>) -> String {
        match result {
            Err(Error::Argument(text)) => text,
            Err(error) => panic!("another error: {error}"),
            Ok(_) => panic!("accepted"),
        }
    }
    let mut optimizer = optimizer("SGD");
    let o = optimizer.as_mut();
    assert!(refused(StepLR::new(o, 0, 0.1)).contains("step_size"));
    assert!(refused(CosineAnnealingLR::new(o, 0, 0.)).contains("T_max"));
    for start_factor in [0., 1.1, f64::NAN] {
        let config = LinearLrConfig {
            start_factor,
            ..Default::default()
        };
        assert!(refused(LinearLR::new(o, config)).starts_with("Starting multiplicative factor"));
    }
    for factor in [-0.1, 1.1] {
        let text = refused(ConstantLR::new(o, factor, 5));
        assert!(text.starts_with("Constant multiplicative factor"), "{text}");
    }
    let mut constant = ConstantLR::new(o, 0., 1).unwrap();
    assert_eq!(refused(constant.step(o)), "float division by zero");
    let text = refused(CosineAnnealingWarmRestarts::new(o, 0, 1, 0.));
    assert_eq!(text, "Expected positive integer T_0, but got 0");
    let text = refused(CosineAnnealingWarmRestarts::new(o, 3, 0, 0.));
    assert_eq!(text, "Expected integer T_mult >= 1, but got 0");
    let config = CyclicLrConfig {
        step_size_up: 0,
        ..CyclicLrConfig::new(0.1, 0.2)
    };
    assert!(refused(CyclicLR::new(o, config)).contains("step_size_up"));
    let config = CyclicLrConfig {
        max_lr: vec![0.1, 0.2, 0.3],
        ..CyclicLrConfig::new(0.1, 0.2)
    };
    assert!(refused(CyclicLR::new(o, config)).contains("max_lr"));
    let lambdas: Vec<Box<dyn Fn(i64) -> f64>> = vec![Box::new(|_| 1.)];
    let text = refused(LambdaLR::for_groups(o, lambdas));
    assert_eq!(text, "Expected 2 lr_lambdas, but got 1");
    let config = ReduceLrOnPlateauConfig {
        factor: 1.,
        ..Default::default()
    };
    let text = refused(ReduceLROnPlateau::new(o, config));
    assert_eq!(text, "Factor should be < 1.0.");
    let text = refused(OneCycleLR::new(o, OneCycleLrConfig::new(0.1, 0)));
    assert_eq!(text, "Expected positive integer total_steps, but got 0");

    let mut one_cycle = OneCycleLR::new(o, OneCycleLrConfig::new(0.1, 3)).unwrap();
    for _ in 0..3 {
        one_cycle.step(o).unwrap();
    }
    let before = rates(o);
    let text = refused(one_cycle.step(o));
    let expected = "Tried to step 4 times. The specified number of total steps is 3";
    assert_eq!(text, expected);
    assert_eq!(rates(o), before);

    let mut step = StepLR::new(o, 1, 0.1).unwrap();
    let text = refused(step.load_state_dict(&Settings::new()));
    assert_eq!(
        text,
        "the state of the scheduler has no entry \"step_size\""
    );
}
