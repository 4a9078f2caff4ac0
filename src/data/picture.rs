//! Pictures of any size, converted to the input of the picture networks.

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use image::codecs::{jpeg::JpegDecoder, png::PngDecoder};
use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{
    DynamicImage, GrayImage, ImageBuffer, ImageDecoder, ImageFormat, ImageResult, Limits, Luma,
    Pixel, Primitive,
};
use tch::Tensor;

use crate::torch::one_line;

use super::bytes::{most_inflated, open, read_exactly};
use super::{MOST_PIXELS, PIXELS, SIDE, digit};

/// A JPEG needs at least one bit for each block of 64 pixels.
const MOST_PIXELS_PER_JPEG_BYTE: u64 = 8 * 64;

/// Reads a PNG or JPEG as 28×28 grey pixels, light strokes on black: uint8 `(1, 784)`, with a line
/// that says what was done.
///
/// Transparent pixels become white, colours become grey by their luma; `invert` is for dark ink on
/// white. The picture is scaled so that its longer side is 28, and centred on black; a picture of
/// 28×28 keeps its pixels. Of an animation, the first picture is used.
///
/// # Errors
/// If the file is missing, not a PNG or JPEG, damaged, or announces more pixels than a file of its
/// size can contain or than [the limit](super).
pub fn read(path: &Path, invert: bool) -> Result<(Tensor, String)> {
    read_by(path, |bytes| prepare(bytes, invert))
}

/// Reads a PNG or JPEG of a digit, a photograph or a drawing of any size, as MNIST's pictures were
/// made ([`digit`]): uint8 `(1, 784)`, with a line that says what was done, and what
/// makes the picture doubtful as one of a digit.
///
/// A picture of 28×28 keeps its pixels; if it is light at its edge, they are inverted. `invert` says
/// that the ink is dark; without it, that is found out.
///
/// # Errors
/// As those of [`read`].
pub fn read_digit(path: &Path, invert: bool) -> Result<(Tensor, String)> {
    read_by(path, |bytes| prepare_digit(bytes, invert))
}

type Prepared = (Vec<u8>, Vec<String>);

fn read_by(path: &Path, prepare: impl Fn(&[u8]) -> Result<Prepared>) -> Result<(Tensor, String)> {
    let (file, length) = open(path)?;
    let (pixels, steps) = read_exactly(file, length)
        .and_then(|bytes| prepare(&bytes))
        .with_context(|| path.display().to_string())?;
    let features = Tensor::f_from_slice(&pixels)?.f_view([1, PIXELS as i64])?;
    Ok((
        features,
        format!("{}: {}", path.display(), steps.join(", ")),
    ))
}

/// The pixels, and the steps that were done.
fn prepare(bytes: &[u8], invert: bool) -> Result<Prepared> {
    let (mut picture, mut steps) = decode(bytes)?;
    if invert {
        imageops::invert(&mut picture);
        steps.push("inverted".to_owned());
    }
    let picture = fit(picture, &mut steps);
    Ok((picture.into_raw(), steps))
}

/// The same for a digit.
fn prepare_digit(bytes: &[u8], invert: bool) -> Result<Prepared> {
    let (mut picture, mut steps) = decode(bytes)?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    if (width, height) == (SIDE, SIDE) {
        if invert || is_light_at_the_edge(&picture) {
            imageops::invert(&mut picture);
            steps.push("inverted".to_owned());
        }
        return Ok((picture.into_raw(), steps));
    }
    let dark = invert.then_some(true);
    let (pixels, doubts) = digit::as_digit(picture.as_raw(), width, height, dark);
    steps.push("cropped and centred as MNIST's digits".to_owned());
    if !doubts.is_empty() {
        steps.push(format!(
            "but it may be no digit on a plain ground: {}",
            doubts.join(", ")
        ));
    }
    Ok((pixels, steps))
}

/// Returns true if most pixels at the edge are light.
fn is_light_at_the_edge(picture: &GrayImage) -> bool {
    let last = SIDE as u32 - 1;
    let at_edge = |&(x, y, _): &(u32, u32, &Luma<u8>)| x == 0 || y == 0 || x == last || y == last;
    let edge: Vec<bool> = (picture.enumerate_pixels().filter(at_edge))
        .map(|(_, _, pixel)| pixel.0[0] > 127)
        .collect();
    2 * edge.iter().filter(|&&light| light).count() > edge.len()
}

fn decode(bytes: &[u8]) -> Result<(GrayImage, Vec<String>)> {
    let length = bytes.len() as u64;
    let cursor = Cursor::new(bytes);
    match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => {
            let mut limits = Limits::no_limits();
            // Four channels of 16 bits for each pixel, and as much for everything else in the file.
            limits.max_alloc = Some(most_inflated(length).min(2 * 8 * MOST_PIXELS));
            let decoder = readable(PngDecoder::with_limits(cursor, limits))?;
            let most = most_inflated(length).saturating_mul(8) / png_bits(bytes);
            to_grey(decoder, most)
        }
        Ok(ImageFormat::Jpeg) => {
            ensure!(
                is_whole_jpeg(bytes),
                "cut short: the JPEG has no end marker"
            );
            let decoder = readable(JpegDecoder::new(cursor))?;
            to_grey(decoder, length.saturating_mul(MOST_PIXELS_PER_JPEG_BYTE))
        }
        _ => bail!("expected a PNG or JPEG picture, found something else"),
    }
}

fn readable<T>(result: ImageResult<T>) -> Result<T> {
    result.map_err(|error| anyhow!("cannot be read as a picture: {}", one_line(&error)))
}

