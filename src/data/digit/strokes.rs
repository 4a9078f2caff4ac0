//! The strokes of a digit: found, cropped, and drawn as wide as MNIST's.

use super::Field;

/// The longer side of the digit while its strokes are drawn anew: four times MNIST's box.
const FINE: usize = 80;
/// The width of a stroke there, as MNIST has it.
const STROKE: f64 = 9.5;

/// A connected part of the ink.
struct Part {
    size: usize,
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl Part {
    fn touches_the_edge(&self, ink: &Field) -> bool {
        self.left == 0
            || self.top == 0
            || self.right == ink.width - 1
            || self.bottom == ink.height - 1
    }
}

/// The ink of the digit alone, cropped: connected parts that are not too small beside the largest, and
/// not at the edge if there is one that is not.
pub fn parts(ink: &Field, bound: f64, doubts: &mut Vec<String>) -> Field {
    let (found, part_of) = connected(ink, bound);
    let inside = |part: &&Part| !part.touches_the_edge(ink);
    let all = found.iter().map(|part| part.size).max().unwrap_or_default();
    let free = found.iter().filter(inside).map(|part| part.size).max();
    let is_free = 20 * free.unwrap_or_default() >= all;
    let least = if is_free {
        free.unwrap_or_default()
    } else {
        all
    };
    let keeps: Vec<bool> = (found.iter())
        .map(|part| 12 * part.size >= least && !(is_free && part.touches_the_edge(ink)))
        .collect();
    let kept: Vec<&Part> = (found.iter().zip(&keeps))
        .filter_map(|(part, &keep)| keep.then_some(part))
        .collect();
    if !is_free {
        doubts.push("what is drawn touches the edge".to_owned());
    }
    if kept.len() > 4 {
        doubts.push(format!("there are {} separate parts", kept.len()));
    }
    let size: usize = kept.iter().map(|part| part.size).sum();
    if 2 * size > ink.values.len() {
        doubts.push("more than half of the picture is ink".to_owned());
    }
    crop(ink, &kept, |at| part_of[at] == 0 || keeps[part_of[at] - 1])
}

/// The connected parts, diagonals included, and for each pixel the number of its part from 1, or 0.
fn connected(ink: &Field, bound: f64) -> (Vec<Part>, Vec<usize>) {
    let Field {
        values,
        width,
        height,
    } = ink;
    let mut part_of = vec![0; values.len()];
    let mut found = Vec::new();
    for start in 0..values.len() {
        if part_of[start] > 0 || values[start] < bound {
            continue;
        }
        let number = found.len() + 1;
        let mut part = Part {
            size: 0,
            left: *width,
            top: *height,
            right: 0,
            bottom: 0,
        };
        part_of[start] = number;
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            let (x, y) = (at % width, at / width);
            part.size += 1;
            (part.left, part.right) = (part.left.min(x), part.right.max(x));
            (part.top, part.bottom) = (part.top.min(y), part.bottom.max(y));
            for j in y.saturating_sub(1)..(y + 2).min(*height) {
                for i in x.saturating_sub(1)..(x + 2).min(*width) {
                    let next = j * width + i;
                    if part_of[next] == 0 && values[next] >= bound {
                        part_of[next] = number;
                        open.push(next);
                    }
                }
            }
        }
        found.push(part);
    }
    (found, part_of)
}

/// The box around these parts with one pixel more on each side, for the soft edge.
fn crop(ink: &Field, kept: &[&Part], has: impl Fn(usize) -> bool) -> Field {
    let least = |of: fn(&Part) -> usize| kept.iter().map(|part| of(part)).min().unwrap_or(0);
    let most = |of: fn(&Part) -> usize| kept.iter().map(|part| of(part)).max().unwrap_or(0);
    let (left, top) = (least(|part| part.left), least(|part| part.top));
    let (right, bottom) = (most(|part| part.right), most(|part| part.bottom));
    let (width, height) = (right - left + 3, bottom - top + 3);
    let mut values = vec![0.; width * height];
    for y in top.saturating_sub(1)..(bottom + 2).min(ink.height) {
        for x in left.saturating_sub(1)..(right + 2).min(ink.width) {
            let at = y * ink.width + x;
            if has(at) {
                values[(y + 1 - top) * width + x + 1 - left] = ink.values[at];
            }
        }
    }
    Field {
        values,
        width,
        height,
    }
}

