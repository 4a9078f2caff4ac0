//! Pickles without an archive: the format of `torch.save` before PyTorch 1.6, and `pickle.dump`.
//!
//! The old format is five pickles (a number that identifies it, a version, the system, the value
//! and the keys of the storages) and then each storage: the number of its elements, and these.
//!
//! Source: `_legacy_save` and `_legacy_load` in `torch/serialization.py`.

use std::collections::HashMap;
use std::rc::Rc;

use super::leaf::{Storage, Stored};
use super::pickle::{Machine, Meaning, Node, Storages};
use super::source::Section;
use super::value::Value;
use crate::shown;

/// The number that identifies the old format, little-endian.
const MAGIC: &[u8] = b"l\xfc\x9cF\xf9 j\xa8P\x19";

/// The bytes within which that number stands.
const START: usize = 32;

/// The value in a file of pickles, or a phrase that says what was found instead.
pub(super) fn read(file: &Section, head: &[u8]) -> Result<Value<Stored>, String> {
    let start = &head[..head.len().min(START)];
    let is_old = start.windows(MAGIC.len()).any(|window| window == MAGIC);
    let mut machine = Machine::new(file.clone());
    let mut storages = AfterPickles::default();
    if is_old {
        // The identifying number and the version.
        machine.run()?;
        machine.run()?;
        let system = machine.run()?;
        if machine.entry(system, "little_endian") == Some(Node::Bool(false)) {
            return Err("found big-endian data".to_owned());
        }
    }
    let value = machine.run()?;
    if is_old {
        let keys = machine.run()?;
        storages = AfterPickles::find(file, &machine, keys)?;
    }
    Meaning::new(&machine, &mut storages).value(value)
}

/// The storages that follow the pickles, by key.
#[derive(Default)]
struct AfterPickles(HashMap<String, Rc<Storage>>);

impl AfterPickles {
    fn find(file: &Section, machine: &Machine, keys: Node) -> Result<Self, String> {
        let cut_short = || "found a file that is cut short".to_owned();
        let sizes = machine.element_sizes();
        let mut storages = HashMap::new();
        let mut place = machine.position() as u64;
        for &key in machine.elements(keys) {
            let key = machine.text(key).ok_or("found a storage without a name")?;
            let each = sizes.get(key);
            let each = *each.ok_or_else(|| format!("found an unknown storage {}", shown(key)))?;
            let count = file.part(place, 8).and_then(|part| part.head(8).ok());
            let count = count.and_then(|bytes| bytes.try_into().ok());
            let count = u64::from_le_bytes(count.ok_or_else(cut_short)?);
            let length = count.checked_mul(each).ok_or_else(cut_short)?;
            let part = file.part(place + 8, length).ok_or_else(cut_short)?;
            if storages
                .insert(key.to_owned(), Storage::plain(part, None))
                .is_some()
            {
                return Err(format!("found the storage {} twice", shown(key)));
            }
            place += 8 + length;
        }
        Ok(Self(storages))
    }
}

impl Storages for AfterPickles {
    fn storage(&mut self, key: &str) -> Result<Rc<Storage>, String> {
        let storage = self.0.get(key).cloned();
        storage.ok_or_else(|| format!("has no data: found no storage {}", shown(key)))
    }
}
