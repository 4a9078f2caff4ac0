//! The brightness of the paper beneath a drawing.

use super::{Field, median};

/// The terms of a surface of degree two.
const TERMS: usize = 6;
/// The number of fits, each through the pixels that are near the surface before it.
const ROUNDS: usize = 5;

/// The brightness of the paper at each pixel: a surface of degree two through the pixels at the edge,
/// then through all that are near it.
pub fn brightness(picture: &Field) -> Vec<f64> {
    let Field {
        values,
        width,
        height,
    } = picture;
    let (width, height) = (*width, *height);
    let rim = (width.min(height) / 12).max(1);
    let at_edge = |x: usize, y: usize| x < rim || y < rim || x + rim >= width || y + rim >= height;
    let edge = (0..values.len()).filter(|i| at_edge(i % width, i / width));
    let edge: Vec<f64> = edge.map(|i| values[i]).collect();
    // Drawn on a screen: no light falls off.
    let is_uniform = edge.iter().all(|value| *value == edge[0]);
    let mut surface = vec![median(edge); values.len()];
    if is_uniform {
        return surface;
    }
    let mut bound = f64::INFINITY;
    for round in 0..ROUNDS {
        let mut system = [[0.; TERMS + 1]; TERMS];
        for y in 0..height {
            for x in 0..width {
                let at = y * width + x;
                let is_far = match round {
                    0 => !at_edge(x, y),
                    _ => (values[at] - surface[at]).abs() > bound,
                };
                if is_far {
                    continue;
                }
                let t = terms(x, y, width, height);
                for i in 0..TERMS {
                    for j in 0..TERMS {
                        system[i][j] += t[i] * t[j];
                    }
                    system[i][TERMS] += t[i] * values[at];
                }
            }
        }
        let weights = solve(system);
        for y in 0..height {
            for x in 0..width {
                let t = terms(x, y, width, height);
                let mut sum = 0.;
                for i in 0..TERMS {
                    sum += weights[i] * t[i];
                }
                surface[y * width + x] = sum;
            }
        }
        let pairs = values.iter().zip(&surface);
        bound = 2. + 3. * median(pairs.map(|(a, b)| (a - b).abs()).collect());
    }
    surface
}

fn terms(x: usize, y: usize, width: usize, height: usize) -> [f64; TERMS] {
    let at = |place: usize, side: usize| (2 * place + 1) as f64 / side as f64 - 1.;
    let (u, v) = (at(x, width), at(y, height));
    [1., u, v, u * u, u * v, v * v]
}

/// Solves a symmetric system by Gaussian elimination. A little is added to the diagonal, so that what
/// is undetermined becomes 0.
fn solve(mut system: [[f64; TERMS + 1]; TERMS]) -> [f64; TERMS] {
    for (i, row) in system.iter_mut().enumerate() {
        row[i] += 1e-6;
    }
    for i in 0..TERMS {
        let pivot = system[i];
        for row in &mut system[i + 1..] {
            let factor = row[i] / pivot[i];
            for j in i..=TERMS {
                row[j] -= factor * pivot[j];
            }
        }
    }
    let mut solution = [0.; TERMS];
    for i in (0..TERMS).rev() {
        let mut rest = system[i][TERMS];
        for j in i + 1..TERMS {
            rest -= system[i][j] * solution[j];
        }
        solution[i] = rest / system[i][i];
    }
    solution
}
