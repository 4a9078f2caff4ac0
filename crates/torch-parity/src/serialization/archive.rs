//! Zip archives with tensors: `torch.save`, TorchScript, `torch.export.save` and `.npz`.
//!
//! Source: `_save` and `_load` in `torch/serialization.py`, `torch/export/pt2_archive/`.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::rc::Rc;

use super::leaf::{Leaf, Storage, Stored};
use super::pickle::{Machine, Meaning, Storages};
use super::source::Section;
use super::value::{Key, Value};
use super::zip::{Directory, Entry};
use super::{npy, npz};
use crate::{one_line, shown};
use flate2::read::DeflateDecoder;

/// The most bytes of a text file in an archive.
const MOST_TEXT: u64 = 1 << 24;

/// The value in an archive, or a phrase that says what was found instead.
pub(super) fn read(file: &Section) -> Result<Value<Stored>, String> {
    let archive = Archive::open(file)?;
    if archive.names().any(|name| name.ends_with(".npy")) {
        return archive.arrays();
    }
    let config = "_weights_config.json";
    if let Some(config) = archive.names().find(|name| name.ends_with(config)) {
        return super::exported::read(&archive, config);
    }
    if let Some(name) = archive
        .names()
        .find(|name| *name == "serialized_state_dict.pt")
    {
        // torch.export.save of before PyTorch 2.8: an archive in the archive.
        return read(&archive.stored(name)?.0);
    }
    archive.pickled()
}

/// An open archive.
pub(super) struct Archive {
    directory: Directory,
}

impl Archive {
    pub fn open(file: &Section) -> Result<Self, String> {
        let directory = Directory::read(file)?;
        Ok(Self { directory })
    }

