//! Weights with random damage: loaded or refused in one line, never a panic.

use std::fs;

use final_layer::networks::HousePricePredictor;
use final_layer::tasks::Model;
use final_layer::torch::state_dict::load_state_dict;
use tch::Device;

use crate::common::{lock_generator, python, stdout};
use crate::damage::{Random, mutate};

const MUTATIONS: usize = 3000;

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
        let mut random = Random::new();
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
