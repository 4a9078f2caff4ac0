//! The differences in the guide's table of traps, measured on this machine.
//!
//! Python's result is taken from `final_layer::torch`, which other tests compare with Python. A
//! number after `≈` depends on the processor, so it is printed and not asserted. Everything else in
//! a cell must agree exactly.

use std::fs;

use testing::{agree, root};

mod case;
mod errors;
mod numbers;

const TABLE: &str = "src/guide/traps.md";

/// Computes the text of a cell in the table.
type Measure = fn() -> String;

/// The rows of the guide's table, and the function that measures each.
const TRAPS: [(&str, Measure); 20] = [
    ("initial values", numbers::initial_values),
    ("order of draws", numbers::order_of_draws),
    ("linear by hand", numbers::linear_by_hand),
    ("cross entropy", numbers::cross_entropy),
    (
        "cross entropy in float64",
        numbers::cross_entropy_in_float64,
    ),
    ("log of softmax", numbers::log_of_softmax),
    ("softmax into the loss", numbers::softmax_into_the_loss),
    ("SGD by hand", numbers::sgd_by_hand),
    ("SGD", numbers::sgd),
    ("Adam", numbers::adam),
    ("shuffling", numbers::shuffling),
    ("threads", numbers::threads),
    ("batch size", numbers::batch_size),
    ("an extra key", errors::extra_key),
    ("a shape that broadcasts", errors::broadcast_shape),
    ("another dtype", errors::other_dtype),
    ("names", errors::names),
    (".pt", errors::pt),
    ("CUDA", errors::cuda),
    ("panics", errors::panics),
];

#[test]
fn costs_in_the_guide_are_those_measured() {
    let text = fs::read_to_string(root(TABLE)).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().filter_map(cells).collect();
    let mut unmet = Vec::new();
    for (trap, measure) in TRAPS {
        let measured = measure();
        println!("{trap}: {measured}");
        let row = rows.iter().find(|row| row[0] == trap);
        match row.map(|row| row[2]) {
            Some(told) if agree(told, &measured) => {}
            told => unmet.push(format!(
                "{trap}\n  guide:    {told:?}\n  measured: {measured:?}"
            )),
        }
    }
    assert!(unmet.is_empty(), "{TABLE}:\n{}", unmet.join("\n"));

    let names = |row: &Vec<&str>| row[0].to_owned();
    let is_measured = |row: &&Vec<&str>| row[2] != "not measured";
    let told: Vec<String> = rows.iter().filter(is_measured).map(names).collect();
    assert_eq!(
        told,
        TRAPS.map(|(trap, _)| trap),
        "the rows that claim a size"
    );
}

/// The cells of a line of the table below its head.
fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.strip_prefix("| ")?.strip_suffix(" |")?;
    let cells: Vec<&str> = inner.split(" | ").collect();
    let is_head = cells[0] == "trap" || cells[0].starts_with("---");
    (!is_head).then_some(cells)
}

/// Without this, a comparison that accepts everything would look like twenty measured differences.
#[test]
fn another_cost_does_not_agree() {
    let told = "100352 weights differ by up to ≈1.5e-8, 9 biases do not";
    assert!(agree(told, told));
    for size in ["9e-8", "1.4e-9", "2.3e-5", "0.0e0"] {
        assert!(agree(told, &told.replace("1.5e-8", size)));
    }
    for (from, to) in [
        ("1.5e-8", "inf"),
        ("1.5e-8", "NaN"),
        ("≈", ""),
        ("100352", "100353"),
        ("weights", "logits"),
        (", 9 biases do not", ""),
    ] {
        let other = told.replace(from, to);
        assert!(!agree(told, &other), "{other}");
    }
}
