//! Corner cases of optimizers, each with every kind of optimizer, against the same in Python
//! (crates/torch-parity/tests/python/optimizer_cases.py): parameters without a gradient, tied
//! weights, gradients and parameters that are not plain memory, stale graphs, parameter groups.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use tch::nn::VarStore;
use tch::{Device, Kind, Tensor, no_grad};
use torch_parity::nn::parameters;
use torch_parity::optim::{
    Adadelta, AdadeltaConfig, Adagrad, AdagradConfig, Adam, AdamConfig, Adamax, AdamaxConfig,
    NAdam, NAdamConfig, Optimizer, ParamGroup, ParamGroups, RAdam, RAdamConfig, RmsProp,
    RmsPropConfig, Sgd, SgdConfig,
};
use torch_parity::serialization::{Metadata, NamedTensors, read_safetensors_and_metadata};
use torch_parity::{Result, one_line};

use testing::{on_one_thread, python_code, same_bits};

const KINDS: [&str; 17] = [
    "SGD",
    "momentum",
    "nesterov",
    "weight_decay",
    "maximize",
    "Adam",
    "AdamW",
    "amsgrad",
    "RMSprop",
    "centered",
    "Adagrad",
    "accumulator",
    "Adadelta",
    "Adamax",
    "NAdam",
    "RAdam",
    "short memory",
];

fn make(kind: &str, params: impl Into<ParamGroups>) -> Box<dyn Optimizer> {
    const LR: f64 = 0.1;
    let plain = SgdConfig::new(LR);
    let momentum = SgdConfig {
        momentum: 0.9,
        ..plain
    };
    let sgd = match kind {
        "SGD" => plain,
        "momentum" => momentum,
        "nesterov" => SgdConfig {
            nesterov: true,
            ..momentum
        },
        "weight_decay" => SgdConfig {
            weight_decay: 0.1,
            ..momentum
        },
        "maximize" => SgdConfig {
            maximize: true,
            ..plain
        },
        _ => {
            let adam = match kind {
                "Adam" => AdamConfig::adam(LR),
                "AdamW" => AdamConfig::adamw(LR),
                "amsgrad" => AdamConfig {
                    amsgrad: true,
                    weight_decay: 0.1,
                    ..AdamConfig::adam(LR)
                },
                _ => return make_other(kind, params, LR),
            };
            return Box::new(Adam::new(params, adam).unwrap());
        }
    };
    Box::new(Sgd::new(params, sgd).unwrap())
}

/// The kinds without a special form for plain memory.
fn make_other(kind: &str, params: impl Into<ParamGroups>, lr: f64) -> Box<dyn Optimizer> {
    let centered = RmsPropConfig {
        momentum: 0.9,
        centered: true,
        ..RmsPropConfig::new(lr)
    };
    let accumulator = AdagradConfig {
        initial_accumulator_value: 0.1,
        weight_decay: 0.1,
        ..AdagradConfig::new(lr)
    };
    let decoupled = NAdamConfig {
        weight_decay: 0.1,
        decoupled_weight_decay: true,
        ..NAdamConfig::new(lr)
    };
    let short = RAdamConfig {
        betas: (0.5, 0.9),
        weight_decay: 0.1,
        ..RAdamConfig::new(lr)
    };
    match kind {
        "RMSprop" => Box::new(RmsProp::new(params, RmsPropConfig::new(lr)).unwrap()),
        "centered" => Box::new(RmsProp::new(params, centered).unwrap()),
        "Adagrad" => Box::new(Adagrad::new(params, AdagradConfig::new(lr)).unwrap()),
        "accumulator" => Box::new(Adagrad::new(params, accumulator).unwrap()),
        "Adadelta" => Box::new(Adadelta::new(params, AdadeltaConfig::new(lr)).unwrap()),
        "Adamax" => Box::new(Adamax::new(params, AdamaxConfig::new(lr)).unwrap()),
        "NAdam" => Box::new(NAdam::new(params, decoupled).unwrap()),
        "RAdam" => Box::new(RAdam::new(params, RAdamConfig::new(lr)).unwrap()),
        "short memory" => Box::new(RAdam::new(params, short).unwrap()),
        _ => panic!("{kind} is no kind"),
    }
}