/// The digit with the longer side [`FINE`], as 1 where there is ink and 0 elsewhere, and a margin for
/// wider strokes.
pub fn enlarge(picture: &Field, bound: f64) -> Field {
    let (width, height) = picture.scaled(FINE);
    let fine = match picture.width > width {
        true => picture.shrunk((width, height)),
        false => stretched(picture, width, height),
    };
    let margin = STROKE.floor() as usize;
    let wide = width + 2 * margin;
    let mut values = vec![0.; wide * (height + 2 * margin)];
    for (i, &value) in fine.values.iter().enumerate() {
        let (x, y) = (i % width + margin, i / width + margin);
        values[y * wide + x] = if value >= bound { 1. } else { 0. };
    }
    Field {
        values,
        width: wide,
        height: height + 2 * margin,
    }
}

/// The picture in more pixels, linearly between the old ones.
fn stretched(picture: &Field, width: usize, height: usize) -> Field {
    let place = |i: usize, side: usize, more: usize| {
        let at = (i as f64 + 0.5) * side as f64 / more as f64 - 0.5;
        let at = at.clamp(0., (side - 1) as f64);
        let from = at.floor() as usize;
        (from, (from + 1).min(side - 1), at - from as f64)
    };
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        let (top, bottom, down) = place(y, picture.height, height);
        for x in 0..width {
            let (left, right, across) = place(x, picture.width, width);
            let row = |j: usize| {
                let row = &picture.values[j * picture.width..];
                row[left] * (1. - across) + row[right] * across
            };
            values.push(row(top) * (1. - down) + row(bottom) * down);
        }
    }
    Field {
        values,
        width,
        height,
    }
}

/// The same strokes, as wide as MNIST's, with a soft edge. The mean distance of a stroke's pixels from
/// its edge is a quarter of its width.
pub fn draw_anew(mask: &Field) -> Field {
    let (within, outside) = (distances(mask, 0.), distances(mask, 1.));
    let (mut sum, mut count) = (0., 0.);
    for (value, distance) in mask.values.iter().zip(&within) {
        if *value > 0. {
            (sum, count) = (sum + distance, count + 1.);
        }
    }
    let wide = 4. * sum / f64::max(1., count);
    let more = ((STROKE - wide) / 2.).clamp(-0.25 * wide, STROKE / 2.);
    let drawn = |i: usize| {
        let inside = if mask.values[i] > 0. {
            within[i]
        } else {
            -outside[i]
        };
        (inside + more + 0.5).clamp(0., 1.)
    };
    Field {
        values: (0..mask.values.len()).map(drawn).collect(),
        ..*mask
    }
}

/// For each pixel its distance from the edge of the nearest one of a kind: to that pixel, less half of
/// one. Column by column first, then along the rows.
fn distances(mask: &Field, kind: f64) -> Vec<f64> {
    let (width, height) = (mask.width, mask.height);
    let mut down = vec![0.; mask.values.len()];
    for x in 0..width {
        let far = (width + height) as f64;
        let mut last = far;
        for y in 0..height {
            let at = y * width + x;
            last = if mask.values[at] == kind {
                0.
            } else {
                last + 1.
            };
            down[at] = last;
        }
        last = far;
        for y in (0..height).rev() {
            let at = y * width + x;
            last = if mask.values[at] == kind {
                0.
            } else {
                last + 1.
            };
            down[at] = f64::min(down[at], last);
        }
    }
    let mut found = Vec::with_capacity(mask.values.len());
    for y in 0..height {
        let row = &down[y * width..][..width];
        for x in 0..width {
            let distance = |(i, along): (usize, &f64)| {
                let across = i as f64 - x as f64;
                across * across + along * along
            };
            let nearest = row.iter().enumerate().map(distance);
            found.push(nearest.fold(f64::INFINITY, f64::min).sqrt() - 0.5);
        }
    }
    found
}
