//! The losses of `torch.nn.functional`, and the layers of `loss.py`.

use serde_json::Value;
use tch::Tensor;
use torch_parity::Result;
use torch_parity::nn::functional::{self as F, Reduction};
use torch_parity::nn::{self, Path};

use super::functional::{function, three};
use super::record::Forward;
use super::table::{Args, Argument, Call};

/// Builds a loss of torch.nn with fields named like Python's arguments, for these inputs.
macro_rules! layer {
    ($args:ident, $layer:ident($($i:literal $input:literal),+) $($field:ident),*) => {{
        let mut layer = nn::$layer::default();
        $($args.set(stringify!($field), &mut layer.$field);)*
        $args.set("reduction", &mut layer.reduction);
        function(move |call| layer.f_forward($(input(call, $i, $input)),+))
    }};
}

pub fn build(_vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    if let Some(name) = layer.strip_prefix("functional.") {
        return functional(name, args).map(Ok);
    }
    Some(Ok(match layer {
        "L1Loss" => layer!(args, L1Loss(0 "input", 1 "target")),
        "MSELoss" => layer!(args, MSELoss(0 "input", 1 "target")),
        "SmoothL1Loss" => layer!(args, SmoothL1Loss(0 "input", 1 "target") beta),
        "HuberLoss" => layer!(args, HuberLoss(0 "input", 1 "target") delta),
        "KLDivLoss" => layer!(args, KLDivLoss(0 "input", 1 "target") log_target),
        "PoissonNLLLoss" => {
            layer!(args, PoissonNLLLoss(0 "log_input", 1 "target") log_input, full, eps)
        }
        "GaussianNLLLoss" => {
            layer!(args, GaussianNLLLoss(0 "input", 1 "target", 2 "var") full, eps)
        }
        "CrossEntropyLoss" => {
            layer!(args, CrossEntropyLoss(0 "input", 1 "target") ignore_index, label_smoothing)
        }
        "NLLLoss" => layer!(args, NLLLoss(0 "input", 1 "target") ignore_index),
        "BCELoss" => layer!(args, BCELoss(0 "input", 1 "target")),
        "BCEWithLogitsLoss" => layer!(args, BCEWithLogitsLoss(0 "input", 1 "target")),
        "SoftMarginLoss" => layer!(args, SoftMarginLoss(0 "input", 1 "target")),
        "MultiMarginLoss" => layer!(args, MultiMarginLoss(0 "input", 1 "target") p, margin),
        "MultiLabelMarginLoss" => layer!(args, MultiLabelMarginLoss(0 "input", 1 "target")),
        "MultiLabelSoftMarginLoss" => {
            layer!(args, MultiLabelSoftMarginLoss(0 "input", 1 "target"))
        }
        "CTCLoss" => layer!(
            args,
            CTCLoss(0 "log_probs", 1 "targets", 2 "input_lengths", 3 "target_lengths")
            blank, zero_infinity
        ),
        "MarginRankingLoss" => {
            layer!(args, MarginRankingLoss(0 "input1", 1 "input2", 2 "target") margin)
        }
        "HingeEmbeddingLoss" => layer!(args, HingeEmbeddingLoss(0 "input", 1 "target") margin),
        "CosineEmbeddingLoss" => {
            layer!(args, CosineEmbeddingLoss(0 "input1", 1 "input2", 2 "target") margin)
        }
        "TripletMarginLoss" => layer!(
            args,
            TripletMarginLoss(0 "anchor", 1 "positive", 2 "negative") margin, p, eps, swap
        ),
        "TripletMarginWithDistanceLoss" => {
            let mut layer = nn::TripletMarginWithDistanceLoss::default();
            args.set("margin", &mut layer.margin);
            args.set("swap", &mut layer.swap);
            args.set("reduction", &mut layer.reduction);
            if let Some([name, inner]) = args.get::<Vec<Value>>("distance_function").as_deref() {
                assert_eq!(name, "CosineSimilarity");
                let inner = Args::new(inner);
                let mut distance = nn::CosineSimilarity::default();
                inner.set("dim", &mut distance.dim);
                inner.set("eps", &mut distance.eps);
                inner.expect_all_read();
                layer.distance_function = Some(Box::new(move |a, b| distance.forward(a, b)));
            }
            function(move |call| {
                let [anchor, positive, negative] = three(call);
                layer.f_forward(anchor, positive, negative)
            })
        }
        "CosineSimilarity" => {
            let mut layer = nn::CosineSimilarity::default();
            args.set("dim", &mut layer.dim);
            args.set("eps", &mut layer.eps);
            function(move |call| layer.f_forward(&call.inputs[0], &call.inputs[1]))
        }
        "PairwiseDistance" => {
            let mut layer = nn::PairwiseDistance::default();
            args.set("p", &mut layer.p);
            args.set("eps", &mut layer.eps);
            args.set("keepdim", &mut layer.keepdim);
            function(move |call| layer.f_forward(&call.inputs[0], &call.inputs[1]))
        }
        _ => return None,
    }))
}

