//! Traps that show only in numbers.

use std::collections::HashSet;

use final_layer::torch::nn::functional as F;
use final_layer::torch::utils::data::{DataLoader, DataLoaderConfig};
use final_layer::training::Algorithm;
use tch::data::Iter2;
use tch::nn::{self, Init, OptimizerConfig};
use tch::{Device, Kind, Reduction, Tensor, no_grad};

use super::case::{Case, Difference, FEATURES};
use testing::on_one_thread;

pub fn initial_values() -> String {
    on_one_thread(|| {
        let case = Case::new();
        tch::manual_seed(0);
        let vs = nn::VarStore::new(Device::Cpu);
        let fc1 = nn::linear(vs.root() / "fc1", 784, 128, Default::default());
        let fc2 = nn::linear(vs.root() / "fc2", 128, 10, Default::default());
        let spread = |weight: &Tensor| weight.std(true).double_value(&[]);
        let ratio = spread(&fc1.ws) / spread(&case.parameter("fc1.weight"));
        let output = case.input.apply(&fc1).relu().apply(&fc2);
        let [tch, python] = [output, case.output()].map(|output| {
            output
                .cross_entropy_for_logits(&case.target)
                .double_value(&[])
        });
        format!(
            "weights spread {ratio:.2} times as wide; first loss {tch:.1} instead of {python:.1}"
        )
    })
}

pub fn order_of_draws() -> String {
    on_one_thread(|| {
        let bound = 1. / 28.;
        let config = nn::LinearConfig {
            ws_init: Init::Uniform {
                lo: -bound,
                up: bound,
            },
            ..Default::default()
        };
        tch::manual_seed(0);
        let vs = nn::VarStore::new(Device::Cpu);
        let bias_first = nn::linear(vs.root() / "fc1", 784, 128, config).ws;
        let python = Case::new().parameter("fc1.weight");
        let Difference { count, of, largest } = Difference::between(&bias_first, &python);
        format!("{count} of {of} weights differ, by up to {largest:.3}")
    })
}

pub fn linear_by_hand() -> String {
    on_one_thread(|| {
        let case = Case::new();
        let (weight, bias) = (case.parameter("fc1.weight"), case.parameter("fc1.bias"));
        let by_hand = case.input.matmul(&weight.tr()) + &bias;
        let difference = roundings(&by_hand, &case.hidden(&case.input), &case.sum_of_sizes());
        format!("the layer's outputs may differ, {difference}")
    })
}

/// The difference of two ways of summing the same products in float32. `sizes` is the sum of their
/// absolute values.
///
/// In whatever order n numbers are summed, fused or not, the error of the sum is at most n·u/(1 −
/// n·u) times the sum of their absolute values, where u is half the distance from 1 to the next
/// number (Higham 2002, section 4.2). Each number is a product with its own rounding.
fn roundings(one: &Tensor, other: &Tensor, sizes: &Tensor) -> String {
    let n_u = (FEATURES + 2) as f64 * f64::from(f32::EPSILON) / 2.;
    let bound = sizes * (2. * n_u / (1. - n_u));
    let apart = (one - other).abs();
    let is_rounding = bool::try_from(apart.to_kind(Kind::Double).le_tensor(&bound).all()).unwrap();
    let by = if is_rounding {
        "by roundings"
    } else {
        "by more than roundings"
    };
    format!("{by}: up to ≈{:.1e}", apart.max().double_value(&[]))
}

pub fn cross_entropy() -> String {
    on_one_thread(|| {
        let case = Case::new();
        let loss_and_gradient = |loss: fn(&Tensor, &Tensor) -> Tensor| {
            let logits = case.output().set_requires_grad(true);
            let loss = loss(&logits, &case.target);
            loss.backward();
            Tensor::cat(&[loss.detach().view(1), logits.grad().view(-1)], 0)
        };
        let helper = loss_and_gradient(|logits, target| logits.cross_entropy_for_logits(target));
        let python = loss_and_gradient(|logits, target| {
            logits.cross_entropy_loss::<Tensor>(target, None, Reduction::Mean, -100, 0.)
        });
        let Difference { count, of, .. } = Difference::between(&helper, &python);
        format!("{count} of {of} differ, loss and gradient")
    })
}

pub fn cross_entropy_in_float64() -> String {
    on_one_thread(|| {
        let case = Case::new();
        let logits = case.output().to_kind(Kind::Double);
        let target = &case.target;
        let helper = logits.cross_entropy_for_logits(target);
        let python = F::cross_entropy(&logits, target, None, -100, F::Reduction::Mean, 0.);
        let kinds = [helper.kind(), python.kind()];
        let apart = Difference::between(&helper, &python).largest;
        format!(
            "the loss is {:?} and not {:?}, ≈{apart:.1e} off",
            kinds[0], kinds[1]
        )
    })
}

