//! Every optimizer with every argument against Python's, over 100 steps on one network; their
//! errors; state dicts to Python and back.

use std::ffi::OsStr;

use final_layer::networks::DigitClassifier;
use final_layer::tasks::Model;
use final_layer::torch::optim::{Optimizer, ParamGroup, ParamGroups, Setting, Settings, StateDict};
use final_layer::torch::serialization::{
    Metadata, NamedTensors, OutputFile, read_safetensors, read_safetensors_and_metadata,
};
use final_layer::trace;
use final_layer::training::Algorithm;
use serde_json::json;
use tch::nn::Module;
use tch::{Device, Kind, Tensor};

use crate::optimizer_table::{build, cases};
use testing::{lock_generator, on_one_thread, python_code, same_bits};

const STEPS: usize = 100;

#[test]
fn every_argument_equals_python() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.safetensors");
    // Some of each class on two threads.
    let on_two = cases().into_iter().step_by(5).map(|case| (case, 2));
    let cases: Vec<_> = cases()
        .into_iter()
        .map(|case| (case, 1))
        .chain(on_two)
        .map(|((class, kwargs), threads)| {
            (
                format!("{class} {kwargs} {threads}"),
                class,
                kwargs,
                threads,
            )
        })
        .collect();
    let steps = STEPS.to_string();
    let list = serde_json::to_string(&cases).unwrap();
    let args = [file.as_os_str(), OsStr::new(&steps), OsStr::new(&list)];
    python_code("tests/python/optimizer_trace.py", &args);
    let expected = read_safetensors(&file).unwrap();

    let mut compared = 0;
    for (name, class, kwargs, threads) in cases {
        let trace = on_one_thread(|| {
            tch::set_num_threads(threads);
            let model = new_model();
            let mut optimizer = build(&class, &model.vs, &kwargs).unwrap();
            let mut trace = trace::record(&model, optimizer.as_mut(), 37, STEPS).unwrap();
            for (name, tensor) in optimizer.state_dict().tensors() {
                trace.insert(format!("state.{name}"), tensor);
            }
            trace
        });
        let prefix = format!("{name}.");
        let expected_keys = expected.keys().filter_map(|key| key.strip_prefix(&prefix));
        assert!(trace.keys().eq(expected_keys), "{name}: {:?}", trace.keys());
        for (key, tensor) in &trace {
            let expected = &expected[&format!("{prefix}{key}")];
            assert!(same_bits(tensor, expected), "{name}: {key} differs");
        }
        compared += trace.len();
    }
    assert_eq!(compared, expected.len());
}

fn new_model() -> Model<DigitClassifier> {
    tch::manual_seed(0);
    Model::new(Device::Cpu)
}

