//! Weights and checkpoints with random damage: loaded or refused in one line, never a panic.

use std::fs;
use std::path::Path;

use final_layer::checkpoint::{self, Checkpoint};
use final_layer::networks::HousePricePredictor;
use final_layer::tasks::Model;
use final_layer::torch::serialization::{Metadata, load_state_dict};
use final_layer::torch::utils::data::{DataLoader, DataLoaderConfig};
use final_layer::training::Algorithm;
use final_layer::training::{Position, Training};
use tch::Device;

use testing::damage::{Random, mutate};
use testing::{lock_generator, python, stdout};

const FEW: usize = 200;
const MANY: usize = 3000;

#[test]
fn damaged_weights_never_panic() {
    damage_weights(FEW);
}

#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn damaged_weights_never_panic_at_length() {
    damage_weights(MANY);
}

fn damage_weights(mutations: usize) {
    let folder = tempfile::tempdir().unwrap();
    stdout(
        python("tests/python/save_weights.py")
            .arg("house_price_predictor")
            .arg(folder.path()),
    );
    let model = {
        let _generator = lock_generator();
        Model::<HousePricePredictor>::new(Device::Cpu)
    };
    for file in ["weights.safetensors", "weights.pt"] {
        damage(&folder.path().join(file), mutations, |damaged| {
            load_state_dict(&model.vs, damaged).is_err()
        });
    }
}

#[test]
fn damaged_checkpoints_never_panic() {
    damage_checkpoints(FEW);
}

#[test]
#[ignore = "takes long: cargo test -- --ignored at_length"]
fn damaged_checkpoints_never_panic_at_length() {
    damage_checkpoints(MANY);
}

fn damage_checkpoints(mutations: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    // Loading a checkpoint sets the global generator.
    let _generator = lock_generator();
    let model = Model::<HousePricePredictor>::new(Device::Cpu);
    let loader = DataLoader::new(10, DataLoaderConfig::shuffled(4)).unwrap();
    let position = Position {
        epochs: 1,
        losses: vec![1., 2.],
        epoch_start: Some(loader.generator_states().unwrap()),
    };
    let optimizer = Algorithm::Adam.build(&model.vs, 1e-3).unwrap();
    let mut training = Training::new(model, optimizer, loader, 3);
    training.position = position;
    checkpoint::save(&training, &Metadata::new(), &path).unwrap();
    damage(&path, mutations, |damaged| {
        let read = Checkpoint::read(damaged);
        read.and_then(|read| read.restore(&mut training)).is_err()
    });
}

/// Damages a file repeatedly; `refuses` returns true if it is refused.
fn damage(path: &Path, mutations: usize, mut refuses: impl FnMut(&Path) -> bool) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let good = fs::read(path).unwrap();
    assert!(!refuses(path), "{name}: the good file is refused");
    let damaged = path.with_file_name(format!("damaged-{name}"));
    let mut random = Random::default();
    let mut refused = 0;
    for _ in 0..mutations {
        let mut bytes = good.clone();
        mutate(&mut bytes, &mut random);
        fs::write(&damaged, &bytes).unwrap();
        refused += usize::from(refuses(&damaged));
    }
    assert!(refused > mutations / 3, "{name}: only {refused} refused");
}
