//! Every variant of Adam and of SGD against Python's, over 200 steps on one network.

use std::ffi::OsStr;

use final_layer::storage::read_safetensors;
use final_layer::tasks::{DigitClassification, Model};
use final_layer::torch::optim::{Adam, AdamConfig, Optimizer};
use final_layer::trace;
use serde_json::{Value, json};
use tch::nn::{OptimizerConfig, sgd};
use tch::{Device, Tensor};

use crate::common::{lock_generator, python_code, same_bits};

const STEPS: usize = 200;

/// Trains with `optimizer` in Rust, with `torch.optim.<class>(**kwargs)` in Python, and expects the
/// same traces and, of Adam, the same state.
fn check(class: &str, kwargs: Value, optimizer: impl FnOnce(&tch::nn::VarStore) -> Kind) {
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

    let _generator = lock_generator();
    let threads = tch::get_num_threads();
    tch::set_num_threads(1);
    tch::manual_seed(0);
    let model = Model::<DigitClassification>::new(Device::Cpu);
    let mut optimizer = optimizer(&model.vs);
    let mut trace = trace::record(&model, optimizer.as_dyn(), 37, STEPS).unwrap();
    tch::set_num_threads(threads);
    if let Kind::Adam(adam) = &optimizer {
        for (i, state) in adam.state().iter().enumerate() {
            trace.insert(format!("state.{i}.step"), Tensor::from(state.step as f32));
            trace.insert(format!("state.{i}.exp_avg"), state.exp_avg.copy());
            trace.insert(format!("state.{i}.exp_avg_sq"), state.exp_avg_sq.copy());
            if let Some(max) = &state.max_exp_avg_sq {
                trace.insert(format!("state.{i}.max_exp_avg_sq"), max.copy());
            }
        }
    }
    let keys = |tensors: &final_layer::storage::NamedTensors| -> Vec<String> {
        tensors.keys().cloned().collect()
    };
    assert_eq!(keys(&trace), keys(&expected), "{class} {kwargs}");
    for (name, tensor) in &trace {
        assert!(
            same_bits(tensor, &expected[name]),
            "{class} {kwargs}: {name} differs"
        );
    }
}

enum Kind {
    Adam(Adam),
    Sgd(tch::nn::Optimizer),
}

impl Kind {
    fn as_dyn(&mut self) -> &mut dyn Optimizer {
        match self {
            Kind::Adam(adam) => adam,
            Kind::Sgd(sgd) => sgd,
        }
    }
}

#[test]
fn adam_equals_python() {
    let adam = AdamConfig::adam(1e-3);
    check("Adam", json!({}), |vs| Kind::Adam(Adam::new(vs, adam)));
    check("Adam", json!({"weight_decay": 0.03}), |vs| {
        Kind::Adam(Adam::new(
            vs,
            AdamConfig {
                weight_decay: 0.03,
                ..adam
            },
        ))
    });
    check(
        "Adam",
        json!({"amsgrad": true, "weight_decay": 0.01}),
        |vs| {
            Kind::Adam(Adam::new(
                vs,
                AdamConfig {
                    amsgrad: true,
                    weight_decay: 0.01,
                    ..adam
                },
            ))
        },
    );
    check(
        "Adam",
        json!({"lr": 0.02, "betas": [0.8, 0.99], "eps": 1e-5}),
        |vs| {
            let config = AdamConfig {
                lr: 0.02,
                betas: (0.8, 0.99),
                eps: 1e-5,
                ..adam
            };
            Kind::Adam(Adam::new(vs, config))
        },
    );
}

#[test]
fn adamw_equals_python() {
    let adamw = AdamConfig::adamw(1e-3);
    check("AdamW", json!({}), |vs| Kind::Adam(Adam::new(vs, adamw)));
    check(
        "AdamW",
        json!({"weight_decay": 0.1, "amsgrad": true}),
        |vs| {
            Kind::Adam(Adam::new(
                vs,
                AdamConfig {
                    amsgrad: true,
                    weight_decay: 0.1,
                    ..adamw
                },
            ))
        },
    );
}

#[test]
fn sgd_equals_python() {
    let cases = [
        (json!({"lr": 0.1}), sgd(0., 0., 0., false)),
        (json!({"lr": 0.1, "momentum": 0.9}), sgd(0.9, 0., 0., false)),
        (
            json!({"lr": 0.1, "momentum": 0.9, "dampening": 0.1}),
            sgd(0.9, 0.1, 0., false),
        ),
        (
            json!({"lr": 0.1, "momentum": 0.9, "nesterov": true}),
            sgd(0.9, 0., 0., true),
        ),
        (
            json!({"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
            sgd(0.9, 0., 0.01, false),
        ),
    ];
    for (kwargs, config) in cases {
        check("SGD", kwargs, |vs| {
            Kind::Sgd(config.build(vs, 0.1).unwrap())
        });
    }
}
