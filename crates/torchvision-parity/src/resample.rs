//! Scaling as Pillow does it: each new pixel is a weighted mean of the old ones under a filter that
//! is as wide as the scale, in fixed point, first along the rows and then along the columns.

use crate::Image;
use crate::transforms::InterpolationMode;

/// The number of bits behind the point of a weight: what an `i32` has beside 8 bits of a pixel and
/// two of reserve for weights outside of 0 and 1.
const PRECISION_BITS: u32 = 32 - 8 - 2;

/// The filter of an interpolation, and half its width at scale 1.
fn filter(mode: InterpolationMode) -> (fn(f64) -> f64, f64) {
    match mode {
        InterpolationMode::Box => (box_filter, 0.5),
        InterpolationMode::Bilinear => (triangle, 1.0),
        InterpolationMode::Hamming => (hamming, 1.0),
        InterpolationMode::Bicubic => (bicubic, 2.0),
        InterpolationMode::Lanczos => (lanczos, 3.0),
    }
}

fn box_filter(x: f64) -> f64 {
    if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }
}

fn triangle(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 { 1.0 - x } else { 0.0 }
}

/// A sinc under a Hamming window: 0.54 + 0.46 cos πx.
fn hamming(x: f64) -> f64 {
    let x = x.abs();
    if x == 0.0 {
        return 1.0;
    }
    if x >= 1.0 {
        return 0.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x * (0.54 + 0.46 * x.cos())
}

/// Keys' cubic convolution with a = -0.5.
fn bicubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    if (-3.0..3.0).contains(&x) {
        sinc(x) * sinc(x / 3.0)
    } else {
        0.0
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * std::f64::consts::PI;
    x.sin() / x
}

/// The old pixels from `start` on that a new pixel is made of, and their weights in fixed point.
struct Window {
    start: usize,
    weights: Vec<i32>,
}

/// The window of each of `to` new pixels over `from` old ones.
fn windows(from: usize, to: usize, mode: InterpolationMode) -> Vec<Window> {
    let (filter, half_width) = filter(mode);
    let scale = from as f64 / to as f64;
    // Where the picture grows, the filter keeps its width.
    let filter_scale = scale.max(1.0);
    let support = half_width * filter_scale;
    (0..to)
        .map(|place| {
            let center = (place as f64 + 0.5) * scale;
            let start = ((center - support + 0.5) as i64).max(0) as usize;
            let end = ((center + support + 0.5) as i64).clamp(0, from as i64) as usize;
            let weights: Vec<f64> = (start..end)
                .map(|x| filter((x as f64 - center + 0.5) * (1.0 / filter_scale)))
                .collect();
            let sum: f64 = weights.iter().sum();
            let weights = weights
                .into_iter()
                .map(|weight| fixed_point(if sum == 0.0 { weight } else { weight / sum }));
            Window {
                start,
                weights: weights.collect(),
            }
        })
        .collect()
}

/// The nearest number in fixed point; halves go away from zero.
fn fixed_point(weight: f64) -> i32 {
    let half = if weight < 0.0 { -0.5 } else { 0.5 };
    (half + weight * f64::from(1 << PRECISION_BITS)) as i32
}

/// The weighted sum of pixels, rounded to 8 bits.
fn weighted(window: &Window, pixel: impl Fn(usize) -> u8) -> u8 {
    let half = 1 << (PRECISION_BITS - 1);
    let products = window.weights.iter().zip(window.start..);
    // Pillow's sums are of 32 bits; weights that sum to 1 stay within them.
    let sum = products.fold(half, |sum: i32, (&weight, place)| {
        sum.wrapping_add(i32::from(pixel(place)).wrapping_mul(weight))
    });
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// The picture at another size.
pub fn resample(image: &Image, width: usize, height: usize, mode: InterpolationMode) -> Image {
    const CHANNELS: usize = Image::CHANNELS;
    let mut image = image.clone();
    if width != image.width() {
        let windows = windows(image.width(), width, mode);
        let mut pixels = Vec::with_capacity(width * image.height() * CHANNELS);
        for row in image.pixels().chunks_exact(image.width() * CHANNELS) {
            for window in &windows {
                for channel in 0..CHANNELS {
                    pixels.push(weighted(window, |x| row[x * CHANNELS + channel]));
                }
            }
        }
        image = Image::new(width, image.height(), pixels).expect("a row of new pixels for each");
    }
    if height != image.height() {
        let row = width * CHANNELS;
        let old = image.pixels();
        let mut pixels = Vec::with_capacity(height * row);
        for window in windows(image.height(), height, mode) {
            for place in 0..row {
                pixels.push(weighted(&window, |y| old[y * row + place]));
            }
        }
        image = Image::new(width, height, pixels).expect("as many rows as were asked for");
    }
    image
}