    /// The names of the entries, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.directory.names.iter().map(String::as_str)
    }

    fn entry(&self, name: &str) -> Result<&Entry, String> {
        let entry = self.directory.entries.get(name);
        entry.ok_or_else(|| format!("found no {} in the archive", shown(name)))
    }

    /// The part of the file with an entry's bytes, and their CRC-32.
    pub fn stored(&self, name: &str) -> Result<(Section, Option<u32>), String> {
        let entry = self.entry(name)?;
        if entry.is_deflated {
            let name = shown(name);
            return Err(format!(
                "found {name} compressed, but torch.save does not compress"
            ));
        }
        // torch.serialization.set_crc32_options(False) writes 0.
        let checksum = Some(entry.checksum).filter(|&checksum| checksum != 0);
        Ok((entry.part.clone(), checksum))
    }

    /// A storage with an entry's bytes.
    pub fn storage(&self, name: &str) -> Result<Rc<Storage>, String> {
        let (part, checksum) = self.stored(name)?;
        Ok(Storage::plain(part, checksum))
    }

    /// The text of an entry.
    pub fn text(&self, name: &str) -> Result<String, String> {
        let (part, _) = self.stored(name)?;
        let text = part.head(MOST_TEXT).ok();
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        text.ok_or_else(|| format!("found {} that cannot be read", shown(name)))
    }

    /// What torch.save and TorchScript have written.
    fn pickled(&self) -> Result<Value<Stored>, String> {
        let folders = self
            .names()
            .filter_map(|name| name.strip_suffix("data.pkl"));
        let folders: Vec<&str> = folders.filter(|name| name.ends_with('/')).collect();
        let [folder] = folders[..] else {
            return Err(
                "found a zip archive that torch.save has not written: it has not exactly \
                        one data.pkl"
                    .to_owned(),
            );
        };
        let order = format!("{folder}byteorder");
        if self.directory.entries.contains_key(&order) && self.text(&order)? != "little" {
            return Err("found big-endian data".to_owned());
        }
        let (part, checksum) = self.stored(&format!("{folder}data.pkl"))?;
        check(&part, checksum)?;
        let mut machine = Machine::new(part);
        let value = machine.run()?;
        let mut storages = InArchive {
            archive: self,
            declared: self.declared(folder)?,
            known: HashMap::new(),
            folder,
        };
        Meaning::new(&machine, &mut storages).value(value)
    }

    /// The parameters and buffers of each class of a TorchScript archive.
    fn declared(&self, folder: &str) -> Result<HashMap<String, HashSet<String>>, String> {
        let mut declared = HashMap::<String, HashSet<String>>::new();
        let code = format!("{folder}code/");
        for entry in self.names() {
            let path = entry
                .strip_prefix(&code)
                .and_then(|path| path.strip_suffix(".py"));
            let Some(path) = path else { continue };
            let module = path.replace('/', ".");
            // Compressed by TorchScript.
            let text = self.inflated(entry)?;
            let mut names = None;
            for line in text.lines() {
                if let Some(class) = line.strip_prefix("class ") {
                    let class = class.split(['(', ':']).next().unwrap_or_default();
                    names = Some(declared.entry(format!("{module}.{class}")).or_default());
                }
                let list = line.trim_start().strip_prefix("__parameters__ = [");
                let list = list.or_else(|| line.trim_start().strip_prefix("__buffers__ = ["));
                if let (Some(list), Some(names)) = (list, &mut names) {
                    let list = list.split('"').skip(1).step_by(2);
                    names.extend(list.map(str::to_owned));
                }
            }
        }
        Ok(declared)
    }

    /// The text of an entry that may be compressed.
    fn inflated(&self, name: &str) -> Result<String, String> {
        let entry = self.entry(name)?;
        let mut text = String::new();
        let part = entry.part.clone();
        let read = match entry.is_deflated {
            true => DeflateDecoder::new(part)
                .take(MOST_TEXT)
                .read_to_string(&mut text),
            false => part.take(MOST_TEXT).read_to_string(&mut text),
        };
        let unreadable = |_| format!("found {} that cannot be read", shown(name));
        read.map_err(unreadable).map(|_| text)
    }

    /// The arrays of an `.npz` file by name.
    fn arrays(&self) -> Result<Value<Stored>, String> {
        let array = |entry: &str| {
            let name = entry.strip_suffix(".npy").unwrap_or(entry);
            let value = match self.array(entry) {
                Ok(leaf) => Value::Tensor(Box::new(leaf)),
                Err(what) => Value::Other(what),
            };
            (Key::from(name), value)
        };
        Ok(Value::Dict(self.names().map(array).collect()))
    }

    fn array(&self, name: &str) -> Result<Leaf, String> {
        let odd = |problem| format!("a NumPy array that cannot be read: {problem}");
        let entry = self.entry(name)?;
        let header = npz::header(entry).map_err(odd)?;
        npy::array(npz::storage(entry, &header).map_err(odd)?, header)
    }
}

/// Returns an error unless the bytes have the given CRC-32.
fn check(part: &Section, checksum: Option<u32>) -> Result<(), String> {
    let Some(expected) = checksum else {
        return Ok(());
    };
    let mut hasher = crc32fast::Hasher::new();
    let mut part = part.clone();
    let mut chunk = vec![0; 1 << 16];
    loop {
        match part.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => hasher.update(&chunk[..count]),
            Err(error) => return Err(format!("found data.pkl unreadable: {}", one_line(&error))),
        }
    }
    match hasher.finalize() == expected {
        true => Ok(()),
        false => Err("found a damaged archive: data.pkl has another checksum".to_owned()),
    }
}

/// The storages of an archive: `data/<key>`.
struct InArchive<'a> {
    archive: &'a Archive,
    folder: &'a str,
    declared: HashMap<String, HashSet<String>>,
    known: HashMap<String, Rc<Storage>>,
}

impl Storages for InArchive<'_> {
    fn storage(&mut self, key: &str) -> Result<Rc<Storage>, String> {
        if let Some(storage) = self.known.get(key) {
            return Ok(Rc::clone(storage));
        }
        let storage = self.archive.storage(&format!("{}data/{key}", self.folder));
        let storage = storage.map_err(|problem| format!("has no data: {problem}"))?;
        self.known.insert(key.to_owned(), Rc::clone(&storage));
        Ok(storage)
    }

    fn declared(&self) -> Option<&HashMap<String, HashSet<String>>> {
        Some(&self.declared)
    }
}
