//! The networks of the experiment: the library's with another final activation or another loss.

use std::fmt::Debug;

use anyhow::Result;
use final_layer::networks::{BinaryClassification, DigitClassification, HousePricing};
use final_layer::networks::{DigitClassifier, HousePricePredictor};
use final_layer::tasks::{Dataset, Loss, Network, Objective, WithLoss};
use final_layer::torch::nn::linear;
use tch::nn::{Linear, Module, ModuleT, Path};
use tch::{Kind, Reduction, Tensor};

/// The function of a [`Loss`].
pub type LossFn = fn(&Tensor, &Tensor) -> Result<Tensor>;

/// A modification of a network: the function after the last layer, or the loss.
pub trait Variant: Debug + Send {
    /// The network that is modified.
    type Of: Network<Task: Dataset<Output = Tensor>> + ModuleT;
    /// The loss that training minimizes.
    type Loss: Loss;
    const NAME: &'static str;

    /// The function after the last layer.
    fn end(logits: Tensor) -> Tensor {
        logits
    }
}

/// The network of a variant.
#[derive(Debug)]
pub struct Varied<V: Variant>(V::Of);

impl<V: Variant> ModuleT for Varied<V> {
    fn forward_t(&self, x: &Tensor, train: bool) -> Tensor {
        V::end(self.0.forward_t(x, train))
    }
}

impl<V: Variant> Network for Varied<V> {
    type Task = WithLoss<<V::Of as Network>::Task, V::Loss>;
    const NAME: &'static str = V::NAME;

    fn new(vs: &Path) -> Self {
        Self(V::Of::new(vs))
    }
}

/// `BinaryClassifier`'s layers with `OUTPUTS` outputs: 784 → 64, ReLU, → `OUTPUTS` logits.
#[derive(Debug)]
pub struct Layers<const OUTPUTS: i64> {
    fc1: Linear,
    fc2: Linear,
}

impl<const OUTPUTS: i64> Network for Layers<OUTPUTS> {
    type Task = BinaryClassification;
    const NAME: &'static str = "BinaryClassifier's layers";

    fn new(vs: &Path) -> Self {
        Self {
            fc1: linear(vs / "fc1", 784, 64, Default::default()),
            fc2: linear(vs / "fc2", 64, OUTPUTS, Default::default()),
        }
    }
}

impl<const OUTPUTS: i64> Module for Layers<OUTPUTS> {
    fn forward(&self, x: &Tensor) -> Tensor {
        x.apply(&self.fc1).relu().apply(&self.fc2)
    }
}

/// `F.softmax(logits, dim=1)`.
pub fn softmax(logits: &Tensor) -> Tensor {
    logits.softmax(1, Kind::Float)
}

/// `F.cross_entropy(F.softmax(logits), target)`, a common mistake: ten logits, `(N, 10)`, and the
/// true classes, `(N,)` int64.
#[derive(Debug)]
pub struct CrossEntropyOnSoftmax;

impl Loss for CrossEntropyOnSoftmax {
    fn loss(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        DigitClassification::loss(&softmax(logits), target)
    }
}

impl Variant for CrossEntropyOnSoftmax {
    type Of = DigitClassifier;
    type Loss = Self;
    const NAME: &'static str = "digits: cross-entropy on softmax";
}

/// `F.mse_loss(F.softmax(logits), F.one_hot(target))`, of the same shapes.
#[derive(Debug)]
pub struct SquaredErrorOnSoftmax;

impl Loss for SquaredErrorOnSoftmax {
    fn loss(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        SquaredErrorOnLogits::loss(&softmax(logits), target)
    }
}

impl Variant for SquaredErrorOnSoftmax {
    type Of = DigitClassifier;
    type Loss = Self;
    const NAME: &'static str = "digits: squared error on softmax";
}

/// `F.mse_loss(logits, F.one_hot(target))`, of the same shapes.
#[derive(Debug)]
pub struct SquaredErrorOnLogits;

impl Loss for SquaredErrorOnLogits {
    fn loss(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        let one_hot = target.one_hot(logits.size()[1]).to_kind(Kind::Float);
        Ok(logits.mse_loss(&one_hot, Reduction::Mean))
    }
}

impl Variant for SquaredErrorOnLogits {
    type Of = DigitClassifier;
    type Loss = Self;
    const NAME: &'static str = "digits: squared error on logits";
}

/// Ten sigmoids in place of softmax: `F.binary_cross_entropy_with_logits(logits,
/// F.one_hot(target))`, of the same shapes.
#[derive(Debug)]
pub struct TenSigmoids;

impl Loss for TenSigmoids {
    fn loss(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        let one_hot = target.one_hot(logits.size()[1]).to_kind(Kind::Float);
        OneLogit::loss(logits, &one_hot)
    }
}

