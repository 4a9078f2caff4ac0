//! The Python beside each Rust line of a network is the reference's, line by line.

use std::fs;

use crate::common::{NETWORKS, root};

/// The networks that are a file of `examples/` each.
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

        let python = fs::read_to_string(root(&format!("scripts/reference/{network}.py"))).unwrap();
        let class: Vec<&str> = python
            .lines()
            .skip_while(|line| !line.starts_with("class "))
            .take_while(|line| !line.starts_with("def "))
            .filter(|line| !line.is_empty())
            .collect();

        assert!(!class.is_empty());
        assert_eq!(column, class, "{network}");
    }
}
