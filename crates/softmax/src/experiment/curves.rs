//! The test accuracy by epoch for each loss, optimizer and learning rate, as JSON, for the
//! playground's race.

use serde_json::{Value, json};

use crate::experiment::losses::{EPOCHS, Losses, NAMES};
use crate::experiment::rates::{AtRate, GRIDS, Tuned};

/// All curves. `mean` is the mean over the seeds after each epoch, `low` and `high` are their
/// minimum and maximum; the numbers end early if training diverged.
pub fn json(losses: &Losses, data: &str, seeds: usize) -> Value {
    let mut curves = Vec::new();
    for (loss, study) in NAMES.iter().zip(losses.studies()) {
        for tuned in &study.0 {
            curves.extend(tuned.rates.iter().map(|at| curve(loss, tuned, at)));
        }
    }
    let rates = GRIDS
        .iter()
        .map(|grid| (grid.name.to_owned(), json!(grid.rates)));
    json!({
        "about": "test accuracy after each epoch: mean, least and most of the seeds",
        "command": "cargo run --example is_softmax_essential -- --curves FILE",
        "data": data,
        "epochs": EPOCHS,
        "seeds": seeds,
        "losses": NAMES,
        "rates": serde_json::Map::from_iter(rates),
        "curves": curves,
    })
}

fn curve(loss: &str, tuned: &Tuned, at: &AtRate) -> Value {
    let lengths = at.runs.iter().map(|run| run.test_scores.len());
    let epochs = 0..lengths.min().unwrap_or_default();
    let of = |epoch| at.runs.iter().map(move |run| run.test_scores[epoch]);
    let all = |number: &dyn Fn(usize) -> f64| -> Vec<f64> {
        let rounded = |epoch| (number(epoch) * 1e4).round() / 1e4;
        epochs.clone().map(rounded).collect()
    };
    json!({
        "loss": loss,
        "optimizer": tuned.optimizer,
        "rate": at.rate,
        "best": std::ptr::eq(at, tuned.best()),
        "mean": all(&|epoch| of(epoch).sum::<f64>() / at.runs.len() as f64),
        "low": all(&|epoch| of(epoch).fold(f64::INFINITY, f64::min)),
        "high": all(&|epoch| of(epoch).fold(f64::NEG_INFINITY, f64::max)),
    })
}
