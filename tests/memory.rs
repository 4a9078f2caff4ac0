//! Data files with random damage are read or refused, never a panic, in memory bounded by the size
//! of the file.
//!
//! Memory requested by Rust code is counted exactly. libtorch's is not counted: it is at most the
//! size of the features and targets, or the weights, which Rust code has collected before.

use std::fs;
use std::hint::black_box;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use final_layer::data::{ames, medmnist, mnist, picture, text};
use final_layer::torch::serialization::{LoadOptions, read_safetensors, read_state_dict};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use peak_alloc::PeakAlloc;
use tempfile::TempDir;
use testing::damage::{Random, mutate};
use testing::files::{HOUSE, HOUSE_COLUMNS, encode, gzip, houses, medmnist as arrays, npz};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MUTATIONS: usize = 5000;

/// The memory that readers need regardless of the file: buffers, a decompressor's tables, messages.
const BUFFERS: usize = 1 << 17;

/// The factor for a plain file: its bytes, and the data made from them.
const PLAIN: usize = 8;

/// The factor for a compressed file: each byte may expand to 1,032, held a few times.
const COMPRESSED: usize = 8 * 1032;

/// The factor for a `.pt` file: an instruction of one byte may leave a value of 16 bytes, in a list
/// that is half empty and was just reallocated, and then one of 40 bytes.
const PICKLED: usize = 128;

/// The most memory that `run` requests at a time, beyond what is in use already.
fn measure<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = run();
    (result, MEMORY.peak_usage() - before)
}

/// A valid file, the step after the damage, and the reader.
struct Case {
    name: &'static str,
    good: Vec<u8>,
    /// For example compression or a checksum, so that the damage reaches the contents.
    finish: fn(&[u8]) -> Vec<u8>,
    read: fn(&Path) -> bool,
    /// The most bytes of memory per byte of the file.
    cost: usize,
}

