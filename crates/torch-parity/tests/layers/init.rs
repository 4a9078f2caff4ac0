//! `torch_parity::nn::init` against Python's `torch.nn.init`.

use std::fs;

use serde_json::Value;
use tch::{Device, Kind, Tensor};
use torch_parity::nn::init::{self, FanInOut, NonLinearity};
use torch_parity::serialization::{NamedTensors, read_safetensors};
use torch_parity::{Result, one_line};

use testing::{on_one_thread, python_code, root, same_bits};

/// Functions with their arguments under Python's names, a shape and a dtype.
fn cases() -> Value {
    let file = root("crates/torch-parity/tests/tables/init.json");
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

fn apply(function: &str, arguments: &Value, tensor: &mut Tensor) -> Result<()> {
    let number =
        |name: &str, default: f64| arguments.get(name).map_or(default, |v| v.as_f64().unwrap());
    let text = |name: &str| {
        arguments
            .get(name)
            .map_or("", |value| value.as_str().unwrap())
    };
    let mode = || match text("mode") {
        "fan_out" => FanInOut::FanOut,
        _ => FanInOut::FanIn,
    };
    let nonlinearity = || match text("nonlinearity") {
        "linear" => NonLinearity::Linear,
        "tanh" => NonLinearity::Tanh,
        "relu" => NonLinearity::ReLU,
        "selu" => NonLinearity::SELU,
        _ => init::leaky_relu(number("a", 0.)),
    };
    match function {
        "uniform_" => init::f_uniform_(tensor, number("a", 0.), number("b", 1.)),
        "normal_" => init::f_normal_(tensor, number("mean", 0.), number("std", 1.)),
        "constant_" => init::f_constant_(tensor, number("val", f64::NAN)),
        "ones_" => init::f_ones_(tensor),
        "zeros_" => init::f_zeros_(tensor),
        "eye_" => init::f_eye_(tensor),
        "dirac_" => init::f_dirac_(tensor, number("groups", 1.) as i64),
        "xavier_uniform_" => init::f_xavier_uniform_(tensor, number("gain", 1.)),
        "xavier_normal_" => init::f_xavier_normal_(tensor, number("gain", 1.)),
        "kaiming_uniform_" => init::f_kaiming_uniform_(tensor, mode(), nonlinearity()),
        "kaiming_normal_" => init::f_kaiming_normal_(tensor, mode(), nonlinearity()),
        "orthogonal_" => init::f_orthogonal_(tensor, number("gain", 1.)),
        "sparse_" => init::f_sparse_(tensor, number("sparsity", f64::NAN), number("std", 0.01)),
        "trunc_normal_" => {
            let (mean, std) = (number("mean", 0.), number("std", 1.));
            init::f_trunc_normal_(tensor, mean, std, number("a", -2.), number("b", 2.))
        }
        other => panic!("unknown function {other}"),
    }
}

#[test]
fn draws_equal_python() {
    let cases = cases();
    let folder = tempfile::tempdir().unwrap();
    let [output, input] = ["drawn.safetensors", "cases.json"].map(|name| folder.path().join(name));
    fs::write(&input, cases.to_string()).unwrap();
    python_code(
        "crates/torch-parity/tests/python/init.py",
        &[output.as_os_str(), input.as_os_str()],
    );
    let python: NamedTensors = read_safetensors(&output).unwrap();

    let mut failures = Vec::new();
    on_one_thread(|| {
        for (i, case) in cases.as_array().unwrap().iter().enumerate() {
            let size: Vec<i64> = case[2]
                .as_array()
                .unwrap()
                .iter()
                .map(|n| n.as_i64().unwrap())
                .collect();
            let kind = match case[3].as_str() {
                Some("float64") => Kind::Double,
                _ => Kind::Float,
            };
            tch::manual_seed(0);
            let mut tensor = Tensor::zeros(&size[..], (kind, Device::Cpu)).set_requires_grad(true);
            apply(case[0].as_str().unwrap(), &case[1], &mut tensor).unwrap();
            let next = Tensor::randn([1], (Kind::Float, Device::Cpu));
            for (what, tensor, name) in [
                ("drawn", tensor.detach(), format!("{i}")),
                ("the generator after it", next, format!("{i}.next")),
            ] {
                if !same_bits(&tensor, &python[&name]) {
                    failures.push(format!("{case}: {what} differs"));
                }
            }
        }
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));

    let gains = [
        NonLinearity::Linear,
        NonLinearity::Linear,
        NonLinearity::Sigmoid,
        NonLinearity::Tanh,
        NonLinearity::ReLU,
        init::leaky_relu(0.01),
        init::leaky_relu(0.2),
        NonLinearity::SELU,
    ];
    let gains = Tensor::from_slice(&gains.map(init::calculate_gain));
    assert!(same_bits(&gains, &python["gains"]));
}

#[test]
fn arguments_that_python_refuses_are_refused() {
    let zeros = |size: &[i64]| Tensor::zeros(size, (Kind::Float, Device::Cpu));
    let cases = [
        (
            init::f_eye_(&mut zeros(&[3])),
            "Only tensors with 2 dimensions are supported",
        ),
        (
            init::f_dirac_(&mut zeros(&[3, 3]), 1),
            "Only tensors with 3, 4, or 5 dimensions are supported",
        ),
        (
            init::f_dirac_(&mut zeros(&[3, 3, 3]), 2),
            "dim 0 must be divisible by groups",
        ),
        (
            init::f_xavier_uniform_(&mut zeros(&[3]), 1.),
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions",
        ),
        (
            init::f_orthogonal_(&mut zeros(&[3]), 1.),
            "Only tensors with 2 or more dimensions are supported",
        ),
        (
            init::f_sparse_(&mut zeros(&[3]), 0.1, 1.),
            "Only tensors with 2 dimensions are supported",
        ),
        (
            init::f_normal_(&mut zeros(&[3]), 0., -1.),
            "normal expects std >= 0.0, but found std -1",
        ),
    ];
    for (result, expected) in cases {
        assert_eq!(one_line(&result.unwrap_err()), expected);
    }
}
