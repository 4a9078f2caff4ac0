//! The loss in a decision that uses logits as if they were probabilities.

use anyhow::Result;
use final_layer::calibration::fit_temperature;
use tch::Tensor;

use crate::experiment::claims::{Claim, Figure, Kind, Layout, Section, Table};
use crate::experiment::data::{Parts, to_bool, to_f64};
use crate::experiment::figures::{Axis, BLUE, Band, INK, Mark, Plot, Series, largest};
use crate::experiment::laboratory::Run;
use crate::experiment::losses::Losses;
use crate::experiment::statistics::Interval;
use crate::experiment::variants::softmax;

/// The cost of a wrong answer that is accepted; asking a person costs 1.
const WRONG: f64 = 10.;

/// The confidence above which an answer costs less than a person: 1 − 1/10.
const SURE: f64 = 1. - 1. / WRONG;

/// The smallest relevant cost per picture.
const MARGIN: f64 = 0.05;

/// The decision rules, in the order of [`costs`].
const WAYS: [(&str, &str); 6] = [
    (
        "softmax",
        "accept if the largest probability is at least 0.9",
    ),
    (
        "tempered",
        "the same, with a temperature fitted on validation pictures",
    ),
    (
        "raw logit",
        "accept if the largest logit is at least 0.9, without softmax",
    ),
    (
        "sigmoid",
        "accept if the sigmoid of the largest logit is at least 0.9",
    ),
    (
        "fitted",
        "accept if the largest logit is above a threshold fitted on validation pictures",
    ),
    ("accept all", "accept every answer"),
];

/// For each answer, true if its score reaches the bound.
fn accepted(scores: &[f64], bound: f64) -> Vec<bool> {
    scores.iter().map(|&score| score >= bound).collect()
}

/// The mean cost per picture.
fn cost(accepted: &[bool], right: &[bool]) -> f64 {
    let pairs = accepted.iter().zip(right);
    let costs = pairs.map(|(&accepted, &right)| match (accepted, right) {
        (true, true) => 0.,
        (true, false) => WRONG,
        (false, _) => 1.,
    });
    costs.sum::<f64>() / right.len() as f64
}

/// The bound on a score with the lowest cost.
fn fitted(scores: &[f64], right: &[bool]) -> f64 {
    let bounds = scores.iter().copied().chain([f64::INFINITY]);
    let costs = bounds.map(|bound| (cost(&accepted(scores, bound), right), bound));
    let least = costs.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    least.map_or(SURE, |(_, bound)| bound)
}

fn top(scores: &Tensor) -> Result<Vec<f64>> {
    to_f64(&scores.amax([1], false))
}

fn right(logits: &Tensor, classes: &Tensor) -> Result<Vec<bool>> {
    to_bool(&logits.argmax(1, false).eq_tensor(classes))
}

/// The cost of each decision rule for one network.
fn costs(run: &Run, digits: &Parts) -> Result<[f64; WAYS.len()]> {
    let (logits, classes) = (&run.test, &digits.test.targets);
    let (validated, known) = (&run.validation, &digits.validation.targets);
    let right_or_not = right(logits, classes)?;
    let temperature = fit_temperature(validated, known)?;
    let bound = fitted(&top(validated)?, &right(validated, known)?);
    let of = |scores: Vec<f64>, bound| cost(&accepted(&scores, bound), &right_or_not);
    Ok([
        of(top(&softmax(logits))?, SURE),
        of(top(&softmax(&(logits / temperature)))?, SURE),
        of(top(logits)?, SURE),
        of(top(&logits.sigmoid())?, SURE),
        of(top(logits)?, bound),
        of(top(logits)?, f64::NEG_INFINITY),
    ])
}

pub fn section(losses: &Losses, digits: &Parts) -> Result<Section> {
    let runs = &losses.on_logits.adam().runs;
    let mut by_way = vec![Vec::new(); WAYS.len()];
    for run in runs {
        for (way, cost) in by_way.iter_mut().zip(costs(run, digits)?) {
            way.push(cost);
        }
    }
    Ok(Section {
        id: "decision",
        title: "What does it cost to leave softmax out of a decision?",
        about: format!(
            "The networks of the section above read {} test pictures. An answer may be accepted, \
             which costs nothing if it is right and {WRONG} if it is wrong, or be handed to a \
             person, which costs 1. An answer that is right with probability p is worth accepting \
             from p = {SURE} on.",
            digits.test.len()
        ),
        panel: Some(("draw", "Draw a digit and see how sure the network is")),
        claims: vec![omitted(&by_way), repaired(&by_way)],
        figures: vec![figure(&by_way)?],
        tables: vec![table(&by_way)],
    })
}

