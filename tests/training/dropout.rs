//! Training with dropout, which draws between the loader's draws: compared with live Python,
//! without interruption and resumed.

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Result;
use final_layer::checkpoint::{self, Checkpoint};
use final_layer::data::Samples;
use final_layer::networks::DigitClassification;
use final_layer::tasks::{Model, Network};
use final_layer::torch::nn::linear;
use final_layer::torch::random::{Generator, get_rng_state, manual_seed};
use final_layer::torch::serialization::{Metadata, NamedTensors, OutputFile, read_safetensors};
use final_layer::torch::utils::data::{
    DataLoader, DataLoaderConfig, RandomSampler, RandomSamplerConfig, Sampler,
};
use final_layer::training::Algorithm;
use final_layer::training::{Epoch, Observer, Position, Training};
use serde_json::{Value, json};
use tch::nn::{Linear, Module, Path as VarPath};
use tch::{Device, Kind, Tensor};

use testing::{on_one_thread, python_code, same_bits};

const SAMPLES: i64 = 100;
const EPOCHS: usize = 5;

/// The network of `python/train_dropout.py`, always in training.
#[derive(Debug)]
struct Dropout {
    first: Linear,
    second: Linear,
}

impl Network for Dropout {
    type Task = DigitClassification;
    const NAME: &'static str = "dropout";
    const ABOUT: &'static str = "for tests";

    fn new(vs: &VarPath) -> Self {
        Self {
            first: linear(vs / "0", 784, 16, Default::default()),
            second: linear(vs / "3", 16, 10, Default::default()),
        }
    }
}

impl Module for Dropout {
    fn forward(&self, x: &Tensor) -> Tensor {
        let x = x.apply(&self.first).relu().dropout(0.5, true);
        x.apply(&self.second).dropout(0.25, true)
    }
}

/// A training whose loader has its own generator, if any.
fn new_training(case: &Value) -> (Training<Dropout>, Option<Generator>) {
    let generator = case["own_seed"].as_i64().map(|seed| {
        let generator = Generator::new();
        generator.manual_seed(seed);
        generator
    });
    manual_seed(0);
    let model = Model::new(Device::Cpu);
    let sampler = case["replacement"].as_i64().map(|num_samples| {
        let config = RandomSamplerConfig {
            replacement: true,
            num_samples: Some(num_samples),
            generator: generator.clone(),
        };
        Box::new(RandomSampler::new(SAMPLES, config).unwrap()) as Box<dyn Sampler>
    });
    let config = DataLoaderConfig {
        batch_size: case["batch_size"].as_i64().unwrap(),
        shuffle: case["shuffle"].as_bool().unwrap_or(false),
        drop_last: case["drop_last"].as_bool().unwrap_or(false),
        sampler,
        generator: generator.clone(),
    };
    let optimizer = Algorithm::Adam.build(&model.vs, 0.01).unwrap();
    let loader = DataLoader::new(SAMPLES, config).unwrap();
    (Training::new(model, optimizer, loader, EPOCHS), generator)
}

/// Records every epoch, and breaks after this many steps.
struct Recorder<'a> {
    results: &'a mut NamedTensors,
    steps: usize,
}

