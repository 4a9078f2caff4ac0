//! Softmax makes positive numbers that sum to one of any finite ones; in float32 some round to 0.

use anyhow::Result;
use final_layer::torch::random::Seed;
use tch::{Device, Kind, Tensor};

use crate::claims::{Claim, Section, Verdict};
use crate::data::to_f64;
use crate::variants::softmax;

/// Random vectors: as many parts of as many rows.
const PARTS: i64 = 10;
const ROWS: i64 = 100_000;
const CLASSES: i64 = 10;

/// As far as a float32 sum of ten numbers may be off.
const SUM_TOLERANCE: f64 = 1e-6;

/// What the document prints, and says that softmax makes of it.
const PRINTED_LOGITS: [f32; 10] = [
    0.05, -0.2, 0.15, -0.4, 0.08, -0.02, -0.1, 0.23, -0.05, -0.12,
];
const PRINTED_SOFTMAX: [f64; 10] = [
    0.105, 0.087, 0.115, 0.070, 0.108, 0.099, 0.091, 0.124, 0.094, 0.085,
];

/// What softmax and the naive formula made of many vectors.
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

pub fn section(seed: Seed) -> Result<Section> {
    seed.manual_seed();
    let mut counts = Counts::default();
    for _ in 0..PARTS {
        count(&random_vectors(), &mut counts)?;
    }
    count(&extremes(), &mut counts)?;
    let percent = |n: i64| 100. * n as f64 / counts.vectors as f64;
    let thousands = |n: i64| format!("{},{:03},{:03}", n / 1_000_000, n / 1000 % 1000, n % 1000);

    let claims = vec![
        printed_example()?,
        Claim {
            id: "sums-to-one",
            text: "softmax sums to one",
            measured: format!(
                "{} vectors, |z| ≤ {:.0e}: off ≤ {:.1e}",
                thousands(counts.vectors),
                counts.largest_logit,
                counts.largest_gap
            ),
            verdict: Verdict::if_so(counts.largest_gap <= SUM_TOLERANCE && counts.not_finite == 0),
            rule: "Holds if every vector's probabilities are finite and sum to 1 within 1e-6.",
        },
        Claim {
            id: "positive",
            text: "softmax gives positive numbers",
            measured: format!(
                "{} below 0; exactly 0 in {:.1} % (float32)",
                match counts.negative {
                    0 => "none".to_owned(),
                    n => n.to_string(),
                },
                percent(counts.with_zero)
            ),
            verdict: Verdict::of(
                counts.negative == 0 && counts.with_zero == 0,
                counts.negative == 0,
            ),
            rule: "That none is below 0 is a theorem, checked; that some are rounded to 0, as e^z \
                   is where z is 104 below the largest, is measured. Holds if all are above 0; in \
                   part if none is below.",
        },
        Claim {
            id: "naive-overflow",
            text: "exp(z)/Σexp(z) overflows, softmax not",
            measured: format!(
                "∞ in {:.2} %, 0/0 in {:.2} %; softmax {:.2} %",
                percent(counts.naive_overflows),
                percent(counts.naive_zero_by_zero),
                percent(counts.not_finite)
            ),
            verdict: Verdict::if_so(counts.naive_overflows > 0 && counts.not_finite == 0),
            rule: "In how many vectors the sum of the formula as written is infinite (a power \
                   overflows, or their sum), in how many it is 0 (all underflow), and in how many \
                   softmax is not finite. Holds if the formula overflows for some of these \
                   vectors, and softmax is finite for all.",
        },
        thousand()?,
    ];
    Ok(Section {
        id: "normalisation",
        title: "Does softmax make probabilities of anything?",
        about: format!(
            "{} random vectors of {CLASSES} float32 numbers: normally distributed around 0, times \
             10 to a power that is uniform from −2 to 5; and eight extremes, up to the largest \
             number of float32.",
            thousands(PARTS * ROWS)
        ),
        claims,
        figures: Vec::new(),
        tables: Vec::new(),
    })
}

/// `(ROWS, CLASSES)` float32 of many sizes.
fn random_vectors() -> Tensor {
    let options = (Kind::Float, Device::Cpu);
    let exponents = Tensor::rand([ROWS, 1], options) * 7. - 2.;
    Tensor::randn([ROWS, CLASSES], options) * (exponents * std::f64::consts::LN_10).exp()
}

/// Vectors at the ends of float32.
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

/// exp(z)/Σexp(z), as it is written.
fn naive_softmax(logits: &Tensor) -> Tensor {
    let powers = logits.exp();
    let sums = powers.sum_dim_intlist(1, true, Kind::Float);
    powers / sums
}

fn thousand() -> Result<Claim> {
    let logits = Tensor::from_slice(&[1000f32, 1001., 1002.]).view([1, 3]);
    let naive = to_f64(&naive_softmax(&logits))?;
    let stable = to_f64(&softmax(&logits))?;
    let written = |numbers: &[f64]| -> String {
        let numbers: Vec<String> = numbers.iter().map(|x| format!("{x:.4}")).collect();
        numbers.join(", ")
    };
    let naive_text = match naive.iter().all(|x| x.is_nan()) {
        true => "NaN".to_owned(),
        false => written(&naive),
    };
    let sum: f64 = stable.iter().sum();
    let holds = naive.iter().any(|x| !x.is_finite()) && (sum - 1.).abs() <= SUM_TOLERANCE;
    Ok(Claim {
        id: "thousand",
        text: "the same on [1000, 1001, 1002]",
        measured: format!("naive {naive_text}; softmax {}", written(&stable)),
        verdict: Verdict::if_so(holds),
        rule: "Holds if the formula as written gives a NaN, and softmax numbers that sum to 1.",
    })
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
        text: "the probabilities the document prints",
        measured: format!(
            "sum {sum:.3}; {right} of 10 right (the first: {:.4})",
            computed[0]
        ),
        verdict: Verdict::of(right == PRINTED_SOFTMAX.len(), right > 0),
        rule: "Holds if each printed probability is, to its three digits, the softmax of the \
               printed logits; in part if some are.",
    })
}
