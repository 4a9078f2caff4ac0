//! Every layer of `torch_parity::nn` against Python's, for each row of
//! `crates/torch-parity/tests/rows/*.json`.
//!
//! A new layer needs a row there and a match arm in the file of `crates/torch-parity/tests/layers/`
//! that corresponds to Python's file.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::{self, Write};
use std::fs;

use serde_json::{Map, Value, json};
use tch::nn;
use tch::{Device, Kind, Tensor};
use torch_parity::Result;
use torch_parity::nn::Path;
use torch_parity::serialization::{NamedTensors, read_safetensors};

use record::{Build, Forward, apart, differences, record};
use table::{Args, Row};
use testing::{agree, on_threads, python_code, root};

mod activation;
mod attention;
mod container;
mod conv;
mod functional;
mod functional_activation;
mod functional_conv;
mod functional_pooling;
mod init;
mod linear;
mod loss;
mod nn_spelling;
mod norm;
mod own;
mod pooling;
mod record;
mod refusals;
mod rnn;
mod shape;
mod sparse;
mod table;
mod transformer;
mod utils;

/// Builds the layer with that name in Python from `torch_parity::nn`.
fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    let files: [Build; 17] = [
        activation::build,
        attention::build,
        container::build,
        conv::build,
        functional::build,
        functional_activation::build,
        functional_conv::build,
        functional_pooling::build,
        linear::build,
        loss::build,
        norm::build,
        pooling::build,
        rnn::build,
        shape::build,
        sparse::build,
        transformer::build,
        utils::build,
    ];
    files.iter().find_map(|build| build(vs, layer, args))
}

/// Python's recordings of rows, by `<id>.<threads>.<name>`.
struct Python(NamedTensors);

