//! The rules of the experiment's verdicts, on made-up numbers.

use softmax::experiment::statistics::{Interval, Verdict};

/// Half an interval is t times the standard error; for four values t is 3.182446.
#[test]
fn intervals_follow_students_distribution() {
    let interval = Interval::of(&[1., 2., 3., 4.]);
    let error = (5f64 / 3. / 4.).sqrt();
    assert_eq!(interval.mean, 2.5);
    assert!(
        (interval.half - 3.182_446_305 * error).abs() < 1e-6,
        "{interval:?}"
    );
    assert_eq!(interval.to_string(), "2.500 ± 2.054");
    assert_eq!(format!("{:+.1}", interval.times(10.)), "+25.0 ± 20.5");

    // For ten values, t is 2.262157.
    let ten: Vec<f64> = (0..10).map(f64::from).collect();
    let error = (82.5f64 / 9. / 10.).sqrt();
    assert!((Interval::of(&ten).half - 2.262_157_163 * error).abs() < 1e-6);
}

/// Variation that is common to all networks of a seed cancels in paired comparisons.
#[test]
fn pairs_are_compared_within_a_seed() {
    let a = [0.90, 0.80, 0.70, 0.60];
    let b = a.map(|x| x - 0.05);
    let paired = Interval::paired(&a, &b);
    assert!(
        (paired.mean - 0.05).abs() < 1e-12 && paired.half < 1e-12,
        "{paired:?}"
    );
    assert_eq!(paired.is_above(0.04), Verdict::Holds);
    assert_eq!(paired.is_above(0.06), Verdict::DoesNotHold);
    // A comparison of means without pairs would show nothing.
    let apart = Interval::of(&a).half;
    assert!(apart > 0.1, "{apart}");
}

fn interval(low: f64, high: f64) -> Interval {
    Interval {
        mean: (low + high) / 2.,
        half: (high - low) / 2.,
    }
}

#[test]
fn a_bound_inside_the_interval_leaves_it_undecided() {
    let cases = [
        ((0.03, 0.05), Verdict::Holds),
        ((0.01, 0.05), Verdict::Undecided),
        ((-0.05, 0.01), Verdict::DoesNotHold),
    ];
    for ((low, high), verdict) in cases {
        assert_eq!(
            interval(low, high).is_above(0.02),
            verdict,
            "{low} to {high}"
        );
        assert_eq!(
            interval(-high, -low).is_below(-0.02),
            verdict,
            "{low} to {high}"
        );
    }
}

/// Failing to show a difference does not show equivalence.
#[test]
fn equivalence_needs_the_whole_interval_within_the_margin() {
    let cases = [
        ((-0.01, 0.01), Verdict::Holds),
        // Not 0, but the same for practical purposes.
        ((0.005, 0.015), Verdict::Holds),
        // Neither different nor the same is shown.
        ((-0.03, 0.03), Verdict::Undecided),
        ((0.01, 0.03), Verdict::Undecided),
        ((0.03, 0.05), Verdict::DoesNotHold),
        ((-0.05, -0.03), Verdict::DoesNotHold),
    ];
    for ((low, high), verdict) in cases {
        assert_eq!(
            interval(low, high).is_within(0.02),
            verdict,
            "{low} to {high}"
        );
    }
}

/// With one seed, or after training diverged, nothing is decided.
#[test]
fn nan_decides_nothing() {
    for interval in [
        Interval::of(&[]),
        Interval::of(&[1.]),
        Interval::of(&[1., f64::NAN]),
    ] {
        assert_eq!(interval.is_above(0.), Verdict::Undecided);
        assert_eq!(interval.is_below(0.), Verdict::Undecided);
        assert_eq!(interval.is_within(1.), Verdict::Undecided);
    }
}

#[test]
fn verdicts_are_combined() {
    use Verdict::{DoesNotHold, Holds, InPart, NotMeasured, Undecided};
    assert_eq!(Verdict::all([Holds, Holds]), Holds);
    assert_eq!(Verdict::all([Holds, Undecided]), Undecided);
    assert_eq!(Verdict::all([Undecided, DoesNotHold]), DoesNotHold);
    assert_eq!(Verdict::of_each(&[Holds, Holds]), Holds);
    assert_eq!(Verdict::of_each(&[Holds, DoesNotHold]), InPart);
    assert_eq!(Verdict::of_each(&[Holds, Undecided]), Undecided);
    assert_eq!(Verdict::of_each(&[DoesNotHold, DoesNotHold]), DoesNotHold);
    assert_eq!(Verdict::of_each(&[NotMeasured, Holds]), NotMeasured);
    assert_eq!(Holds.opposite(), DoesNotHold);
    assert_eq!(Undecided.opposite(), Undecided);
    assert_eq!(Verdict::if_so(false), DoesNotHold);
    assert_eq!(format!("{:<13}|", Undecided), "undecided    |");
}
