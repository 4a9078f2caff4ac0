//! Every layer of `torch::nn` against Python's, row by row of `tests/layers/*.json`.
//!
//! A new layer costs a row there and an arm in the file of `tests/it/layers/` where Python has it.

use std::fmt::Write;
use std::fs;

use final_layer::torch::Result;
use final_layer::torch::nn::Path;
use final_layer::torch::serialization::{NamedTensors, read_safetensors};
use serde_json::{Map, Value, json};
use tch::{Kind, Tensor};

use crate::common::{on_threads, python_code};
use record::{Forward, differences, record};
use table::{Args, Row};

mod attention;
mod container;
mod linear;
mod record;
mod refusals;
mod rnn;
mod table;
mod transformer;

/// The layer of that name in Python, from `final_layer::torch::nn`.
fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    let files = [
        attention::build,
        container::build,
        linear::build,
        rnn::build,
        transformer::build,
    ];
    files.iter().find_map(|build| build(vs, layer, args))
}

/// What Python records of some rows, by `<id>.<threads>.<name>`.
struct Python(NamedTensors);

impl Python {
    fn record(rows: &[Row]) -> Self {
        let by_id: Map<String, Value> = rows
            .iter()
            .map(|row| (row.id.clone(), row.json.clone()))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let [output, input] =
            ["traces.safetensors", "rows.json"].map(|name| folder.path().join(name));
        fs::write(&input, Value::Object(by_id).to_string()).unwrap();
        let args = [output.as_os_str(), input.as_os_str()];
        python_code("tests/it/python/layers.py", &args);
        Self(read_safetensors(&output).unwrap())
    }

    fn of(&self, row: &Row, threads: i32) -> NamedTensors {
        let prefix = format!("{}.{threads}.", row.id);
        let tensors = self.0.range(prefix.clone()..);
        let own = tensors.map_while(|(name, tensor)| {
            let name = name.strip_prefix(&prefix)?;
            Some((name.to_owned(), tensor.shallow_clone()))
        });
        own.collect()
    }
}

/// Holds rows against Python at one thread and at two, and prints what was compared.
fn check(rows: &[Row]) {
    let python = Python::record(rows);
    let (mut tensors, mut marked, mut failures) = (0, 0, String::new());
    for threads in [1, 2] {
        on_threads(threads, || {
            for row in rows {
                let expected = python.of(row, threads);
                assert!(!expected.is_empty(), "{row}: Python recorded nothing");
                let lines = match record(row, build) {
                    Ok(trace) => differences(&trace, &expected),
                    Err(error) => vec![error],
                };
                match (row.unequal(), lines.is_empty()) {
                    (None, true) => tensors += expected.len(),
                    (Some(_), false) => marked += 1,
                    (Some(_), true) => {
                        writeln!(failures, "{row}: equal after all, {threads} threads").unwrap();
                    }
                    (None, false) => {
                        writeln!(failures, "{row}, {threads} threads:").unwrap();
                        for line in &lines {
                            writeln!(failures, "    {line}").unwrap();
                        }
                    }
                }
            }
        });
    }
    println!(
        "{} rows of layers at 1 and 2 threads: {tensors} tensors equal to the bit, {} rows marked \
         as unequal",
        rows.len(),
        marked / 2,
    );
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn layers_equal_python() {
    check(&Row::all());
}

/// Without these, a comparison that lets everything pass would look like layers that agree.
#[test]
fn a_row_that_is_not_python_fails() {
    let row = |json: Value| Row {
        id: "row-0".to_owned(),
        json,
    };
    let linear =
        |args: Value| row(json!({"layer": "Linear", "args": args, "inputs": ["randn(2, 3)"]}));
    let right = linear(json!({"in_features": 3, "out_features": 2}));
    let python = Python::record(std::slice::from_ref(&right)).of(&right, 1);
    on_threads(1, || {
        let mut trace = record(&right, build).unwrap();
        assert_eq!(differences(&trace, &python), [""; 0]);

        let moved = trace["train.grad.bias"].nextafter(&Tensor::from(f32::MAX));
        trace.insert("train.grad.bias".into(), moved);
        trace.insert("more".into(), Tensor::from(0f32));
        let wide = trace["init.bias"].to_kind(Kind::Double);
        trace.insert("init.bias".into(), wide);
        trace.remove("eval.output.0");
        let lines = differences(&trace, &python);
        let starts = [
            "eval.output.0: not in Rust",
            "init.bias: Double [2] in Rust, Float [2] in Python",
            "train.grad.bias: differs by up to ",
            "more: not in Python",
        ];
        assert_eq!(lines.len(), starts.len(), "{lines:?}");
        for (line, start) in lines.iter().zip(starts) {
            assert!(line.starts_with(start), "{line}");
        }
    });
    let odd = json!({"in_features": 3, "out_features": 2, "odd": 1});
    for (json, expected) in [
        (odd, "Rust does not know the argument odd"),
        (json!({"in_features": 3, "out_features": -2}), "negative"),
        (
            json!({"in_features": 3, "out_features": 2, "bias": 1}),
            "argument bias: cannot read 1",
        ),
        (
            json!({"in_features": 3}),
            "argument out_features is missing",
        ),
    ] {
        let error = on_threads(1, || record(&linear(json), build)).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