impl Python {
    fn record(rows: &[Row], threads: &[i32]) -> Self {
        let by_id: Map<String, Value> = rows
            .iter()
            .map(|row| (row.id.clone(), row.json.clone()))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let [output, input] =
            ["traces.safetensors", "rows.json"].map(|name| folder.path().join(name));
        fs::write(&input, Value::Object(by_id).to_string()).unwrap();
        let threads: Vec<String> = threads.iter().map(i32::to_string).collect();
        let mut args = vec![output.as_os_str(), input.as_os_str()];
        args.extend(threads.iter().map(OsStr::new));
        python_code("crates/torch-parity/tests/python/layers.py", &args);
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

const THREADS: [i32; 2] = [1, 2];

/// Compares rows with Python's at one thread and at two, and prints the comparison.
fn check(rows: &[Row]) {
    let python = Python::record(rows, &THREADS);
    let (mut tensors, mut marked, mut failures) = (0, 0, String::new());
    for threads in THREADS {
        on_threads(threads, || {
            for row in rows {
                let expected = python.of(row, threads);
                assert!(!expected.is_empty(), "{row}: Python recorded nothing");
                let (lines, runs) = match record(row, build) {
                    Ok(trace) => (differences(&trace, &expected), true),
                    Err(error) => (vec![error], false),
                };
                // A row that does not run does not count as a known difference.
                match (row.unequal().filter(|_| runs), lines.is_empty()) {
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
fn the_first_row_of_each_layer_equals_python() {
    let mut seen = BTreeSet::new();
    let mut rows = Row::all();
    rows.retain(|row| seen.insert(row.layer().to_owned()));
    check(&rows);
}

/// Run by `scripts/check`: `cargo test --test layers -- --ignored every_row`.
#[test]
#[ignore = "takes a minute"]
fn every_row_equals_python() {
    check(&Row::all());
}

/// Without these, a comparison that accepts everything would look like agreement.
#[test]
fn a_row_that_is_not_python_fails() {
    let row = |json: Value| Row {
        id: "row-0".to_owned(),
        json,
    };
    let linear =
        |args: Value| row(json!({"layer": "Linear", "args": args, "inputs": ["randn(2, 3)"]}));
    let right = linear(json!({"in_features": 3, "out_features": 2}));
    let python = Python::record(std::slice::from_ref(&right), &[1]).of(&right, 1);
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

const GUIDE: &str = "src/guide/layers.md";

/// Replaces our layers with `tch`'s: the rows must fail where the guide's table says so, and by the
/// same amount.
#[test]
fn rows_fail_with_the_layers_of_tch() {
    let rows: Vec<Row> = Row::all();
    let names = |row: &Row| row.layer().to_owned();
    let of_tch = |row: &&Row| {
        let vs = nn::VarStore::new(Device::Cpu);
        let has = on_threads(1, || {
            own::build(&vs.root(), row.layer(), &row.args()).is_some()
        });
        has && row.kind() == Kind::Float && row.json.get("call").is_none()
    };
    let sayable: Vec<Row> = rows.iter().filter(of_tch).cloned().collect();
    let python = Python::record(&sayable, &[1]);
    let mut layers: Vec<String> = sayable.iter().map(names).collect();
    layers.sort();
    layers.dedup();

    let mut measured = String::from(HEAD);
    for layer in layers {
        let own: Vec<&Row> = sayable.iter().filter(|row| row.layer() == layer).collect();
        let all = rows
            .iter()
            .filter(|row| row.layer() == layer && row.kind() == Kind::Float);
        let mut cost = Cost::default();
        for row in &own {
            let trace = on_threads(1, || record(row, own::build));
            match trace {
                Ok(trace) => cost.add(&trace, &python.of(row, 1)),
                Err(_) => cost.panics += 1,
            }
        }
        let cannot = all.count() - own.len();
        writeln!(
            measured,
            "| `{layer}` | {} of {} | {cost} | {cannot} |",
            cost.failed + cost.panics,
            own.len()
        )
        .unwrap();
    }
    println!("{measured}");
    let told = fs::read_to_string(root(GUIDE)).unwrap_or_default();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let alike = lines(&told).len() == lines(&measured).len()
        && lines(&told)
            .iter()
            .zip(lines(&measured))
            .all(|(told, measured)| agree(told, &measured));
    assert!(alike, "{GUIDE} should be\n{measured}");
}

const HEAD: &str = "\
| layer | rows that fail | variables that the state dict lacks | initial values differ by up to | output of training differs by up to | rows that `tch` cannot say |
| --- | --- | --- | --- | --- | --- |
";

/// The difference of tch's layer over the rows of one layer.
#[derive(Default)]
struct Cost {
    failed: usize,
    panics: usize,
    missing: BTreeSet<String>,
    init: f64,
    output: f64,
}

impl Cost {
    fn add(&mut self, rust: &NamedTensors, python: &NamedTensors) {
        self.failed += usize::from(!differences(rust, python).is_empty());
        for (name, theirs) in python {
            let Some(ours) = rust.get(name).filter(|ours| ours.size() == theirs.size()) else {
                self.missing
                    .extend(name.strip_prefix("init.").map(str::to_owned));
                continue;
            };
            let place = match name {
                name if name.starts_with("init.") => &mut self.init,
                name if name.starts_with("train.output.") => &mut self.output,
                _ => continue,
            };
            *place = place.max(apart(ours, theirs));
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing: Vec<String> = self
            .missing
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let missing = if missing.is_empty() {
            "none".to_owned()
        } else {
            missing.join(", ")
        };
        let size = |size: f64| match size {
            0. => "0".to_owned(),
            size => format!("≈{size:.1e}"),
        };
        let output = match self.panics {
            0 => size(self.output),
            rows => format!("{rows} rows panic"),
        };
        write!(f, "{missing} | {} | {output}", size(self.init))
    }
}

/// Arguments and inputs that Python refuses are refused with its message, at construction or, as
/// there, by `forward`.
#[test]
fn arguments_and_inputs_that_python_refuses_are_refused() {
    let conv = |more: Value| {
        let mut args = json!({"in_channels": 4, "out_channels": 6, "kernel_size": 3});
        args.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        args
    };
    let cases = json!([
        ["Conv2d", conv(json!({"groups": 0})), []],
        ["Conv2d", conv(json!({"groups": 3})), []],
        ["Conv1d", conv(json!({"groups": 4})), []],
        ["Conv3d", conv(json!({"padding": "same", "stride": 2})), []],
        ["Conv2d", conv(json!({})), ["randn(2, 3, 8, 8)"]],
        ["Conv2d", conv(json!({})), ["randn(2, 4, 2, 8)"]],
        ["ConvTranspose2d", conv(json!({"groups": 3})), []],
        ["Bilinear", {"in1_features": 0, "in2_features": 2, "out_features": 2}, []],
        ["BatchNorm1d", {"num_features": 3}, ["randn(2, 3, 4, 4)"]],
        ["BatchNorm2d", {"num_features": 3}, ["randn(2, 3, 4)"]],
        ["BatchNorm3d", {"num_features": 3}, ["randn(2, 3, 4)"]],
        ["BatchNorm1d", {"num_features": 3}, ["randn(1, 3)"]],
        ["BatchNorm1d", {"num_features": 3, "eps": 0.0}, ["randn(2, 3)"]],
        ["BatchNorm1d", {"num_features": 3, "eps": -1.0}, ["randn(2, 3)"]],
        ["InstanceNorm1d", {"num_features": 3}, ["randn(3)"]],
        ["InstanceNorm1d", {"num_features": 3}, ["randn(2, 3, 1)"]],
        ["InstanceNorm2d", {"num_features": 3, "affine": true}, ["randn(2, 4, 5, 5)"]],
        ["GroupNorm", {"num_groups": 4, "num_channels": 6}, []],
        ["GroupNorm", {"num_groups": 2, "num_channels": 6}, ["randn(6)"]],
        ["LocalResponseNorm", {"size": 2}, ["randn(2, 6)"]],
        ["Dropout", {"p": 1.5}, []],
        ["Dropout2d", {"p": -0.5}, []],
        ["Dropout1d", {}, ["randn(2, 3, 4, 5)"]],
        ["Embedding", {"num_embeddings": 3, "embedding_dim": 2, "padding_idx": 3}, []],
        ["Embedding", {"num_embeddings": 3, "embedding_dim": 2}, ["tensor([3])"]],
        ["EmbeddingBag", {"num_embeddings": 3, "embedding_dim": 2}, ["tensor([1])"]],
        ["EmbeddingBag", {"num_embeddings": 3, "embedding_dim": 2, "mode": "max", "sparse": true}, ["randint(0, 3, (2, 2))"]],
        ["Hardtanh", {"min_val": 2.0, "max_val": 1.0}, ["randn(3)"]],
        ["Softmax2d", {}, ["randn(3, 2)"]],
        ["Softmax", {"dim": 2}, ["randn(3, 2)"]],
        ["PReLU", {"num_parameters": 3}, ["randn(4, 2)"]],
        ["MaxPool2d", {"kernel_size": 2, "padding": 2}, ["randn(1, 1, 4, 4)"]],
        ["FractionalMaxPool2d", {"kernel_size": 2, "output_ratio": [0.5, 1.5]}, []],
        ["ReflectionPad1d", {"padding": 4}, ["randn(1, 1, 3)"]],
        ["Upsample", {}, ["randn(1, 1, 3)"]],
        ["Upsample", {"size": 2, "scale_factor": 2.0}, ["randn(1, 1, 3)"]],
        ["Upsample", {"size": 2, "align_corners": true}, ["randn(1, 1, 3)"]],
        ["PixelShuffle", {"upscale_factor": 2}, ["randn(1, 3, 2, 2)"]],
        ["functional.normalize", {"dim": 2}, ["randn(2, 3)"]],
        ["Unflatten", {"dim": 1, "unflattened_size": [2, 2]}, ["randn(2, 3)"]],
    ]);
    let functions = json!([
        ["functional.cross_entropy", {"reduction": "batchmean"}, ["randn(2, 3)", "tensor([0, 1])"]],
        ["functional.cross_entropy", {}, ["randn(2, 3)", "tensor([0, 3])"]],
        ["functional.cross_entropy", {}, ["randn(2, 3)", "tensor([0, 1, 2])"]],
        ["functional.cross_entropy", {"label_smoothing": 1.5}, ["randn(2, 3)", "tensor([0, 1])"]],
        ["functional.nll_loss", {}, ["randn(2, 3)", "tensor([0, -1])"]],
        ["functional.binary_cross_entropy", {}, ["rand(2, 3)", "rand(2)"]],
        ["functional.binary_cross_entropy", {}, ["rand(2).mul(9)", "rand(2)"]],
        ["functional.binary_cross_entropy_with_logits", {}, ["rand(2, 3)", "rand(2)"]],
        ["functional.mse_loss", {}, ["rand(2)", "rand(3)"]],
        ["functional.smooth_l1_loss", {"beta": -1.0}, ["rand(2)", "rand(2)"]],
        ["functional.huber_loss", {"delta": 0.0}, ["rand(2)", "rand(2)"]],
        ["functional.kl_div", {}, ["rand(2)", "rand(3)"]],
        ["functional.gaussian_nll_loss", {}, ["rand(2)", "rand(2)", "randn(2).mul(0).add(-1)"]],
        ["functional.gaussian_nll_loss", {}, ["rand(2, 3)", "rand(2, 3)", "rand(2, 2)"]],
        ["functional.multilabel_soft_margin_loss", {}, ["randn(2, 3)", "randn(2, 3).gt(0)"]],
        ["functional.multi_margin_loss", {"p": 3}, ["randn(2, 3)", "tensor([0, 1])"]],
        ["functional.multi_margin_loss", {}, ["randn(2, 3)", "tensor([0, 3])"]],
        ["functional.multilabel_margin_loss", {}, ["randn(1, 3)", "tensor([0, 3, 1]).view(1, 3)"]],
        ["functional.margin_ranking_loss", {}, ["randn(2)", "randn(2, 1)", "randn(2)"]],
        ["functional.triplet_margin_loss", {"margin": -1.0}, ["randn(2)", "randn(2)", "randn(2)"]],
        ["functional.triplet_margin_with_distance_loss", {"margin": 0.0}, ["randn(2)", "randn(2)", "randn(2)"]],
        ["functional.triplet_margin_with_distance_loss", {}, ["randn(2)", "randn(1, 2)", "randn(2)"]],
        ["functional.ctc_loss", {"blank": 4}, ["randn(5, 1, 4)", "tensor([1, 2]).view(1, 2)", "tensor([5])", "tensor([2])"]],
        ["functional.ctc_loss", {}, ["randn(5, 1, 4)", "tensor([1, 2]).view(1, 2)", "tensor([6])", "tensor([2])"]],
        ["functional.glu", {}, ["randn(3)"]],
        ["functional.softmax", {"dim": 2}, ["randn(2, 3)"]],
        ["functional.one_hot", {"num_classes": 2}, ["tensor([0, 2])"]],
        ["functional.one_hot", {}, ["tensor([-1])"]],
        ["functional.linear", {}, ["randn(2, 3)", "randn(2, 4)"]],
        ["functional.pad", {"pad": [1]}, ["randn(1, 3)"]],
        ["functional.pad", {"pad": [1, 1], "mode": "reflect", "value": 1.0}, ["randn(1, 3)"]],
        ["functional.affine_grid", {"size": [1, 1, 2, 2], "align_corners": false}, ["randn(1, 3, 4)"]],
        ["functional.affine_grid", {"size": [1, 1, 2], "align_corners": false}, ["randn(1, 3, 4)"]],
        ["functional.affine_grid", {"size": [1, 1, 0, 2], "align_corners": false}, ["randn(1, 2, 3)"]],
        ["functional.grid_sample", {"align_corners": false}, ["randn(1, 1, 2, 2)", "randn(1, 2, 2, 3)"]],
        ["functional.unfold", {"kernel_size": 5}, ["randn(1, 1, 2, 2)"]],
        ["functional.group_norm", {"num_groups": 2}, ["randn(1, 3)"]],
        ["functional.layer_norm", {"normalized_shape": [2]}, ["randn(1, 3)"]],
        ["functional.instance_norm", {}, ["randn(1, 3, 1)"]],
    ]);
    let cases = [cases, functions];
    let cases = cases.iter().flat_map(|list| list.as_array().unwrap());
    let rows = cases.map(|case| Row {
        id: String::new(),
        json: json!({"layer": case[0], "args": case[1], "inputs": case[2]}),
    });
    let rows: Vec<Row> = rows.collect();
    let json: Vec<&Value> = rows.iter().map(|row| &row.json).collect();
    let json = json!(json).to_string();
    let python = python_code(
        "crates/torch-parity/tests/python/layer_refusals.py",
        &[OsStr::new(&json)],
    );
    let python: Vec<Option<String>> = serde_json::from_str(&python).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut failures = String::new();
    for (row, python) in rows.iter().zip(python) {
        let python = words(&python.unwrap_or_else(|| panic!("{row}: Python does not refuse it")));
        match on_threads(1, || record(row, build)) {
            // Python's message may be longer than ours, or shorter at its start.
            Err(rust) if words(&rust).contains(&python) || python.contains(&words(&rust)) => {}
            other => {
                let rust = other.err();
                writeln!(failures, "{row}\n  Python: {python}\n  Rust:   {rust:?}").unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
