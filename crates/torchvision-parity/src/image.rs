//! A picture in memory, and reading it from a file.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use crate::{Error, Result};

/// The most pixels of a picture: above twice this number of Pillow's, it refuses a file as a bomb.
const MOST_PIXELS: u64 = 2 * 89_478_485;

/// A picture in RGB, 8 bits a channel, as Pillow's `Image` of mode `RGB`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    width: usize,
    height: usize,
    /// Row by row, red, green and blue of each pixel.
    pixels: Vec<u8>,
}

impl Image {
    /// The number of channels.
    pub const CHANNELS: usize = 3;

    /// A picture of the given pixels: row by row, red, green and blue of each.
    ///
    /// # Errors
    /// If there are no pixels, or another number than `width · height · 3`.
    pub fn new(width: usize, height: usize, pixels: Vec<u8>) -> Result<Self> {
        let expected = width
            .checked_mul(height)
            .and_then(|n| n.checked_mul(Self::CHANNELS));
        if expected != Some(pixels.len()) || pixels.is_empty() {
            return Err(Error::Argument(format!(
                "expected the pixels of {width}×{height} in RGB, found {} bytes",
                pixels.len()
            )));
        }
        Ok(Self {
            width,
            height,
            pixels,
        })
    }

    /// Reads a PNG or a JPEG, like `PIL.Image.open(path).convert("RGB")`: grey is repeated in each
    /// channel, transparency is dropped, and the orientation of a camera is not applied.
    ///
    /// # Errors
    /// If the file is missing, not a regular file, not a PNG or JPEG of 8 bits a channel, damaged,
    /// or larger than Pillow reads.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = read(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        decode(&bytes).map_err(|problem| Error::File {
            path: path.to_owned(),
            problem,
        })
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The number of rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The bytes, row by row, red, green and blue of each pixel.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

/// The bytes of a regular file. A pipe or a device would never end.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("expected a regular file"));
    }
    let mut bytes = Vec::new();
    BufReader::new(File::open(path)?).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<Image, String> {
    let unreadable =
        |error: image::ImageError| format!("cannot be read as a picture: {}", one_line(&error));
    let reader = ImageReader::new(std::io::Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| error.to_string())?;
    if !matches!(reader.format(), Some(ImageFormat::Png | ImageFormat::Jpeg)) {
        return Err("expected a PNG or JPEG picture, found something else".to_owned());
    }
    let decoder = reader.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    let count = u64::from(width) * u64::from(height);
    if count > MOST_PIXELS {
        return Err(format!(
            "expected at most {MOST_PIXELS} pixels, found {width}×{height}"
        ));
    }
    let found = decoder.color_type();
    if !matches!(
        found,
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8
    ) {
        return Err(format!("expected 8 bits a channel, found {found:?}"));
    }
    let picture = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    Image::new(width as usize, height as usize, rgb(&picture))
        .map_err(|_| format!("expected a pixel, found {width}×{height}"))
}

/// Red, green and blue of each pixel, without transparency.
fn rgb(picture: &DynamicImage) -> Vec<u8> {
    let channels = usize::from(picture.color().channel_count());
    let pixels = picture.as_bytes().chunks_exact(channels);
    pixels
        .flat_map(|pixel| match *pixel {
            [grey] | [grey, _] => [grey; 3],
            [red, green, blue, ..] => [red, green, blue],
            [] => unreachable!("a pixel has a channel"),
        })
        .collect()
}

fn one_line(error: &image::ImageError) -> String {
    let text = error.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
