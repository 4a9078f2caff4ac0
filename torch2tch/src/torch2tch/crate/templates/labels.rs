//! The names of the classes, and an answer in their words.

use std::io::{self, Write};

use tch::{Kind, Tensor};

/// A name on each line, in the order of the network's outputs.
const LABELS: &str = include_str!("../labels.txt");

/// Writes the five most probable classes of each row of `(N, K)`, and their probabilities. An empty
/// line separates rows.
///
/// # Errors
/// If `out` cannot be written to.
pub fn write(out: &mut impl Write, logits: &Tensor) -> io::Result<()> {
    let labels: Vec<&str> = LABELS.lines().collect();
    let probabilities = $probabilities.to_kind(Kind::Double);
    let count = labels.len().min(5) as i64;
    for row in 0..probabilities.size()[0] {
        if row > 0 {
            writeln!(out)?;
        }
        let (values, indices) = probabilities.get(row).topk(count, -1, true, true);
        for place in 0..count {
            let label = labels[indices.int64_value(&[place]) as usize];
            writeln!(out, "{:.4}  {label}", values.double_value(&[place]))?;
        }
    }
    Ok(())
}
