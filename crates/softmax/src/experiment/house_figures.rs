//! Predicted against true prices.

use anyhow::Result;
use final_layer::metrics::{dollars, r2, root_mean_squared_error};

use crate::experiment::claims::{Figure, Layout, Table};
use crate::experiment::figures::{Axis, BLUE, INK, Mark, Plot, Series, largest, smallest};
use crate::experiment::rates::GRIDS;
use crate::experiment::regression::{CAP, Studies};
use crate::experiment::statistics::Interval;

/// Plots the first seed's network of each kind, with Adam.
pub fn figure(studies: &Studies, truth: &[f64]) -> Result<Figure> {
    let mut predicted = Vec::new();
    for (name, study, read) in studies.all() {
        predicted.push((name, read(&study.adam().runs[0])?));
    }
    let thousands = |price: &f64| price / 1000.;
    let all = || {
        let predicted = predicted.iter().flat_map(|(_, prices)| prices);
        truth.iter().chain(predicted).map(thousands)
    };
    let (from, to) = (
        (smallest(all()) / 50.).floor() * 50.,
        (largest(all()) / 50.).ceil() * 50.,
    );
    let mut plots = Vec::new();
    for (name, prices) in &predicted {
        let points = truth
            .iter()
            .map(thousands)
            .zip(prices.iter().map(thousands));
        let mut plot = Plot::new(
            name,
            Axis::new("true price in $1,000", from, to),
            Axis::new("predicted, $1,000", from, to),
            vec![
                Series::new("", INK, Mark::Dashes, vec![(from, from), (to, to)]),
                Series::new("", BLUE, Mark::Dots, points.collect()),
            ],
        );
        plot.alt = format!(
            "Predicted over true prices, {name} after the last layer: R² {:.2}.",
            r2(truth, prices)
        );
        plots.push(plot.to_svg()?);
    }
    let highest = predicted
        .iter()
        .map(|(_, prices)| largest(prices.iter().copied()));
    let highest: Vec<f64> = highest.collect();
    Ok(Figure {
        id: "prices",
        caption: format!(
            "Predicted against true prices of the made-up test houses, from the first seed's \
             network with Adam; right ones lie on the dashed line. With a sigmoid, for which {} is \
             the most that can be said, they bend down at {}; with a softmax over prices they do \
             not.",
            dollars(CAP),
            dollars(highest[1])
        ),
        layout: Layout::Even,
        plots,
    })
}

pub fn table(studies: &Studies, truth: &[f64]) -> Result<Table> {
    let errors = studies.measure(truth, root_mean_squared_error)?;
    let explained = studies.measure(truth, r2)?;
    let mut rows = Vec::new();
    for (i, (name, study, _)) in studies.all().into_iter().enumerate() {
        for (o, grid) in GRIDS.iter().enumerate() {
            let error = Interval::of(&errors[i][o]);
            rows.push(vec![
                name.to_owned(),
                grid.name.to_owned(),
                study.0[o].best().rate.to_string(),
                format!("{} ± {}", dollars(error.mean), dollars(error.half)),
                format!("{:.4}", Interval::of(&explained[i][o])),
            ]);
        }
    }
    let head = [
        "after the last layer",
        "optimizer",
        "best rate",
        "error (RMSE)",
        "R²",
    ];
    Ok(Table {
        caption: "Errors on the test houses".to_owned(),
        head: head.map(str::to_owned).into(),
        rows,
    })
}
