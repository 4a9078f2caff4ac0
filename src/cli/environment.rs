//! Conditions besides the options that change bits: recorded in a checkpoint, so that training
//! resumed elsewhere can report the differences.

use std::env;
use std::fs;

use crate::torch::serialization::Metadata;

/// Variables that choose the number of threads, or the instructions, with which a sum is computed.
const VARIABLES: [&str; 4] = [
    "OMP_DYNAMIC",
    "OMP_THREAD_LIMIT",
    "MKL_CBWR",
    "ATEN_CPU_CAPABILITY",
];

/// AVX-512 and AVX2 give different sums.
const PROCESSOR: &str = "processor";

/// Records the variables that are set, and the processor.
pub(super) fn record(metadata: &mut Metadata) {
    for name in VARIABLES {
        if let Some(value) = env::var_os(name) {
            metadata.insert(name.to_owned(), value.to_string_lossy().into_owned());
        }
    }
    if let Some(model) = processor() {
        metadata.insert(PROCESSOR.to_owned(), model);
    }
}

/// The differences from the environment in which a checkpoint was written, one phrase each.
pub(super) fn differences(recorded: &Metadata) -> Vec<String> {
    let mut here = Metadata::new();
    record(&mut here);
    let names = VARIABLES.into_iter().chain([PROCESSOR]);
    let difference = |name| {
        let (there, here) = (recorded.get(name), here.get(name));
        (there != here).then(|| format!("{name} was {}, is {}", shown(there), shown(here)))
    };
    names.filter_map(difference).collect()
}

fn shown(value: Option<&String>) -> String {
    value.map_or("not set".to_owned(), |value| format!("{value:?}"))
}

/// The name of the processor's model, on Linux.
fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    let (_, model) = line.split_once(':')?;
    Some(model.trim().to_owned())
}
