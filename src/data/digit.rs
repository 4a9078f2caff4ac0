//! A picture of any size as MNIST's pictures were made.
//!
//! The paper's brightness is estimated and taken away, so that light may fall off; ink is what
//! differs from it most, dark or light; specks and what touches the edge are left out. The rest is
//! cropped, its strokes are brought to MNIST's width, and it is fitted into 20×20 pixels with its
//! centre of mass in the middle of 28×28.
//!
//! The playground has the same steps in JavaScript, in the same order and in float64, so that both
//! give the same 784 pixels: `crates/softmax/src/page/script/recipe.js`.

mod paper;
mod strokes;

use super::{PIXELS, SIDE};

/// The side of the box that a digit of MNIST fits into.
const BOX: usize = 20;
/// The longer side of a picture that is looked at; larger ones are reduced.
const LOOKED_AT: usize = 400;
/// The least difference between ink and paper, of 255.
const FAINTEST: f64 = 8.;

/// Numbers for the pixels of a picture, row by row.
#[derive(Clone, Debug)]
struct Field {
    values: Vec<f64>,
    width: usize,
    height: usize,
}

/// Converts grey pixels, row by row, to 784 of them, light strokes on black, and returns doubts about
/// the picture. `dark` says that the ink is dark; if `None`, the recipe finds out.
///
/// # Panics
/// If there are no pixels, or not `width` × `height` of them.
pub fn as_digit(
    grey: &[u8],
    width: usize,
    height: usize,
    dark: Option<bool>,
) -> (Vec<u8>, Vec<String>) {
    assert!(!grey.is_empty() && grey.len() == width * height);
    // A large picture is never turned into float64 as a whole.
    let pixel = |at: usize| f64::from(grey[at]);
    let picture = match width.max(height) <= LOOKED_AT {
        true => Field {
            values: (0..grey.len()).map(pixel).collect(),
            width,
            height,
        },
        false => shrunk(pixel, (width, height), scaled((width, height), LOOKED_AT)),
    };
    let mut doubts = Vec::new();
    let (ink, noise) = difference(&picture, &paper::brightness(&picture), dark);
    let bound = otsu(&ink.values);
    if bound < FAINTEST {
        return (vec![0; PIXELS], vec!["no ink was found".to_owned()]);
    }
    if 4. * noise > bound {
        doubts.push("the ground is not plain".to_owned());
    }
    let digit = strokes::parts(&ink, bound, &mut doubts);
    let digit = strokes::draw_anew(&strokes::enlarge(&digit, bound));
    (centre(&digit), doubts)
}

/// For each of `few` parts of a line of `many` pixels: the pixels in it and their shares of it.
fn covers(many: usize, few: usize) -> Vec<Vec<(usize, f64)>> {
    let length = many as f64 / few as f64;
    let part = |part: usize| {
        let (start, end) = (part as f64 * length, (part + 1) as f64 * length);
        let pixels = (start.floor() as usize..many).take_while(|&i| (i as f64) < end);
        let share = |i: usize| ((i + 1) as f64).min(end) - (i as f64).max(start);
        pixels.map(|i| (i, share(i) / length)).collect()
    };
    (0..few).map(part).collect()
}

/// A picture in fewer pixels, each the mean of what it covers.
fn shrunk(
    pixel: impl Fn(usize) -> f64,
    (from_width, from_height): (usize, usize),
    (width, height): (usize, usize),
) -> Field {
    let (columns, rows) = (covers(from_width, width), covers(from_height, height));
    let mut values = Vec::with_capacity(width * height);
    for row in &rows {
        for column in &columns {
            let mut sum = 0.;
            for &(j, weight_y) in row {
                for &(i, weight_x) in column {
                    sum += weight_y * weight_x * pixel(j * from_width + i);
                }
            }
            values.push(sum);
        }
    }
    Field {
        values,
        width,
        height,
    }
}

/// These sides with the longer one `longest`.
fn scaled((width, height): (usize, usize), longest: usize) -> (usize, usize) {
    let longer = width.max(height) as f64;
    let side = |side: usize| (((side * longest) as f64 / longer + 0.5).floor() as usize).max(1);
    (side(width), side(height))
}