fn omitted(costs: &[Vec<f64>]) -> Claim {
    let more = Interval::paired(&costs[2], &costs[0]);
    let tuned = Interval::paired(&costs[4], &costs[0]);
    Claim {
        id: "softmax-omitted",
        kind: Kind::Measurement,
        sentence: "I've personally encountered several projects where omitting or \
                   misunderstanding softmax resulted in nonsensical predictions …",
        experiment: "An answer is accepted where a probability of 0.9 is reached, or handed to a \
                     person; once with softmax, and once with the largest logit in its place."
            .to_owned(),
        finding: format!(
            "With a threshold on the logit that is fitted on other pictures, a picture costs \
             {tuned:+.2} more than with softmax; where the logit is taken for the probability, \
             {more:+.2} more: {:.2} in place of {:.2}.",
            Interval::of(&costs[2]).mean,
            Interval::of(&costs[0]).mean
        ),
        verdict: more.is_above(MARGIN),
        rule: "Read as: a decision that needs a probability becomes worse. Holds if the interval \
               of the additional cost for a picture lies above 0.05, does not hold if it lies \
               below.",
    }
}

fn repaired(costs: &[Vec<f64>]) -> Claim {
    let more = Interval::paired(&costs[4], &costs[0]);
    Claim {
        id: "bound-on-logits",
        kind: Kind::Addition,
        sentence: "A threshold on the largest logit that is fitted on other pictures serves a decision \
                   as well as softmax does.",
        experiment:
            "Measured: the same decision, by the threshold on the largest logit that costs least \
                     on the validation pictures."
                .to_owned(),
        finding: format!(
            "With a fitted threshold on the logit, a picture costs {:+.2} more than with softmax: \
             {:.2}.",
            more,
            Interval::of(&costs[4]).mean
        ),
        verdict: more.is_below(MARGIN),
        rule: "Holds if the interval of the additional cost for a picture lies below 0.05, does \
               not hold if it lies above.",
    }
}

fn figure(costs: &[Vec<f64>]) -> Result<Figure> {
    let intervals: Vec<Interval> = costs.iter().map(|costs| Interval::of(costs)).collect();
    let points = intervals
        .iter()
        .enumerate()
        .map(|(i, x)| (i as f64, x.mean));
    let ends = intervals
        .iter()
        .enumerate()
        .map(|(i, x)| (i as f64, x.low(), x.high()));
    let ends: Vec<_> = ends.collect();
    let highest = largest(ends.iter().map(|end| end.2)).max(1.) * 1.05;
    let x = Axis::new("", -0.5, WAYS.len() as f64 - 0.5).with_format(|x| {
        match (x.round() - x).abs() < 1e-9 {
            true => WAYS.get(x as usize).map_or("", |way| way.0).to_owned(),
            false => String::new(),
        }
    });
    let mut plot = Plot::new(
        "",
        x,
        Axis::new("cost per picture", 0., highest),
        vec![Series::new("", BLUE, Mark::Bars(0.6), points.collect())],
    );
    plot.size = (600, 340);
    plot.over = vec![Band {
        color: INK,
        filled: false,
        ends,
    }];
    let said = WAYS
        .iter()
        .zip(&intervals)
        .map(|((name, _), cost)| format!("{name} {cost:.2}"));
    let said: Vec<String> = said.collect();
    plot.alt = format!(
        "The cost per picture by decision rule: {}.",
        said.join(", ")
    );
    Ok(Figure {
        id: "costs",
        caption:
            "What a picture costs on average, with the 95 % interval over seeds, by the rule that \
                  decides whether an answer is accepted. Asking a person about every picture \
                  would cost 1."
                .to_owned(),
        layout: Layout::Even,
        plots: vec![plot.to_svg()?],
    })
}

fn table(costs: &[Vec<f64>]) -> Table {
    let rows = WAYS.iter().zip(costs).map(|((name, rule), way)| {
        let more = Interval::paired(way, &costs[0]);
        let cost = format!("{:.3}", Interval::of(way));
        vec![
            (*name).to_owned(),
            cost,
            format!("{more:+.3}"),
            (*rule).to_owned(),
        ]
    });
    Table {
        caption: "The decision rules and their costs".to_owned(),
        head: ["way", "cost per picture", "more than softmax", "rule"]
            .map(str::to_owned)
            .into(),
        rows: rows.collect(),
    }
}
