//! The weights of an exported program: `torch.export.save` of PyTorch 2.8 and later.
//!
//! `data/weights/model_weights_config.json` describes each tensor, whose storage is a file beside.
//!
//! Source: `torch/export/pt2_archive/_package.py`, `torch/_export/serde/schema.py`.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Value as Json;
use tch::Kind;

use super::archive::Archive;
use super::leaf::{Leaf, Storage, Stored};
use super::value::{Dict, Key, Value};

/// The state dict that a configuration describes.
pub(super) fn read(archive: &Archive, config: &str) -> Result<Value<Stored>, String> {
    let folder = config.rsplit_once('/').map_or("", |(folder, _)| folder);
    let odd = || "found an exported program whose weights are not described as expected".to_owned();
    let text = archive.text(config)?;
    let json: Json = serde_json::from_str(&text).map_err(|_| odd())?;
    let weights = json
        .get("config")
        .and_then(Json::as_object)
        .ok_or_else(odd)?;
    let mut storages = HashMap::new();
    let mut dict = Dict::default();
    for (name, about) in weights {
        let value = match tensor(archive, folder, about, &mut storages) {
            Ok(leaf) => Value::Tensor(Box::new(leaf)),
            Err(what) => Value::Other(what),
        };
        dict.entries.push((Key::from(name.as_str()), value));
    }
    Ok(Value::Dict(dict))
}

fn tensor(
    archive: &Archive,
    folder: &str,
    about: &Json,
    storages: &mut HashMap<String, Rc<Storage>>,
) -> Result<Leaf, String> {
    let odd = || "a tensor that is not described as expected".to_owned();
    let path = about
        .get("path_name")
        .and_then(Json::as_str)
        .ok_or_else(odd)?;
    if about.get("use_pickle") == Some(&Json::Bool(true)) {
        return Err("a tensor that is pickled".to_owned());
    }
    let meta = about.get("tensor_meta").ok_or_else(odd)?;
    let integers = |name: &str| {
        let list = meta.get(name).and_then(Json::as_array)?;
        let list = list
            .iter()
            .map(|number| number.get("as_int").and_then(Json::as_i64));
        list.collect::<Option<Vec<i64>>>()
    };
    let dtype = meta.get("dtype").and_then(Json::as_u64).ok_or_else(odd)?;
    let storage = match storages.get(path) {
        Some(storage) => Rc::clone(storage),
        None => {
            let storage = archive.storage(&format!("{folder}/{path}"));
            let storage = storage.map_err(|problem| format!("a tensor without data: {problem}"))?;
            storages.insert(path.to_owned(), Rc::clone(&storage));
            storage
        }
    };
    let leaf = Leaf {
        storage,
        kind: kind(dtype).ok_or("a tensor of a dtype that is not supported")?,
        offset: meta
            .get("storage_offset")
            .and_then(|offset| offset.get("as_int"))
            .and_then(Json::as_i64)
            .ok_or_else(odd)?,
        size: integers("sizes").ok_or_else(odd)?,
        stride: integers("strides").ok_or_else(odd)?,
        is_negative: false,
        is_conjugate: false,
    };
    leaf.check()
        .map_err(|problem| format!("a tensor that {problem}"))?;
    Ok(leaf)
}

/// The dtypes under the numbers of the exported program.
fn kind(number: u64) -> Option<Kind> {
    Some(match number {
        1 => Kind::Uint8,
        2 => Kind::Int8,
        3 => Kind::Int16,
        4 => Kind::Int,
        5 => Kind::Int64,
        6 => Kind::Half,
        7 => Kind::Float,
        8 => Kind::Double,
        9 => Kind::ComplexHalf,
        10 => Kind::ComplexFloat,
        11 => Kind::ComplexDouble,
        12 => Kind::Bool,
        13 => Kind::BFloat16,
        29 => Kind::Float8e4m3fn,
        30 => Kind::Float8e5m2,
        31 => Kind::Float8e4m3fnuz,
        32 => Kind::Float8e5m2fnuz,
        _ => return None,
    })
}
