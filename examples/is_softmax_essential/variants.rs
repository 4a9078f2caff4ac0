//! The networks of the experiment: the library's with another end or another loss.

use std::fmt::Debug;
use std::io::BufRead;
use std::marker::PhantomData;
use std::path::Path as FilePath;

use anyhow::Result;
use final_layer::data::Splits;
use final_layer::metrics::Evaluation;
use final_layer::networks::{DigitClassifier, HousePricePredictor};
use final_layer::tasks::{
    Answer, BinaryClassification, DigitClassification, HousePricing, Inputs, Network, Task,
};
use final_layer::torch::nn::linear;
use tch::nn::{Linear, Module, Path};
use tch::{Kind, Reduction, Tensor};

/// The loss of an output and its target, a float32 scalar.
pub type Loss = fn(&Tensor, &Tensor) -> Result<Tensor>;

/// What is another in a network: what follows the last layer, or the loss.
pub trait Variant: Debug + Send {
    /// The network whose layers it has.
    type Of: Network;
    const NAME: &'static str;
    const LOSS: Loss;

    /// What follows the last layer.
    fn end(logits: Tensor) -> Tensor {
        logits
    }
}

/// The network of a variant.
#[derive(Debug)]
pub struct Varied<V: Variant>(V::Of);

impl<V: Variant> Module for Varied<V> {
    fn forward(&self, x: &Tensor) -> Tensor {
        V::end(self.0.forward(x))
    }
}

impl<V: Variant> Network for Varied<V> {
    type Task = VariedTask<V>;
    const NAME: &'static str = V::NAME;
    const ABOUT: &'static str = V::NAME;

    fn build(vs: &Path) -> Self {
        Self(V::Of::build(vs))
    }
}

/// The question of a variant: all but the loss is the library's.
#[derive(Debug)]
pub struct VariedTask<V>(PhantomData<V>);

type Question<V> = <<V as Variant>::Of as Network>::Task;

impl<V: Variant> Task for VariedTask<V> {
    const INPUT_FEATURES: i64 = Question::<V>::INPUT_FEATURES;
    const SAMPLE_DATA: &'static str = Question::<V>::SAMPLE_DATA;

    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        V::LOSS(output, target)
    }

    fn draw_target(batch_size: i64) -> Result<Tensor> {
        Question::<V>::draw_target(batch_size)
    }

    fn report(output: &Tensor) -> Vec<(&'static str, Tensor)> {
        Question::<V>::report(output)
    }

    fn read_data(path: &FilePath) -> Result<Splits> {
        Question::<V>::read_data(path)
    }

    fn evaluate(output: &Tensor, target: &Tensor) -> Result<Evaluation> {
        Question::<V>::evaluate(output, target)
    }

    fn read_inputs(path: &FilePath, invert: bool) -> Result<Inputs> {
        Question::<V>::read_inputs(path, invert)
    }

    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        Question::<V>::read_each(input, invert, each)
    }

    fn answers(output: &Tensor) -> Result<Vec<Answer>> {
        Question::<V>::answers(output)
    }
}

/// `BinaryClassifier`'s layers with as many outputs as are asked for: 784 → 64, ReLU, → `OUTPUTS`
/// logits.
#[derive(Debug)]
pub struct Layers<const OUTPUTS: i64> {
    fc1: Linear,
    fc2: Linear,
}

impl<const OUTPUTS: i64> Network for Layers<OUTPUTS> {
    type Task = BinaryClassification;
    const NAME: &'static str = "BinaryClassifier's layers";
    const ABOUT: &'static str = Self::NAME;

