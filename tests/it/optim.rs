//! Every variant of Adam and of SGD against Python's, over 200 steps on one network.

use std::ffi::OsStr;

use final_layer::networks::DigitClassifier;
use final_layer::tasks::Model;
use final_layer::torch::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
use final_layer::torch::serialization::{NamedTensors, read_safetensors};
use final_layer::trace;
use final_layer::training::Algorithm;
use serde_json::{Value, json};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::common::{lock_generator, on_one_thread, python_code, same_bits};

const STEPS: usize = 200;

/// Trains with `optimizer` in Rust, with `torch.optim.<class>(**kwargs)` in Python, and expects the
/// same traces and the same state.
fn check(class: &str, kwargs: Value, optimizer: impl FnOnce(&VarStore) -> Box<dyn Optimizer>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.safetensors");
    let kwargs = kwargs.to_string();
    let steps = STEPS.to_string();
    let args = [
        file.as_os_str(),
        OsStr::new(class),
        OsStr::new(&kwargs),
        OsStr::new(&steps),
    ];
    python_code("tests/it/python/optimizer_trace.py", &args);
    let expected = read_safetensors(&file).unwrap();

    let trace = on_one_thread(|| {
        let model = new_model();
        let mut optimizer = optimizer(&model.vs);
        let mut trace = trace::record(&model, optimizer.as_mut(), 37, STEPS).unwrap();
        for (name, tensor) in optimizer.state_dict() {
            trace.insert(format!("state.{name}"), tensor);
        }
        trace
    });
    let keys = |tensors: &NamedTensors| -> Vec<String> { tensors.keys().cloned().collect() };
    assert_eq!(keys(&trace), keys(&expected), "{class} {kwargs}");
    for (name, tensor) in &trace {
        assert!(
            same_bits(tensor, &expected[name]),
            "{class} {kwargs}: {name} differs"
        );
    }
}

fn new_model() -> Model<DigitClassifier> {
    tch::manual_seed(0);
    Model::new(Device::Cpu)
}

fn adam(vs: &VarStore, config: AdamConfig) -> Box<dyn Optimizer> {
    Box::new(Adam::new(vs, config))
}

#[test]
fn adam_equals_python() {
    let default = AdamConfig::adam(1e-3);
    check("Adam", json!({}), |vs| adam(vs, default));

    let weight_decay = AdamConfig {
        weight_decay: 0.03,
        ..default
    };
    check("Adam", json!({"weight_decay": 0.03}), |vs| {
        adam(vs, weight_decay)
    });

    let amsgrad = AdamConfig {
        amsgrad: true,
        weight_decay: 0.01,
        ..default
    };
    let kwargs = json!({"amsgrad": true, "weight_decay": 0.01});
    check("Adam", kwargs, |vs| adam(vs, amsgrad));

    let other = AdamConfig {
        lr: 0.02,
        betas: (0.8, 0.99),
        eps: 1e-5,
        ..default
    };
    let kwargs = json!({"lr": 0.02, "betas": [0.8, 0.99], "eps": 1e-5});
    check("Adam", kwargs, |vs| adam(vs, other));
}

#[test]
fn adamw_equals_python() {
    let default = AdamConfig::adamw(1e-3);
    check("AdamW", json!({}), |vs| adam(vs, default));

    let amsgrad = AdamConfig {
        amsgrad: true,
        weight_decay: 0.1,
        ..default
    };
    let kwargs = json!({"weight_decay": 0.1, "amsgrad": true});
    check("AdamW", kwargs, |vs| adam(vs, amsgrad));
}

#[test]
fn sgd_equals_python() {
    let plain = SgdConfig::new(0.1);
    let momentum = SgdConfig {
        momentum: 0.9,
        ..plain
    };
    let dampening = SgdConfig {
        dampening: 0.1,
        ..momentum
    };
    let nesterov = SgdConfig {
        nesterov: true,
        ..momentum
    };
    let weight_decay = SgdConfig {
        weight_decay: 0.01,
        ..momentum
    };
    let cases = [
        (json!({"lr": 0.1}), plain),
        (json!({"lr": 0.1, "momentum": 0.9}), momentum),
        (
            json!({"lr": 0.1, "momentum": 0.9, "dampening": 0.1}),
            dampening,
        ),
        (
            json!({"lr": 0.1, "momentum": 0.9, "nesterov": true}),
            nesterov,
        ),
        (
            json!({"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
            weight_decay,
        ),
    ];
    for (kwargs, config) in cases {
        check("SGD", kwargs, |vs| Box::new(Sgd::new(vs, config)));
    }
}

/// Ten steps at once, or five, then the weights and the state carried over into a new model and
/// optimizer, and five more.
#[test]
fn state_carries_an_optimizer_over() {
    use final_layer::tasks::Objective;
    use final_layer::training::forward_and_backward;
    type Question = final_layer::tasks::DigitClassification;

    for algorithm in [
        Algorithm::Sgd,
        Algorithm::Momentum,
        Algorithm::Adam,
        Algorithm::Adamw,
    ] {
        on_one_thread(|| {
            let model = new_model();
            let input = Question::draw_input(16).unwrap();
            let target = Question::draw_target(16).unwrap();
            let train = |model: &Model<DigitClassifier>, optimizer: &mut dyn Optimizer, steps| {
                for _ in 0..steps {
                    forward_and_backward(model, optimizer, &input, &target).unwrap();
                    optimizer.step();
                }
            };
            let mut optimizer = algorithm.build(&model.vs, 0.01);
            train(&model, optimizer.as_mut(), 5);

            let mut second = new_model();
            second.vs.copy(&model.vs).unwrap();
            let mut carried = algorithm.build(&second.vs, 0.01);
            let state = optimizer.state_dict();
            carried.load_state_dict(&state).unwrap();
            train(&second, carried.as_mut(), 5);

            train(&model, optimizer.as_mut(), 5);
            for (name, parameter) in model.vs.variables() {
                let other = &second.vs.variables()[&name];
                assert!(same_bits(&parameter, other), "{algorithm}: {name} differs");
            }
        });
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused() {
    let _generator = lock_generator();
    let model = new_model();
    let mut adam = Algorithm::Adam.build(&model.vs, 0.01);
    let refused = |adam: &mut Box<dyn Optimizer>, state: &NamedTensors| {
        adam.load_state_dict(state).unwrap_err().to_string()
    };
    let mut state = adam.state_dict();
    assert!(state.remove("0.exp_avg").is_some());
    assert_eq!(refused(&mut adam, &state), "missing key \"0.exp_avg\"");

    let scalar = Tensor::from(1f32);
    let mut state = adam.state_dict();
    state.insert("0.momentum_buffer".into(), scalar.copy());
    assert_eq!(
        refused(&mut adam, &state),
        "unexpected key \"0.momentum_buffer\""
    );

    let mut state = adam.state_dict();
    state.insert("1.exp_avg".into(), scalar);
    assert!(refused(&mut adam, &state).contains("\"1.exp_avg\" has shape []"));

    let mut state = adam.state_dict();
    let double = state["1.exp_avg"].to_kind(Kind::Double);
    state.insert("1.exp_avg".into(), double);
    assert!(refused(&mut adam, &state).contains("torch.float64"));

    let mut sgd = Algorithm::Sgd.build(&model.vs, 0.01);
    assert!(sgd.load_state_dict(&adam.state_dict()).is_err());
}
