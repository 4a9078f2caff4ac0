//! The network on which the traps are measured, and the comparison of two tensors.

use final_layer::networks::DigitClassification;
use final_layer::networks::DigitClassifier;
use final_layer::tasks::{Model, Objective};
use final_layer::training::Algorithm;
use tch::nn::Module;
use tch::{Device, Kind, Tensor, no_grad};

/// The number of features of a sample.
pub const FEATURES: i64 = 784;

/// The number of elements in which two tensors differ, their total number, and the largest
/// difference.
pub struct Difference {
    pub count: usize,
    pub of: usize,
    pub largest: f64,
}

impl Difference {
    pub fn between(a: &Tensor, b: &Tensor) -> Self {
        let count = a.not_equal_tensor(b).sum(Kind::Int64).int64_value(&[]);
        Self {
            count: count as usize,
            of: a.numel(),
            largest: (a - b).abs().max().double_value(&[]),
        }
    }
}

/// The network, its input and target, all drawn from seed 0.
pub struct Case {
    pub model: Model<DigitClassifier>,
    pub input: Tensor,
    pub target: Tensor,
}

impl Case {
    pub fn new() -> Self {
        tch::manual_seed(0);
        let model = Model::new(Device::Cpu);
        Self {
            model,
            input: DigitClassification::draw_input(64).unwrap(),
            target: DigitClassification::draw_target(64).unwrap(),
        }
    }

    /// The network's current output, without gradient.
    pub fn output(&self) -> Tensor {
        no_grad(|| self.model.network.forward(&self.input))
    }

    /// The first layer's output for `input`.
    pub fn hidden(&self, input: &Tensor) -> Tensor {
        let [weight, bias] = ["fc1.weight", "fc1.bias"].map(|name| self.parameter(name));
        input.linear(&weight, Some(&bias))
    }

    /// For each output of the first layer, the sum of the absolute values of its summands, in
    /// float64.
    pub fn sum_of_sizes(&self) -> Tensor {
        let sizes = |tensor: &Tensor| tensor.abs().to_kind(Kind::Double);
        let [weight, bias] = ["fc1.weight", "fc1.bias"].map(|name| sizes(&self.parameter(name)));
        sizes(&self.input).matmul(&weight.tr()) + bias
    }

    pub fn parameter(&self, name: &str) -> Tensor {
        self.model.vs.variables()[name].detach()
    }

    /// The weights of the first layer after `steps` steps.
    pub fn train(&self, steps: usize, mut step: impl FnMut(Tensor)) -> Tensor {
        for _ in 0..steps {
            let output = self.model.network.forward(&self.input);
            step(DigitClassification::loss(&output, &self.target).unwrap());
        }
        self.parameter("fc1.weight")
    }

    pub fn train_with(&self, steps: usize, algorithm: Algorithm, lr: f64) -> Tensor {
        let mut optimizer = algorithm.build(&self.model.vs, lr).unwrap();
        self.train(steps, |loss| {
            optimizer.zero_grad(true).unwrap();
            loss.backward();
            optimizer.step().unwrap();
        })
    }
}
