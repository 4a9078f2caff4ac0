//! Weights in several files, as Hugging Face writes them: an index names the file of each tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::folder_of;
use super::leaf::Stored;
use super::open::{EXPECTED, open};
use super::source::Section;
use super::value::{Dict, Key, Value};
use crate::{Error, Result, one_line, shown};

/// The most bytes of an index.
const MOST_INDEX: u64 = 100_000_000;

/// The tensors of all files that an index, such as `model.safetensors.index.json`, names.
///
/// # Errors
/// If it is no such index, if a file is missing or cannot be read, or if a tensor is in another
/// file than the index says.
pub(super) fn read_index(path: &Path, file: &Section) -> Result<Value<Stored>> {
    let refused = |problem: String| Error::file(path, problem);
    let text = file
        .head(MOST_INDEX)
        .map_err(|error| Error::read(path, error))?;
    let mut reader = serde_json::Deserializer::from_slice(&text);
    let index = reader.deserialize_map(Index(None));
    let files = match index {
        Ok(Index(Some(WeightMap(files)))) => files,
        Ok(Index(None)) => {
            let found = "found JSON that is no index of such files";
            return Err(refused(format!("{EXPECTED}; {found}")));
        }
        Err(error) => return Err(refused(format!("{EXPECTED}; found {}", one_line(&error)))),
    };
    let names: BTreeSet<&String> = files.values().collect();
    let mut dict = Dict::default();
    let mut expected: BTreeMap<&str, &str> = BTreeMap::new();
    expected.extend(
        files
            .iter()
            .map(|(name, file)| (name.as_str(), file.as_str())),
    );
    for name in names {
        if Path::new(name)
            .file_name()
            .is_none_or(|file| file != name.as_str())
        {
            return Err(refused(format!(
                "expected the name of a file, found {}",
                shown(name)
            )));
        }
        let Value::Dict(part) = open(&folder_of(path).join(name))? else {
            return Err(refused(format!("{} has no tensors by name", shown(name))));
        };
        for (key, value) in part.entries {
            let listed = match &key {
                Key::Text(key) => expected.remove(key.as_str()),
                _ => None,
            };
            if listed != Some(name) {
                return Err(refused(format!(
                    "{key} is in {}, expected elsewhere",
                    shown(name)
                )));
            }
            dict.entries.push((key, value));
        }
    }
    match expected.into_iter().next() {
        None => Ok(Value::Dict(dict)),
        Some((key, name)) => Err(refused(format!(
            "{} has no tensor {}",
            shown(name),
            shown(key)
        ))),
    }
}

/// An index: its entry `weight_map`.
struct Index(Option<WeightMap>);

/// The file of each tensor. Each name occurs once.
struct WeightMap(BTreeMap<String, String>);

impl<'de> Visitor<'de> for Index {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an index")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key == "weight_map" {
                true => self.0 = Some(map.next_value()?),
                false => drop(map.next_value::<serde_json::Value>()?),
            }
        }
        Ok(self)
    }
}

impl<'de> serde::Deserialize<'de> for WeightMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(BTreeMap::new()))
    }
}

impl<'de> Visitor<'de> for WeightMap {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names of files")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((key, file)) = map.next_entry::<String, String>()? {
            if self.0.contains_key(&key) {
                let key = shown(&key);
                return Err(A::Error::custom(format!("the key {key} twice")));
            }
            self.0.insert(key, file);
        }
        Ok(self)
    }
}
