//! `print(tensor)` against Python's, on hundreds of random tensors.

use std::ffi::OsStr;
use std::fs;

use torch_parity::print::repr;
use torch_parity::serialization::read_safetensors;

use testing::python_code;

#[test]
fn prints_as_python_does() {
    let folder = tempfile::tempdir().unwrap();
    let tensors = folder.path().join("tensors.safetensors");
    let texts = folder.path().join("texts.json");
    let args = [tensors.as_os_str(), texts.as_os_str(), OsStr::new("0")];
    python_code("crates/torch-parity/tests/python/print_tensors.py", &args);

    let tensors = read_safetensors(&tensors).unwrap();
    let texts: serde_json::Value = serde_json::from_slice(&fs::read(texts).unwrap()).unwrap();
    assert!(tensors.len() > 500, "only {} tensors", tensors.len());
    for (name, tensor) in &tensors {
        assert_eq!(repr(tensor).unwrap(), texts[name], "{name}");
    }
}
