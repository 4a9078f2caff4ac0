//! Softmax turns any finite numbers into positive numbers that sum to one; in float32 some round to
//! 0.

use anyhow::Result;
use final_layer::torch::random::manual_seed;
use tch::{Device, Kind, Tensor};

use crate::experiment::claims::{Claim, Kind as ClaimKind, Section};
use crate::experiment::data::to_f64;
use crate::experiment::statistics::Verdict;
use crate::experiment::variants::softmax;

/// The number of random vectors: as many parts with as many rows.
const PARTS: i64 = 10;
const ROWS: i64 = 100_000;
const CLASSES: i64 = 10;

/// The tolerance for a float32 sum of ten numbers.
const SUM_TOLERANCE: f64 = 1e-6;

/// The logits printed in the article, and the probabilities that it prints for them.
const PRINTED_LOGITS: [f32; 10] = [
    0.05, -0.2, 0.15, -0.4, 0.08, -0.02, -0.1, 0.23, -0.05, -0.12,
];
const PRINTED_SOFTMAX: [f64; 10] = [
    0.105, 0.087, 0.115, 0.070, 0.108, 0.099, 0.091, 0.124, 0.094, 0.085,
];

/// The results of softmax and of the naive formula for many vectors.
#[derive(Default)]
struct Counts {
    vectors: i64,
    largest_logit: f64,
    negative: i64,
    with_zero: i64,
    largest_gap: f64,
    not_finite: i64,
    naive_overflows: i64,
    naive_zero_by_zero: i64,
}

pub fn section(seed: u64) -> Result<Section> {
    manual_seed(seed);
    let mut counts = Counts::default();
    for _ in 0..PARTS {
        count(&random_vectors(), &mut counts)?;
    }
    count(&extremes(), &mut counts)?;
    let percent = |n: i64| 100. * n as f64 / counts.vectors as f64;
    let thousands = |n: i64| format!("{},{:03},{:03}", n / 1_000_000, n / 1000 % 1000, n % 1000);

    let vectors = thousands(counts.vectors);
    let claims = vec![
        Claim {
            id: "sums-to-one",
            kind: ClaimKind::Theorem,
            sentence: "This normalization is what guarantees the output sums to one, thereby \
                       forming a valid probability distribution.",
            experiment: format!(
                "Softmax of {vectors} random vectors, with numbers up to {:.0e}.",
                counts.largest_logit
            ),
            finding: format!(
                "The probabilities of every vector sum to 1 within {:.0e}.",
                counts.largest_gap
            ),
            verdict: Verdict::if_so(counts.largest_gap <= SUM_TOLERANCE && counts.not_finite == 0),
            rule: "Holds if every vector's probabilities are finite and sum to 1 within 1e-6.",
        },
        Claim {
            id: "positive",
            kind: ClaimKind::Theorem,
            sentence: "It does this by first exponentiating each element of the input vector, thus \
                       ensuring all values are positive …",
            experiment: "The same vectors, in float32.".to_owned(),
            finding: format!(
                "{} probability is below 0, but {:.1} % of the vectors have one that rounds to \
                 exactly 0.",
                match counts.negative {
                    0 => "No".to_owned(),
                    n => format!("In {n} vectors a"),
                },
                percent(counts.with_zero)
            ),
            verdict: match (counts.negative, counts.with_zero) {
                (0, 0) => Verdict::Holds,
                (0, _) => Verdict::InPart,
                _ => Verdict::DoesNotHold,
            },
            rule: "In exact arithmetic a theorem. Holds if all are above 0; in part if none is \
                   below, and some are rounded to 0, as e^z is where z is 104 below the largest.",
        },
        printed_example()?,
        Claim {
            id: "naive-overflow",
            kind: ClaimKind::Addition,
            sentence: "The formula as it is written, exp(z)/Σ exp(z), overflows; softmax as it is \
                       computed does not.",
            experiment: "Computed: the same vectors, by the formula as written and by softmax."
                .to_owned(),
            finding: format!(
                "The formula overflows for {:.1} % of the vectors and divides 0 by 0 for {:.2} %; \
                 softmax is finite for all but {}.",
                percent(counts.naive_overflows),
                percent(counts.naive_zero_by_zero),
                counts.not_finite
            ),
            verdict: Verdict::if_so(counts.naive_overflows > 0 && counts.not_finite == 0),
            rule: "Holds if the formula's sum is infinite for some of the vectors, and softmax is \
                   finite for all.",
        },
    ];
    Ok(Section {
        id: "normalisation",
        title: "Does softmax turn anything into probabilities?",
        about: format!(
            "{} random vectors of {CLASSES} float32 numbers: normally distributed around 0, times \
             10 to a power that is uniform from −2 to 5; and eight extremes, up to the largest \
             number of float32.",
            thousands(PARTS * ROWS)
        ),
        panel: Some(("drag", "Drag the logits until the formula overflows")),
        claims,
        figures: Vec::new(),
        tables: Vec::new(),
    })
}