/// The results of one case with one kind of optimizer.
#[derive(Default)]
struct Record {
    tensors: NamedTensors,
    errors: BTreeMap<String, String>,
}

impl Record {
    fn keep(&mut self, key: impl ToString, tensors: &[&Tensor]) {
        for (i, tensor) in tensors.iter().enumerate() {
            let tensor = no_grad(|| tensor.detach().resolve_neg().resolve_conj());
            let key = format!("{}.{i}", key.to_string());
            self.tensors.insert(key, tensor.contiguous().copy());
        }
    }

    fn keep_state(&mut self, key: impl ToString, optimizer: &dyn Optimizer) {
        for (name, tensor) in optimizer.state_dict().tensors() {
            if !tensor.is_sparse() {
                let key = format!("{}.state.{name}", key.to_string());
                self.tensors.insert(key, tensor.contiguous().copy());
            }
        }
    }

    fn attempt(&mut self, key: &str, run: impl FnOnce(&mut Self) -> Result<()>) {
        if let Err(error) = run(self) {
            self.errors.insert(key.to_owned(), one_line(&error));
        }
    }
}

fn randn(size: &[i64]) -> Tensor {
    Tensor::randn(size, (Kind::Float, Device::Cpu))
}

fn parameter(tensor: Tensor) -> Tensor {
    tensor.set_requires_grad(true)
}

/// `w.grad = grad`
fn set_grad(w: &Tensor, grad: &Tensor) {
    if !w.grad().defined() {
        w.sum(w.kind()).backward();
    }
    w.grad().set_data(grad);
}

fn handles(params: &[&Tensor]) -> Vec<Tensor> {
    params.iter().map(|param| param.shallow_clone()).collect()
}

fn zero_grad(optimizer: &mut dyn Optimizer) {
    optimizer.zero_grad(true).unwrap();
}

fn step(optimizer: &mut dyn Optimizer) {
    optimizer.step().unwrap();
}

