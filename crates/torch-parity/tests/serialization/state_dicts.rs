//! State dicts of common networks, to Python and back: a ResNet-18 with its buffers and nested
//! modules, and a Transformer encoder with tied weights.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use encoder::Encoder;
use resnet18::ResNet18;
use tch::{Device, Kind, Tensor, no_grad};
use torch_parity::nn::{ModuleT, VarStore};
use torch_parity::one_line;
use torch_parity::optim::{Optimizer, Sgd, SgdConfig};
use torch_parity::serialization::{
    Metadata, NamedTensors, OutputFile, load_state_dict, read_safetensors, save_state_dict,
    state_dict,
};

use testing::{on_one_thread, python_code, same_bits};

mod encoder;
mod resnet18;

/// A network and its variable store.
struct Model<N> {
    vs: VarStore,
    network: N,
}

impl<N: ModuleT> Model<N> {
    fn new(seed: i64, network: fn(&VarStore) -> N) -> Self {
        tch::manual_seed(seed);
        let vs = VarStore::new(Device::Cpu);
        let network = network(&vs);
        Self { vs, network }
    }

    /// A copy of the current state dict.
    fn copies(&self) -> NamedTensors {
        let dict = state_dict(&self.vs).into_iter();
        dict.map(|(name, tensor)| (name, tensor.detach().copy()))
            .collect()
    }

    fn logits(&self, x: &Tensor) -> Tensor {
        no_grad(|| self.network.forward_t(x, false))
    }

    fn train_one_step(&self, x: &Tensor, y: &Tensor) {
        let config = SgdConfig {
            momentum: 0.9,
            ..SgdConfig::new(0.01)
        };
        let mut optimizer = Sgd::new(&self.vs, config).unwrap();
        let logits = self.network.forward_t(x, true);
        logits.cross_entropy_for_logits(y).backward();
        optimizer.step().unwrap();
    }
}

/// Checks both directions for one network; `draw` draws an input and its classes.
fn both_ways<N: ModuleT>(
    name: &str,
    network: fn(&VarStore) -> N,
    draw: fn() -> (Tensor, Tensor),
    variables: usize,
    folder: &Path,
) {
    let python = |command: &str| {
        let script = "crates/torch-parity/tests/python/state_dicts.py";
        let args = [command.as_ref(), name.as_ref(), folder.as_os_str()];
        python_code(script, &args as &[&OsStr]);
    };
    let read = |file: &str| read_safetensors(&folder.join(file)).unwrap();
    python("save");
    let files = ["initial", "every_name", "run"];
    let [initial, trained, run] = files.map(|name| read(&format!("{name}.safetensors")));
    assert_eq!(initial.len(), variables);
    let moved = |name: &&String| !same_bits(&initial[*name], &trained[*name]);
    assert_eq!(initial.keys().filter(moved).count(), variables, "trained");

    // The same seed gives the same state dict, before a step and after it.
    let model = Model::new(3, network);
    assert_same(&model.copies(), &initial);
    let (x, y) = draw();
    assert!(same_bits(&x, &run["x"]) && same_bits(&y, &run["y"]));
    model.train_one_step(&x, &y);
    assert_same(&model.copies(), &trained);

    // From Python.
    for file in [
        "every_name.safetensors",
        "saved_model.safetensors",
        "saved.pt",
    ] {
        let loaded = Model::new(4, network);
        assert!(!same_bits(&loaded.logits(&x), &run["logits"]));
        load_state_dict(&loaded.vs, &folder.join(file)).unwrap();
        assert_same(&loaded.copies(), &trained);
        assert!(same_bits(&loaded.logits(&x), &run["logits"]), "{file}");
    }

    // To Python: after another step, so that Python cannot have these values already.
    model.train_one_step(&x, &y);
    let file = OutputFile::create(&folder.join("rust.safetensors")).unwrap();
    save_state_dict(&model.vs, file).unwrap();
    python("load");
    let mut loaded = read("loaded.safetensors");
    let logits = loaded.remove("logits").unwrap();
    assert_same(&loaded, &model.copies());
    assert!(same_bits(&logits, &model.logits(&x)));
}

