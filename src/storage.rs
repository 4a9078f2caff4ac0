//! Named tensors in one `.safetensors` file: read with every check, written whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use tch::{Kind, Tensor};
use tempfile::NamedTempFile;

use crate::torch::messages::{one_line, shown};

/// Tensors by name, in the order of their names.
pub type NamedTensors = BTreeMap<String, Tensor>;

/// The most dimensions of a tensor in a file.
const MOST_DIMENSIONS: usize = 64;

/// Facts about the tensors of a file, in the header of a `.safetensors` file.
pub type Metadata = HashMap<String, String>;

/// Reads every tensor of a `.safetensors` file, onto the CPU.
///
/// # Errors
/// If the file cannot be read, is empty, cut short or otherwise no `.safetensors` file, or holds a
/// dtype that libtorch lacks.
pub fn read_safetensors(path: &Path) -> Result<NamedTensors> {
    Ok(read_safetensors_and_metadata(path)?.0)
}

/// As [`read_safetensors`], with the facts in the header.
pub fn read_safetensors_and_metadata(path: &Path) -> Result<(NamedTensors, Metadata)> {
    check_regular(path)?;
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let no_such_file = |error| {
        let error = one_line(&error);
        anyhow!("{}: not a .safetensors file: {error}", path.display())
    };
    let file = SafeTensors::deserialize(&bytes).map_err(no_such_file)?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(no_such_file)?;
    let mut tensors = NamedTensors::new();
    for (name, view) in file.iter() {
        let tensor = to_tensor(&view);
        let tensor =
            tensor.with_context(|| format!("{}: tensor {}", path.display(), shown(name)))?;
        tensors.insert(name.to_owned(), tensor);
    }
    Ok((tensors, header.metadata().clone().unwrap_or_default()))
}

/// The tensor that a file describes.
fn to_tensor(view: &TensorView) -> Result<Tensor> {
    let kind = to_kind(view.dtype())?;
    // libtorch computes strides, which are products even where another dimension is 0.
    let product = |product: i64, &n: &usize| product.checked_mul(i64::try_from(n).ok()?.max(1));
    let shape = view.shape();
    let is_shape = shape.len() <= MOST_DIMENSIONS && shape.iter().try_fold(1, product).is_some();
    let found = || shown(&format!("{shape:?}"));
    ensure!(
        is_shape,
        "expected a shape that a tensor can have, found {}",
        found()
    );
    let size: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    Ok(Tensor::f_from_data_size(view.data(), &size, kind)?)
}

/// Refuses what is no regular file: a folder, or a device or pipe that may never end.
///
/// # Errors
/// If there is nothing at `path`, or something else.
pub fn check_regular(path: &Path) -> Result<()> {
    let cannot = || format!("cannot read {}", path.display());
    let about = fs::metadata(path).with_context(cannot)?;
    ensure!(about.is_file(), "{}: not a regular file", cannot());
    Ok(())
}

/// A file that takes its place when it is complete, and leaves no trace when it is not.
///
/// Creating it finds out at once whether the place can be written. A process that is killed leaves
/// the unfinished file beside its place (`.partial-…`); the next that writes there takes it away.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    partial: NamedTempFile,
}

impl OutputFile {
    /// Opens a temporary file beside `path`.
    ///
    /// # Errors
    /// If the folder is missing or cannot be written to, or if `path` is something else than a
    /// regular file.
    pub fn create(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot write {}", path.display());
        // A link keeps its place: what it points to is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&path) {
            Ok(there) if !there.is_file() => bail!("{}: not a regular file", cannot()),
            _ => {}
        }
        let prefix = partial_prefix(&path).with_context(cannot)?;
        remove_abandoned(folder(&path), &prefix);
        let partial = new_file_in(folder(&path), &prefix).with_context(cannot)?;
        Ok(Self { path, partial })
    }

    /// Writes `tensors` as `.safetensors`, as [`OutputFile::write`].
    pub fn write_safetensors(self, tensors: &NamedTensors, metadata: Metadata) -> Result<()> {
        self.write(&to_safetensors(tensors, metadata)?)
    }

    /// Writes `bytes` and moves the file into its place, durably: what was there before is either
    /// untouched or replaced.
    pub fn write(mut self, bytes: &[u8]) -> Result<()> {
        let path = self.path;
        let write = || -> io::Result<()> {
            self.partial.write_all(bytes)?;
            self.partial.as_file().sync_all()?;
            self.partial.persist(&path)?;
            File::open(folder(&path))?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Finds out, before the work is done, whether a file can be written at `path`.
///
/// # Errors
/// As [`OutputFile::create`].
pub fn check_writable(path: &Path) -> Result<()> {
    OutputFile::create(path).map(drop)
}

/// How the names of unfinished files for `path` begin.
fn partial_prefix(path: &Path) -> io::Result<OsString> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut prefix = OsString::from(".partial-");
    prefix.push(name);
    prefix.push("-");
    Ok(prefix)
}

/// A new file, locked for as long as this process has it open.
fn new_file_in(folder: &Path, prefix: &OsStr) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    // Temporary files are private; this one becomes an ordinary file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder)?;
    // Where a file system has no locks, no file counts as abandoned.
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// Removes what killed processes left behind: unfinished files that nobody holds a lock on.
fn remove_abandoned(folder: &Path, prefix: &OsStr) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        if !name
            .as_encoded_bytes()
            .starts_with(prefix.as_encoded_bytes())
        {
            continue;
        }
        let path = entry.path();
        let is_abandoned = |file: File| file.try_lock().is_ok();
        if File::open(&path).is_ok_and(is_abandoned) {
            // If it cannot be removed, it is in nobody's way.
            let _ = fs::remove_file(path);
        }
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn to_safetensors(tensors: &NamedTensors, metadata: Metadata) -> Result<Vec<u8>> {
    struct Raw {
        dtype: Dtype,
        shape: Vec<usize>,
        bytes: Vec<u8>,
    }
    let mut raw = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let tensor = tensor.detach().contiguous();
        let mut bytes = vec![0; tensor.numel() * tensor.kind().elt_size_in_bytes()];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        let dtype = to_dtype(tensor.kind())?;
        let shape = tensor.size().iter().map(|&n| n as usize).collect();
        raw.push((
            name,
            Raw {
                dtype,
                shape,
                bytes,
            },
        ));
    }
    let views = raw
        .iter()
        .map(|(name, raw)| {
            let view = TensorView::new(raw.dtype, raw.shape.clone(), &raw.bytes)?;
            Ok((name.as_str(), view))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(safetensors::serialize(views, Some(metadata))?)
}

const DTYPES: [(Dtype, Kind); 10] = [
    (Dtype::BOOL, Kind::Bool),
    (Dtype::U8, Kind::Uint8),
    (Dtype::I8, Kind::Int8),
    (Dtype::I16, Kind::Int16),
    (Dtype::I32, Kind::Int),
    (Dtype::I64, Kind::Int64),
    (Dtype::F16, Kind::Half),
    (Dtype::BF16, Kind::BFloat16),
    (Dtype::F32, Kind::Float),
    (Dtype::F64, Kind::Double),
];

fn to_kind(dtype: Dtype) -> Result<Kind> {
    let known = DTYPES.iter().find(|(known, _)| *known == dtype);
    known
        .map(|&(_, kind)| kind)
        .with_context(|| format!("unsupported dtype {dtype:?}"))
}

fn to_dtype(kind: Kind) -> Result<Dtype> {
    let known = DTYPES.iter().find(|(_, known)| *known == kind);
    known
        .map(|&(dtype, _)| dtype)
        .with_context(|| format!("unsupported dtype {kind:?}"))
}