fn as_it_is(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

/// A data set with these bytes as its first array.
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

/// A PNG with corrected checksums, as far as its chunks can be parsed.
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

fn read_pt(path: &Path) -> bool {
    read_state_dict(path, &LoadOptions::default()).is_ok()
}

/// A `.pt` file with this pickle and one storage.
fn pt(pickle: &[u8], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in [("data.pkl", pickle), ("data/0", &[0; 64])] {
        zip.start_file(format!("archive/{name}"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn pt_stored(pickle: &[u8]) -> Vec<u8> {
    pt(pickle, CompressionMethod::Stored)
}

/// The pickle of a state dict of two tensors over one storage of 16 numbers.
fn pickle() -> Vec<u8> {
    let text = |text: &str| {
        let length = (text.len() as u32).to_le_bytes();
        [b"X", &length[..], text.as_bytes()].concat()
    };
    let tensor = |shape: &[u8]| {
        [
            &b"ctorch._utils\n_rebuild_tensor_v2\nq\x00(("[..],
            &text("storage"),
            b"ctorch\nFloatStorage\n",
            &text("0"),
            &text("cpu"),
            b"K\x10tQK\x00",
            shape,
            b"\x89ccollections\nOrderedDict\n)RtR",
        ]
        .concat()
    };
    let (row, square) = (
        tensor(b"K\x10\x85K\x01\x85"),
        tensor(b"K\x04K\x04\x86K\x04K\x01\x86"),
    );
    [
        b"\x80\x02}(",
        &text("a")[..],
        &row,
        &text("b.weight"),
        &square,
        b"u.",
    ]
    .concat()
}

fn safetensors() -> Vec<u8> {
    let header = br#"{"w":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#;
    [&(header.len() as u64).to_le_bytes(), &header[..], &[0; 24]].concat()
}

/// A palette of two colours, one of them transparent, and one bit per pixel, all 0.
fn transparent_png(side: u32) -> Vec<u8> {
    let mut header = [side.to_be_bytes(), side.to_be_bytes()].concat();
    header.extend([1, 3, 0, 0, 0]);
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::best());
    let row = vec![0; 1 + side as usize / 8];
    (0..side).for_each(|_| pixels.write_all(&row).unwrap());
    let pixels = pixels.finish().unwrap();
    let chunks: [(&[u8], &[u8]); 5] = [
        (b"IHDR", &header),
        (b"PLTE", &[0, 0, 0, 255, 255, 255]),
        (b"tRNS", &[128]),
        (b"IDAT", &pixels),
        (b"IEND", b""),
    ];
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, content) in chunks {
        png.extend((content.len() as u32).to_be_bytes());
        png.extend([name, content, &[0; 4]].concat());
    }
    with_checksums(&png)
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
    let read_text = |path: &Path| text::read(path).is_ok() | text::read_prompt(path).is_ok();
    let read_pickle = read_pt;
    let read_weights = |path: &Path| read_safetensors(path).is_ok();
    let [(images_name, images), (labels_name, labels), ..] = testing::files::mnist(5, 2);
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
    // A pixel of one bit may become four bytes, and a JPEG decoder keeps coefficients for each.
    let (from_png, from_jpeg) = (8 * 8 * 1032, 512 * 32);
    vec![
        case(images_name, &images, as_it_is, read_mnist, PLAIN),
        case(labels_name, &labels, as_it_is, read_mnist, PLAIN),
        case(
            "tales.txt",
            "Ein Bär saß am Fluß. ".repeat(20).as_bytes(),
            as_it_is,
            read_text,
            PLAIN,
        ),
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
        case(
            "weights.pt",
            &pt_stored(&pickle()),
            as_it_is,
            read_pickle,
            PICKLED,
        ),
        case("pickle.pt", &pickle(), pt_stored, read_pickle, PICKLED),
        case(
            "weights.safetensors",
            &safetensors(),
            as_it_is,
            read_weights,
            PLAIN,
        ),
    ]
}

/// A JPEG of another kind, as saved by Python.
fn progressive() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let status = std::process::Command::new(root.join(".venv/bin/python"))
        .arg(root.join("tests/python/save_pictures.py"))
        .arg(folder.path())
        .status();
    assert!(status.expect("run scripts/setup first").success());
    fs::read(folder.path().join("progressive.jpg")).unwrap()
}

/// A folder with the other files of MNIST, for the case that damages one of them.
fn folder_for(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, bytes) in testing::files::mnist(5, 2) {
        if !name.starts_with(file) {
            fs::write(folder.path().join(file), bytes).unwrap();
        }
    }
    folder
}

fn check(case: &Case) {
    let folder = folder_for(case.name);
    let path = folder.path().join(case.name);
    let mut random = Random::default();
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
        // A new file, since overwriting an old one takes ten times as long on some file systems.
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

/// Files that expand as much as files of their size can.
fn bombs() -> Vec<Case> {
    const COUNT: usize = 20_000;
    let zeros = vec![0; COUNT * 784];
    let black = testing::files::idx(&[0x803, COUNT as u32, 28, 28], &zeros);
    let array = testing::files::npy("|u1", &format!("({COUNT}, 28, 28)"), &zeros);
    let labels = testing::files::npy("|u1", &format!("({COUNT}, 1)"), &zeros[..COUNT]);
    let short = "1,1,1,1,1,1,1,1,1,1,1";
    let rows = houses(&vec![short; COUNT * 20]);
    let large = GrayImage::new(4000, 4000);
    let bombs = cases().into_iter().filter_map(|case| {
        let good = match case.name {
            "train-images-idx3-ubyte.gz" => gzip(&black),
            // With as many labels, as an archive of other counts is refused before it is inflated.
            "deflated.npz" => {
                let mut arrays = arrays();
                arrays[0].1.clone_from(&array);
                arrays[3].1.clone_from(&labels);
                npz(&arrays, CompressionMethod::Deflated)
            }
            "outer.csv.gz" => gzip(rows.as_bytes()),
            "grey.png" => encode(large.clone(), ImageFormat::Png),
            "checked.png" => transparent_png(8192),
            _ => return None,
        };
        Some(Case { good, ..case })
    });
    bombs.collect()
}

/// Reads the undamaged file.
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

/// Files that must be refused before they cost memory: name, content and the most bytes of memory,
/// in addition to [`BUFFERS`].
fn refused_at_once() -> Vec<(&'static str, Vec<u8>, usize)> {
    const MANY: usize = 20_000_000;
    let repeated = |piece: &[u8], count| [&b"\x80\x02("[..], &piece.repeat(count), b"t."].concat();
    let (tuples, lists) = (repeated(b")", MANY), repeated(b"]", MANY));
    let kept = [
        &b"\x80\x02)"[..],
        &b")\x85q\x00"[..].repeat(MANY / 20),
        b".",
    ]
    .concat();
    let long = format!("{HOUSE_COLUMNS}\n{}", " ".repeat(MANY));
    // A record grows to 1 MiB while the buffer of half its size still exists.
    let record = 3 << 20;
    let deflated = |pickle: &[u8]| pt(pickle, CompressionMethod::Deflated);
    let kept = pt_stored(&kept);
    let most_kept = PICKLED * kept.len();
    vec![
        ("tuples.pt", deflated(&tuples), 0),
        ("lists.pt", deflated(&lists), 0),
        ("stored_tuples.pt", pt_stored(&tuples), 4 * tuples.len()),
        ("kept.pt", kept, most_kept),
        ("commas.csv.gz", gzip(&vec![b','; 10 * MANY]), record),
        ("long.csv.gz", gzip(long.as_bytes()), record),
        ("transparent.png", transparent_png(16_384), 1 << 20),
    ]
}

fn check_refused(name: &str, content: &[u8], most: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    let (was_read, memory) = measure(|| match name.rsplit_once('.').unwrap().1 {
        "pt" => read_pt(&path),
        "png" => picture::read(&path, false).is_ok(),
        _ => ames::read(&path).is_ok(),
    });
    println!("{name}: {} bytes are refused with {memory}", content.len());
    assert!(!was_read, "{name} was read");
    assert!(memory <= BUFFERS + most, "{name}: {memory}");
}

/// Large files that are refused by their first or last bytes are not read.
fn check_large(name: &str, start: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, start).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(6 << 30).unwrap();
    let (was_read, memory) = measure(|| read_pt(&path) || read_safetensors(&path).is_ok());
    println!("{name}: 6 GiB are refused with {memory}");
    assert!(!was_read, "{name} was read");
    assert!(memory <= 2 * BUFFERS, "{name}: {memory}");
}

/// A single test, since the memory of the whole process is measured.
#[test]
fn damaged_data_never_panics_nor_takes_memory() {
    // Checks the measurement itself.
    let (_, memory) = measure(|| drop(black_box(vec![1u8; 10 * BUFFERS])));
    assert!(memory >= 10 * BUFFERS, "only {memory} bytes were seen");

    for (name, content, most) in refused_at_once() {
        check_refused(name, &content, most);
    }
    check_large("sparse.safetensors", b"\x09\0\0\0\0\0\0\0{\"broken\"");
    check_large("sparse.pt", b"PK\x03\x04");
    check_large("sparse.pkl", b"\x80\x02}q\x00");
    for bomb in bombs() {
        check_bomb(&bomb);
    }
    for case in cases() {
        check(&case);
    }
}