/// Random vectors `(ROWS, CLASSES)`, float32, of many magnitudes.
fn random_vectors() -> Tensor {
    let options = (Kind::Float, Device::Cpu);
    let exponents = Tensor::rand([ROWS, 1], options) * 7. - 2.;
    Tensor::randn([ROWS, CLASSES], options) * (exponents * std::f64::consts::LN_10).exp()
}

/// Vectors at the limits of float32.
fn extremes() -> Tensor {
    let first = |z: f32, rest: f32| [vec![z], vec![rest; CLASSES as usize - 1]].concat();
    let rows = [
        first(0., 0.),
        first(f32::MAX, f32::MAX),
        first(f32::MIN, f32::MIN),
        first(f32::MAX, f32::MIN),
        first(f32::MIN, f32::MAX),
        first(f32::MIN_POSITIVE, 0.),
        first(1000., 1001.),
        first(0., f32::NEG_INFINITY),
    ];
    Tensor::from_slice(&rows.concat()).view([-1, CLASSES])
}

fn count(logits: &Tensor, counts: &mut Counts) -> Result<()> {
    let probabilities = softmax(logits);
    let rows = |flags: Tensor| flags.any_dim(1, false).sum(Kind::Int64).int64_value(&[]);
    let gaps = (probabilities.sum_dim_intlist(1, false, Kind::Double) - 1.).abs();
    let sums = logits.exp().sum_dim_intlist(1, true, Kind::Float);
    let finite = logits.masked_select(&logits.isfinite());
    counts.vectors += logits.size()[0];
    counts.largest_logit = counts.largest_logit.max(f64::try_from(finite.abs().max())?);
    counts.negative += rows(probabilities.lt(0.));
    counts.with_zero += rows(probabilities.eq(0.));
    counts.largest_gap = counts.largest_gap.max(f64::try_from(gaps.max())?);
    counts.not_finite += rows(probabilities.isfinite().logical_not());
    counts.naive_overflows += rows(sums.isinf());
    counts.naive_zero_by_zero += rows(sums.eq(0.));
    Ok(())
}

fn printed_example() -> Result<Claim> {
    let logits = Tensor::from_slice(&PRINTED_LOGITS).view([1, CLASSES]);
    let computed = to_f64(&softmax(&logits))?;
    let sum: f64 = PRINTED_SOFTMAX.iter().sum();
    let same = |(printed, computed): (&f64, f64)| (printed - computed).abs() <= 0.0005;
    let pairs = PRINTED_SOFTMAX.iter().zip(computed.iter().copied());
    let right = pairs.filter(|&pair| same(pair)).count();
    Ok(Claim {
        id: "printed-example",
        kind: ClaimKind::Theorem,
        sentence: "The softmax_output, on the other hand, clearly demonstrates the probabilities \
                   of each class.",
        experiment: "The ten probabilities that the article prints, beside the softmax of the \
                     ten logits that it prints."
            .to_owned(),
        finding: format!(
            "The printed probabilities sum to {sum:.3}, and {right} of 10 are those of the printed \
             logits: the first is {:.3}, not {:.3}.",
            computed[0], PRINTED_SOFTMAX[0]
        ),
        verdict: match right {
            10 => Verdict::Holds,
            0 => Verdict::DoesNotHold,
            _ => Verdict::InPart,
        },
        rule: "Holds if each printed probability is, to its three digits, the softmax of the \
               printed logits; in part if some are.",
    })
}
