//! Files with tensors, known by their contents and not by their names.

use std::path::Path;

use super::leaf::Stored;
use super::source::Section;
use super::value::Value;
use super::{archive, distributed, legacy, npy, safetensors, sharded, zip};
use crate::{Error, Result};

/// The kinds that can be read, for messages.
pub(super) const EXPECTED: &str = "expected weights: a .safetensors file, or what torch.save, TorchScript, torch.export.save or \
     numpy.savez has written";

/// The value in a file or a folder, with tensors that have not been read yet.
///
/// # Errors
/// If the file cannot be read, or is of another kind.
pub(super) fn open(path: &Path) -> Result<Value<Stored>> {
    if path.is_dir() {
        return open_folder(path);
    }
    let file = Section::open(path)?;
    let head = file.head(512).map_err(|error| Error::read(path, error))?;
    let refused = |problem: String| Error::file(path, problem);
    let found = |found: String| match found.starts_with("found") {
        true => refused(format!("{EXPECTED}; {found}")),
        false => refused(found),
    };
    if head.starts_with(zip::MAGIC) {
        return archive::read(&file).map_err(found);
    }
    if is_pickle(&head) {
        return legacy::read(&file, &head).map_err(found);
    }
    if let Some(what) = named(&head) {
        return Err(refused(format!("{EXPECTED}; found {what}")));
    }
    if head.get(8) == Some(&b'{') || has_extension(path, "safetensors") {
        let (dict, _) = safetensors::read(&file).map_err(refused)?;
        return Ok(Value::Dict(dict));
    }
    if head.starts_with(npy::MAGIC) {
        return Ok(read_array(&file));
    }
    if head.trim_ascii_start().starts_with(b"{") {
        return sharded::read_index(path, &file);
    }
    Err(refused(format!("{EXPECTED}; found none of these")))
}

/// The value in a folder, of Hugging Face or of `torch.distributed.checkpoint`.
fn open_folder(path: &Path) -> Result<Value<Stored>> {
    if path.join(".metadata").is_file() {
        return distributed::read(path);
    }
    const NAMES: [&str; 6] = [
        "model.safetensors.index.json",
        "model.safetensors",
        "pytorch_model.bin.index.json",
        "pytorch_model.bin",
        "diffusion_pytorch_model.safetensors",
        "adapter_model.safetensors",
    ];
    match NAMES
        .iter()
        .map(|name| path.join(name))
        .find(|file| file.is_file())
    {
        Some(file) => open(&file),
        None => Err(Error::file(
            path,
            "expected a file with weights, found a folder without model.safetensors, \
             pytorch_model.bin, an index of these, or the .metadata of \
             torch.distributed.checkpoint",
        )),
    }
}

/// Protocols 0 and 1 have no first bytes of their own: a dict, as each of them starts.
fn is_pickle(head: &[u8]) -> bool {
    match head {
        [0x80, ..] => head.get(8) != Some(&b'{'),
        _ => [&b"(dp0"[..], b"}q\0", b"ccollections\n"]
            .iter()
            .any(|start| head.starts_with(start)),
    }
}

fn read_array(file: &Section) -> Value<Stored> {
    match npy::open(file) {
        Ok(leaf) => Value::Tensor(Box::new(leaf)),
        Err(problem) => Value::Other(problem),
    }
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(wanted))
}

/// Files that are often mistaken for weights, by a phrase that says what they are and what to do.
fn named(head: &[u8]) -> Option<&'static str> {
    if head.is_empty() {
        return Some("an empty file: it was not written or downloaded completely");
    }
    const STARTS: [(&[u8], &str); 10] = [
        (
            b"version https://git-lfs",
            "a Git LFS pointer in place of the file: run git lfs pull",
        ),
        (
            b"\x1f\x8b",
            "a file compressed by gzip: decompress it first",
        ),
        (b"BZh", "a file compressed by bzip2: decompress it first"),
        (b"\xfd7zXZ", "a file compressed by xz: decompress it first"),
        (
            b"\x28\xb5\x2f\xfd",
            "a file compressed by zstd: decompress it first",
        ),
        (b"7z\xbc\xaf", "a 7z archive: unpack it first"),
        (b"\x89HDF\r\n", "an HDF5 file, as Keras writes"),
        (b"GGUF", "a GGUF file, as llama.cpp reads"),
        (b"\x7fELF", "a program"),
        (b"PK\x05\x06", "an empty zip archive"),
    ];
    if let Some((_, what)) = STARTS.iter().find(|(start, _)| head.starts_with(start)) {
        return Some(what);
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some("a tar archive: unpack it first; PyTorch before 0.1.10 wrote such files, too");
    }
    let text = head.trim_ascii_start().to_ascii_lowercase();
    let is_page = [&b"<!doctype html"[..], b"<html", b"<head"];
    if is_page.iter().any(|start| text.starts_with(start)) {
        return Some("an HTML page: the download led to a page instead of the file");
    }
    text.starts_with(b"<?xml")
        .then_some("an XML document: the download led to an error message")
}