#[test]
fn arguments_that_python_refuses_are_refused_with_its_message() {
    let two = "two";
    let cases = vec![
        ("SGD", two, json!({"lr": -0.1})),
        ("SGD", two, json!({"momentum": -0.5})),
        ("SGD", two, json!({"weight_decay": -1.0})),
        ("SGD", two, json!({"nesterov": true})),
        (
            "SGD",
            two,
            json!({"nesterov": true, "momentum": 0.9, "dampening": 0.1}),
        ),
        ("SGD", two, json!({"fused": true, "foreach": true})),
        ("SGD", two, json!({"fused": true, "differentiable": true})),
        ("SGD", two, json!({"nesterov": true, "momentum": 0.9})),
        ("SGD", "none", json!({})),
        ("SGD", "computed", json!({})),
        ("SGD", "in two groups", json!({})),
        ("SGD", "an empty group", json!({})),
        ("Adam", two, json!({"lr": -1e-3})),
        ("Adam", two, json!({"eps": -1e-8})),
        ("Adam", two, json!({"betas": [1.0, 0.999]})),
        ("Adam", two, json!({"betas": [-0.1, 0.999]})),
        ("Adam", two, json!({"betas": [0.9, 1.5]})),
        ("Adam", two, json!({"weight_decay": -0.1})),
        ("Adam", two, json!({"fused": true, "foreach": true})),
        ("Adam", "none", json!({})),
        ("Adam", two, json!({})),
        ("AdamW", two, json!({"lr": -2.0})),
        ("AdamW", two, json!({"lr": -1e16})),
        ("AdamW", two, json!({"lr": -1e-4})),
        ("AdamW", two, json!({"lr": -1.5e-300})),
        ("AdamW", "in two groups", json!({})),
        ("RMSprop", two, json!({"lr": -0.1})),
        ("RMSprop", two, json!({"eps": -1e-8})),
        ("RMSprop", two, json!({"momentum": -0.5})),
        ("RMSprop", two, json!({"weight_decay": -1.0})),
        ("RMSprop", two, json!({"alpha": -0.5})),
        ("RMSprop", two, json!({"alpha": 1.5})),
        ("Adagrad", two, json!({"lr": -0.1})),
        ("Adagrad", two, json!({"lr_decay": -0.1})),
        ("Adagrad", two, json!({"weight_decay": -0.1})),
        ("Adagrad", two, json!({"initial_accumulator_value": -0.1})),
        ("Adagrad", two, json!({"eps": -0.1})),
        ("Adagrad", two, json!({"fused": true, "foreach": true})),
        (
            "Adagrad",
            two,
            json!({"fused": true, "differentiable": true}),
        ),
        ("Adagrad", "none", json!({})),
        ("Adadelta", two, json!({"lr": -0.1})),
        ("Adadelta", two, json!({"rho": -0.1})),
        ("Adadelta", two, json!({"rho": 1.1})),
        ("Adadelta", two, json!({"eps": -0.1})),
        ("Adadelta", two, json!({"weight_decay": -0.1})),
        ("Adamax", two, json!({"lr": -0.1})),
        ("Adamax", two, json!({"eps": -0.1})),
        ("Adamax", two, json!({"betas": [1.0, 0.999]})),
        ("Adamax", two, json!({"betas": [0.9, -0.5]})),
        ("Adamax", two, json!({"weight_decay": -0.1})),
        ("NAdam", two, json!({"lr": -0.1})),
        ("NAdam", two, json!({"eps": -0.1})),
        ("NAdam", two, json!({"betas": [1.0, 0.999]})),
        ("NAdam", two, json!({"weight_decay": -0.1})),
        ("NAdam", two, json!({"momentum_decay": -0.1})),
        ("RAdam", two, json!({"lr": -0.1})),
        ("RAdam", two, json!({"eps": -0.1})),
        ("RAdam", two, json!({"betas": [0.9, 1.0]})),
        ("RAdam", two, json!({"weight_decay": -0.1})),
        ("RAdam", "computed", json!({})),
    ];
    let list = serde_json::to_string(&cases).unwrap();
    let printed = python_code("tests/python/optimizer_errors.py", &[OsStr::new(&list)]);
    let expected: Vec<Option<String>> = serde_json::from_str(&printed).unwrap();
    for ((class, how, kwargs), expected) in cases.iter().zip(expected) {
        let [a, b] = [0, 1].map(|_| {
            let ones = Tensor::ones([2], (Kind::Float, Device::Cpu));
            ones.set_requires_grad(true)
        });
        let params: ParamGroups = match *how {
            "two" => vec![a, b].into(),
            "none" => Vec::<Tensor>::new().into(),
            "computed" => vec![a * 1.].into(),
            "an empty group" => [ParamGroup::default()].into(),
            _ => {
                let second = ParamGroup::new(vec![b.shallow_clone()]);
                [ParamGroup::new(vec![a, b]), second].into()
            }
        };
        let error = build(class, params, kwargs).err();
        let found = error.map(|error| error.to_string());
        assert_eq!(found, expected, "{class} {how} {kwargs}");
    }
}

