//! Pictures of every kind become 28×28 grey pixels.

use std::fs;
use std::path::Path;

use final_layer::data::picture;
use image::{
    DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage,
};
use tch::Tensor;

use testing::files::encode;
use testing::{python_code, same_bits};

/// Reads a picture with that name and content; returns its pixels and the note.
fn read(name: &str, bytes: &[u8], invert: bool) -> (Vec<u8>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    read_file(&path, invert)
}

fn read_file(path: &Path, invert: bool) -> (Vec<u8>, String) {
    let (features, note) = picture::read(path, invert).unwrap();
    assert_eq!(features.size(), [1, 784]);
    let start = format!("{}: ", path.display());
    let note = note.strip_prefix(&start).unwrap().to_owned();
    (Vec::try_from(features.view([784])).unwrap(), note)
}

fn read_png(picture: impl Into<DynamicImage>, invert: bool) -> (Vec<u8>, String) {
    read("x.png", &encode(picture, ImageFormat::Png), invert)
}

/// 28×28 pixels of every brightness.
fn ramp() -> GrayImage {
    GrayImage::from_fn(28, 28, |x, y| Luma([((x + 28 * y) % 256) as u8]))
}

#[test]
fn a_picture_that_fits_keeps_its_pixels() {
    let (pixels, note) = read_png(ramp(), false);
    assert_eq!(pixels, ramp().into_raw());
    assert_eq!(note, "28×28 grey");

    let (pixels, note) = read_png(ramp(), true);
    let inverted: Vec<u8> = ramp().iter().map(|pixel| 255 - pixel).collect();
    assert_eq!(pixels, inverted);
    assert_eq!(note, "28×28 grey, inverted");
}

#[test]
fn the_format_does_not_depend_on_the_name() {
    let bytes = encode(ramp(), ImageFormat::Png);
    assert_eq!(read("x.jpg", &bytes, false).0, ramp().into_raw());
    let bytes = encode(GrayImage::from_pixel(28, 28, Luma([77])), ImageFormat::Jpeg);
    let (pixels, note) = read("x", &bytes, false);
    assert_eq!(pixels, [77; 784]);
    assert_eq!(note, "28×28 grey");
}

#[test]
fn colours_become_grey_by_their_luma() {
    let colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [12, 200, 99]];
    let picture = RgbImage::from_fn(28, 28, |x, _| Rgb(colours[x as usize % 4]));
    let (pixels, note) = read_png(picture, false);
    let luma = |[r, g, b]: [u32; 3]| ((2126 * r + 7152 * g + 722 * b + 5000) / 10_000) as u8;
    let expected = colours.map(|colour| luma(colour.map(u32::from)));
    assert_eq!(pixels[..4], expected);
    assert_eq!(note, "28×28 colour");

    let sixteen = ImageBuffer::from_pixel(28, 28, Luma([0x8081u16]));
    assert_eq!(
        read_png(sixteen, false),
        (vec![128; 784], "28×28 grey".into())
    );
}

#[test]
fn transparency_becomes_white() {
    let ink = |alpha| LumaA([51u8, alpha]);
    let alphas = [0, 255, 128];
    let picture = ImageBuffer::from_fn(28, 28, |x, _| ink(alphas[x as usize % 3]));
    let (pixels, note) = read_png(picture.clone(), false);
    assert_eq!(pixels[..3], [255, 51, 153]);
    assert_eq!(note, "28×28 grey, laid over white");
    let (pixels, note) = read_png(picture, true);
    assert_eq!(pixels[..3], [0, 204, 102]);
    assert_eq!(note, "28×28 grey, laid over white, inverted");

    let nothing = RgbaImage::from_pixel(28, 28, Rgba([0, 0, 0, 0]));
    assert_eq!(read_png(nothing, false).0, [255; 784]);
}

