//! The guide's table of arguments that tch's methods leave out, compared with the output of its
//! script.

use std::fs;

use testing::{python, root, stdout};

const TABLE: &str = "src/guide/dropped_arguments.md";

#[test]
fn the_guide_lists_what_the_script_finds() {
    let told = fs::read_to_string(root(TABLE)).unwrap();
    let found = stdout(&mut python("scripts/generate/dropped_arguments.py"));
    let versions = |text: &str| text.lines().next().map(str::to_owned);
    // Another torch, or the corresponding tch, has another table.
    if versions(&told) != versions(&found) {
        println!("not compared: the table is {:?}", versions(&told).unwrap());
        return;
    }
    let differs = told.lines().zip(found.lines()).find(|(a, b)| a != b);
    assert!(
        told == found,
        "run scripts/generate/dropped_arguments.py >{TABLE}; it differs first in {differs:?}"
    );
    // Without these rows, an empty result of the script would pass.
    for row in [
        "| `F.leaky_relu` | `leaky_relu`, `leaky_relu_` | `negative_slope=0.01` |",
        "| `Tensor.addcmul` | `addcmul`, `addcmul_` | `value=1` |",
        "| `F.cross_entropy` | `cross_entropy_for_logits` | `weight=None`,",
        "| `F.embedding` | `embedding` | `max_norm=None`, `norm_type=2.0` |",
    ] {
        assert!(found.contains(row), "{row} is missing");
    }
    for whole in ["`gelu`", "`smooth_l1_loss`", "`layer_norm`"] {
        assert!(!found.contains(whole), "{whole} takes all arguments");
    }
}