/// Arguments that Python supports and this crate does not.
#[test]
fn other_forms_are_refused() {
    let w = || vec![Tensor::ones([2], (Kind::Float, Device::Cpu)).set_requires_grad(true)];
    for (class, kwargs, message) in [
        (
            "SGD",
            json!({"fused": true}),
            "fused=True is not supported: its kernel rounds differently",
        ),
        (
            "Adam",
            json!({"differentiable": true}),
            "differentiable=True is not supported: autograd cannot record a step",
        ),
        (
            "AdamW",
            json!({"capturable": true}),
            "capturable=True is not supported: steps cannot be captured in a CUDA graph",
        ),
        (
            "Adagrad",
            json!({"fused": true}),
            "fused=True is not supported: its kernel rounds differently",
        ),
        (
            "RMSprop",
            json!({"capturable": true}),
            "capturable=True is not supported: steps cannot be captured in a CUDA graph",
        ),
        (
            "NAdam",
            json!({"foreach": true}),
            "foreach=True is not supported: it rounds differently",
        ),
        (
            "RAdam",
            json!({"foreach": true}),
            "foreach=True is not supported: it rounds differently",
        ),
    ] {
        let error = build(class, w(), &kwargs).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let one = w().remove(0);
    let twice = vec![one.shallow_clone(), one];
    let error = build("SGD", twice, &json!({})).unwrap_err();
    let message = "optimizer contains a parameter group with duplicate parameters";
    assert_eq!(error.to_string(), message);
    let error = build("SGD", vec![Tensor::new()], &json!({})).unwrap_err();
    let message = "optimizer can only optimize Tensors, but one of the params is undefined";
    assert_eq!(error.to_string(), message);
    let group = ParamGroup::new(w()).with("lr", "fast");
    let error = build("SGD", [group], &json!({})).unwrap_err();
    let message = "\"lr\" of a parameter group: expected a number, found \"fast\"";
    assert_eq!(error.to_string(), message);
}

/// The state dicts of every kind of optimizer, from Python and to Python, and three further steps.
#[test]
fn state_dicts_go_to_python_and_back() {
    const SCRIPT: &str = "tests/python/optimizer_state.py";
    let folder = tempfile::tempdir().unwrap();
    let [from_python, to_python, result] =
        ["from_python", "to_python", "result"].map(|name| folder.path().join(name));
    python_code(SCRIPT, &[OsStr::new("save"), from_python.as_os_str()]);
    let (python, groups) = read_safetensors_and_metadata(&from_python).unwrap();
    let mut ours = NamedTensors::new();
    let mut metadata = Metadata::new();
    let mut ends = NamedTensors::new();
    for (kind, class, kwargs) in [
        ("sgd", "SGD", json!({"lr": 0.1})),
        (
            "momentum",
            "SGD",
            json!({"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
        ),
        ("adam", "Adam", json!({"lr": 0.1, "weight_decay": 0.3})),
        (
            "amsgrad",
            "Adam",
            json!({"lr": 0.1, "amsgrad": true, "maximize": true}),
        ),
        ("adamw", "AdamW", json!({"lr": 0.1})),
        ("rmsprop", "RMSprop", json!({"lr": 0.1})),
        (
            "centered",
            "RMSprop",
            json!({"lr": 0.1, "momentum": 0.9, "centered": true}),
        ),
        (
            "adagrad",
            "Adagrad",
            json!({"lr": 0.1, "lr_decay": 0.5, "initial_accumulator_value": 0.1}),
        ),
        ("adadelta", "Adadelta", json!({"lr": 0.1, "rho": 0.5})),
        ("adamax", "Adamax", json!({"lr": 0.1})),
        ("nadam", "NAdam", json!({"lr": 0.1, "momentum_decay": 0.1})),
        ("radam", "RAdam", json!({"lr": 0.1, "betas": [0.8, 0.99]})),
    ] {
        let start = |w: &dyn Fn(usize) -> Tensor| {
            let params = [0, 1, 2].map(|i| w(i).set_requires_grad(true));
            let [a, b, c] = params.each_ref().map(Tensor::shallow_clone);
            let second = ParamGroup::new(vec![b, c]).with("lr", 0.05);
            let optimizer = build(class, [ParamGroup::new(vec![a]), second], &kwargs).unwrap();
            (params, optimizer)
        };
        let train = |[a, b, _]: &[Tensor; 3], optimizer: &mut dyn Optimizer| {
            for step in 1..=3 {
                optimizer.zero_grad(true).unwrap();
                (a * b * step).sin().sum(Kind::Float).backward();
                optimizer.step().unwrap();
            }
        };

        // Loads Python's state and continues from it.
        let state = |name: &str| {
            name.strip_prefix(&format!("{kind}.state."))
                .map(str::to_owned)
        };
        let tensors = python.iter();
        let tensors = tensors.filter_map(|(name, tensor)| Some((state(name)?, tensor.copy())));
        let dict = StateDict::from_parts(tensors.collect(), &groups[kind]).unwrap();
        let (params, mut optimizer) = start(&|i| python[&format!("{kind}.w.{i}")].copy());
        optimizer.load_state_dict(&dict).unwrap();
        assert_eq!(
            optimizer.setting(1, "initial_lr"),
            Some(Setting::Float(0.05)),
            "{kind}"
        );
        assert_eq!(
            settings_of(&optimizer.state_dict()),
            settings_of(&dict),
            "{kind}"
        );
        on_one_thread(|| train(&params, optimizer.as_mut()));
        for (i, param) in params.iter().enumerate() {
            let end = &python[&format!("{kind}.end.{i}")];
            assert!(
                same_bits(&param.detach(), end),
                "{kind}: parameter {i} differs"
            );
        }

        // Python loads ours and continues from it.
        let (params, mut optimizer) =
            start(&|i| Tensor::arange(5, (Kind::Float, Device::Cpu)) * 0.3 + i as f64);
        on_one_thread(|| train(&params, optimizer.as_mut()));
        let dict = optimizer.state_dict();
        metadata.insert(kind.to_owned(), dict.param_groups_json().unwrap());
        let state = dict.tensors().into_iter();
        ours.extend(state.map(|(name, tensor)| (format!("{kind}.state.{name}"), tensor.copy())));
        for (i, param) in params.iter().enumerate() {
            ours.insert(format!("{kind}.w.{i}"), param.detach().copy());
        }
        on_one_thread(|| train(&params, optimizer.as_mut()));
        for (i, param) in params.iter().enumerate() {
            ends.insert(format!("{kind}.end.{i}"), param.detach());
        }
    }
    OutputFile::create(&to_python)
        .unwrap()
        .write_safetensors(&ours, metadata)
        .unwrap();
    python_code(
        SCRIPT,
        &[
            OsStr::new("go_on"),
            to_python.as_os_str(),
            result.as_os_str(),
        ],
    );
    let result = read_safetensors(&result).unwrap();
    assert!(result.keys().eq(ends.keys()));
    for (name, end) in ends {
        assert!(same_bits(&end, &result[&name]), "{name} differs");
    }
}

/// The settings of every group, with all numbers as floats: Python has `0` where this has `0.0`.
fn settings_of(dict: &StateDict) -> Vec<Settings> {
    let plain = |(name, setting): (&String, &Setting)| {
        let number = setting.as_f64().map(Setting::Float);
        (name.clone(), number.unwrap_or(setting.clone()))
    };
    let groups = dict.param_groups.iter();
    groups
        .map(|group| group.settings.iter().map(plain).collect())
        .collect()
}

/// Ten steps equal five steps, carrying weights and state over into a new model and optimizer, and
/// five more.
#[test]
fn state_carries_an_optimizer_over() {
    use final_layer::tasks::Objective;
    use final_layer::training::forward_and_backward;
    type Question = final_layer::networks::DigitClassification;

    for algorithm in [
        Algorithm::Sgd,
        Algorithm::Momentum,
        Algorithm::Adam,
        Algorithm::Adamw,
        Algorithm::Rmsprop,
        Algorithm::Adagrad,
        Algorithm::Adadelta,
        Algorithm::Adamax,
        Algorithm::NAdam,
        Algorithm::RAdam,
    ] {
        on_one_thread(|| {
            let model = new_model();
            let input = Question::draw_input(16).unwrap();
            let target = Question::draw_target(16).unwrap();
            let train = |model: &Model<DigitClassifier>, optimizer: &mut dyn Optimizer, steps| {
                for _ in 0..steps {
                    forward_and_backward(model, optimizer, &input, &target).unwrap();
                    optimizer.step().unwrap();
                }
            };
            let mut optimizer = algorithm.build(&model.vs, 0.01).unwrap();
            train(&model, optimizer.as_mut(), 5);

            let mut second = new_model();
            second.vs.copy(&model.vs).unwrap();
            let mut carried = algorithm.build(&second.vs, 0.01).unwrap();
            let state = optimizer.state_dict();
            carried.load_state_dict(&state).unwrap();
            train(&second, carried.as_mut(), 5);

            train(&model, optimizer.as_mut(), 5);
            for (name, parameter) in model.vs.variables() {
                let other = &second.vs.variables()[&name];
                assert!(same_bits(&parameter, other), "{algorithm}: {name} differs");
            }
        });
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused() {
    let _generator = lock_generator();
    let model = new_model();
    let mut adam = Algorithm::Adam.build(&model.vs, 0.01).unwrap();
    let output = model
        .network
        .forward(&Tensor::ones([4, 784], (Kind::Float, Device::Cpu)));
    output.sum(Kind::Float).backward();
    adam.step().unwrap();

    // Each case removes an entry from a valid state or adds one.
    let refused = |adam: &mut Box<dyn Optimizer>, spoil: &dyn Fn(&mut StateDict)| {
        let mut dict = adam.state_dict();
        spoil(&mut dict);
        adam.load_state_dict(&dict).unwrap_err().to_string()
    };
    let state = |i: usize, name: &'static str, tensor: Option<Tensor>| {
        move |dict: &mut StateDict| {
            let state = dict.state.get_mut(&i).unwrap();
            match &tensor {
                Some(tensor) => drop(state.insert(name.to_owned(), tensor.copy())),
                None => drop(state.remove(name).unwrap()),
            }
        }
    };
    let scalar = Tensor::from(1f32);
    let double = adam.state_dict().state[&1]["exp_avg"].to_kind(Kind::Double);
    let setting = |name: &'static str, value: Setting| {
        move |dict: &mut StateDict| {
            let settings = &mut dict.param_groups[0].settings;
            drop(settings.insert(name.to_owned(), value.clone()));
        }
    };
    type Spoil<'a> = &'a dyn Fn(&mut StateDict);
    let cases: [(&str, Spoil); 11] = [
        ("missing key \"0.exp_avg\"", &state(0, "exp_avg", None)),
        (
            "unexpected key \"0.momentum_buffer\"",
            &state(0, "momentum_buffer", Some(scalar.copy())),
        ),
        (
            "\"1.exp_avg\" has shape [], expected [128]",
            &state(1, "exp_avg", Some(scalar)),
        ),
        (
            "\"1.exp_avg\" is torch.float64, expected torch.float32",
            &state(1, "exp_avg", Some(double)),
        ),
        ("unexpected state of parameter 7", &|dict| {
            let state = dict.state.remove(&3).unwrap();
            dict.state.insert(7, state);
        }),
        (
            "loaded state dict has a different number of parameter groups",
            &|dict| dict.param_groups.clear(),
        ),
        (
            "loaded state dict contains a parameter group that doesn't match the size of \
             optimizer's group",
            &|dict| {
                dict.param_groups[0].params.pop();
            },
        ),
        ("a parameter group has no entry \"lr\"", &|dict| {
            drop(dict.param_groups[0].settings.remove("lr"));
        }),
        (
            "\"betas\" of a parameter group: expected two numbers, found 0.9",
            &setting("betas", 0.9.into()),
        ),
        (
            "fused=True is not supported: its kernel rounds differently",
            &setting("fused", true.into()),
        ),
        (
            "missing key \"0.max_exp_avg_sq\"; missing key \"1.max_exp_avg_sq\"; missing key \
             \"2.max_exp_avg_sq\"; missing key \"3.max_exp_avg_sq\"",
            &setting("amsgrad", true.into()),
        ),
    ];
    let before = adam.state_dict();
    let before_groups = before.param_groups_json().unwrap();
    let before: NamedTensors = before
        .tensors()
        .into_iter()
        .map(|(name, t)| (name, t.copy()))
        .collect();
    for (message, spoil) in cases {
        assert_eq!(refused(&mut adam, spoil), message);
        let after = adam.state_dict();
        assert_eq!(
            after.param_groups_json().unwrap(),
            before_groups,
            "{message}"
        );
        for (name, tensor) in after.tensors() {
            assert!(
                same_bits(&tensor, &before[&name]),
                "{message}: {name} was loaded"
            );
        }
    }

    let mut sgd = Algorithm::Sgd.build(&model.vs, 0.01).unwrap();
    assert!(sgd.load_state_dict(&adam.state_dict()).is_err());
}
