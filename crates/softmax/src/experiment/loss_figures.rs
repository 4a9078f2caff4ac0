//! The curves of the five losses.

use anyhow::Result;
use plotters::prelude::SeriesLabelPosition;
use plotters::style::RGBColor;

use crate::experiment::claims::{Figure, Layout};
use crate::experiment::figures::{
    Axis, BLUE, Band, GREEN, INK, Mark, ORANGE, PURPLE, Plot, RED, Series, largest, smallest,
};
use crate::experiment::laboratory::Run;
use crate::experiment::losses::{EPOCHS, Losses, NAMES, floor};
use crate::experiment::rate_figures::{self, Shown, mark};
use crate::experiment::rates::{AtRate, GRIDS};
use crate::experiment::statistics::Interval;

pub const COLORS: [RGBColor; 5] = [BLUE, ORANGE, GREEN, PURPLE, RED];
pub const SHORT: [&str; 5] = [
    "cross-entropy, logits",
    "cross-entropy, softmax",
    "sq. error, softmax",
    "sq. error, logits",
    "ten sigmoids",
];

/// Values by epoch, with their intervals over the seeds.
fn by_epoch(at: &AtRate, values: impl Fn(&Run) -> &[f64]) -> Vec<Interval> {
    let of = |epoch: usize| {
        let values: Vec<f64> = at.runs.iter().map(|run| values(run)[epoch]).collect();
        Interval::of(&values)
    };
    (0..EPOCHS).map(of).collect()
}

fn line(name: &str, i: usize, intervals: &[Interval]) -> (Series, Band) {
    let epochs = || intervals.iter().enumerate();
    let points = epochs()
        .map(|(epoch, x)| ((epoch + 1) as f64, x.mean))
        .collect();
    let ends = epochs().map(|(epoch, x)| ((epoch + 1) as f64, x.low(), x.high()));
    let band = Band {
        color: COLORS[i],
        filled: true,
        ends: ends.collect(),
    };
    (Series::new(name, COLORS[i], mark(i), points), band)
}

/// Test accuracy by epoch, at the best learning rates.
pub fn accuracy(losses: &Losses) -> Result<Figure> {
    let mut plots = Vec::new();
    for (o, grid) in GRIDS.iter().enumerate() {
        let mut series = Vec::new();
        let mut bands = Vec::new();
        let mut ends = Vec::new();
        for (i, study) in losses.studies().into_iter().enumerate() {
            let intervals = by_epoch(study.0[o].best(), |run| &run.test_scores);
            if let Some(last) = intervals.last() {
                ends.push(format!("{} {:.3}", NAMES[i], last.mean));
            }
            let (line, band) = line(SHORT[i], i, &intervals);
            series.push(line);
            bands.push(band);
        }
        let lows = bands.iter().flat_map(|band| &band.ends).map(|end| end.1);
        // Starts at the multiple of ten per cent below all curves.
        let from = (10. * smallest(lows)).floor().max(0.) / 10.;
        let mut plot = Plot::new(
            grid.name,
            Axis::new("epoch", 1., EPOCHS as f64),
            Axis::new("test accuracy", from, 1.),
            series,
        );
        plot.bands = bands;
        plot.alt = format!(
            "Test accuracy by epoch with {}, in the end: {}.",
            grid.name,
            ends.join(", ")
        );
        plots.push(plot.to_svg()?);
    }
    Ok(Figure {
        id: "accuracy",
        caption: "Test accuracy after each epoch, each loss at its best learning rate: the mean \
                  over the seeds and its 95 % interval."
            .to_owned(),
        layout: Layout::Even,
        plots,
    })
}

/// Test accuracy after the last epoch, by learning rate.
pub fn by_rate(losses: &Losses) -> Result<Figure> {
    let shown = Shown {
        names: &SHORT,
        colors: &COLORS,
        studies: &losses.studies(),
        label: "test accuracy",
        from: 0.,
        to: 1.,
    };
    let caption = "Test accuracy after the last epoch by learning rate, with its 95 % interval. \
                   A dot marks the rate that the validation pictures choose. At one rate for all, \
                   almost any of these losses can be made to win.";
    rate_figures::figure("rates", caption, &shown)
}

/// Training loss by epoch for cross-entropy, with softmax applied once and twice.
pub fn training_loss(losses: &Losses) -> Result<Figure> {
    let floor = floor();
    let mut series = Vec::new();
    let mut bands = Vec::new();
    let mut ends = Vec::new();
    for (i, study) in losses.studies().into_iter().take(2).enumerate() {
        let intervals = by_epoch(study.adam(), |run| &run.losses);
        let (line, band) = line(SHORT[i], i, &intervals);
        let (first, last) = (intervals[0].mean, intervals[EPOCHS - 1].mean);
        ends.push(format!("{} from {first:.3} to {last:.3}", NAMES[i]));
        series.push(line);
        bands.push(band);
    }
    let points = vec![(1., floor), (EPOCHS as f64, floor)];
    series.push(Series::new("floor ln(1 + 9/e)", INK, Mark::Dashes, points));
    let highs = bands
        .iter()
        .flat_map(|band| band.ends.iter().map(|end| end.2));
    let lowest = smallest(
        bands
            .iter()
            .flat_map(|band| band.ends.iter().map(|end| end.1)),
    )
    .min(0.);
    let y = Axis::new("training loss in nats", lowest, largest(highs) * 1.05);
    let mut plot = Plot::new("", Axis::new("epoch", 1., EPOCHS as f64), y, series);
    plot.bands = bands;
    plot.legend = SeriesLabelPosition::MiddleRight;
    plot.alt = format!("Training loss by epoch: {}.", ends.join("; "));
    Ok(Figure {
        id: "loss-curves",
        caption: format!(
            "Mean training loss of each epoch with Adam, with its 95 % interval over seeds. With \
             a softmax before it, cross-entropy cannot fall below ln(1 + 9/e) = {floor:.5}, \
             however well the network answers."
        ),
        layout: Layout::Even,
        plots: vec![plot.to_svg()?],
    })
}
