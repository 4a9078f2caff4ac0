//! The table of optimizers and arguments that optim.rs compares with Python.

use std::fs;

use final_layer::torch::Error;
use final_layer::torch::optim::{
    AdadeltaConfig, AdagradConfig, AdamConfig, AdamaxConfig, NAdamConfig, Optimizer, OptimizerOf,
    ParamGroups, RAdamConfig, RmsPropConfig, Rule, Setting, SgdConfig,
};
use serde_json::Value;
use testing::root;

/// Arguments of Python's optimizers, as JSON, beyond the defaults.
pub fn cases() -> Vec<(String, Value)> {
    let file = root("crates/torch-parity/tests/tables/optim.json");
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
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