    fn build(vs: &Path) -> Self {
        Self {
            fc1: linear(&(vs / "fc1"), 784, 64),
            fc2: linear(&(vs / "fc2"), 64, OUTPUTS),
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

/// `F.cross_entropy(F.softmax(logits), target)`, the common mistake: ten logits, `(N, 10)`, and the
/// true classes, `(N,)` int64.
pub fn cross_entropy_on_softmax(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    DigitClassification::loss(&softmax(logits), target)
}

/// `F.mse_loss(F.softmax(logits), F.one_hot(target))`, of the same shapes.
pub fn squared_error_on_softmax(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    squared_error_on_logits(&softmax(logits), target)
}

/// `F.mse_loss(logits, F.one_hot(target))`, of the same shapes.
pub fn squared_error_on_logits(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    let one_hot = target.one_hot(logits.size()[1]).to_kind(Kind::Float);
    Ok(logits.mse_loss(&one_hot, Reduction::Mean))
}

/// `F.binary_cross_entropy_with_logits(logits, target)`.
pub fn binary_cross_entropy_with_logits(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
    Ok(logits.binary_cross_entropy_with_logits::<Tensor>(target, None, None, Reduction::Mean))
}

/// `F.cross_entropy(logits, shares)`, the shares float32 of the logits' shape with a sum of 1.
fn cross_entropy_with_shares(logits: &Tensor, shares: &Tensor) -> Result<Tensor> {
    Ok(logits.f_cross_entropy_loss::<Tensor>(shares, None, Reduction::Mean, -100, 0.)?)
}

#[derive(Debug)]
pub struct CrossEntropyOnSoftmax;

impl Variant for CrossEntropyOnSoftmax {
    type Of = DigitClassifier;
    const NAME: &'static str = "digits: cross-entropy on softmax";
    const LOSS: Loss = cross_entropy_on_softmax;
}

#[derive(Debug)]
pub struct SquaredErrorOnSoftmax;

impl Variant for SquaredErrorOnSoftmax {
    type Of = DigitClassifier;
    const NAME: &'static str = "digits: squared error on softmax";
    const LOSS: Loss = squared_error_on_softmax;
}

#[derive(Debug)]
pub struct SquaredErrorOnLogits;

impl Variant for SquaredErrorOnLogits {
    type Of = DigitClassifier;
    const NAME: &'static str = "digits: squared error on logits";
    const LOSS: Loss = squared_error_on_logits;
}

/// A price through a softmax over this one output.
#[derive(Debug)]
pub struct PriceThroughSoftmax;

impl Variant for PriceThroughSoftmax {
    type Of = HousePricePredictor;
    const NAME: &'static str = "houses: softmax on the price";
    const LOSS: Loss = HousePricing::loss;

    fn end(price: Tensor) -> Tensor {
        softmax(&price)
    }
}

/// A price through a sigmoid.
#[derive(Debug)]
pub struct PriceThroughSigmoid;

impl Variant for PriceThroughSigmoid {
    type Of = HousePricePredictor;
    const NAME: &'static str = "houses: sigmoid on the price";
    const LOSS: Loss = HousePricing::loss;

    fn end(price: Tensor) -> Tensor {
        price.sigmoid()
    }
}

/// Yes or no from one logit.
#[derive(Debug)]
pub struct OneLogit;

impl Variant for OneLogit {
    type Of = Layers<1>;
    const NAME: &'static str = "odd or even: one logit";
    const LOSS: Loss = binary_cross_entropy_with_logits;
}

/// Yes or no from two logits, with softmax and cross-entropy; classes int64 `(N,)`.
#[derive(Debug)]
pub struct TwoLogits;

impl Variant for TwoLogits {
    type Of = Layers<2>;
    const NAME: &'static str = "odd or even: two logits";
    const LOSS: Loss = DigitClassification::loss;
}

/// Three labels, each by a sigmoid of its own; targets float32 `(N, 3)`, 0 or 1.
#[derive(Debug)]
pub struct LabelsThroughSigmoids;

impl Variant for LabelsThroughSigmoids {
    type Of = Layers<3>;
    const NAME: &'static str = "labels: a sigmoid for each";
    const LOSS: Loss = BinaryClassification::loss;

    fn end(logits: Tensor) -> Tensor {
        logits.sigmoid()
    }
}

/// Three labels by one softmax over all; targets as with sigmoids.
#[derive(Debug)]
pub struct LabelsThroughSoftmax;

impl Variant for LabelsThroughSoftmax {
    type Of = Layers<3>;
    const NAME: &'static str = "labels: softmax over all";
    const LOSS: Loss = BinaryClassification::loss;

    fn end(logits: Tensor) -> Tensor {
        softmax(&logits)
    }
}

/// Which labels hold, as shares of one: targets float32 `(N, 3)` with a sum of 1.
#[derive(Debug)]
pub struct LabelsShared;

impl Variant for LabelsShared {
    type Of = Layers<3>;
    const NAME: &'static str = "labels: shares of one";
    const LOSS: Loss = cross_entropy_with_shares;
}
