//! `torch.manual_seed`: the seeds that Python accepts, as Python reads them.

use std::fmt;
use std::str::FromStr;

/// A seed as `torch.manual_seed` takes it: any integer from −2⁶³ to 2⁶⁴ − 1.
///
/// Negative seeds stand for the unsigned number of the same 64 bits (−1 is 2⁶⁴ − 1), as in
/// `THPGenerator_manualSeed` (`torch/csrc/Generator.cpp`).
///
/// ```
/// use final_layer::torch::random::Seed;
/// assert_eq!("-1".parse::<Seed>().unwrap(), "18446744073709551615".parse().unwrap());
/// assert!("1.5".parse::<Seed>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// `torch.manual_seed(seed)`: seeds the generators of the CPU and of every CUDA device.
    pub fn manual_seed(self) {
        tch::manual_seed(self.0 as i64);
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unsigned = text.parse::<u64>();
        let signed = || text.parse::<i64>().map(|seed| seed as u64);
        unsigned
            .or_else(|_| signed())
            .map(Seed)
            .map_err(|_| "expected an integer from -2^63 to 2^64 - 1".to_owned())
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
