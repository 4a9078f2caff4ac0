//! Files of weights and checkpoints: `torch.save`, `torch.load`, `model.load_state_dict` and
//! `safetensors.torch`.
//!
//! `tch::nn::VarStore::load` ignores unknown keys, adopts the file's dtype, broadcasts tensors of
//! another shape, and cannot read the files of `torch.save(model.state_dict(), "model.pt")`. Here,
//! as in Python, a state dict must have exactly the network's keys and shapes; otherwise nothing is
//! loaded.
//!
//! Files are known by their contents. Each kind has a reader that finds names, shapes and places
//! of tensors; no tensor is read before it is known to be wanted. The pickles in them are read as
//! data: no code is run.
//!
//! | file | reader |
//! | --- | --- |
//! | `.safetensors` | `safetensors.rs` |
//! | `torch.save` (`.pt`, `.pth`, `.bin`, `.ckpt`), TorchScript, `.pt2`, `.npz` | `archive.rs` |
//! | `torch.save` before PyTorch 1.6, `pickle.dump` of arrays | `legacy.rs` |
//! | `model.safetensors.index.json` and the like | `sharded.rs` |
//! | folders of `torch.distributed.checkpoint` | `distributed.rs` |
//!
//! Source: `Module.load_state_dict` and `_load_from_state_dict` in `torch/nn/modules/module.py`.

mod archive;
mod bytes;
mod candidate;
mod distributed;
mod exported;
mod file_kind;
mod find;
mod fit;
mod leaf;
mod legacy;
mod load;
pub mod npy;
pub mod npz;
mod open;
mod output_file;
mod partial;
mod pickle;
mod place;
mod safetensors;
mod save;
mod sharded;
mod source;
mod value;
mod zip;
mod zip_file;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use tch::Tensor;
use tch::nn::VarStore;

pub use file_kind::FileKind;
pub use fit::Report;
pub use load::{
    LoadOptions, Rename, copy_state_dict, load, load_state_dict, load_state_dict_with,
    read_state_dict,
};
pub use output_file::{OutputFile, check_writable};
pub use place::{is_at, is_same_file, resolve};
pub use safetensors::{Metadata, read_metadata, read_safetensors, read_safetensors_and_metadata};
pub use save::save;
pub use source::open_regular;
pub use value::{Dict, Key, Value};

use super::error::{Error, Result};

/// Tensors by name, sorted by name.
pub type NamedTensors = BTreeMap<String, Tensor>;

/// `model.state_dict()`: the parameters of `vs` by name, sharing their memory. A parameter with
/// several names is listed under each, as in Python.
pub fn state_dict(vs: &VarStore) -> NamedTensors {
    vs.variables().into_iter().collect()
}

/// Writes the parameters of `vs` by name, for
/// `model.load_state_dict(safetensors.torch.load_file(path))`. Tied weights are written under each
/// of their names, so that Python can load the file strictly; `safetensors.torch.save_file` refuses
/// them.
pub fn save_state_dict(vs: &VarStore, file: OutputFile) -> Result<()> {
    file.write_safetensors(
        &state_dict(vs),
        Metadata::from([("format".into(), "pt".into())]),
    )
}

/// Returns an error unless a state dict has exactly the keys, shapes and dtypes of `expected`.
pub(crate) fn check_state_dict(expected: &NamedTensors, state_dict: &NamedTensors) -> Result<()> {
    let problems = fit::differences(expected, state_dict);
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Error::StateDict(problems)),
    }
}

fn not_regular() -> io::Error {
    io::Error::other("not a regular file")
}

/// The folder that contains a path.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
