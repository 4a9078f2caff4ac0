//! The table of optimizers and arguments that optim.rs compares with Python.

use final_layer::torch::Error;
use final_layer::torch::optim::{
    AdadeltaConfig, AdagradConfig, AdamConfig, AdamaxConfig, NAdamConfig, Optimizer, OptimizerOf,
    ParamGroups, RAdamConfig, RmsPropConfig, Rule, Setting, SgdConfig,
};
use serde_json::{Value, json};

/// Arguments of Python's optimizers, as JSON, beyond the defaults.
pub fn cases() -> Vec<(&'static str, Value)> {
    vec![
        ("SGD", json!({})),
        ("SGD", json!({"lr": 0.1})),
        ("SGD", json!({"lr": 0.1, "momentum": 0.9})),
        ("SGD", json!({"lr": 0.1, "momentum": 0.9, "dampening": 0.1})),
        ("SGD", json!({"lr": 0.1, "momentum": 0.9, "nesterov": true})),
        ("SGD", json!({"lr": 0.1, "weight_decay": 0.01})),
        (
            "SGD",
            json!({"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "nesterov": true}),
        ),
        ("SGD", json!({"maximize": true})),
        (
            "SGD",
            json!({"momentum": 0.9, "weight_decay": 0.01, "dampening": 0.5, "maximize": true}),
        ),
        (
            "SGD",
            json!({"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "foreach": true}),
        ),
        ("Adam", json!({})),
        ("Adam", json!({"weight_decay": 0.03})),
        ("Adam", json!({"amsgrad": true, "weight_decay": 0.01})),
        (
            "Adam",
            json!({"lr": 0.02, "betas": [0.8, 0.99], "eps": 1e-5}),
        ),
        // For a weight of 1/2 or more, `lerp` uses another formula.
        ("Adam", json!({"betas": [0.3, 0.9]})),
        ("Adam", json!({"betas": [0.5, 0.9]})),
        ("Adam", json!({"betas": [0.0, 0.0], "eps": 1e-3})),
        ("Adam", json!({"maximize": true})),
        (
            "Adam",
            json!({"maximize": true, "amsgrad": true, "weight_decay": 0.1}),
        ),
        (
            "Adam",
            json!({"decoupled_weight_decay": true, "weight_decay": 0.1}),
        ),
        ("Adam", json!({"foreach": true})),
        (
            "Adam",
            json!({"foreach": true, "amsgrad": true, "weight_decay": 0.1}),
        ),
        ("AdamW", json!({})),
        ("AdamW", json!({"weight_decay": 0.1, "amsgrad": true})),
        ("AdamW", json!({"weight_decay": 0.0, "maximize": true})),
        ("AdamW", json!({"foreach": true, "lr": 0.01})),
        ("RMSprop", json!({})),
        ("RMSprop", json!({"lr": 1e-3, "alpha": 0.9, "eps": 1e-3})),
        ("RMSprop", json!({"lr": 1e-3, "weight_decay": 0.1})),
        ("RMSprop", json!({"lr": 1e-3, "momentum": 0.9})),
        ("RMSprop", json!({"lr": 1e-3, "centered": true})),
        (
            "RMSprop",
            json!({"lr": 1e-3, "centered": true, "momentum": 0.5, "weight_decay": 0.1, "maximize": true}),
        ),
        (
            "RMSprop",
            json!({"lr": 1e-3, "centered": true, "momentum": 0.5, "foreach": true}),
        ),
        ("Adagrad", json!({})),
        ("Adagrad", json!({"lr": 0.1, "lr_decay": 0.01})),
        ("Adagrad", json!({"weight_decay": 0.1})),
        ("Adagrad", json!({"initial_accumulator_value": 0.1})),
        ("Adagrad", json!({"eps": 1e-3})),
        ("Adagrad", json!({"maximize": true, "weight_decay": 0.01})),
        (
            "Adagrad",
            json!({"foreach": true, "lr_decay": 0.1, "weight_decay": 0.1}),
        ),
        ("Adadelta", json!({})),
        ("Adadelta", json!({"lr": 0.5, "rho": 0.8})),
        ("Adadelta", json!({"rho": 1.0})),
        ("Adadelta", json!({"eps": 1e-3})),
        ("Adadelta", json!({"weight_decay": 0.1})),
        ("Adadelta", json!({"maximize": true, "weight_decay": 0.01})),
        ("Adadelta", json!({"foreach": true, "weight_decay": 0.1})),
        ("Adamax", json!({})),
        (
            "Adamax",
            json!({"lr": 0.02, "betas": [0.8, 0.99], "eps": 1e-3}),
        ),
        ("Adamax", json!({"betas": [0.3, 0.9]})),
        ("Adamax", json!({"weight_decay": 0.1})),
        ("Adamax", json!({"maximize": true, "weight_decay": 0.01})),
        ("Adamax", json!({"foreach": true, "weight_decay": 0.1})),
        ("NAdam", json!({})),
        (
            "NAdam",
            json!({"lr": 0.02, "betas": [0.8, 0.99], "eps": 1e-5}),
        ),
        ("NAdam", json!({"betas": [0.3, 0.9]})),
        ("NAdam", json!({"momentum_decay": 0.1})),
        ("NAdam", json!({"weight_decay": 0.1})),
        (
            "NAdam",
            json!({"weight_decay": 0.1, "decoupled_weight_decay": true}),
        ),
        ("NAdam", json!({"maximize": true, "weight_decay": 0.01})),
        ("RAdam", json!({})),
        (
            "RAdam",
            json!({"lr": 0.02, "betas": [0.8, 0.99], "eps": 1e-5}),
        ),
        // Too short a memory for the variance to be rectified.
        ("RAdam", json!({"betas": [0.3, 0.5]})),
        ("RAdam", json!({"weight_decay": 0.1})),
        (
            "RAdam",
            json!({"weight_decay": 0.1, "decoupled_weight_decay": true}),
        ),
        ("RAdam", json!({"maximize": true, "weight_decay": 0.01})),
    ]
}

/// `torch.optim.<class>(params, **kwargs)`
pub fn build(
    class: &str,
    params: impl Into<ParamGroups>,
    kwargs: &Value,
) -> Result<Box<dyn Optimizer>, Error> {
    match class {
        "SGD" => build_with(SgdConfig::new(1e-3), params, kwargs),
        "Adam" => build_with(AdamConfig::adam(1e-3), params, kwargs),
        "AdamW" => build_with(AdamConfig::adamw(1e-3), params, kwargs),
        "RMSprop" => build_with(RmsPropConfig::new(1e-2), params, kwargs),
        "Adagrad" => build_with(AdagradConfig::new(1e-2), params, kwargs),
        "Adadelta" => build_with(AdadeltaConfig::new(1.), params, kwargs),
        "Adamax" => build_with(AdamaxConfig::new(2e-3), params, kwargs),
        "NAdam" => build_with(NAdamConfig::new(2e-3), params, kwargs),
        "RAdam" => build_with(RAdamConfig::new(1e-3), params, kwargs),
        _ => panic!("{class} is no class"),
    }
}

fn build_with<R: Rule + 'static>(
    mut rule: R,
    params: impl Into<ParamGroups>,
    kwargs: &Value,
) -> Result<Box<dyn Optimizer>, Error> {
    for (name, value) in kwargs.as_object().expect("keyword arguments") {
        rule = rule.with(name, setting(value))?;
    }
    Ok(Box::new(OptimizerOf::new(params, rule)?))
}

fn setting(value: &Value) -> Setting {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Array(values) => Setting::List(values.iter().map(setting).collect()),
        value => value.as_f64().expect("a number").into(),
    }
}
