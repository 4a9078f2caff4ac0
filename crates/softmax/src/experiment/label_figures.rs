//! The share of pictures with all labels correct.

use anyhow::Result;

use crate::experiment::claims::{Figure, Layout, Table};
use crate::experiment::figures::{Axis, BLUE, Band, INK, Mark, ORANGE, PURPLE, Plot, Series};
use crate::experiment::rates::GRIDS;
use crate::experiment::several_labels::{Measured, Studies};
use crate::experiment::statistics::Interval;

const NAMES: [&str; 3] = ["a sigmoid for each", "softmax over all", "softmax, shares"];

pub fn figure(measured: &[Measured], ceiling: f64) -> Result<Figure> {
    const PLACES: [&str; 4] = [
        "sigmoids",
        "softmax, ½",
        "softmax, fitted",
        "shares, fitted",
    ];
    let mut plots = Vec::new();
    for (grid, measured) in GRIDS.iter().zip(measured) {
        let all = [
            &measured.sigmoids,
            &measured.softmax,
            &measured.fitted[0],
            &measured.fitted[1],
        ]
        .map(|shares| Interval::of(shares));
        let bar = |i: usize, color| {
            Series::new("", color, Mark::Bars(0.6), vec![(i as f64, all[i].mean)])
        };
        let x = Axis::new("", -0.5, 3.5).with_format(|x| match (x.round() - x).abs() < 1e-9 {
            true => PLACES.get(x as usize).map_or("", |name| name).to_owned(),
            false => String::new(),
        });
        let line = vec![(-0.5, ceiling), (3.5, ceiling)];
        let mut plot = Plot::new(
            grid.name,
            x,
            Axis::new("all labels right", 0., 1.),
            vec![
                bar(0, BLUE),
                bar(1, ORANGE),
                bar(2, ORANGE),
                bar(3, PURPLE),
                Series::new("", INK, Mark::Dashes, line),
            ],
        );
        plot.size = (560, 340);
        plot.over = vec![Band {
            color: INK,
            filled: false,
            ends: (all.iter().enumerate())
                .map(|(i, x)| (i as f64, x.low(), x.high()))
                .collect(),
        }];
        let said = PLACES
            .iter()
            .zip(&all)
            .map(|(name, x)| format!("{name} {:.3}", x.mean));
        plot.alt = format!(
            "The share of pictures with all labels right with {}: {}; ceiling {ceiling:.3}.",
            grid.name,
            said.collect::<Vec<_>>().join(", ")
        );
        plots.push(plot.to_svg()?);
    }
    Ok(Figure {
        id: "labels",
        caption: "The share of test pictures for which all three labels are right, with its 95 % \
                  interval over seeds. The dashed line is the most that probabilities with a sum \
                  of 1 can reach at a threshold of one half."
            .to_owned(),
        layout: Layout::Even,
        plots,
    })
}

pub fn table(studies: &Studies, measured: &[Measured]) -> Table {
    let mut rows = Vec::new();
    let all = [&studies.sigmoids, &studies.over_all, &studies.shared];
    for (i, (name, study)) in NAMES.iter().zip(all).enumerate() {
        for (o, (grid, measured)) in GRIDS.iter().zip(measured).enumerate() {
            let (scores, threshold) = match i {
                0 => (&measured.sigmoids, "0.50".to_owned()),
                _ => {
                    let thresholds = Interval::of(&measured.thresholds[i - 1]);
                    (
                        &measured.fitted[i - 1],
                        format!("{:.2} on the mean", thresholds.mean),
                    )
                }
            };
            rows.push(vec![
                (*name).to_owned(),
                grid.name.to_owned(),
                study.0[o].best().rate.to_string(),
                threshold,
                format!("{:.3}", Interval::of(scores)),
            ]);
        }
    }
    let head = [
        "network",
        "optimizer",
        "best rate",
        "threshold",
        "all labels right",
    ];
    Table {
        caption: "Three labels at once, on the test pictures".to_owned(),
        head: head.map(str::to_owned).into(),
        rows,
    }
}
