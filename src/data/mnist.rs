//! Handwritten digits: the four IDX files of MNIST, each plain or gzip-compressed.
//!
//! IDX is a header of big-endian 32-bit numbers (magic number, count, and for images also rows and
//! columns), then one byte for each pixel or label. Source: <http://yann.lecun.com/exdb/mnist/>.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use tch::Tensor;

use crate::torch::one_line;

use super::bytes::{Source, cannot_read, read_exactly};
use super::{MOST_INFLATED, PIXELS, SIDE, Samples, Splits};

const IMAGES_MAGIC: u32 = 0x0000_0803;
const LABELS_MAGIC: u32 = 0x0000_0801;

/// Reads the 28×28 images and the labels 0 to 9 of both sets: features uint8 `(N, 784)`, targets
/// int64 `(N,)`.
///
/// `path` is the folder with `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the two files
/// that start with `t10k`, each with or without `.gz` (a plain file takes precedence); or one of
/// these files; or a folder with them in `raw/` or `MNIST/raw/`, where torchvision puts them.
///
/// # Errors
/// If a file is missing, damaged, of another format or image size, or empty; if a label is above 9;
/// or if the numbers of images and labels differ.
pub fn read(path: &Path) -> Result<Splits> {
    let folder = folder(path)?;
    Ok(Splits {
        train: read_set(&folder, "train")?,
        validation: None,
        test: read_set(&folder, "t10k")?,
        note: None,
    })
}

fn images_name(set: &str) -> String {
    format!("{set}-images-idx3-ubyte")
}

fn labels_name(set: &str) -> String {
    format!("{set}-labels-idx1-ubyte")
}

/// The folder that contains the four files.
fn folder(path: &Path) -> Result<PathBuf> {
    let about = path.metadata().with_context(|| match path.exists() {
        true => cannot_read(path),
        false => format!(
            "{}; scripts/download.py mnist downloads MNIST",
            cannot_read(path)
        ),
    })?;
    if about.is_dir() {
        let below = [path.to_owned(), path.join("raw"), path.join("MNIST/raw")];
        let holds = |folder: &&PathBuf| find(folder, &images_name("train")).is_ok();
        return Ok(below.iter().find(holds).unwrap_or(&below[0]).clone());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let is_one = |set| name == images_name(set) || name == labels_name(set);
    if !["train", "t10k"].into_iter().any(is_one) {
        bail!(
            "{}: expected the folder of the MNIST files or one of them, such as {}",
            path.display(),
            images_name("train")
        );
    }
    Ok(path.parent().unwrap_or(Path::new("")).to_owned())
}

/// The file of that name, or else its compressed version.
fn find(folder: &Path, name: &str) -> Result<PathBuf> {
    for path in [folder.join(name), folder.join(format!("{name}.gz"))] {
        match path.metadata() {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| cannot_read(&path)),
        }
    }
    let folder = if folder == Path::new("") {
        Path::new(".")
    } else {
        folder
    };
    bail!(
        "{}: neither {name} nor {name}.gz was found; scripts/download.py mnist downloads MNIST",
        folder.display()
    )
}

fn read_set(folder: &Path, set: &str) -> Result<Samples> {
    let images_path = find(folder, &images_name(set))?;
    let labels_path = find(folder, &labels_name(set))?;
    let images = read_images(&images_path).with_context(|| images_path.display().to_string())?;
    let count = images.len() / PIXELS;
    let in_labels = || labels_path.display().to_string();
    let (source, announced) = open_labels(&labels_path).with_context(in_labels)?;
    // Checked before the labels are read: each becomes eight bytes.
    if count != announced as usize {
        bail!(
            "{} has {count} images, but {} has {announced} labels",
            images_path.display(),
            labels_path.display(),
        );
    }
    let labels = read_labels(source, announced).with_context(in_labels)?;
    Ok(Samples {
        features: Tensor::f_from_slice(&images)?.f_view([count as i64, PIXELS as i64])?,
        targets: Tensor::f_from_slice(&labels)?,
    })
}

fn read_images(path: &Path) -> Result<Vec<u8>> {
    let mut source = Source::open(path)?;
    let [count, rows, columns] = read_header(&mut source, IMAGES_MAGIC)?;
    if [rows, columns] != [SIDE as u32; 2] {
        bail!("expected images of {SIDE}×{SIDE}, found {rows}×{columns}");
    }
    read_items(source, count, PIXELS as u64, "images")
}

/// A file of labels, and the number that its header announces.
fn open_labels(path: &Path) -> Result<(Source, u32)> {
    let mut source = Source::open(path)?;
    let [count] = read_header(&mut source, LABELS_MAGIC)?;
    Ok((source, count))
}

fn read_labels(source: Source, count: u32) -> Result<Vec<i64>> {
    let labels = read_items(source, count, 1, "labels")?;
    if let Some(index) = labels.iter().position(|&label| label > 9) {
        bail!(
            "expected labels 0 to 9, found {} at index {index}",
            labels[index]
        );
    }
    Ok(labels.into_iter().map(i64::from).collect())
}

/// The numbers after the magic number.
fn read_header<const N: usize>(source: &mut Source, magic: u32) -> Result<[u32; N]> {
    let mut number = || -> Result<u32> {
        let mut bytes = [0; 4];
        source
            .read_exact(&mut bytes)
            .map_err(|error| anyhow!("cannot read its header: {}", one_line(&error)))?;
        Ok(u32::from_be_bytes(bytes))
    };
    let found = number()?;
    if found != magic {
        bail!("expected the magic number {magic:#010x}, found {found:#010x}");
    }
    let mut numbers = [0; N];
    for slot in &mut numbers {
        *slot = number()?;
    }
    Ok(numbers)
}

/// The `count` items of `size` bytes that the header announces, if the file has exactly as many.
fn read_items(source: Source, count: u32, size: u64, items: &str) -> Result<Vec<u8>> {
    if count == 0 {
        bail!("expected {items}, found 0");
    }
    // At most 2^32 · 784, so it does not overflow.
    let length = u64::from(count) * size;
    let most = source.most();
    if source.is_compressed && length > MOST_INFLATED {
        bail!(
            "its header announces {count} {items}, {length} bytes, but at most {MOST_INFLATED} \
             are read of a compressed file: decompress it"
        );
    }
    if length > most {
        bail!(
            "its header announces {count} {items}, {length} bytes, but a file of its size holds at \
             most {most}"
        );
    }
    read_exactly(source, length)
}