impl Variant for TenSigmoids {
    type Of = DigitClassifier;
    type Loss = Self;
    const NAME: &'static str = "digits: ten sigmoids";
}

/// The loss of one of the library's tasks.
#[derive(Debug)]
pub struct LossOf<T>(std::marker::PhantomData<T>);

impl<T: Objective<Output = Tensor, Target = Tensor>> Loss for LossOf<T> {
    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        T::loss(output, target)
    }
}

/// A price from a softmax over a single output.
#[derive(Debug)]
pub struct PriceThroughSoftmax;

impl Variant for PriceThroughSoftmax {
    type Of = HousePricePredictor;
    type Loss = LossOf<HousePricing>;
    const NAME: &'static str = "houses: softmax on the price";

    fn end(price: Tensor) -> Tensor {
        softmax(&price)
    }
}

/// A price from a sigmoid.
#[derive(Debug)]
pub struct PriceThroughSigmoid;

impl Variant for PriceThroughSigmoid {
    type Of = HousePricePredictor;
    type Loss = LossOf<HousePricing>;
    const NAME: &'static str = "houses: sigmoid on the price";

    fn end(price: Tensor) -> Tensor {
        price.sigmoid()
    }
}

/// `HousePricePredictor`'s layers with 21 outputs: 10 → 64, ReLU, → 21 logits.
#[derive(Debug)]
pub struct PriceLayers {
    fc1: Linear,
    fc2: Linear,
}

/// The number of prices over which softmax distributes its probabilities.
pub const PRICES: i64 = 21;

impl Network for PriceLayers {
    type Task = HousePricing;
    const NAME: &'static str = "HousePricePredictor's layers";

    fn new(vs: &Path) -> Self {
        Self {
            fc1: linear(vs / "fc1", 10, 64, Default::default()),
            fc2: linear(vs / "fc2", 64, PRICES, Default::default()),
        }
    }
}

impl Module for PriceLayers {
    fn forward(&self, x: &Tensor) -> Tensor {
        x.apply(&self.fc1).relu().apply(&self.fc2)
    }
}

/// Softmax over a scale of prices: targets float32 `(N, 21)`, the distribution of a house's price.
#[derive(Debug)]
pub struct SoftmaxOverPrices;

impl Variant for SoftmaxOverPrices {
    type Of = PriceLayers;
    type Loss = Shares;
    const NAME: &'static str = "houses: softmax over prices";
}

/// Binary classification with one logit.
#[derive(Debug)]
pub struct OneLogit;

/// `F.binary_cross_entropy_with_logits(logits, target)`.
impl Loss for OneLogit {
    fn loss(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        Ok(logits.binary_cross_entropy_with_logits::<Tensor>(target, None, None, Reduction::Mean))
    }
}

impl Variant for OneLogit {
    type Of = Layers<1>;
    type Loss = Self;
    const NAME: &'static str = "odd or even: one logit";
}

/// Binary classification with two logits, softmax and cross-entropy; classes int64 `(N,)`.
#[derive(Debug)]
pub struct TwoLogits;

impl Variant for TwoLogits {
    type Of = Layers<2>;
    type Loss = LossOf<DigitClassification>;
    const NAME: &'static str = "odd or even: two logits";
}

/// Three labels, each from its own sigmoid; targets float32 `(N, 3)`, 0 or 1.
#[derive(Debug)]
pub struct LabelsThroughSigmoids;

impl Variant for LabelsThroughSigmoids {
    type Of = Layers<3>;
    type Loss = LossOf<BinaryClassification>;
    const NAME: &'static str = "labels: a sigmoid for each";

    fn end(logits: Tensor) -> Tensor {
        logits.sigmoid()
    }
}

/// Three labels from one softmax over all; targets as with sigmoids.
#[derive(Debug)]
pub struct LabelsThroughSoftmax;

impl Variant for LabelsThroughSoftmax {
    type Of = Layers<3>;
    type Loss = LossOf<BinaryClassification>;
    const NAME: &'static str = "labels: softmax over all";

    fn end(logits: Tensor) -> Tensor {
        softmax(&logits)
    }
}

/// `F.cross_entropy(logits, shares)` with probabilities as targets: float32 `(N, K)`, each row with
/// a sum of 1.
#[derive(Debug)]
pub struct Shares;

impl Loss for Shares {
    fn loss(logits: &Tensor, shares: &Tensor) -> Result<Tensor> {
        Ok(logits.f_cross_entropy_loss::<Tensor>(shares, None, Reduction::Mean, -100, 0.)?)
    }
}

/// Labels as a distribution: targets float32 `(N, 3)` with a sum of 1.
#[derive(Debug)]
pub struct LabelsShared;

impl Variant for LabelsShared {
    type Of = Layers<3>;
    type Loss = Shares;
    const NAME: &'static str = "labels: shares of one";
}
