//! Data files with random damage: read or refused, never a panic, and in memory that the size of
//! the file bounds.
//!
//! What Rust code asks for is counted, to the byte. What libtorch asks for is not: it is no more
//! than the features and targets, which Rust code collected before.

#[path = "it/damage.rs"]
mod damage;
#[path = "it/files.rs"]
mod files;

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use damage::{Random, mutate};
use files::{HOUSE, encode, gzip, houses, medmnist as arrays, npz};
use final_layer::data::{ames, medmnist, mnist, picture};
use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use peak_alloc::PeakAlloc;
use tempfile::TempDir;
use zip::CompressionMethod;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MUTATIONS: usize = 5000;

/// What readers need whatever the size of the file: buffers, tables of a decompressor, messages.
const BUFFERS: usize = 1 << 17;

/// Times the size of a file that is plain: its bytes, and what is made of them.
const PLAIN: usize = 8;

/// Times the size of a compressed file: each byte may stand for 1,032, held a few times over.
const COMPRESSED: usize = 8 * 1032;

/// The memory that `run` asks for at most at a time, beyond what is there already.
fn measure<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = run();
    (result, MEMORY.peak_usage() - before)
}

/// A good file, what is done to it after the damage, and how it is read.
struct Case {
    name: &'static str,
    good: Vec<u8>,
    /// Such as compression or a checksum, so that the damage reaches what is inside.
    finish: fn(&[u8]) -> Vec<u8>,
    read: fn(&Path) -> bool,
    /// The most bytes of memory that a byte of the file may cost.
    cost: usize,
}

fn as_it_is(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

/// A set whose first array these bytes are.
fn in_archive(bytes: &[u8]) -> Vec<u8> {
    let mut arrays = arrays();
    arrays[0].1 = bytes.to_vec();
    npz(&arrays, CompressionMethod::Deflated)
}

fn labels_in_archive(bytes: &[u8]) -> Vec<u8> {
    let mut arrays = arrays();
    arrays[3].1 = bytes.to_vec();
    npz(&arrays, CompressionMethod::Stored)
}

/// A PNG whose checksums are right again, as far as its chunks can be told apart.
fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut start = 8;
    while let Some(&[a, b, c, d]) = bytes.get(start..start + 4) {
        let end = start + 8 + u32::from_be_bytes([a, b, c, d]) as usize;
        let Some(chunk) = bytes.get(start + 4..end) else {
            break;
        };
        let checksum = crc32fast::hash(chunk).to_be_bytes();
        let Some(place) = bytes.get_mut(end..end + 4) else {
            break;
        };
        place.copy_from_slice(&checksum);
        start = end + 4;
    }
    bytes
}

fn many_houses() -> Vec<u8> {
    let quoted = HOUSE.replace("1080", "\"1080\"");
    let missing = HOUSE.replace("1080", "NA");
    houses(&[HOUSE, &quoted, HOUSE, HOUSE, &missing, HOUSE, HOUSE, HOUSE]).into_bytes()
}

fn checkered() -> RgbImage {
    RgbImage::from_fn(40, 30, |x, y| {
        Rgb([(x * 6) as u8, (y * 8) as u8, (x * y) as u8])
    })
}

fn cases() -> Vec<Case> {
    let read_mnist = |path: &Path| mnist::read(path).is_ok();
    let read_medmnist = |path: &Path| medmnist::read(path).is_ok();
    let read_ames = |path: &Path| ames::read(path).is_ok() | ames::read_features(path).is_ok();
    let read_picture = |path: &Path| picture::read(path, true).is_ok();
    let [(images_name, images), (labels_name, labels), ..] = files::mnist();
    let grey = GrayImage::from_fn(28, 28, |x, y| Luma([(x * y) as u8]));
    let png = encode(checkered(), ImageFormat::Png);
    let case = |name, good: &[u8], finish, read, cost| Case {
        name,
        good: good.to_vec(),
        finish,
        read,
        cost,
    };
    let stored = npz(&arrays(), CompressionMethod::Stored);
    let deflated = npz(&arrays(), CompressionMethod::Deflated);
    // A pixel of one bit may become four bytes, and a JPEG decoder keeps what it knows of each.
    let (from_png, from_jpeg) = (8 * 8 * 1032, 512 * 32);
    vec![
        case(images_name, &images, as_it_is, read_mnist, PLAIN),
        case(labels_name, &labels, as_it_is, read_mnist, PLAIN),
        case(
            "train-images-idx3-ubyte.gz",
            &gzip(&images),
            as_it_is,
            read_mnist,
            COMPRESSED,
        ),
        case(
            "train-images-idx3-ubyte.gz",
            &images,
            gzip,
            read_mnist,
            COMPRESSED,
        ),
        case("stored.npz", &stored, as_it_is, read_medmnist, COMPRESSED),
        case(
            "deflated.npz",
            &deflated,
            as_it_is,
            read_medmnist,
            COMPRESSED,
        ),
        case(
            "images.npz",
            &arrays()[0].1,
            in_archive,
            read_medmnist,
            COMPRESSED,
        ),
        case(
            "labels.npz",
            &arrays()[3].1,
            labels_in_archive,
            read_medmnist,
            COMPRESSED,
        ),
        case("houses.csv", &many_houses(), as_it_is, read_ames, PLAIN),
        case("inner.csv.gz", &many_houses(), gzip, read_ames, COMPRESSED),
        case(
            "outer.csv.gz",
            &gzip(&many_houses()),
            as_it_is,
            read_ames,
            COMPRESSED,
        ),
        case(
            "grey.png",
            &encode(grey.clone(), ImageFormat::Png),
            with_checksums,
            read_picture,
            from_png,
        ),
        case("colour.png", &png, as_it_is, read_picture, from_png),
        case("checked.png", &png, with_checksums, read_picture, from_png),
        case(
            "grey.jpg",
            &encode(grey, ImageFormat::Jpeg),
            as_it_is,
            read_picture,
            from_jpeg,
        ),
        case(
            "colour.jpg",
            &encode(checkered(), ImageFormat::Jpeg),
            as_it_is,
            read_picture,
            from_jpeg,
        ),
        case(
            "progressive.jpg",
            &progressive(),
            as_it_is,
            read_picture,
            from_jpeg,
        ),
    ]
}

