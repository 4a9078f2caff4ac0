//! Layers of `torch/nn/modules/container.py`.

use serde_json::Value;
use torch_parity::Result;
use torch_parity::nn::Path;

use super::record::Forward;
use super::table::{Args, Call};

pub fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    match layer {
        "Sequential" => Some(sequential(vs, args)),
        _ => None,
    }
}

/// Layers with one input each, applied in sequence, with names `0.weight`, `1.weight` and so on.
fn sequential(vs: &Path, args: &Args) -> Result<Forward> {
    let mut layers = Vec::new();
    for (i, layer) in args.need::<Vec<Value>>("layers").iter().enumerate() {
        let inner = Args::new(&layer[1]);
        let name = layer[0].as_str().unwrap();
        let built = super::build(&(vs / i), name, &inner);
        layers.push(built.unwrap_or_else(|| panic!("unknown layer {name}"))?);
        inner.expect_all_read();
    }
    Ok(Box::new(move |call, train| {
        let input = call.inputs[0].shallow_clone();
        let output = layers.iter().fold(input, |input, layer| {
            layer(&Call::of(vec![input]), train).remove(0)
        });
        vec![output]
    }))
}
