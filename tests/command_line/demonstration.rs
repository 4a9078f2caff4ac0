//! Without a subcommand an example prints the same bytes as the article's Python code.

use testing::{NETWORKS, example, python, stdout};

#[test]
fn prints_what_python_prints() {
    const SEEDS: [&str; 6] = ["0", "1", "42", "-1", "18446744073709551615", "4294967296"];
    let examples = [
        "character_model",
        "convolutional_classifier",
        "recurrent_classifier",
        "variational_autoencoder",
    ];
    for network in NETWORKS.into_iter().chain(examples) {
        let rust = SEEDS.map(|seed| stdout(example(network).args(["--seed", seed])));
        let python = stdout(
            python("tests/python/demonstrations.py")
                .arg(network)
                .args(SEEDS),
        );
        assert_eq!(rust.concat(), python, "{network}");
    }
}

#[test]
fn seed_is_0_unless_given() {
    let by_default = stdout(&mut example("digit_classifier"));
    assert_eq!(
        by_default,
        stdout(example("digit_classifier").args(["--seed", "0"]))
    );
    assert_ne!(
        by_default,
        stdout(example("digit_classifier").args(["--seed", "1"]))
    );
}