/// A JPEG of another kind, as Python saves it.
fn progressive() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let status = std::process::Command::new(root.join(".venv/bin/python"))
        .arg(root.join("tests/it/python/save_pictures.py"))
        .arg(folder.path())
        .status();
    assert!(status.expect("run scripts/setup first").success());
    fs::read(folder.path().join("progressive.jpg")).unwrap()
}

/// A folder with the other files of MNIST, for the case that damages one of them.
fn folder_for(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, bytes) in files::mnist() {
        if !name.starts_with(file) {
            fs::write(folder.path().join(file), bytes).unwrap();
        }
    }
    folder
}

fn check(case: &Case) {
    let folder = folder_for(case.name);
    let path = folder.path().join(case.name);
    let mut random = Random::new();
    let (mut refused, mut most) = (0, 0);
    fs::write(&path, (case.finish)(&case.good)).unwrap();
    assert!(
        (case.read)(&path),
        "{}: the good file is refused",
        case.name
    );
    for _ in 0..MUTATIONS {
        let mut bytes = case.good.clone();
        mutate(&mut bytes, &mut random);
        let bytes = (case.finish)(&bytes);
        // A new file: to write over an old one takes some file systems ten times as long.
        fs::remove_file(&path).unwrap();
        fs::write(&path, &bytes).unwrap();
        let (was_read, memory) = measure(|| (case.read)(&path));
        refused += usize::from(!was_read);
        let bound = BUFFERS + case.cost * bytes.len();
        let what = format!("{}: {} bytes need {memory}", case.name, bytes.len());
        assert!(memory <= bound, "{what}, more than {bound}");
        most = most.max(memory);
    }
    println!("{}: {refused} refused, at most {most} bytes", case.name);
    assert!(
        refused > MUTATIONS / 5,
        "{}: only {refused} refused",
        case.name
    );
}

/// Files that hold as much as files of their size can.
fn bombs() -> Vec<Case> {
    const COUNT: usize = 20_000;
    let zeros = vec![0; COUNT * 784];
    let black = files::idx(&[0x803, COUNT as u32, 28, 28], &zeros);
    let array = files::npy("|u1", &format!("({COUNT}, 28, 28)"), &zeros);
    let mut spaces = houses(&[HOUSE; 5]).into_bytes();
    spaces.extend(zeros.iter().map(|_| b' '));
    let large = GrayImage::new(4000, 4000);
    let bombs = cases().into_iter().filter_map(|case| {
        let good = match case.name {
            "train-images-idx3-ubyte.gz" => gzip(&black),
            "deflated.npz" => in_archive(&array),
            "outer.csv.gz" => gzip(&spaces),
            "grey.png" => encode(large.clone(), ImageFormat::Png),
            _ => return None,
        };
        Some(Case { good, ..case })
    });
    bombs.collect()
}

/// Reads the file without damage.
fn check_bomb(case: &Case) {
    let folder = folder_for(case.name);
    let path = folder.path().join(case.name);
    fs::write(&path, &case.good).unwrap();
    let (_, memory) = measure(|| (case.read)(&path));
    let length = case.good.len();
    let what = format!("{}: {length} bytes need {memory}", case.name);
    println!("{what}");
    assert!(memory > 100 * length, "{what}: this is no test");
    assert!(memory <= BUFFERS + case.cost * length, "{what}");
}

/// One test: the memory is that of the whole process.
#[test]
fn damaged_data_never_panics_nor_takes_memory() {
    // The measurement sees what it has to.
    let (_, memory) = measure(|| drop(black_box(vec![1u8; 10 * BUFFERS])));
    assert!(memory >= 10 * BUFFERS, "only {memory} bytes were seen");

    for bomb in bombs() {
        check_bomb(&bomb);
    }
    for case in cases() {
        check(&case);
    }
}
