//! `scripts/port.py`: what it writes, and what it refuses.

use std::fs;

use crate::common::{NETWORKS, python, root, stdout};

/// The mirrors are the porter's first customers: what it writes is what is compiled.
#[test]
fn writes_the_networks_of_the_document() {
    for network in NETWORKS {
        let path = format!("scripts/reference/{network}.py");
        let source = fs::read_to_string(root(&path)).unwrap();
        let class = source.split_once("\nclass ").unwrap().1;
        let class = class.split_once('(').unwrap().0;
        let mut command = python("tests/it/python/port_here.py");
        command.arg(format!("{path}:{class}"));
        let written = stdout(command.current_dir(root("")));
        let expected = fs::read_to_string(root(&format!("src/networks/{network}.rs"))).unwrap();
        assert_eq!(written, expected, "{network}");
    }
}
