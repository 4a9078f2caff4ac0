//! Weights shared by two layers, in files from Python and to Python.

use std::ffi::OsStr;

use tch::nn::VarStore;
use tch::{Device, Tensor};
use torch_parity::nn;
use torch_parity::serialization::{
    Metadata, NamedTensors, OutputFile, load_state_dict, read_safetensors, save_state_dict,
    state_dict,
};

use testing::{lock_generator, python_code, same_bits};

const SCRIPT: &str = "crates/torch-parity/tests/python/tied.py";

fn tied() -> VarStore {
    let vs = VarStore::new(Device::Cpu);
    let first = nn::linear(vs.root() / "first", 3, 3, Default::default());
    let _ = (vs.root() / "second").add("weight", first.ws.shallow_clone(), true);
    let _ = (vs.root() / "second").randn_standard("bias", &[3]);
    vs
}

#[test]
fn tied_weights_go_to_python_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs, result, spoilt] = ["ours", "theirs", "result", "spoilt"]
        .map(|name| folder.path().join(name).with_extension("safetensors"));

    let vs = {
        let _generator = lock_generator();
        tied()
    };
    save_state_dict(&vs, OutputFile::create(&ours).unwrap()).unwrap();
    let written = read_safetensors(&ours).unwrap();
    assert_eq!(written.len(), 4, "each name has its bytes");
    python_code(
        SCRIPT,
        &[OsStr::new("load"), ours.as_os_str(), result.as_os_str()],
    );
    let loaded = read_safetensors(&result).unwrap();
    assert_same(&loaded, &state_dict(&vs));
    load_state_dict(&vs, &ours).unwrap();

    // Python drops one of the names.
    python_code(SCRIPT, &[OsStr::new("save"), theirs.as_os_str()]);
    let saved = read_safetensors(&theirs).unwrap();
    assert_eq!(saved.len(), 3);
    load_state_dict(&vs, &theirs).unwrap();
    let dict = state_dict(&vs);
    for (name, tensor) in &saved {
        assert!(same_bits(tensor, &dict[name].detach()), "{name} differs");
    }
    let [first, second] = ["first", "second"].map(|name| &dict[&format!("{name}.weight")]);
    assert!(same_bits(first, second));

    // Two values for one parameter, and no value.
    let refused = |change: &dyn Fn(&mut NamedTensors)| {
        let mut tensors = read_safetensors(&ours).unwrap();
        change(&mut tensors);
        let file = OutputFile::create(&spoilt).unwrap();
        file.write_safetensors(&tensors, Metadata::new()).unwrap();
        torch_parity::one_line(&load_state_dict(&vs, &spoilt).unwrap_err())
    };
    let name = spoilt.display();
    assert_eq!(
        refused(&|tensors| {
            let other = &tensors["second.weight"] * -1.;
            tensors.insert("second.weight".into(), other);
        }),
        format!("{name}: \"first.weight\" and \"second.weight\" are one parameter, but differ")
    );
    assert_eq!(
        refused(&|tensors| tensors.retain(|name, _| !name.ends_with("weight"))),
        format!("{name}: missing key \"first.weight\"; missing key \"second.weight\"")
    );
    assert_same(&state_dict(&vs), &dict);
}

fn assert_same(one: &NamedTensors, other: &NamedTensors) {
    assert!(one.keys().eq(other.keys()));
    for (name, tensor) in one {
        let [one, other] = [tensor, &other[name]].map(Tensor::detach);
        assert!(same_bits(&one, &other), "{name} differs");
    }
}
