//! `DataLoader` against Python's, with dropout and other loaders in between.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};
use torch_parity::random::{Generator, get_rng_state, manual_seed};
use torch_parity::serialization::{NamedTensors, read_safetensors};
use torch_parity::utils::data::{
    DataLoader, DataLoaderConfig, RandomSampler, RandomSamplerConfig, Sampler, SequentialSampler,
    WeightedRandomSampler, WeightedRandomSamplerConfig,
};

use testing::{lock_generator, python_code, same_bits};

fn python(cases: &[Value]) -> NamedTensors {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("loaders.safetensors");
    let cases = json!(cases).to_string();
    python_code(
        "crates/torch-parity/tests/python/data_loader.py",
        &[file.as_os_str(), OsStr::new(&cases)],
    );
    read_safetensors(&file).unwrap()
}

/// The same in Rust, line by line as in `python/data_loader.py`.
fn rust(case: &Value) -> NamedTensors {
    let samples = case["samples"].as_i64().unwrap();
    let seeds = case["generators"].as_object();
    let seeded = |seed: &Value| {
        let generator = Generator::new();
        generator.manual_seed(seed.as_i64().unwrap());
        generator
    };
    let own: BTreeMap<&str, Generator> = seeds
        .into_iter()
        .flatten()
        .map(|(name, seed)| (name.as_str(), seeded(seed)))
        .collect();
    let named = |name: &Value| name.as_str().map(|name| own[name].clone());
    let config = DataLoaderConfig {
        batch_size: case["batch_size"].as_i64().unwrap_or(1),
        shuffle: case["shuffle"].as_bool().unwrap_or(false),
        drop_last: case["drop_last"].as_bool().unwrap_or(false),
        generator: named(&case["generator"]),
        sampler: case["sampler"][0].as_str().map(|kind| {
            let settings = &case["sampler"][1];
            sampler(kind, samples, settings, named(&settings["generator"]))
        }),
    };

    manual_seed(case["seed"].as_i64().unwrap());
    let loader = DataLoader::new(samples, config).unwrap();
    let mut results = NamedTensors::new();
    let ones = Tensor::ones([8], (Kind::Float, Device::Cpu));
    for epoch in 0..case["epochs"].as_i64().unwrap() {
        for (i, batch) in loader.iter().enumerate() {
            results.insert(format!("{epoch}.{i}.batch"), batch.unwrap());
            results.insert(format!("{epoch}.{i}.mask"), ones.dropout(0.5, true));
        }
        if let Some(batch) = loader.iter().next() {
            results.insert(format!("{epoch}.given_up"), batch.unwrap());
        }
        let config = DataLoaderConfig {
            batch_size: 7,
            ..Default::default()
        };
        let evaluation = DataLoader::new(samples, config).unwrap();
        let batches: Vec<Tensor> = evaluation.iter().map(Result::unwrap).collect();
        results.insert(format!("{epoch}.evaluated"), Tensor::cat(&batches, 0));
    }
    results.insert("len".to_owned(), Tensor::from_slice(&[loader.len() as i64]));
    results.insert("rng_state".to_owned(), get_rng_state().unwrap());
    for (name, generator) in own {
        results.insert(format!("{name}.state"), generator.get_state());
    }
    results
}

fn sampler(
    kind: &str,
    samples: i64,
    settings: &Value,
    generator: Option<Generator>,
) -> Box<dyn Sampler> {
    let replacement = settings["replacement"].as_bool();
    let num_samples = settings["num_samples"].as_i64();
    match kind {
        "sequential" => Box::new(SequentialSampler::new(samples as usize)),
        "random" => {
            let config = RandomSamplerConfig {
                replacement: replacement.unwrap_or(false),
                num_samples,
                generator,
            };
            Box::new(RandomSampler::new(samples, config).unwrap())
        }
        _ => {
            let weights: Vec<f64> = serde_json::from_value(settings["weights"].clone()).unwrap();
            let config = WeightedRandomSamplerConfig {
                replacement: replacement.unwrap_or(true),
                generator,
            };
            Box::new(WeightedRandomSampler::new(&weights, num_samples.unwrap(), config).unwrap())
        }
    }
}

