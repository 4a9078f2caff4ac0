//! A training that goes from Python to Rust and back, through `.pt` files that both write.

use std::ffi::OsStr;
use std::path::Path;

use tch::{Device, Kind, Tensor};
use testing::{on_one_thread, python_code, same_bits};
use torch_parity::nn::{self, Module, ModuleT, VarStore};
use torch_parity::optim::lr_scheduler::{
    CosineAnnealingLR, LinearLR, LinearLrConfig, LrScheduler, MultiStepLR,
};
use torch_parity::optim::{
    Adam, AdamConfig, Optimizer, ParamGroup, StateDict, settings_from_value, settings_to_value,
};
use torch_parity::random::{get_rng_state, set_rng_state};
use torch_parity::serialization::{
    Dict, Key, OutputFile, Value, copy_state_dict, load, save, state_dict,
};

const STEPS: usize = 20;

fn python(folder: &Path, start: usize, end: usize) {
    let script = "crates/torch-parity/tests/python/split_training.py";
    let (start, end) = (start.to_string(), end.to_string());
    let args = [folder.as_os_str(), OsStr::new(&start), OsStr::new(&end)];
    python_code(script, &args);
}

/// The training of the script.
fn rust(folder: &Path, start: usize, end: usize) {
    tch::manual_seed(7);
    let vs = VarStore::new(Device::Cpu);
    let fc1 = nn::linear(vs.root() / "fc1", 6, 16, Default::default());
    let norm = nn::batch_norm1d(vs.root() / "norm", 16, Default::default());
    let fc2 = nn::linear(vs.root() / "fc2", 16, 3, Default::default());
    let named = state_dict(&vs);
    let group = |names: &[&str], weight_decay: f64| {
        let params = names.iter().map(|name| named[*name].shallow_clone());
        ParamGroup::new(params.collect()).with("weight_decay", weight_decay)
    };
    let groups = [
        group(&["fc1.weight", "fc2.weight"], 0.1),
        group(&["fc1.bias", "norm.weight", "norm.bias", "fc2.bias"], 0.),
    ];
    let config = AdamConfig {
        betas: (0.9, 0.95),
        ..AdamConfig::adamw(1e-2)
    };
    let mut optimizer = Adam::new(groups, config).unwrap();
    let warm_up = LinearLrConfig {
        start_factor: 0.1,
        end_factor: 1.,
        total_iters: 4,
    };
    let mut schedulers: [(&str, Box<dyn LrScheduler>); 3] = [
        (
            "warm_up",
            Box::new(LinearLR::new(&mut optimizer, warm_up).unwrap()),
        ),
        (
            "cosine",
            Box::new(CosineAnnealingLR::new(&mut optimizer, 20, 0.).unwrap()),
        ),
        (
            "steps",
            Box::new(MultiStepLR::new(&mut optimizer, &[6, 11], 0.5).unwrap()),
        ),
    ];
    if start > 0 {
        let checkpoint = load(&folder.join(format!("{start}.pt"))).unwrap();
        let part = |name| checkpoint.get(name).unwrap();
        assert!(matches!(part("step"), Value::Int(step) if *step == start as i64));
        copy_state_dict(&vs, &part("model").named_tensors().unwrap()).unwrap();
        let state = StateDict::from_value(part("optimizer")).unwrap();
        optimizer.load_state_dict(&state).unwrap();
        for (name, scheduler) in &mut schedulers {
            let state = part("schedulers").get(name).unwrap();
            scheduler
                .load_state_dict(&settings_from_value(state).unwrap())
                .unwrap();
        }
        match part("rng_state") {
            Value::Tensor(state) => set_rng_state(state).unwrap(),
            other => panic!("{other:?}"),
        }
    }
    for _ in start..end {
        let x = Tensor::randn([8, 6], (Kind::Float, Device::Cpu));
        let y = Tensor::randint(3, [8], (Kind::Int64, Device::Cpu));
        optimizer.zero_grad(true).unwrap();
        let hidden = norm
            .forward_t(&fc1.forward(&x), true)
            .relu()
            .dropout(0.3, true);
        fc2.forward(&hidden).cross_entropy_for_logits(&y).backward();
        optimizer.step().unwrap();
        for (_, scheduler) in &mut schedulers {
            scheduler.step(&mut optimizer).unwrap();
        }
    }
    let schedulers = schedulers.iter();
    let schedulers: Dict = schedulers
        .map(|(name, scheduler)| (*name, settings_to_value(&scheduler.state_dict())))
        .collect();
    let checkpoint: Dict = [
        ("step", Value::Int(end as i64)),
        ("model", state_dict(&vs).into()),
        ("optimizer", optimizer.state_dict().to_value()),
        ("schedulers", schedulers.into()),
        ("rng_state", get_rng_state().unwrap().into()),
    ]
    .into_iter()
    .collect();
    let file = OutputFile::create(&folder.join(format!("{end}.pt"))).unwrap();
    save(&checkpoint.into(), file).unwrap();
}