fn functional(name: &str, args: &Args) -> Option<Forward> {
    let number = |name: &str, default: f64| args.get(name).unwrap_or(default);
    let whole = |name: &str, default: i64| args.get(name).unwrap_or(default);
    let flag = |name: &str| args.get(name).unwrap_or(false);
    let reduction = || args.get("reduction").unwrap_or_default();
    Some(match name {
        "cross_entropy" => {
            let (ignored, smoothing) = (whole("ignore_index", -100), number("label_smoothing", 0.));
            let reduction = reduction();
            function(move |call| {
                let ([x, y], weight) = (two(call), call.tensor("weight"));
                F::f_cross_entropy(x, y, weight, ignored, reduction, smoothing)
            })
        }
        "linear_cross_entropy" => {
            let (ignored, smoothing) = (whole("ignore_index", -100), number("label_smoothing", 0.));
            let reduction = reduction();
            function(move |call| {
                let [x, of_linear, y] = three(call);
                let [bias, weight] = ["linear_bias", "weight"].map(|name| call.tensor(name));
                F::f_linear_cross_entropy(
                    x, of_linear, y, bias, weight, reduction, ignored, smoothing,
                )
            })
        }
        "nll_loss" => {
            let (ignored, reduction) = (whole("ignore_index", -100), reduction());
            function(move |call| {
                let ([x, y], weight) = (two(call), call.tensor("weight"));
                F::f_nll_loss(x, y, weight, ignored, reduction)
            })
        }
        "binary_cross_entropy" => {
            let reduction = reduction();
            function(move |call| {
                let ([x, y], weight) = (two(call), call.tensor("weight"));
                F::f_binary_cross_entropy(x, y, weight, reduction)
            })
        }
        "binary_cross_entropy_with_logits" => {
            let reduction = reduction();
            function(move |call| {
                let [weight, of_yes] = ["weight", "pos_weight"].map(|name| call.tensor(name));
                let [x, y] = two(call);
                F::f_binary_cross_entropy_with_logits(x, y, weight, reduction, of_yes)
            })
        }
        "mse_loss" | "l1_loss" => {
            let f = if name == "mse_loss" {
                F::f_mse_loss
            } else {
                F::f_l1_loss
            };
            let reduction = reduction();
            function(move |call| {
                let ([x, y], weight) = (two(call), weight(call));
                f(x, y, reduction, weight)
            })
        }
        "smooth_l1_loss" => {
            let (beta, reduction) = (number("beta", 1.), reduction());
            function(move |call| {
                let [x, y] = two(call);
                F::f_smooth_l1_loss(x, y, reduction, beta)
            })
        }
        "huber_loss" => {
            let (delta, reduction) = (number("delta", 1.), reduction());
            function(move |call| {
                let ([x, y], weight) = (two(call), weight(call));
                F::f_huber_loss(x, y, reduction, delta, weight)
            })
        }
        "kl_div" => {
            let (log_target, reduction) = (flag("log_target"), reduction());
            function(move |call| {
                let [x, y] = two(call);
                F::f_kl_div(x, y, reduction, log_target)
            })
        }
        "poisson_nll_loss" => {
            let log_input = args.get("log_input").unwrap_or(true);
            let (full, eps, reduction) = (flag("full"), number("eps", 1e-8), reduction());
            function(move |call| {
                let [x, y] = two(call);
                F::f_poisson_nll_loss(x, y, log_input, full, eps, reduction)
            })
        }
        "gaussian_nll_loss" => {
            let (full, eps, reduction) = (flag("full"), number("eps", 1e-6), reduction());
            function(move |call| {
                let [x, y, var] = three(call);
                F::f_gaussian_nll_loss(x, y, var, full, eps, reduction)
            })
        }
        "ctc_loss" => {
            let (blank, finite, reduction) =
                (whole("blank", 0), flag("zero_infinity"), reduction());
            function(move |call| {
                let names = ["targets", "input_lengths", "target_lengths"];
                let [y, of_input, of_target] = [0, 1, 2].map(|i| input(call, i + 1, names[i]));
                let x = &call.inputs[0];
                F::f_ctc_loss(x, y, of_input, of_target, blank, reduction, finite)
            })
        }
        "soft_margin_loss" | "multilabel_margin_loss" => {
            let f = match name {
                "soft_margin_loss" => F::f_soft_margin_loss,
                _ => F::f_multilabel_margin_loss,
            };
            let reduction = reduction();
            function(move |call| {
                let [x, y] = two(call);
                f(x, y, reduction)
            })
        }
        "multi_margin_loss" => {
            let (p, margin, reduction) = (whole("p", 1), number("margin", 1.), reduction());
            function(move |call| {
                let ([x, y], weight) = (two(call), call.tensor("weight"));
                F::f_multi_margin_loss(x, y, p, margin, weight, reduction)
            })
        }
        "multilabel_soft_margin_loss" => {
            let reduction = reduction();
            function(move |call| {
                let ([x, y], weight) = (two(call), call.tensor("weight"));
                F::f_multilabel_soft_margin_loss(x, y, weight, reduction)
            })
        }
        "margin_ranking_loss" | "cosine_embedding_loss" => {
            let f = match name {
                "margin_ranking_loss" => F::f_margin_ranking_loss,
                _ => F::f_cosine_embedding_loss,
            };
            let (margin, reduction) = (number("margin", 0.), reduction());
            function(move |call| {
                let [a, b, y] = [0, 1, 2].map(|i| input(call, i, "target"));
                f(a, b, y, margin, reduction)
            })
        }
        "hinge_embedding_loss" => {
            let (margin, reduction) = (number("margin", 1.), reduction());
            function(move |call| {
                let [x, y] = two(call);
                F::f_hinge_embedding_loss(x, y, margin, reduction)
            })
        }
        "triplet_margin_loss" => {
            let (margin, p, eps) = (number("margin", 1.), number("p", 2.), number("eps", 1e-6));
            let (swap, reduction) = (flag("swap"), reduction());
            function(move |call| {
                let [a, p_, n] = three(call);
                F::f_triplet_margin_loss(a, p_, n, margin, p, eps, swap, reduction)
            })
        }
        "triplet_margin_with_distance_loss" => {
            let (margin, swap, reduction) = (number("margin", 1.), flag("swap"), reduction());
            function(move |call| {
                let [a, p, n] = three(call);
                F::f_triplet_margin_with_distance_loss(a, p, n, None, margin, swap, reduction)
            })
        }
        _ => return None,
    })
}

/// An input by position, or by name if no gradient with respect to it is requested.
fn input<'a>(call: &'a Call, i: usize, name: &str) -> &'a Tensor {
    let named = || {
        call.tensor(name)
            .unwrap_or_else(|| panic!("no input {name}"))
    };
    call.inputs.get(i).unwrap_or_else(named)
}

fn two(call: &Call) -> [&Tensor; 2] {
    [input(call, 0, "input"), input(call, 1, "target")]
}

/// The weight of each loss.
fn weight(call: &Call) -> Option<&Tensor> {
    call.tensor("weight").or(call.inputs.get(2))
}

impl Argument for Reduction {
    fn read(value: &Value) -> Option<Self> {
        Some(match value.as_str()? {
            "none" => Self::None,
            "mean" => Self::Mean,
            "sum" => Self::Sum,
            "batchmean" => Self::BatchMean,
            _ => return None,
        })
    }
}