/// The bits per pixel of a PNG whose header has been read.
fn png_bits(bytes: &[u8]) -> u64 {
    // The signature, then the first chunk: length, name, width, height, depth, colour type.
    let (depth, colour_type) = (u64::from(bytes[24]), bytes[25]);
    depth * [1, 1, 3, 1, 2, 1, 4][usize::from(colour_type)]
}

/// Returns true if the JPEG has its end marker. The decoder would fill missing parts with grey.
///
/// A JPEG consists of markers, each with the length of its segment; a scan's segment is followed by
/// its pixels, in which 0xff occurs only before 0 or a restart marker. Anything after the end
/// marker does not belong to the picture.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    const END: u8 = 0xd9;
    let is_pixel = |&byte: &u8| matches!(byte, 0 | 0xd0..=0xd7);
    let mut rest = &bytes[2..];
    while let Some(start) = rest
        .windows(2)
        .position(|pair| pair[0] == 0xff && !is_pixel(&pair[1]))
    {
        let marker = rest[start + 1];
        rest = &rest[start + 2..];
        match (marker, rest) {
            (END, _) => return true,
            (0xff, _) => rest = &bytes[bytes.len() - rest.len() - 1..],
            (_, &[high, low, ..]) => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                rest = rest.get(length..).unwrap_or_default();
            }
            _ => return false,
        }
    }
    false
}

/// Decodes a picture if it has no more pixels than a file of its size can contain.
fn to_grey(mut decoder: impl ImageDecoder, most: u64) -> Result<(GrayImage, Vec<String>)> {
    let (width, height) = decoder.dimensions();
    let most = most.min(MOST_PIXELS);
    ensure!(
        (1..=most).contains(&(u64::from(width) * u64::from(height))),
        "found {width}×{height} pixels, expected 1 to {most} in a file of its size"
    );
    let colour_type = decoder.color_type();
    let orientation = readable(decoder.orientation())?;
    let picture = readable(DynamicImage::from_decoder(decoder))?;

    let colour = if colour_type.has_color() {
        "colour"
    } else {
        "grey"
    };
    let mut steps = vec![format!("{width}×{height} {colour}")];
    if colour_type.has_alpha() {
        steps.push("laid over white".to_owned());
    }
    let mut picture = DynamicImage::from(grey(picture));
    if orientation != Orientation::NoTransforms {
        picture.apply_orientation(orientation);
        steps.push("turned upright".to_owned());
    }
    Ok((picture.into_luma8(), steps))
}

/// The luma of each pixel by the weights of Rec. 709, with transparency blended with white.
///
/// `image` would do this in code that is not optimized in a development build, or that takes 20 s
/// longer to build. These loops are compiled as part of this crate.
fn grey(picture: DynamicImage) -> GrayImage {
    match picture {
        DynamicImage::ImageLuma8(picture) => picture,
        DynamicImage::ImageLumaA8(picture) => grey_pixels(&picture),
        DynamicImage::ImageRgb8(picture) => grey_pixels(&picture),
        DynamicImage::ImageRgba8(picture) => grey_pixels(&picture),
        DynamicImage::ImageLuma16(picture) => grey_pixels(&picture),
        DynamicImage::ImageLumaA16(picture) => grey_pixels(&picture),
        DynamicImage::ImageRgb16(picture) => grey_pixels(&picture),
        DynamicImage::ImageRgba16(picture) => grey_pixels(&picture),
        other => grey_pixels(&other.into_rgba8()),
    }
}

fn grey_pixels<P: Pixel>(picture: &ImageBuffer<P, Vec<P::Subpixel>>) -> GrayImage
where
    P::Subpixel: Into<u32>,
{
    let most: u32 = P::Subpixel::DEFAULT_MAX_VALUE.into();
    let most = u64::from(most);
    let in_8_bits = |part: u64, whole: u64| (255 * part + whole / 2) / whole;
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let channels = picture.get_pixel(x, y).channels();
        let channel = |index: usize| u64::from(channels[index].into());
        let luma = match channels.len() {
            1 | 2 => in_8_bits(channel(0), most),
            _ => {
                let sum = 2126 * channel(0) + 7152 * channel(1) + 722 * channel(2);
                in_8_bits(sum, 10_000 * most)
            }
        };
        let alpha = match channels.len() {
            count @ (2 | 4) => in_8_bits(channel(count - 1), most),
            _ => 255,
        };
        Luma([((luma * alpha + 255 * (255 - alpha) + 127) / 255) as u8])
    })
}

/// Scales a picture so that its longer side is 28, and centres it on black.
fn fit(picture: GrayImage, steps: &mut Vec<String>) -> GrayImage {
    const FULL: u32 = SIDE as u32;
    let longer = u64::from(picture.width().max(picture.height()));
    let scaled = |side: u32| {
        let rounded = (u64::from(side) * u64::from(FULL) + longer / 2) / longer;
        rounded.max(1) as u32
    };
    let (width, height) = (scaled(picture.width()), scaled(picture.height()));
    let mut picture = picture;
    if picture.dimensions() != (width, height) {
        // This filter averages over the area of each new pixel and does not ring.
        picture = imageops::resize(&picture, width, height, FilterType::Triangle);
        steps.push(format!("scaled to {width}×{height}"));
    }
    if (width, height) == (FULL, FULL) {
        return picture;
    }
    let mut black = GrayImage::new(FULL, FULL);
    let [left, top] = [width, height].map(|side| i64::from((FULL - side) / 2));
    imageops::replace(&mut black, &picture, left, top);
    steps.push(format!("centred on {FULL}×{FULL} black"));
    black
}
