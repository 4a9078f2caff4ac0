//! Folders of `torch.distributed.checkpoint`: `.metadata`, a pickle that says which file holds
//! which piece of which tensor, and files of pieces, each as `torch.save` writes it.
//!
//! Source: `torch/distributed/checkpoint/metadata.py`, `filesystem.py`.

use std::collections::BTreeMap;
use std::path::Path;

use super::archive;
use super::leaf::{MOST_TENSORS, Stored, too_many};
use super::pickle::{Machine, Node};
use super::source::Section;
use super::value::{Dict, Key, Value};
use crate::{Error, Result, shown};

/// The most levels of nesting.
const MOST_DEPTH: usize = 20;

/// A piece of a tensor, or any other value.
struct Piece {
    file: String,
    start: u64,
    length: u64,
}

/// The values of a folder.
///
/// # Errors
/// If a file is missing or damaged. A tensor in several pieces is named as such.
pub(super) fn read(folder: &Path) -> Result<Value<Stored>> {
    let path = folder.join(".metadata");
    let refused = |problem: String| Error::file(&path, problem);
    let metadata = Metadata::read(Section::open(&path)?).map_err(refused)?;
    let mut files = BTreeMap::new();
    let mut root = Dict::default();
    for (name, pieces) in metadata.pieces {
        let value = match &pieces[..] {
            [piece] => {
                let file = Path::new(&piece.file);
                if file
                    .file_name()
                    .is_none_or(|name| name != piece.file.as_str())
                {
                    let found = shown(&piece.file);
                    return Err(refused(format!(
                        "expected the name of a file, found {found}"
                    )));
                }
                if !files.contains_key(file) {
                    files.insert(file.to_owned(), Section::open(&folder.join(file))?);
                }
                let part = files[file].part(piece.start, piece.length);
                let part = part.ok_or_else(|| "its file is cut short".to_owned());
                let value = part.and_then(|part| archive::read(&part));
                value.unwrap_or_else(|what| Value::Other(format!("a value without data: {what}")))
            }
            pieces => Value::Other(format!("a tensor in {} pieces", pieces.len())),
        };
        let path = metadata.paths.get(&name).map_or(&[][..], Vec::as_slice);
        let (last, folders) = path.split_last().unwrap_or((&name, &[]));
        insert(&mut root, folders, last, value);
    }
    Ok(Value::Dict(root))
}

/// Inserts a value into the dict that lies within others.
fn insert(dict: &mut Dict<Stored>, path: &[String], name: &str, value: Value<Stored>) {
    let Some((first, rest)) = path.split_first() else {
        dict.entries.push((Key::from(name), value));
        return;
    };
    let mut entries = dict.entries.iter();
    let place = entries.position(|(key, value)| {
        *key == Key::from(first.as_str()) && matches!(value, Value::Dict(_))
    });
    let place = place.unwrap_or_else(|| {
        dict.entries
            .push((Key::from(first.as_str()), Value::Dict(Dict::default())));
        dict.entries.len() - 1
    });
    if let (_, Value::Dict(inner)) = &mut dict.entries[place] {
        insert(inner, rest, name, value);
    }
}

/// The contents of `.metadata`.
struct Metadata {
    /// `storage_data`, a dict from `MetadataIndex` to `_StorageInfo`: the pieces by the name of
    /// their tensor.
    pieces: BTreeMap<String, Vec<Piece>>,
    /// `planner_data`: the keys that lead to each tensor in the dict that was saved.
    paths: BTreeMap<String, Vec<String>>,
}

impl Metadata {
    fn read(file: Section) -> Result<Self, String> {
        let odd = || "expected the metadata of torch.distributed.checkpoint".to_owned();
        let mut machine = Machine::new(file);
        let metadata = machine.run()?;
        let attributes = machine.state(metadata).ok_or_else(odd)?;
        let data = machine.entry(attributes, "storage_data").ok_or_else(odd)?;
        if machine.entries(data).len() > MOST_TENSORS {
            return Err(too_many());
        }
        let mut pieces = BTreeMap::<String, Vec<Piece>>::new();
        for &(index, info) in machine.entries(data) {
            let (Some(index), Some(info)) = (machine.state(index), machine.state(info)) else {
                return Err(odd());
            };
            let text = |node, name| {
                machine
                    .entry(node, name)
                    .and_then(|node| machine.text(node))
            };
            let number = |name| match machine.entry(info, name) {
                Some(Node::Int(number)) => u64::try_from(number).ok(),
                _ => None,
            };
            let name = text(index, "fqn").ok_or_else(odd)?;
            let piece = Piece {
                file: text(info, "relative_path").ok_or_else(odd)?.to_owned(),
                start: number("offset").ok_or_else(odd)?,
                length: number("length").ok_or_else(odd)?,
            };
            pieces.entry(name.to_owned()).or_default().push(piece);
        }
        let planner = machine
            .entry(attributes, "planner_data")
            .unwrap_or(Node::None);
        let mut paths = BTreeMap::new();
        for &(name, path) in machine.entries(planner).iter().take(MOST_TENSORS) {
            let path = machine.elements(path).iter().take(MOST_DEPTH);
            let path = path.map(|&key| match key {
                Node::Int(number) => Some(number.to_string()),
                key => machine.text(key).map(str::to_owned),
            });
            if let (Some(name), Some(path)) = (machine.text(name), path.collect()) {
                paths.insert(name.to_owned(), path);
            }
        }
        Ok(Self { pieces, paths })
    }
}