impl Observer<Dropout> for Recorder<'_> {
    fn after_step(&mut self, _: &Position, _: usize) -> ControlFlow<()> {
        self.steps -= 1;
        match self.steps {
            0 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn after_epoch(&mut self, training: &Training<Dropout>, epoch: &Epoch) -> Result<()> {
        let number = epoch.number - 1;
        for (name, parameter) in training.model.vs.variables() {
            let parameter = parameter.detach().copy();
            self.results.insert(format!("{number}.{name}"), parameter);
        }
        let losses = Tensor::from_slice(&epoch.losses);
        self.results.insert(format!("{number}.losses"), losses);
        Ok(())
    }
}

/// Trains to the end; stops after every `steps` steps and resumes from a checkpoint.
fn train(samples: &Samples, case: &Value, steps: usize, folder: &Path) -> (NamedTensors, usize) {
    let path = folder.join(format!("after_{steps}.safetensors"));
    let mut results = NamedTensors::new();
    let (mut training, mut generator) = new_training(case);
    let mut stops = 0;
    loop {
        let results = &mut results;
        let ended = training.run(samples, &mut Recorder { results, steps });
        if ended.unwrap().is_continue() {
            break;
        }
        stops += 1;
        checkpoint::save(&training, &Metadata::new(), &path).unwrap();
        // As another process would.
        (training, generator) = new_training(case);
        manual_seed(stops as i64);
        Checkpoint::read(&path)
            .unwrap()
            .restore(&mut training)
            .unwrap();
    }
    results.insert("rng_state".to_owned(), get_rng_state().unwrap());
    if let Some(generator) = generator {
        results.insert("generator".to_owned(), generator.get_state());
    }
    (results, stops)
}

fn assert_same(found: &NamedTensors, expected: &NamedTensors, what: &str) {
    assert!(found.keys().eq(expected.keys()), "{what}");
    for (name, tensor) in found {
        assert!(same_bits(tensor, &expected[name]), "{name} differs: {what}");
    }
}

fn samples() -> Samples {
    let options = (Kind::Int64, Device::Cpu);
    manual_seed(42);
    Samples {
        features: Tensor::randint(256, [SAMPLES, 784], (Kind::Uint8, Device::Cpu)),
        targets: Tensor::randint(10, [SAMPLES], options),
    }
}

/// In all these cases, five epochs equal Python's to the bit, also when training stops and resumes
/// after every so many steps, over fifty times in all.
#[test]
fn resumed_training_has_the_bits_of_python() {
    let cases = [
        json!({"batch_size": 16, "shuffle": true}),
        json!({"batch_size": 16, "shuffle": true, "drop_last": true}),
        json!({"batch_size": 16, "shuffle": true, "own_seed": 7}),
        json!({"batch_size": 20, "shuffle": true, "own_seed": 8}),
        json!({"batch_size": 16}),
        json!({"batch_size": 16, "replacement": 70}),
        json!({"batch_size": 16, "replacement": 128, "own_seed": 9}),
    ];
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data.safetensors");
    let samples = on_one_thread(samples);
    let tensors = NamedTensors::from([
        ("features".to_owned(), samples.features.shallow_clone()),
        ("targets".to_owned(), samples.targets.shallow_clone()),
    ]);
    let file = OutputFile::create(&data).unwrap();
    file.write_safetensors(&tensors, Metadata::new()).unwrap();
    let expected_file = folder.path().join("python.safetensors");
    let settings = json!(cases).to_string();
    let args = [
        data.as_os_str(),
        expected_file.as_os_str(),
        OsStr::new(&settings),
    ];
    python_code("tests/python/train_dropout.py", &args);
    let all_expected = read_safetensors(&expected_file).unwrap();
    let mut all_stops = 0;
    for (i, case) in cases.iter().enumerate() {
        let expected: NamedTensors = all_expected
            .iter()
            .filter_map(|(name, tensor)| {
                let name = name.strip_prefix(&format!("{i}."))?;
                Some((name.to_owned(), tensor.shallow_clone()))
            })
            .collect();
        for steps in [usize::MAX, 1, 3, 5, 6, 7] {
            let (found, stops) = on_one_thread(|| train(&samples, case, steps, folder.path()));
            assert_same(
                &found,
                &expected,
                &format!("{case}, stops after {steps} steps"),
            );
            all_stops += stops;
        }
    }
    assert!(all_stops >= 50, "only {all_stops} stops");
}

/// Without the generator states, training would resume with other dropout masks.
#[test]
fn a_checkpoint_without_states_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    on_one_thread(|| {
        let samples = samples();
        let case = json!({"batch_size": 16, "shuffle": true, "own_seed": 7});
        let mut results = NamedTensors::new();
        let (mut training, _) = new_training(&case);
        let mut recorder = Recorder {
            results: &mut results,
            steps: 9,
        };
        assert!(training.run(&samples, &mut recorder).unwrap().is_break());
        checkpoint::save(&training, &Metadata::new(), &path).unwrap();

        let (good, metadata) =
            final_layer::torch::serialization::read_safetensors_and_metadata(&path).unwrap();
        let mut refuse = |change: &dyn Fn(&mut NamedTensors)| {
            let copies = good
                .iter()
                .map(|(name, tensor)| (name.clone(), tensor.copy()));
            let mut tensors: NamedTensors = copies.collect();
            change(&mut tensors);
            let mut metadata = metadata.clone();
            checkpoint::seal(&tensors, &mut metadata).unwrap();
            let file = OutputFile::create(&path).unwrap();
            file.write_safetensors(&tensors, metadata).unwrap();
            let read = Checkpoint::read(&path);
            let error = read.and_then(|checkpoint| checkpoint.restore(&mut training));
            let error = format!("{:#}", error.unwrap_err());
            assert!(error.contains(path.to_str().unwrap()), "{error}");
            error
        };
        for name in ["rng_state", "epoch.rng_state"] {
            let error = refuse(&|tensors| drop(tensors.remove(name)));
            assert!(
                error.contains(&format!("found no tensor \"{name}\"")),
                "{error}"
            );
            let error = refuse(&|tensors| drop(tensors.insert(name.into(), Tensor::from(1f32))));
            assert!(error.contains("found Float on Cpu"), "{error}");
            let error = refuse(&|tensors| drop(tensors.get_mut(name).unwrap().zero_()));
            assert!(
                error.contains("expected the state of an MT19937"),
                "{error}"
            );
        }
        for name in ["generator_state.0", "epoch.generator_state.0"] {
            let error = refuse(&|tensors| drop(tensors.remove(name)));
            assert!(
                error.contains("expected states of a loader with 1 generators of its own"),
                "{error}"
            );
        }
        let error = refuse(&|tensors| {
            drop(tensors.insert("epoch.more".into(), Tensor::from(1f32)));
        });
        assert!(
            error.contains("an unexpected tensor \"epoch.more\""),
            "{error}"
        );
    });
}
