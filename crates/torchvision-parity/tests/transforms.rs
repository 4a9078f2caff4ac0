//! The functions of this crate against Pillow and the formulas of torchvision, pixel by pixel.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tch::{Kind, Tensor};
use testing::{python_code, same_bits};
use torch_parity::serialization::{NamedTensors, read_safetensors};
use torchvision_parity::Image;
use torchvision_parity::transforms::{
    InterpolationMode, Size, center_crop, normalize, resize, to_tensor,
};

const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const STD: [f64; 3] = [0.229, 0.224, 0.225];

fn python(folder: &Path, cases: &[Value]) -> NamedTensors {
    let cases = json!(cases).to_string();
    python_code(
        "crates/torchvision-parity/tests/python/pictures.py",
        &[folder.as_os_str(), OsStr::new(&cases)],
    );
    read_safetensors(&folder.join("results.safetensors")).unwrap()
}

fn sides(value: &Value) -> [usize; 2] {
    [0, 1].map(|place| value[place].as_u64().unwrap() as usize)
}

fn mode(name: &str) -> InterpolationMode {
    match name {
        "box" => InterpolationMode::Box,
        "bilinear" => InterpolationMode::Bilinear,
        "hamming" => InterpolationMode::Hamming,
        "bicubic" => InterpolationMode::Bicubic,
        "lanczos" => InterpolationMode::Lanczos,
        _ => panic!("no such filter: {name}"),
    }
}

fn rust(path: &Path, case: &Value) -> Image {
    let mut image = Image::open(path).unwrap();
    if let Some(filter) = case["filter"].as_str() {
        let size = match case["size"].as_u64() {
            Some(side) => Size::Shorter(side as usize),
            None => Size::Exact(sides(&case["size"])),
        };
        image = resize(&image, size, mode(filter)).unwrap();
    }
    if case["crop"].is_array() {
        image = center_crop(&image, sides(&case["crop"])).unwrap();
    }
    image
}

/// Cases of every kind of file, filter and size: smaller, larger, by one pixel, one pixel, and
/// another proportion.
fn cases() -> Vec<Value> {
    let mut cases: Vec<Value> = ["L", "LA", "RGB", "RGBA", "P", "1"]
        .map(|mode| json!({"mode": mode, "width": 13, "height": 7}))
        .to_vec();
    let picture = |more: Value| {
        let mut case = json!({"mode": "RGB", "width": 61, "height": 37});
        let entries = more.as_object().unwrap().clone();
        case.as_object_mut().unwrap().extend(entries);
        case
    };
    for filter in ["box", "bilinear", "hamming", "bicubic", "lanczos"] {
        for size in [
            json!(16),
            json!(37),
            json!(50),
            json!([37, 60]),
            json!([1, 1]),
            json!([5, 200]),
            json!([36, 61]),
        ] {
            cases.push(picture(json!({"size": size, "filter": filter})));
        }
    }
    for crop in [[36, 60], [37, 61], [1, 1], [20, 7], [35, 58]] {
        cases.push(picture(json!({"crop": crop})));
    }
    let tall = json!({"mode": "RGB", "width": 40, "height": 93, "size": 32, "filter": "bicubic", "crop": [28, 28]});
    cases.push(tall);
    cases
}

#[test]
fn every_step_has_the_bits_of_python() {
    let folder = tempfile::tempdir().unwrap();
    let cases = cases();
    let expected = python(folder.path(), &cases);
    for (number, case) in cases.iter().enumerate() {
        let image = rust(&folder.path().join(format!("{number}.png")), case);
        let shape = [image.height() as i64, image.width() as i64, 3];
        let pixels = Tensor::from_slice(image.pixels()).view(shape);
        let pixels = pixels.permute([2, 0, 1]).contiguous();
        let tensor = to_tensor(&image);
        let normalized = normalize(&tensor, &MEAN, &STD).unwrap();
        for (name, found) in [
            ("pixels", pixels),
            ("tensor", tensor),
            ("normalized", normalized),
        ] {
            let expected = &expected[&format!("{number}.{name}")];
            assert!(same_bits(&found, expected), "{name} of {case}");
        }
    }
}

#[test]
fn a_mean_of_the_pixels_is_another_filter() {
    let folder = tempfile::tempdir().unwrap();
    let case = json!({"mode": "RGB", "width": 61, "height": 37, "size": 16, "filter": "bilinear"});
    let expected = python(folder.path(), std::slice::from_ref(&case));
    let image = Image::open(folder.path().join("0.png")).unwrap();
    let other = resize(&image, 16, InterpolationMode::Box).unwrap();
    assert!(!same_bits(&to_tensor(&other), &expected["0.tensor"]));
}

#[test]
fn what_is_no_picture_is_refused_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let whole = {
        python(
            folder.path(),
            &[json!({"mode": "RGB", "width": 13, "height": 7})],
        );
        fs::read(folder.path().join("0.png")).unwrap()
    };
    for (path, expected) in [
        (folder.path().join("missing.png"), "cannot read"),
        (folder.path().to_owned(), "expected a regular file"),
        (file("empty.png", b""), "expected a PNG or JPEG"),
        (file("text.png", b"no picture"), "expected a PNG or JPEG"),
        (file("cut.png", &whole[..whole.len() / 2]), "cannot be read"),
    ] {
        let error = Image::open(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(path.to_str().unwrap()), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let image = Image::new(4, 3, vec![7; 36]).unwrap();
    Image::new(4, 3, vec![7; 35]).unwrap_err();
    Image::new(0, 3, vec![]).unwrap_err();
    Image::new(usize::MAX, usize::MAX, vec![0; 3]).unwrap_err();
    let bilinear = InterpolationMode::Bilinear;
    for size in [
        Size::Shorter(0),
        Size::Shorter(usize::MAX),
        Size::Exact([0, 4]),
        Size::Exact([4, 70_000]),
    ] {
        resize(&image, size, bilinear).unwrap_err();
    }
    for crop in [[4, 4], [3, 5], [0, 1]] {
        center_crop(&image, crop).unwrap_err();
    }
    let tensor = to_tensor(&image);
    assert_eq!((tensor.size(), tensor.kind()), (vec![3, 3, 4], Kind::Float));
    normalize(&tensor, &[0.5; 2], &[0.5; 3]).unwrap_err();
    normalize(&tensor, &[0.5; 3], &[0.5, 0., 0.5]).unwrap_err();
    assert!(normalize(&tensor, &[0.5], &[0.5]).is_ok());
}