/// Compares two values; the types of lists and of numbers count, and the order of dicts does not.
fn assert_same(place: &str, a: &Value, b: &Value) {
    let all = |a: &[Value], b: &[Value]| {
        assert_eq!(a.len(), b.len(), "{place}");
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            assert_same(&format!("{place}[{i}]"), a, b);
        }
    };
    match (a, b) {
        (Value::None, Value::None) => {}
        (Value::Bool(a), Value::Bool(b)) => assert_eq!(a, b, "{place}"),
        (Value::Int(a), Value::Int(b)) => assert_eq!(a, b, "{place}"),
        (Value::Float(a), Value::Float(b)) => assert_eq!(a.to_bits(), b.to_bits(), "{place}"),
        (Value::Text(a), Value::Text(b)) => assert_eq!(a, b, "{place}"),
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => all(a, b),
        (Value::Tensor(a), Value::Tensor(b)) => {
            assert!(same_bits(&a.detach(), &b.detach()), "{place}");
        }
        (Value::Dict(a), Value::Dict(b)) => {
            let keys = |dict: &Dict| {
                let mut keys: Vec<Key> = dict.entries.iter().map(|(key, _)| key.clone()).collect();
                keys.sort();
                keys
            };
            assert_eq!(keys(a), keys(b), "{place}");
            for (key, value) in &a.entries {
                let other = b.entries.iter().find(|(other, _)| other == key).unwrap();
                assert_same(&format!("{place}.{key}"), value, &other.1);
            }
        }
        (a, b) => panic!("{place}: {a:?} and {b:?}"),
    }
}

#[test]
fn a_training_is_split_between_the_languages() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let last = folder.join(format!("{STEPS}.pt"));
    on_one_thread(|| {
        python(folder, 0, STEPS);
        let mut whole = load(&last).unwrap();
        // Only Python's file has the arguments.
        let Value::Dict(dict) = &mut whole else {
            panic!()
        };
        dict.entries.retain(|(key, _)| *key != Key::from("args"));
        rust(folder, 0, STEPS);
        assert_same("in Rust", &whole, &load(&last).unwrap());
        // Ten splits; the languages take turns at each, in both orders.
        for splits in [[1, 4, 5, 9, 13], [2, 6, 7, 11, 18]] {
            let mut start = 0;
            for (i, end) in splits.into_iter().chain([STEPS]).enumerate() {
                match (i + splits[0]) % 2 {
                    0 => python(folder, start, end),
                    _ => rust(folder, start, end),
                }
                start = end;
            }
            let mut last = load(&last).unwrap();
            if let Value::Dict(dict) = &mut last {
                dict.entries.retain(|(key, _)| *key != Key::from("args"));
            }
            assert_same(&format!("{splits:?}"), &whole, &last);
        }
    });
}

#[test]
fn what_cannot_be_saved_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pt");
    std::fs::write(&path, "kept").unwrap();
    let refused = |value: Value| {
        let error = save(&value, OutputFile::create(&path).unwrap()).unwrap_err();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "kept");
        let line = torch_parity::one_line(&error);
        line.strip_prefix(&format!("{}: ", path.display()))
            .expect(&line)
            .to_owned()
    };
    assert_eq!(
        refused(Value::Other("an object of class a.B".to_owned())),
        "cannot save an object of class a.B"
    );
    let float8 = Tensor::ones([2], (Kind::Float, Device::Cpu)).to_kind(Kind::Float8e5m2);
    assert_eq!(
        refused(float8.into()),
        "cannot save a tensor of torch.float8_e5m2"
    );
    let mut deep = Value::None;
    for _ in 0..200 {
        deep = Value::List(vec![deep]);
    }
    assert_eq!(
        refused(deep),
        "cannot save a value that is nested too deeply"
    );
}