#[test]
fn draws_in_the_same_order_as_python() {
    let weights = [0.5, 0.0, 2.0, 1.0, 3.5, 0.1, 0.1, 1.0, 1.0, 1.0];
    let mut cases = [
        json!({"samples": 10, "batch_size": 4, "shuffle": true}),
        json!({"samples": 1, "batch_size": 64, "shuffle": true}),
        json!({"samples": 1000, "batch_size": 64, "shuffle": true}),
        json!({"samples": 128, "batch_size": 64, "shuffle": true}),
        json!({"samples": 10}),
        json!({"samples": 1500, "batch_size": 1100}),
        json!({"samples": 10, "batch_size": 4, "sampler": ["sequential", {}]}),
        json!({"samples": 10, "batch_size": 4, "shuffle": true, "drop_last": true}),
        json!({"samples": 3, "batch_size": 4, "shuffle": true, "drop_last": true}),
        json!({"samples": 12, "batch_size": 4, "shuffle": true, "drop_last": true,
            "generators": {"a": 5}, "generator": "a"}),
        json!({"samples": 10, "batch_size": 4, "shuffle": true,
            "generators": {"a": 5}, "generator": "a"}),
        json!({"samples": 10, "batch_size": 5, "shuffle": true,
            "generators": {"a": -1}, "generator": "a"}),
        json!({"samples": 10, "batch_size": 4, "generators": {"a": 5}, "generator": "a"}),
        json!({"samples": 10, "batch_size": 4, "sampler": ["random", {"replacement": true}]}),
        json!({"samples": 10, "batch_size": 7,
            "sampler": ["random", {"replacement": true, "num_samples": 96}]}),
        json!({"samples": 10, "batch_size": 7, "generators": {"a": 1, "b": 2}, "generator": "a",
            "sampler": ["random", {"replacement": true, "num_samples": 100, "generator": "b"}]}),
        json!({"samples": 10, "batch_size": 4, "generators": {"a": 1, "b": 2}, "generator": "a",
            "sampler": ["random", {"num_samples": 25, "generator": "b"}]}),
        json!({"samples": 10, "batch_size": 4, "generators": {"a": 1}, "generator": "a",
            "sampler": ["random", {"num_samples": 20, "generator": "a"}]}),
        json!({"samples": 10, "batch_size": 4, "sampler": ["random", {"num_samples": 3}]}),
        json!({"samples": 10, "batch_size": 4,
            "sampler": ["weighted", {"weights": weights, "num_samples": 30}]}),
        json!({"samples": 10, "batch_size": 4, "generators": {"a": 1},
            "sampler": ["weighted", {"weights": weights, "num_samples": 9, "replacement": false,
                "generator": "a"}]}),
    ];
    for (seed, case) in cases.iter_mut().enumerate() {
        case["seed"] = json!(seed);
        case["epochs"] = json!(3);
    }
    let mut expected = python(&cases);
    let _generator = lock_generator();
    for (i, case) in cases.iter().enumerate() {
        for (name, tensor) in rust(case) {
            let python = expected.remove(&format!("{i}.{name}"));
            let python = python.unwrap_or_else(|| panic!("{name} is not Python's: {case}"));
            assert!(same_bits(&tensor, &python), "{name} of {case}");
        }
    }
    let missing: Vec<_> = expected.keys().collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// After any number of batches, regardless of numbers drawn since.
#[test]
fn an_epoch_resumes_where_it_was_left() {
    let _lock = lock_generator();
    manual_seed(0);
    let generator = Generator::new();
    let sampler = RandomSamplerConfig {
        num_samples: Some(90),
        replacement: true,
        generator: Some(generator.clone()),
    };
    let loaders = [
        (None, Some(generator.clone())),
        (None, None),
        (Some(RandomSampler::new(30, sampler).unwrap()), None),
    ]
    .map(|(sampler, generator)| {
        let config = DataLoaderConfig {
            batch_size: 4,
            shuffle: sampler.is_none(),
            sampler: sampler.map(|sampler| Box::new(sampler) as Box<dyn Sampler>),
            generator,
            ..Default::default()
        };
        DataLoader::new(30, config).unwrap()
    });
    let list = |batches: Vec<Tensor>| Vec::<i64>::try_from(Tensor::cat(&batches, 0)).unwrap();
    for loader in loaders {
        for taken in 1..=loader.len() {
            let start = loader.generator_states().unwrap();
            let whole: Vec<Tensor> = loader.iter().map(Result::unwrap).collect();
            let (global, own) = (get_rng_state().unwrap(), generator.get_state());
            let (rest, behind) = loader.resume(&start, taken).unwrap();
            assert!(same_bits(&get_rng_state().unwrap(), &global));
            assert!(same_bits(&generator.get_state(), &own));
            assert_eq!(behind.len(), taken);
            // The remaining batches draw from the state in which the loader's own generator was
            // left.
            loader.set_generator_states(&start).unwrap();
            let _ = loader.iter().take(taken).count();
            let rest = rest.map(Result::unwrap);
            assert_eq!(list(behind.into_iter().chain(rest).collect()), list(whole));
        }
        let start = loader.generator_states().unwrap();
        let error = loader.resume(&start, loader.len() + 1).unwrap_err();
        assert!(
            error.to_string().contains("found one of at least"),
            "{error}"
        );
        let now = loader.generator_states().unwrap();
        assert!(same_bits(&now.global, &start.global));
    }
}

#[test]
fn arguments_that_python_refuses_are_refused() {
    // An epoch in random order takes its seed from the global generator.
    let _lock = lock_generator();
    let loader = |samples, config| DataLoader::new(samples, config).unwrap_err().to_string();
    let shuffle = || DataLoaderConfig {
        shuffle: true,
        ..Default::default()
    };
    assert_eq!(
        loader(0, shuffle()),
        "samples: expected a number above 0, found 0"
    );
    assert_eq!(
        loader(-1, DataLoaderConfig::default()),
        "samples: expected a number above 0, found -1"
    );
    for batch_size in [0, -4] {
        let config = DataLoaderConfig {
            batch_size,
            ..shuffle()
        };
        let expected = format!("batch_size: expected a number above 0, found {batch_size}");
        assert_eq!(loader(10, config), expected);
    }
    let both = DataLoaderConfig {
        sampler: Some(Box::new(SequentialSampler::new(10))),
        ..shuffle()
    };
    assert!(loader(10, both).contains("found both"));

    let none = RandomSamplerConfig {
        num_samples: Some(0),
        ..Default::default()
    };
    let error = RandomSampler::new(10, none).unwrap_err().to_string();
    assert_eq!(error, "num_samples: expected a number above 0, found 0");

    let once = || WeightedRandomSamplerConfig {
        replacement: false,
        ..Default::default()
    };
    for (weights, n) in [
        (vec![], 1),
        (vec![0.], 1),
        (vec![-1., 2.], 1),
        (vec![f64::NAN], 1),
        (vec![f64::MAX, f64::MAX], 1),
        (vec![1., 0.], 2),
        (vec![1.; 5], 0),
    ] {
        WeightedRandomSampler::new(&weights, n, once()).unwrap_err();
    }

    // An empty data set in order gives no batches, as in Python.
    let empty = DataLoader::new(0, DataLoaderConfig::default()).unwrap();
    assert!(empty.is_empty() && empty.iter().next().is_none());
    // A number that does not fit into memory is an error of the epoch, which then ends.
    let config = DataLoaderConfig {
        batch_size: i64::MAX,
        ..shuffle()
    };
    let mut batches = DataLoader::new(i64::MAX, config).unwrap().iter();
    let error = batches.next().unwrap().unwrap_err().to_string();
    assert!(error.contains("not enough memory"), "{error}");
    assert!(batches.next().is_none());
}