fn assert_same(one: &NamedTensors, other: &NamedTensors) {
    assert!(one.keys().eq(other.keys()));
    for (name, tensor) in one {
        assert!(same_bits(tensor, &other[name]), "{name} differs");
    }
}

/// Loads weights that must be refused, with nothing loaded; returns the reason without the file's
/// name.
fn refused<N: ModuleT>(model: &Model<N>, file: &Path) -> String {
    let before = model.copies();
    let error = one_line(&load_state_dict(&model.vs, file).unwrap_err());
    assert_same(&model.copies(), &before);
    let why = error.strip_prefix(&format!("{}: ", file.display()));
    why.unwrap_or_else(|| panic!("no file: {error}")).to_owned()
}

/// [`refused`], for weights that have been changed.
fn refused_after<N: ModuleT>(
    model: &Model<N>,
    folder: &Path,
    change: impl FnOnce(&mut NamedTensors),
) -> String {
    let mut tensors = read_safetensors(&folder.join("every_name.safetensors")).unwrap();
    change(&mut tensors);
    let path = folder.join("changed.safetensors");
    let file = OutputFile::create(&path).unwrap();
    file.write_safetensors(&tensors, Metadata::new()).unwrap();
    refused(model, &path)
}

#[test]
fn a_resnet_goes_from_python_to_rust_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let draw = || {
        let x = Tensor::randn([2, 3, 64, 64], (Kind::Float, Device::Cpu));
        (x, Tensor::randint(10, [2], (Kind::Int64, Device::Cpu)))
    };
    on_one_thread(|| {
        both_ways("resnet18", ResNet18::new, draw, 122, folder);
        let model = Model::new(4, ResNet18::new);
        let refused_after = |change: fn(&mut NamedTensors)| refused_after(&model, folder, change);
        assert_eq!(
            refused_after(|dict| drop(dict.remove("layer2.0.downsample.1.running_var"))),
            "missing key \"layer2.0.downsample.1.running_var\""
        );
        assert_eq!(
            refused_after(|dict| {
                dict.insert("layer2.1.downsample.0.weight".into(), Tensor::from(1f32));
            }),
            "unexpected key \"layer2.1.downsample.0.weight\""
        );
        assert_eq!(
            refused_after(|dict| {
                dict.insert(
                    "bn1.num_batches_tracked".into(),
                    Tensor::from_slice(&[1i64, 2]),
                );
            }),
            "\"bn1.num_batches_tracked\" has shape [2], expected []"
        );
        assert_eq!(
            refused_after(|dict| {
                let mean = dict["bn1.running_mean"].slice(0, 0, 1, 1);
                dict.insert("bn1.running_mean".into(), mean);
            }),
            "\"bn1.running_mean\" has shape [1], expected [64]"
        );
        assert_eq!(
            refused(&model, &folder.join("spoilt.pt")),
            "\"bn1.weight\" has shape [1], expected [64]; missing key \"conv1.weight\"; unexpected key \"more\""
        );
    });
}

#[test]
fn a_tied_encoder_goes_from_python_to_rust_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let draw = || {
        let integers = (Kind::Int64, Device::Cpu);
        (
            Tensor::randint(50, [3, 7], integers),
            Tensor::randint(50, [21], integers),
        )
    };
    on_one_thread(|| {
        both_ways("encoder", Encoder::new, draw, 27, folder);
        let [one, every] = ["saved_model", "every_name"].map(|name| {
            let file = folder.join(name).with_extension("safetensors");
            (
                fs::metadata(&file).unwrap().len(),
                read_safetensors(&file).unwrap().len(),
            )
        });
        assert!(one.0 < every.0 && one.1 == 26 && every.1 == 27);

        let model = Model::new(4, Encoder::new);
        assert_eq!(
            refused_after(&model, folder, |dict| {
                let other = dict["output.weight"].shallow_clone() + 1;
                dict.insert("output.weight".into(), other);
            }),
            "\"embedding.weight\" and \"output.weight\" are one parameter, but differ"
        );
    });
}
