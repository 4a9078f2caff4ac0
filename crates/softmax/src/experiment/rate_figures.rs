//! Test scores by learning rate.

use anyhow::Result;
use plotters::prelude::SeriesLabelPosition;
use plotters::style::RGBColor;

use crate::experiment::claims::{Figure, Layout};
use crate::experiment::figures::{Axis, Band, Mark, Plot, Series};
use crate::experiment::rates::{GRIDS, Study};
use crate::experiment::statistics::Interval;

/// The contents of a figure: one curve for each study.
pub struct Shown<'a> {
    pub names: &'a [&'a str],
    pub colors: &'a [RGBColor],
    pub studies: &'a [&'a Study],
    pub label: &'static str,
    pub from: f64,
    pub to: f64,
}

pub fn figure(id: &'static str, caption: &str, shown: &Shown) -> Result<Figure> {
    let plots = (0..GRIDS.len()).map(|grid| plot(grid, shown));
    Ok(Figure {
        id,
        caption: format!("{caption} The colours are the same in both plots."),
        layout: Layout::Even,
        plots: plots.collect::<Result<_>>()?,
    })
}

/// Lines or dashes, where curves may overlap.
pub fn mark(curve: usize) -> Mark {
    match curve % 2 {
        0 => Mark::Line,
        _ => Mark::Dashes,
    }
}

fn plot(place: usize, shown: &Shown) -> Result<String> {
    let grid = &GRIDS[place];
    let (mut series, mut bands, mut best) = (Vec::new(), Vec::new(), Vec::new());
    let middle = (shown.studies.len() as f64 - 1.) / 2.;
    for (i, study) in shown.studies.iter().enumerate() {
        let tuned = &study.0[place];
        // Side by side, so that intervals do not hide each other.
        let shift = (i as f64 - middle) * 0.03;
        let whole = tuned
            .rates
            .iter()
            .filter(|at| at.validation_score().is_finite());
        let all: Vec<(f64, Interval)> = whole
            .map(|at| (at.rate.log10() + shift, Interval::of(&at.test_scores())))
            .collect();
        let inside = |y: f64| y.clamp(shown.from, shown.to);
        let points = all.iter().map(|(x, y)| (*x, inside(y.mean))).collect();
        let ends = all
            .iter()
            .map(|(x, y)| (*x, inside(y.low()), inside(y.high())));
        bands.push(Band {
            color: shown.colors[i],
            filled: false,
            ends: ends.collect(),
        });
        // The first plot's legend serves both; in the second it would cover the curves.
        let name = if place == 0 { shown.names[i] } else { "" };
        series.push(Series::new(name, shown.colors[i], mark(i), points));
        let score = Interval::of(&tuned.best().test_scores());
        let point = vec![(tuned.best().rate.log10() + shift, inside(score.mean))];
        series.push(Series::new("", shown.colors[i], Mark::Dots, point));
        best.push(format!(
            "{} {:.3} at {}",
            shown.names[i],
            score.mean,
            tuned.best().rate
        ));
    }
    let rates = grid.rates;
    let (first, last) = (rates[0].log10(), rates[rates.len() - 1].log10());
    let x = Axis::new("learning rate", first - 0.1, last + 0.1);
    let x = x.with_format(|power| match (power.round() - power).abs() < 1e-9 {
        true => format!("{}", 10f64.powf(power.round())),
        false => String::new(),
    });
    let y = Axis::new(shown.label, shown.from, shown.to);
    let mut plot = Plot::new(grid.name, x, y, series);
    plot.bands = bands;
    plot.legend = SeriesLabelPosition::LowerLeft;
    plot.alt = format!(
        "{} over the learning rate of {}; at the best: {}.",
        shown.label,
        grid.name,
        best.join(", ")
    );
    plot.to_svg()
}
