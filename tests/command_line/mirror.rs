//! The Python beside each Rust line of a network equals the reference class, line by line.

use std::fs;

use testing::{NETWORKS, root};

/// The networks in `examples/`, one per file.
const EXAMPLES: [&str; 6] = [
    "character_model",
    "clothing_classifier",
    "convolutional_classifier",
    "dropout_classifier",
    "recurrent_classifier",
    "variational_autoencoder",
];

#[test]
fn right_hand_column_is_the_python_class() {
    let of_the_document = NETWORKS.map(|network| (network, "src/networks"));
    let of_the_examples = EXAMPLES.map(|network| (network, "examples"));
    for (network, folder) in of_the_document.into_iter().chain(of_the_examples) {
        let rust = fs::read_to_string(root(folder).join(format!("{network}.rs"))).unwrap();
        let column: Vec<&str> = rust
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .filter_map(|line| line.split_once(" // "))
            .map(|(_, python)| python)
            .collect();

        let python = fs::read_to_string(root(&format!(
            "torch2tch/src/torch2tch/reference/{network}.py"
        )))
        .unwrap();
        let class: Vec<&str> = python
            .lines()
            .skip_while(|line| !line.starts_with("class "))
            .take_while(|line| !line.starts_with("def "))
            .filter(|line| !line.is_empty())
            .collect();
        let class = without_docstring(class);

        assert!(!class.is_empty());
        assert_eq!(column, class, "{network}");
    }
}

/// The lines of a class without its docstring, which is the struct's documentation in Rust.
fn without_docstring(mut class: Vec<&str>) -> Vec<&str> {
    let quotes = "\"\"\"";
    if class.get(1).is_some_and(|line| line.contains(quotes)) {
        let is_whole = class[1].matches(quotes).count() == 2;
        let ends = |line: &&str| line.ends_with(quotes);
        let more = class[2..].iter().position(ends).map_or(0, |i| i + 1);
        class.drain(1..if is_whole { 2 } else { 2 + more });
    }
    class
}
