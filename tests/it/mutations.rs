//! Weights with random damage: loaded or refused in one line, never a panic.

use std::fs;

use final_layer::networks::HousePricePredictor;
use final_layer::tasks::Model;
use final_layer::torch::state_dict::load_state_dict;
use tch::Device;

use crate::common::{lock_generator, python, stdout};

const MUTATIONS: usize = 3000;

/// A small generator, so that a failure can be repeated.
struct Random(u64);

impl Random {
    /// A number below `bound` (xorshift64).
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        // Headers are where damage matters most, at the start or (zip) at the end.
        let length = bytes.len();
        let at = match random.below(3) {
            0 => random.below(length.min(400)),
            1 => length - 1 - random.below(length.min(400)),
            _ => random.below(length),
        };
        match random.below(4) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.below(256) as u8,
            2 => bytes.insert(at, b"09[]{},\"\xff\x00"[random.below(10)]),
            _ => bytes.truncate(at.max(1)),
        }
    }
}

#[test]
fn damaged_weights_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    stdout(
        python("tests/it/python/save_weights.py")
            .arg("house_price_predictor")
            .arg(folder.path()),
    );
    let model = {
        let _generator = lock_generator();
        Model::<HousePricePredictor>::new(Device::Cpu)
    };
    for file in ["weights.safetensors", "weights.pt", "legacy.pth"] {
        let good = fs::read(folder.path().join(file)).unwrap();
        let damaged = folder.path().join(format!("damaged-{file}"));
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut refused = 0;
        for _ in 0..MUTATIONS {
            let mut bytes = good.clone();
            mutate(&mut bytes, &mut random);
            fs::write(&damaged, &bytes).unwrap();
            refused += usize::from(load_state_dict(&model.vs, &damaged).is_err());
        }
        assert!(refused > MUTATIONS / 3, "{file}: only {refused} refused");
    }
}
