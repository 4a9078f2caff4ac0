//! The losses of `torch.nn`: the functions of [`functional`](super::functional) with stored
//! arguments.
//!
//! ```
//! use torch_parity::nn::CrossEntropyLoss;
//! use tch::{Device, Kind, Tensor};
//!
//! // criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
//! let criterion = CrossEntropyLoss { label_smoothing: 0.1, ..Default::default() };
//! let logits = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));
//! let loss = criterion.forward(&logits, &Tensor::from_slice(&[0i64, 2]));
//! assert!((loss.double_value(&[]) - 3f64.ln()).abs() < 1e-6);
//! ```
//!
//! Weights are not part of a variable store, whereas Python's are buffers in the state dict of the
//! module that holds the loss. They must be on the device of the input.
//!
//! Source: `torch/nn/modules/loss.py`.

use tch::Tensor;

use super::functional::{self as F, Reduction};
use super::{arguments, or_panic, refuse};
use crate::Result;

/// Defines losses: fields with Python's names and defaults, and the function that they call.
macro_rules! losses {
    ($($(#[$doc:meta])*
    $name:ident($($input:ident),+) {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr,)*
    } |$self:ident| $forward:expr;)+) => {$(
        arguments! {
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name {
                $($(#[$field_doc])* $field: $type = $default,)*
                /// The reduction over the losses of a batch.
                reduction: Reduction = Reduction::Mean,
            }
        }

        impl $name {
            /// The loss.
            ///
            /// # Panics
            /// If `f_forward` returns an error.
            #[track_caller]
            pub fn forward(&self, $($input: &Tensor),+) -> Tensor {
                or_panic(self.f_forward($($input),+))
            }

            /// As `forward`, but returns an error instead of panicking.
            ///
            /// # Errors
            /// If Python refuses an argument, or the tensors have unsupported shapes or dtypes.
            pub fn f_forward(&self, $($input: &Tensor),+) -> Result<Tensor> {
                let $self = self;
                $forward
            }
        }
    )+};
}

losses! {
    /// `nn.L1Loss(reduction="mean")`: [`l1_loss`](F::l1_loss).
    L1Loss(input, target) {} |this| F::f_l1_loss(input, target, this.reduction, None);
    /// `nn.MSELoss(reduction="mean")`: [`mse_loss`](F::mse_loss).
    MSELoss(input, target) {} |this| F::f_mse_loss(input, target, this.reduction, None);
    /// `nn.SmoothL1Loss(reduction="mean", beta=1.0)`: [`smooth_l1_loss`](F::smooth_l1_loss).
    SmoothL1Loss(input, target) {
        /// The difference at which the parabola becomes a line.
        beta: f64 = 1.,
    } |this| F::f_smooth_l1_loss(input, target, this.reduction, this.beta);
    /// `nn.HuberLoss(reduction="mean", delta=1.0)`: [`huber_loss`](F::huber_loss).
    HuberLoss(input, target) {
        /// The difference at which the parabola becomes a line.
        delta: f64 = 1.,
    } |this| F::f_huber_loss(input, target, this.reduction, this.delta, None);
    /// `nn.KLDivLoss(reduction="mean", log_target=False)`: [`kl_div`](F::kl_div).
    KLDivLoss(input, target) {
        /// If true, the target holds logarithms, too.
        log_target: bool = false,
    } |this| F::f_kl_div(input, target, this.reduction, this.log_target);
    /// `nn.PoissonNLLLoss(log_input=True, full=False, eps=1e-8, reduction="mean")`:
    /// [`poisson_nll_loss`](F::poisson_nll_loss).
    PoissonNLLLoss(log_input, target) {
        /// If true, the input is the logarithm of the mean.
        log_input: bool = true,
        /// If true, adds Stirling's approximation.
        full: bool = false,
        /// Keeps the logarithm finite without `log_input`.
        eps: f64 = 1e-8,
    } |this| F::f_poisson_nll_loss(
        log_input, target, this.log_input, this.full, this.eps, this.reduction
    );
    /// `nn.GaussianNLLLoss(full=False, eps=1e-6, reduction="mean")`:
    /// [`gaussian_nll_loss`](F::gaussian_nll_loss).
    GaussianNLLLoss(input, target, var) {
        /// If true, adds ln(2π) / 2.
        full: bool = false,
        /// The lower bound of the variance.
        eps: f64 = 1e-6,
    } |this| F::f_gaussian_nll_loss(input, target, var, this.full, this.eps, this.reduction);

    /// `nn.CrossEntropyLoss(weight=None, ignore_index=-100, reduction="mean",
    /// label_smoothing=0.0)`: [`cross_entropy`](F::cross_entropy).
    CrossEntropyLoss(input, target) {
        /// The weight of each class, `(C,)`.
        weight: Option<Tensor> = None,
        /// The class that is ignored.
        ignore_index: i64 = -100,
        /// The share of each target that is spread over all classes.
        label_smoothing: f64 = 0.,
    } |this| F::f_cross_entropy(
        input, target, this.weight.as_ref(), this.ignore_index, this.reduction,
        this.label_smoothing
    );
    /// `nn.NLLLoss(weight=None, ignore_index=-100, reduction="mean")`: [`nll_loss`](F::nll_loss).
    NLLLoss(input, target) {
        /// The weight of each class, `(C,)`.
        weight: Option<Tensor> = None,
        /// The class that is ignored.
        ignore_index: i64 = -100,
    } |this| F::f_nll_loss(
        input, target, this.weight.as_ref(), this.ignore_index, this.reduction
    );
    /// `nn.BCELoss(weight=None, reduction="mean")`:
    /// [`binary_cross_entropy`](F::binary_cross_entropy).
    BCELoss(input, target) {
        /// A factor for each loss.
        weight: Option<Tensor> = None,
    } |this| F::f_binary_cross_entropy(input, target, this.weight.as_ref(), this.reduction);
    /// `nn.BCEWithLogitsLoss(weight=None, reduction="mean", pos_weight=None)`:
    /// [`binary_cross_entropy_with_logits`](F::binary_cross_entropy_with_logits).
    BCEWithLogitsLoss(input, target) {
        /// A factor for each loss.
        weight: Option<Tensor> = None,
        /// A factor for the losses of positive targets.
        pos_weight: Option<Tensor> = None,
    } |this| F::f_binary_cross_entropy_with_logits(
        input, target, this.weight.as_ref(), this.reduction, this.pos_weight.as_ref()
    );
    /// `nn.SoftMarginLoss(reduction="mean")`: [`soft_margin_loss`](F::soft_margin_loss).
    SoftMarginLoss(input, target) {}
    |this| F::f_soft_margin_loss(input, target, this.reduction);
    /// `nn.MultiMarginLoss(p=1, margin=1.0, weight=None, reduction="mean")`:
    /// [`multi_margin_loss`](F::multi_margin_loss).
    MultiMarginLoss(input, target) {
        /// The exponent, 1 or 2.
        p: i64 = 1,
        /// The margin by which the true class must exceed the others.
        margin: f64 = 1.,
        /// The weight of each class, `(C,)`.
        weight: Option<Tensor> = None,
    } |this| F::f_multi_margin_loss(
        input, target, this.p, this.margin, this.weight.as_ref(), this.reduction
    );
    /// `nn.MultiLabelMarginLoss(reduction="mean")`:
    /// [`multilabel_margin_loss`](F::multilabel_margin_loss).
    MultiLabelMarginLoss(input, target) {}
    |this| F::f_multilabel_margin_loss(input, target, this.reduction);
    /// `nn.MultiLabelSoftMarginLoss(weight=None, reduction="mean")`:
    /// [`multilabel_soft_margin_loss`](F::multilabel_soft_margin_loss).
    MultiLabelSoftMarginLoss(input, target) {
        /// A factor for each loss.
        weight: Option<Tensor> = None,
    } |this| F::f_multilabel_soft_margin_loss(
        input, target, this.weight.as_ref(), this.reduction
    );
    /// `nn.CTCLoss(blank=0, reduction="mean", zero_infinity=False)`: [`ctc_loss`](F::ctc_loss).
    CTCLoss(log_probs, targets, input_lengths, target_lengths) {
        /// The blank class.
        blank: i64 = 0,
        /// If true, infinite losses and their gradients are set to 0.
        zero_infinity: bool = false,
    } |this| F::f_ctc_loss(
        log_probs, targets, input_lengths, target_lengths, this.blank, this.reduction,
        this.zero_infinity
    );

    /// `nn.MarginRankingLoss(margin=0.0, reduction="mean")`:
    /// [`margin_ranking_loss`](F::margin_ranking_loss).
    MarginRankingLoss(input1, input2, target) {
        /// The margin by which the higher-ranked input must exceed the other.
        margin: f64 = 0.,
    } |this| F::f_margin_ranking_loss(input1, input2, target, this.margin, this.reduction);
    /// `nn.HingeEmbeddingLoss(margin=1.0, reduction="mean")`:
    /// [`hinge_embedding_loss`](F::hinge_embedding_loss).
    HingeEmbeddingLoss(input, target) {
        /// The margin for the distance of dissimilar pairs.
        margin: f64 = 1.,
    } |this| F::f_hinge_embedding_loss(input, target, this.margin, this.reduction);
    /// `nn.CosineEmbeddingLoss(margin=0.0, reduction="mean")`:
    /// [`cosine_embedding_loss`](F::cosine_embedding_loss).
    CosineEmbeddingLoss(input1, input2, target) {
        /// The margin for the cosine of dissimilar pairs.
        margin: f64 = 0.,
    } |this| F::f_cosine_embedding_loss(input1, input2, target, this.margin, this.reduction);
    /// `nn.TripletMarginLoss(margin=1.0, p=2.0, eps=1e-6, swap=False, reduction="mean")`:
    /// [`triplet_margin_loss`](F::triplet_margin_loss).
    TripletMarginLoss(anchor, positive, negative) {
        /// The margin by which the negative must be farther away than the positive.
        margin: f64 = 1.,
        /// The exponent of the norm.
        p: f64 = 2.,
        /// Added to the differences for numerical stability.
        eps: f64 = 1e-6,
        /// If true, uses the distance between positive and negative if it is smaller.
        swap: bool = false,
    } |this| F::f_triplet_margin_loss(
        anchor, positive, negative, this.margin, this.p, this.eps, this.swap, this.reduction
    );
}

/// The distance of a [`TripletMarginWithDistanceLoss`].
pub type DistanceFunction = Box<dyn Fn(&Tensor, &Tensor) -> Tensor + Send + Sync>;

/// `nn.TripletMarginWithDistanceLoss(distance_function=None, margin=1.0, swap=False,
/// reduction="mean")`: [`triplet_margin_with_distance_loss`](F::triplet_margin_with_distance_loss).
pub struct TripletMarginWithDistanceLoss {
    /// The distance; by default [`PairwiseDistance`](super::PairwiseDistance).
    pub distance_function: Option<DistanceFunction>,
    /// The margin by which the negative must be farther away than the positive.
    pub margin: f64,
    /// If true, uses the distance between positive and negative if it is smaller.
    pub swap: bool,
    /// The reduction over the losses of a batch.
    pub reduction: Reduction,
}

impl Default for TripletMarginWithDistanceLoss {
    fn default() -> Self {
        Self {
            distance_function: None,
            margin: 1.,
            swap: false,
            reduction: Reduction::Mean,
        }
    }
}

impl TripletMarginWithDistanceLoss {
    /// The loss.
    ///
    /// # Panics
    /// If `f_forward` returns an error.
    #[track_caller]
    pub fn forward(&self, anchor: &Tensor, positive: &Tensor, negative: &Tensor) -> Tensor {
        or_panic(self.f_forward(anchor, positive, negative))
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If `margin` is not positive, or the tensors have unsupported shapes or dtypes.
    pub fn f_forward(
        &self,
        anchor: &Tensor,
        positive: &Tensor,
        negative: &Tensor,
    ) -> Result<Tensor> {
        let margin = self.margin;
        if margin <= 0. {
            return refuse(format!(
                "TripletMarginWithDistanceLoss: expected margin to be greater than 0, got \
                 {margin:?} instead"
            ));
        }
        let distance = self.distance_function.as_deref();
        let distance = distance.map(|f| f as &dyn Fn(&Tensor, &Tensor) -> Tensor);
        F::f_triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance,
            margin,
            self.swap,
            self.reduction,
        )
    }
}