pub fn log_of_softmax() -> String {
    on_one_thread(|| {
        let logits = Tensor::from_slice(&[0f32, 120.]).view([1, 2]);
        let target = Tensor::from_slice(&[0i64]);
        let by_hand = logits.softmax(1, Kind::Float).log().nll_loss(&target);
        let right = logits.cross_entropy_for_logits(&target);
        let [by_hand, right] = [by_hand, right].map(|loss| loss.double_value(&[]));
        format!("logits 120 apart: a loss of {by_hand} instead of {right}")
    })
}

pub fn softmax_into_the_loss() -> String {
    on_one_thread(|| {
        // The right answer, without a doubt.
        let logits = Tensor::from_slice(&[1000f32, 0., 0., 0., 0., 0., 0., 0., 0., 0.]);
        let softmax = logits.view([1, 10]).softmax(1, Kind::Float);
        let loss = softmax.cross_entropy_for_logits(&Tensor::from_slice(&[0i64]));
        let loss = loss.double_value(&[]);
        format!("the loss of a perfect answer is {loss:.5} instead of 0")
    })
}

pub fn sgd_by_hand() -> String {
    on_one_thread(|| {
        let by_hand = |steps| {
            let case = Case::new();
            case.train(steps, |loss| {
                let mut params = case.model.vs.trainable_variables();
                params.iter_mut().for_each(Tensor::zero_grad);
                loss.backward();
                no_grad(|| {
                    for param in &mut params {
                        let moved = &*param + param.grad() * -0.1;
                        param.copy_(&moved);
                    }
                });
            })
        };
        let python = |steps| Case::new().train_with(steps, Algorithm::Sgd, 0.1);
        let [one, hundred] = [1, 100].map(|steps| {
            let Difference { largest, .. } = Difference::between(&by_hand(steps), &python(steps));
            format!("≈{largest:.1e}")
        });
        format!("weights may differ: by up to {one} after 1 step, {hundred} after 100 steps")
    })
}

pub fn sgd() -> String {
    on_one_thread(|| {
        let (one, other) = (Case::new(), Case::new());
        let mut sgd = nn::Sgd::default().build(&one.model.vs, 0.1).unwrap();
        let of_tch = one.train(100, |loss| sgd.backward_step(&loss));
        let python = other.train_with(100, Algorithm::Sgd, 0.1);
        let Difference { count, of, .. } = Difference::between(&of_tch, &python);
        format!("{count} of {of} weights differ after 100 steps")
    })
}

pub fn adam() -> String {
    on_one_thread(|| {
        let case = Case::new();
        let mut adam = nn::Adam::default().build(&case.model.vs, 1e-3).unwrap();
        let of_tch = case.train(2, |loss| adam.backward_step(&loss));
        let python = Case::new().train_with(2, Algorithm::Adam, 1e-3);
        let Difference { count, largest, .. } = Difference::between(&of_tch, &python);
        let some = if count > 0 { "some" } else { "no" };
        format!("{some} weights differ after 2 steps, by up to ≈{largest:.1e}")
    })
}

pub fn shuffling() -> String {
    on_one_thread(|| {
        let samples = Tensor::arange(1000, (Kind::Int64, Device::Cpu));
        let list = |batches: Vec<Tensor>| Vec::<i64>::try_from(Tensor::cat(&batches, 0)).unwrap();
        tch::manual_seed(0);
        let config = DataLoaderConfig {
            batch_size: 64,
            shuffle: true,
            ..Default::default()
        };
        let loader = DataLoader::new(1000, config).unwrap();
        let python = list(loader.iter().map(Result::unwrap).collect());
        tch::manual_seed(0);
        let mut batches = Iter2::new(&samples, &samples, 64);
        let tch = list(batches.shuffle().map(|(xs, _)| xs).collect());
        let seen: HashSet<_> = tch.iter().collect();
        let missed = python
            .iter()
            .filter(|sample| !seen.contains(sample))
            .count();
        let in_place = python.iter().zip(&tch).filter(|(a, b)| a == b).count();
        let places = tch.len();
        format!(
            "of 1000 samples, {missed} are left out; {in_place} of the other {places} come at \
             their turn"
        )
    })
}

pub fn threads() -> String {
    on_one_thread(|| {
        let output = |threads| {
            tch::set_num_threads(threads);
            let case = Case::new();
            let _ = case.train_with(50, Algorithm::Adam, 1e-3);
            case.output()
        };
        let one = output(1);
        let same = Difference::between(&one, &output(1)).count;
        let largest = Difference::between(&one, &output(2)).largest;
        format!(
            "50 steps of Adam: {same} logits differ with 1 thread on both sides; with 1 and 2 they \
             may, by up to ≈{largest:.1e}"
        )
    })
}

pub fn batch_size() -> String {
    on_one_thread(|| {
        let case = Case::new();
        let first = |tensor: &Tensor| tensor.narrow(0, 0, 1);
        let alone = case.hidden(&first(&case.input));
        let among = first(&case.hidden(&case.input));
        let difference = roundings(&alone, &among, &first(&case.sum_of_sizes()));
        format!("a sample alone or among 64: the first layer's outputs may differ, {difference}")
    })
}
