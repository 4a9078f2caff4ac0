//! Traps that show in errors, panics, names, and files that load although they should not.

use std::fs;
use std::panic::catch_unwind;

use final_layer::torch::serialization::{Metadata, NamedTensors, OutputFile};
use tch::nn::{self, VarStore};
use tch::{Cuda, Device, Kind, Tensor};

use super::case::Case;
use testing::{on_one_thread, python, stdout};

/// The result of `VarStore::load` for a state dict of the digits' network after `change`: the
/// error, or the value of `look` afterwards.
fn load_changed(change: fn(&mut NamedTensors), look: fn(&Case) -> String) -> String {
    on_one_thread(|| {
        let mut case = Case::new();
        let variables = case.model.vs.variables();
        let mut state: NamedTensors = variables
            .into_iter()
            .map(|(name, tensor)| (name, tensor.detach().copy()))
            .collect();
        change(&mut state);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("changed.safetensors");
        let file = OutputFile::create(&path).unwrap();
        file.write_safetensors(&state, Metadata::new()).unwrap();
        match case.model.vs.load(&path) {
            Ok(()) => format!("no error; {}", look(&case)),
            Err(error) => format!("error: {error}"),
        }
    })
}

pub fn extra_key() -> String {
    let add = |state: &mut NamedTensors| {
        state.insert("fc3.bias".into(), Tensor::from(1f32));
    };
    load_changed(add, |case| {
        let known = case.model.vs.variables().len();
        format!("{known} of 5 tensors are loaded")
    })
}

pub fn broadcast_shape() -> String {
    let shorten = |state: &mut NamedTensors| {
        state.insert("fc2.bias".into(), Tensor::from_slice(&[0.5f32]));
    };
    load_changed(shorten, |case| {
        let bias = case.model.vs.variables()["fc2.bias"].detach();
        let equal = bias.eq(0.5).sum(Kind::Int64).int64_value(&[]);
        format!("shape `[1]` into `[10]`: {equal} equal biases")
    })
}

pub fn other_dtype() -> String {
    let widen = |state: &mut NamedTensors| {
        let wide = state["fc2.bias"].to_kind(Kind::Double);
        state.insert("fc2.bias".into(), wide);
    };
    load_changed(widen, |case| {
        let kind = case.model.vs.variables()["fc2.bias"].kind();
        let outcome = match silently(|| case.output()) {
            Ok(_) => "runs",
            Err(_) => "panics",
        };
        format!("the bias is now {kind:?} and the next forward pass {outcome}")
    })
}

pub fn names() -> String {
    let vs = VarStore::new(Device::Cpu);
    let root = vs.root();
    on_one_thread(|| {
        nn::linear(&root, 10, 64, Default::default());
        nn::linear(&root, 64, 1, Default::default());
    });
    let mut names: Vec<String> = vs.variables().into_keys().collect();
    names.sort();
    format!("two layers on one path: `{}`", names.join("`, `"))
}

pub fn pt() -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut save = python("tests/python/save_weights.py");
    stdout(save.arg("digit_classifier").arg(folder.path()));
    let load = |name: &str| {
        let mut vs = on_one_thread(Case::new).model.vs;
        let error = vs.load(folder.path().join(name)).unwrap_err().to_string();
        let reason = error.find("Expected").map(|at| &error[at..]);
        reason
            .and_then(|text| text.lines().next())
            .unwrap_or(&error)
            .to_owned()
    };
    let python = load("weights.pt");
    on_one_thread(Case::new)
        .model
        .vs
        .save(folder.path().join("tch.pt"))
        .unwrap();
    let tch = load("tch.pt");
    format!("error of Python's file: `{python}`; of its own: `{tch}`")
}

pub fn cuda() -> String {
    // Empty on systems without /proc, which have no CUDA either.
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let not = if maps.contains("libtorch_cuda") {
        ""
    } else {
        "not "
    };
    let seen = Cuda::is_available();
    format!("`libtorch_cuda` is {not}loaded; `Cuda::is_available()`: {seen} (without a GPU)")
}

pub fn panics() -> String {
    let ones = |size: [i64; 2]| Tensor::ones(size, (Kind::Float, Device::Cpu));
    let (a, b) = (ones([1, 3]), ones([2, 4]));
    let error = a.f_matmul(&b).unwrap_err().to_string();
    let outcome = match silently(|| a.matmul(&b)) {
        Ok(_) => "runs",
        Err(_) => "panics",
    };
    let error = error.lines().next().unwrap_or_default();
    format!("`matmul` of shapes that do not fit {outcome}; `f_matmul`: `{error}`")
}

/// Runs `action`, which may panic.
fn silently<R>(action: impl FnOnce() -> R) -> std::thread::Result<R> {
    catch_unwind(std::panic::AssertUnwindSafe(action))
}