/// Runs a case with every kind of optimizer and compares all results with Python's.
fn check(name: &str, case: impl Fn(&mut Record, &str, &str)) {
    let (expected, expected_errors) = python();
    let mut failures = Vec::new();
    for kind in KINDS {
        let key = format!("{name}.{kind}");
        let mut record = Record::default();
        on_one_thread(|| {
            tch::manual_seed(0);
            case(&mut record, kind, &key);
        });
        let ours = |other: &str| other.starts_with(&format!("{key}.")) || other == key;
        let keys: Vec<&String> = expected.keys().filter(|other| ours(other)).collect();
        let found: Vec<&String> = record.tensors.keys().collect();
        if found != keys {
            failures.push(format!(
                "{key}: expected the tensors {keys:?}, found {found:?}"
            ));
            continue;
        }
        for (name, tensor) in &record.tensors {
            if !same_bits(tensor, &expected[name]) {
                failures.push(format!(
                    "{name}: expected {}, found {tensor}",
                    expected[name]
                ));
                break;
            }
        }
        let expected = expected_errors.get(&key);
        let found = record.errors.get(&key);
        if expected != found {
            failures.push(format!(
                "{key}: expected the error {expected:?}, found {found:?}"
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Python's results for all cases, computed once.
fn python() -> (NamedTensors, Metadata) {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cases.safetensors");
        python_code(
            "crates/torch-parity/tests/python/optimizer_cases.py",
            &[file.as_os_str()],
        );
        folder
    });
    let file = folder.path().join("cases.safetensors");
    read_safetensors_and_metadata(&file).unwrap()
}

#[test]
fn unused() {
    check("unused", |record, kind, key| {
        let [a, b] = [0, 1].map(|_| parameter(randn(&[5])));
        let mut optimizer = make(kind, handles(&[&a, &b]));
        for (number, used) in [true, false, false, false, true].into_iter().enumerate() {
            zero_grad(optimizer.as_mut());
            let square = &a * &a;
            let loss = if used { square * &b } else { square * 1. };
            loss.sum(Kind::Float).backward();
            step(optimizer.as_mut());
            record.keep(format!("{key}.{number}"), &[&a, &b]);
        }
        record.keep_state(key, optimizer.as_ref());
    });
}

#[test]
fn first_used_late() {
    check("first_used_late", |record, kind, key| {
        let [a, b] = [0, 1].map(|_| parameter(randn(&[5])));
        let mut optimizer = make(kind, handles(&[&b, &a]));
        for number in 0..4 {
            record.keep_state(format!("{key}.{number}"), optimizer.as_ref());
            zero_grad(optimizer.as_mut());
            let square = &a * &a;
            let loss = if number >= 2 {
                square * &b
            } else {
                square * 1.
            };
            loss.sum(Kind::Float).backward();
            step(optimizer.as_mut());
            record.keep(format!("{key}.{number}"), &[&a, &b]);
        }
        record.keep_state(key, optimizer.as_ref());
    });
}

#[test]
fn zeros_instead_of_none() {
    check("zeros_instead_of_none", |record, kind, key| {
        let [a, b] = [0, 1].map(|_| parameter(randn(&[5])));
        let mut optimizer = make(kind, handles(&[&a, &b]));
        for (number, used) in [true, false, false, true].into_iter().enumerate() {
            optimizer.zero_grad(false).unwrap();
            let square = &a * &a;
            let loss = if used { square * &b } else { square * 1. };
            loss.sum(Kind::Float).backward();
            step(optimizer.as_mut());
            record.keep(format!("{key}.{number}"), &[&a, &b, &b.grad()]);
        }
    });
}

#[test]
fn two_networks() {
    check("two_networks", |record, kind, key| {
        let (maker, judge) = (parameter(randn(&[4, 3])), parameter(randn(&[1, 4])));
        let mut optimizers = [&maker, &judge].map(|network| make(kind, handles(&[network])));
        let (noise, real) = (randn(&[8, 3]), randn(&[8, 4]));
        for number in 0..6 {
            for optimizer in &mut optimizers {
                zero_grad(optimizer.as_mut());
            }
            let made = noise.matmul(&maker.tr());
            let judged = |sample: &Tensor| sample.matmul(&judge.tr()).sigmoid();
            let makers_turn = number % 3 == 2;
            let loss = match makers_turn {
                true => -judged(&made).log().sum(Kind::Float),
                false => {
                    let fake = judged(&made.detach());
                    -(judged(&real).log() + (1f64 - fake).log()).sum(Kind::Float)
                }
            };
            loss.backward();
            let both = [1, 4].contains(&number);
            let [makers, judges] = &mut optimizers;
            if makers_turn || both {
                step(makers.as_mut());
            }
            if !makers_turn || both {
                step(judges.as_mut());
            }
            record.keep(format!("{key}.{number}"), &[&maker, &judge]);
        }
    });
}

#[test]
fn thawed() {
    check("thawed", |record, kind, key| {
        let [a, b] = [0, 1].map(|_| parameter(randn(&[5])));
        let mut optimizer = make(kind, handles(&[&a, &b]));
        for number in 0..6 {
            let _ = b.set_requires_grad([2, 3].contains(&number));
            zero_grad(optimizer.as_mut());
            (&a * &b).sin().sum(Kind::Float).backward();
            step(optimizer.as_mut());
            record.keep(format!("{key}.{number}"), &[&a, &b]);
        }
        record.keep_state(key, optimizer.as_ref());
    });
}

#[test]
fn tied() {
    check("tied", |record, kind, key| {
        let vs = VarStore::new(Device::Cpu);
        // Python draws two layers before it ties them.
        let _ = Tensor::rand([2, 3, 3], (Kind::Float, Device::Cpu));
        let w = (vs.root() / "0").var_copy("weight", &randn(&[3, 3]));
        let _ = (vs.root() / "1").add("weight", w.shallow_clone(), true);
        assert_eq!(parameters(&vs).len(), 1);
        let mut optimizer = make(kind, &vs);
        let x = randn(&[2, 3]);
        for number in 0..3 {
            zero_grad(optimizer.as_mut());
            let output = x.linear(&w, None::<&Tensor>).linear(&w, None::<&Tensor>);
            output.square().sum(Kind::Float).backward();
            step(optimizer.as_mut());
            record.keep(format!("{key}.{number}"), &[&w]);
        }
        record.keep_state(key, optimizer.as_ref());
    });
}

#[test]
fn minus_zero() {
    check("minus_zero", |record, kind, key| {
        let a = parameter(randn(&[3]).zeros_like());
        let mut optimizer = make(kind, handles(&[&a]));
        for number in 0..2 {
            zero_grad(optimizer.as_mut());
            (&a * -0.).sum(Kind::Float).backward();
            record.keep(format!("{key}.{number}"), &[&a.grad()]);
            step(optimizer.as_mut());
            record.keep(format!("{key}.{number}.after"), &[&a]);
        }
        record.keep_state(key, optimizer.as_ref());
    });
}

#[test]
fn sparse() {
    check("sparse", |record, kind, key| {
        let w = parameter(randn(&[6, 2]));
        let mut optimizer = make(kind, handles(&[&w]));
        record.attempt(key, |record| {
            for number in 0..3 {
                zero_grad(optimizer.as_mut());
                let rows = Tensor::from_slice(&[1, 4, 1 + number]);
                let e = Tensor::embedding(&w, &rows, -1, false, true);
                (&e * &e).sum(Kind::Float).backward();
                optimizer.step()?;
                record.keep(format!("{key}.{number}"), &[&w]);
            }
            Ok(())
        });
        record.keep(format!("{key}.end"), &[&w]);
    });
}

#[test]
fn negated() {
    check("negated", |record, kind, key| {
        // With one element, its gradient is kept as it is.
        let w = parameter(randn(&[1]));
        let mut optimizer = make(kind, handles(&[&w]));
        let c = Tensor::complex(&randn(&[1]), &randn(&[1]));
        for number in 0..3 {
            zero_grad(optimizer.as_mut());
            let z = Tensor::complex(&w.zeros_like().detach(), &w);
            (z.conj() * &c).real().sum(Kind::Float).backward();
            assert!(w.grad().is_neg());
            step(optimizer.as_mut());
            record.keep(format!("{key}.{number}"), &[&w]);
        }
    });
}

#[test]
fn negated_directly() {
    check("negated_directly", |record, kind, key| {
        let w = parameter(randn(&[5]));
        let mut optimizer = make(kind, handles(&[&w]));
        for number in 0..3 {
            set_grad(&w, &randn(&[5]).internal_neg_view());
            assert!(w.grad().is_neg());
            step(optimizer.as_mut());
            record.keep(format!("{key}.{number}"), &[&w]);
        }
    });
}

#[test]
fn zero_tensor() {
    check("zero_tensor", |record, kind, key| {
        let w = parameter(randn(&[5]));
        let mut optimizer = make(kind, handles(&[&w]));
        record.attempt(key, |record| {
            for number in 0..3 {
                let zero = Tensor::internal_efficientzerotensor([5], (Kind::Float, Device::Cpu));
                set_grad(&w, &zero);
                assert!(w.grad().internal_is_zerotensor());
                optimizer.step()?;
                record.keep(format!("{key}.{number}"), &[&w]);
            }
            Ok(())
        });
        record.keep(format!("{key}.end"), &[&w]);
    });
}

#[test]
fn expanded_gradient() {
    check("expanded_gradient", |record, kind, key| {
        let w = parameter(randn(&[5]));
        let mut optimizer = make(kind, handles(&[&w]));
        for number in 0..3 {
            set_grad(&w, &randn(&[1]).expand([5], false));
            step(optimizer.as_mut());
            record.keep(format!("{key}.{number}"), &[&w]);
        }
    });
}

#[test]
fn transposed_gradient() {
    check("transposed_gradient", |record, kind, key| {
        let w = parameter(randn(&[3, 4]));
        let mut optimizer = make(kind, handles(&[&w]));
        for number in 0..3 {
            set_grad(&w, &randn(&[4, 3]).tr());
            step(optimizer.as_mut());
            record.keep(format!("{key}.{number}"), &[&w]);
        }
        record.keep_state(key, optimizer.as_ref());
    });
}

#[test]
fn transposed_parameter() {
    check("transposed_parameter", |record, kind, key| {
        let w = parameter(randn(&[3, 4]).tr());
        let mut optimizer = make(kind, handles(&[&w]));
        for number in 0..3 {
            zero_grad(optimizer.as_mut());
            (&w * &w).sum(Kind::Float).backward();
            step(optimizer.as_mut());
            record.keep(format!("{key}.{number}"), &[&w]);
        }
    });
}

#[test]
fn expanded_parameter() {
    check("expanded_parameter", |record, kind, key| {
        let w = parameter(randn(&[1]).expand([5], false));
        let mut optimizer = make(kind, handles(&[&w]));
        (&w * &w).sum(Kind::Float).backward();
        record.attempt(key, |_| optimizer.step());
        record.keep(key, &[&w]);
    });
}

#[test]
fn without_elements() {
    check("without_elements", |record, kind, key| {
        let (w, a) = (parameter(randn(&[0, 3])), parameter(randn(&[2])));
        let mut optimizer = make(kind, handles(&[&w, &a]));
        for number in 0..2 {
            zero_grad(optimizer.as_mut());
            (w.sum(Kind::Float) + (&a * &a).sum(Kind::Float)).backward();
            step(optimizer.as_mut());
            record.keep(format!("{key}.{number}"), &[&w, &a]);
        }
    });
}

#[test]
fn other_dtypes() {
    let dtypes = [
        ("float64", Kind::Double),
        ("bfloat16", Kind::BFloat16),
        ("float16", Kind::Half),
        ("complex64", Kind::ComplexFloat),
        ("complex128", Kind::ComplexDouble),
    ];
    check("other_dtypes", |record, kind, key| {
        for (name, dtype) in dtypes {
            let complex = matches!(dtype, Kind::ComplexFloat | Kind::ComplexDouble);
            let start = match complex {
                true => Tensor::complex(&randn(&[37]), &randn(&[37])),
                false => randn(&[37]),
            };
            let w = parameter(start.to_kind(dtype));
            let mut optimizer = make(kind, handles(&[&w]));
            let real = || match complex {
                true => w.view_as_real(),
                false => w.shallow_clone(),
            };
            // RAdam rectifies the variance from the sixth step on.
            for number in 0..7 {
                zero_grad(optimizer.as_mut());
                let y = real();
                (&y * &y).sum(y.kind()).backward();
                step(optimizer.as_mut());
                record.keep(format!("{key}.{name}.{number}"), &[&real()]);
            }
        }
    });
}

#[test]
fn stale_graph() {
    check("stale_graph", |record, kind, key| {
        let w = parameter(randn(&[5]));
        let mut optimizer = make(kind, handles(&[&w]));
        let loss = (&w * &w).sum(Kind::Float);
        set_grad(&w, &randn(&[5]));
        step(optimizer.as_mut());
        record.attempt(key, |_| Ok(loss.f_backward()?));
        if let Some(error) = record.errors.get_mut(key) {
            // The type is spelled differently.
            error.truncate(error.find(": [").unwrap_or(error.len()));
        }
    });
}

#[test]
fn groups() {
    check("groups", |record, kind, key| {
        let [a, b, c] = [0, 1, 2].map(|_| parameter(randn(&[5])));
        let second = ParamGroup::new(handles(&[&b]));
        let groups = [
            ParamGroup::new(handles(&[&a])),
            // Adagrad uses the optimizer's value, and the others do not have the last entry.
            second
                .with("lr", 0.01)
                .with("weight_decay", 0.2)
                .with("initial_accumulator_value", 0.7),
        ];
        let mut optimizer = make(kind, groups);
        for number in 0..6 {
            if number == 2 {
                let third = ParamGroup::new(handles(&[&c])).with("lr", 0.3);
                optimizer.add_param_group(third).unwrap();
            }
            if number == 4 {
                optimizer.set_lr(0, optimizer.lr(0) * 0.5);
            }
            zero_grad(optimizer.as_mut());
            (&a * &b * &c).sin().sum(Kind::Float).backward();
            step(optimizer.as_mut());
            record.keep(format!("{key}.{number}"), &[&a, &b, &c]);
        }
        record.keep_state(key, optimizer.as_ref());
    });
}