impl Field {
    /// The picture in fewer pixels, each the mean of what it covers.
    fn shrunk(&self, sides: (usize, usize)) -> Self {
        shrunk(|at| self.values[at], (self.width, self.height), sides)
    }

    /// The sides of this picture with the longer one `longest`.
    fn scaled(&self, longest: usize) -> (usize, usize) {
        scaled((self.width, self.height), longest)
    }
}

/// The value in the middle of a set.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The difference of each pixel from the paper on the side of the ink, and the noise of the paper. The
/// side is that with more of it, squared, unless it is given.
fn difference(picture: &Field, paper: &[f64], dark: Option<bool>) -> (Field, f64) {
    let pairs = picture.values.iter().zip(paper);
    let off: Vec<f64> = pairs.map(|(value, paper)| value - paper).collect();
    let (mut darker, mut lighter) = (0., 0.);
    for x in &off {
        match *x < 0. {
            true => darker += x * x,
            false => lighter += x * x,
        }
    }
    let sign = if dark.unwrap_or(darker > lighter) {
        -1.
    } else {
        1.
    };
    let ink = Field {
        values: off.iter().map(|x| (sign * x).max(0.)).collect(),
        ..*picture
    };
    (ink, median(off.iter().map(|x| x.abs()).collect()))
}

/// Otsu's bound between two kinds of numbers from 0 to 255: the one that leaves them least varied.
fn otsu(values: &[f64]) -> f64 {
    let mut counts = [0f64; 256];
    let mut sum = 0.;
    for value in values {
        let level = value.floor().min(255.);
        counts[level as usize] += 1.;
        sum += level;
    }
    let all = values.len() as f64;
    let (mut below, mut sum_below, mut most, mut best) = (0., 0., -1., 0.);
    for (level, count) in counts[..255].iter().enumerate() {
        below += count;
        sum_below += level as f64 * count;
        let above = all - below;
        if below == 0. || above == 0. {
            continue;
        }
        let apart = sum_below / below - (sum - sum_below) / above;
        let between = below * above * apart * apart;
        if between > most {
            (most, best) = (between, level as f64);
        }
    }
    best + 1.
}

/// 784 pixels: the drawing's box fitted into 20×20, its centre of mass in the middle.
fn centre(drawn: &Field) -> Vec<u8> {
    let inked = (0..drawn.values.len()).filter(|&i| drawn.values[i] >= 0.5);
    let (mut left, mut top, mut right, mut bottom) = (drawn.width, drawn.height, 0, 0);
    for (x, y) in inked.map(|i| (i % drawn.width, i / drawn.width)) {
        (left, right) = (left.min(x), right.max(x));
        (top, bottom) = (top.min(y), bottom.max(y));
    }
    let row = |y: usize| &drawn.values[y * drawn.width..][left..=right];
    let cropped = Field {
        values: (top..=bottom).flat_map(row).copied().collect(),
        width: right - left + 1,
        height: bottom - top + 1,
    };
    let small = cropped.shrunk(cropped.scaled(BOX));
    let (x0, y0) = (
        middle(&small, small.width, |x, _| x),
        middle(&small, small.height, |_, y| y),
    );
    let mut pixels = vec![0; PIXELS];
    for (i, value) in small.values.iter().enumerate() {
        let (x, y) = (i % small.width, i / small.width);
        pixels[(y0 + y) * SIDE + x0 + x] = (255. * value + 0.5).floor() as u8;
    }
    pixels
}

/// The place of the box at which its mass is centred, in whole pixels; all of it stays inside.
fn middle(small: &Field, side: usize, coordinate: fn(usize, usize) -> usize) -> usize {
    let (mut mass, mut moment) = (0., 0.);
    for (i, value) in small.values.iter().enumerate() {
        let at = coordinate(i % small.width, i / small.width);
        mass += value;
        moment += value * (at as f64 + 0.5);
    }
    let place = (SIDE as f64 / 2. - moment / mass + 0.5).floor();
    place.clamp(0., (SIDE - side) as f64) as usize
}
