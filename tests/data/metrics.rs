//! The metrics against scikit-learn's, on random answers with ties and rare classes.

use final_layer::metrics::{ConfusionMatrix, r2, roc_auc, root_mean_squared_error};
use serde_json::Value;

use testing::python_code;

/// The tolerance for sums in another order.
const TOLERANCE: f64 = 1e-12;

fn numbers(value: &Value) -> Vec<f64> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|number| number.as_f64().unwrap()).collect()
}

fn classes(value: &Value) -> Vec<i64> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|number| number.as_i64().unwrap()).collect()
}

fn close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    let distance = (found - expected).abs();
    assert!(
        distance <= TOLERANCE * expected.abs().max(1.),
        "{what}: {found}, scikit-learn {expected}"
    );
}

#[test]
fn metrics_equal_those_of_scikit_learn() {
    let cases: Value = serde_json::from_str(&python_code("tests/python/metrics.py", &[])).unwrap();
    let cases = cases.as_array().unwrap();
    assert!(cases.len() >= 100);
    for case in cases {
        let (truth, predicted) = (classes(&case["truth"]), classes(&case["predicted"]));
        let matrix = ConfusionMatrix::new(10, &truth, &predicted);
        close(matrix.accuracy(), &case["accuracy"], "accuracy");
        for class in 0..10 {
            close(matrix.recall(class), &case["recall"][class], "recall");
        }

        let positive: Vec<bool> = classes(&case["positive"]).iter().map(|&n| n == 1).collect();
        let auc = roc_auc(&positive, &numbers(&case["scores"]));
        close(auc, &case["roc_auc"], "ROC AUC");

        let (truth, predicted) = (numbers(&case["prices"]), numbers(&case["predicted_prices"]));
        close(
            root_mean_squared_error(&truth, &predicted),
            &case["rmse"],
            "RMSE",
        );
        close(r2(&truth, &predicted), &case["r2"], "R²");
        let of_one = r2(&truth[..1], &predicted[..1]);
        assert_eq!(case["r2_of_one_is_nan"], of_one.is_nan());
    }
}