/// The bounding box of the pixels that are not black: left, top, width, height.
fn lit(pixels: &[u8]) -> [usize; 4] {
    let places = (0..784).filter(|&place| pixels[place] > 0);
    let (columns, rows): (Vec<_>, Vec<_>) = places.map(|place| (place % 28, place / 28)).unzip();
    let extent = |places: &[usize]| {
        let (first, last) = (places.iter().min().unwrap(), places.iter().max().unwrap());
        (*first, last - first + 1)
    };
    let ((left, width), (top, height)) = (extent(&columns), extent(&rows));
    [left, top, width, height]
}

#[test]
fn other_sizes_keep_their_shape() {
    let cases = [
        (
            [640, 480],
            [0, 3, 28, 21],
            "scaled to 28×21, centred on 28×28 black",
        ),
        (
            [10, 40],
            [10, 0, 7, 28],
            "scaled to 7×28, centred on 28×28 black",
        ),
        ([28, 20], [0, 4, 28, 20], "centred on 28×28 black"),
        ([14, 14], [0, 0, 28, 28], "scaled to 28×28"),
        ([1, 1], [0, 0, 28, 28], "scaled to 28×28"),
        (
            [5000, 1],
            [0, 13, 28, 1],
            "scaled to 28×1, centred on 28×28 black",
        ),
        (
            [1, 5000],
            [13, 0, 1, 28],
            "scaled to 1×28, centred on 28×28 black",
        ),
    ];
    for ([width, height], expected, done) in cases {
        let white = GrayImage::from_pixel(width, height, Luma([200]));
        let (pixels, note) = read_png(white, false);
        assert_eq!(lit(&pixels), expected);
        assert!(pixels.iter().all(|&pixel| pixel == 0 || pixel == 200));
        assert_eq!(note, format!("{width}×{height} grey, {done}"));
    }
}

#[test]
fn every_pixel_counts_when_scaling_down() {
    // A pattern finer than the result: a filter that skips pixels would see only one of its
    // colours.
    let checks = GrayImage::from_fn(280, 280, |x, y| Luma([((x + y) % 2 * 200) as u8]));
    let (pixels, _) = read_png(checks, false);
    assert!(
        pixels.iter().all(|pixel| (95..=105).contains(pixel)),
        "{pixels:?}"
    );
}

/// Formats that the encoders here do not write.
#[test]
fn pictures_saved_by_python() {
    let folder = tempfile::tempdir().unwrap();
    python_code(
        "tests/python/save_pictures.py",
        &[folder.path().as_os_str()],
    );
    let read = |name: &str| read_file(&folder.path().join(name), false);
    let bits: Vec<u8> = ramp()
        .iter()
        .map(|pixel| if *pixel < 128 { 0 } else { 255 })
        .collect();
    let cases = [
        ("palette.png", ramp().into_raw(), "28×28 colour"),
        ("bits.png", bits, "28×28 grey"),
        ("animated.png", ramp().into_raw(), "28×28 grey"),
        (
            "see_through.png",
            vec![255; 784],
            "28×28 colour, laid over white",
        ),
        ("progressive.jpg", vec![77; 784], "28×28 grey"),
    ];
    for (name, pixels, note) in cases {
        let found = read(name);
        assert_eq!(found.1, note, "{name}");
        assert_eq!(found.0, pixels, "{name}");
    }
    // A white strip on the left of a picture taken with the camera rotated.
    let (pixels, note) = read("turned.jpg");
    assert_eq!(
        note,
        "56×28 grey, turned upright, scaled to 14×28, centred on 28×28 black"
    );
    let row = |y: usize| &pixels[28 * y + 7..28 * y + 21];
    assert!(row(0).iter().all(|&pixel| pixel > 200), "{:?}", row(0));
    assert!(row(27).iter().all(|&pixel| pixel < 50), "{:?}", row(27));
    let (cmyk, note) = read("cmyk.jpg");
    assert_eq!(note, "28×28 colour");
    assert!(same_bits(
        &Tensor::from_slice(&cmyk),
        &Tensor::from_slice(&[255u8; 784])
    ));
}
