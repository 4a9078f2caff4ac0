//! The networks of the experiment: the library's with another end or another loss.

use std::fmt::Debug;
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

/// What is another in a network: the layers, what follows the last of them, the loss.
pub trait Variant: Debug + Send {
    const NAME: &'static str;
    /// What the layers are.
    type Layers: Module;
    /// What the network answers but for its loss.
    type Question: Task;

    /// The layers with their initial weights.
    fn layers(vs: &Path) -> Self::Layers;

    /// What follows the last layer.
    fn end(logits: Tensor) -> Tensor {
        logits
    }

    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor>;
}

/// The network of a variant.
#[derive(Debug)]
pub struct Varied<V: Variant>(V::Layers);

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
        Self(V::layers(vs))
    }
}

/// The question of a variant: all but the loss is the library's.
#[derive(Debug)]
pub struct VariedTask<V>(PhantomData<V>);

impl<V: Variant> Task for VariedTask<V> {
    const INPUT_FEATURES: i64 = V::Question::INPUT_FEATURES;
    const SAMPLE_DATA: &'static str = V::Question::SAMPLE_DATA;

    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        V::loss(output, target)
    }

    fn draw_target(batch_size: i64) -> Result<Tensor> {
        V::Question::draw_target(batch_size)
    }

    fn report(output: &Tensor) -> Vec<(&'static str, Tensor)> {
        V::Question::report(output)
    }

    fn read_data(path: &FilePath) -> Result<Splits> {
        V::Question::read_data(path)
    }

    fn evaluate(output: &Tensor, target: &Tensor) -> Result<Evaluation> {
        V::Question::evaluate(output, target)
    }

    fn read_inputs(path: &FilePath, invert: bool) -> Result<Inputs> {
        V::Question::read_inputs(path, invert)
    }

    fn answers(output: &Tensor) -> Result<Vec<Answer>> {
        V::Question::answers(output)
    }
}

/// The losses of ten logits, `(N, 10)`, and the true classes, `(N,)` int64. The first is
/// [`DigitClassification`]'s own.
pub mod digit_losses {
    use super::*;

    /// `F.cross_entropy(F.softmax(logits), target)`: the common mistake.
    pub fn cross_entropy_on_softmax(logits: &Tensor, target: &Tensor) -> Tensor {
        softmax(logits).cross_entropy_for_logits(target)
    }

    /// `F.mse_loss(F.softmax(logits), F.one_hot(target))`.
    pub fn squared_error_on_softmax(logits: &Tensor, target: &Tensor) -> Tensor {
        squared_error_on_logits(&softmax(logits), target)
    }

    /// `F.mse_loss(logits, F.one_hot(target))`.
    pub fn squared_error_on_logits(logits: &Tensor, target: &Tensor) -> Tensor {
        let one_hot = target.one_hot(logits.size()[1]).to_kind(Kind::Float);
        logits.mse_loss(&one_hot, Reduction::Mean)
    }
}

/// `F.softmax(logits, dim=1)`.
pub fn softmax(logits: &Tensor) -> Tensor {
    logits.softmax(1, Kind::Float)
}

#[derive(Debug)]
pub struct CrossEntropyOnSoftmax;

impl Variant for CrossEntropyOnSoftmax {
    const NAME: &'static str = "digits: cross-entropy on softmax";
    type Layers = DigitClassifier;
    type Question = DigitClassification;

    fn layers(vs: &Path) -> DigitClassifier {
        DigitClassifier::new(vs)
    }

    fn loss(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        Ok(digit_losses::cross_entropy_on_softmax(logits, target))
    }
}

#[derive(Debug)]
pub struct SquaredErrorOnSoftmax;

impl Variant for SquaredErrorOnSoftmax {
    const NAME: &'static str = "digits: squared error on softmax";
    type Layers = DigitClassifier;
    type Question = DigitClassification;

    fn layers(vs: &Path) -> DigitClassifier {
        DigitClassifier::new(vs)
    }

    fn loss(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        Ok(digit_losses::squared_error_on_softmax(logits, target))
    }
}

#[derive(Debug)]
pub struct SquaredErrorOnLogits;

impl Variant for SquaredErrorOnLogits {
    const NAME: &'static str = "digits: squared error on logits";
    type Layers = DigitClassifier;
    type Question = DigitClassification;

    fn layers(vs: &Path) -> DigitClassifier {
        DigitClassifier::new(vs)
    }

    fn loss(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        Ok(digit_losses::squared_error_on_logits(logits, target))
    }
}

/// A price through a softmax over this one output.
#[derive(Debug)]
pub struct PriceThroughSoftmax;

impl Variant for PriceThroughSoftmax {
    const NAME: &'static str = "houses: softmax on the price";
    type Layers = HousePricePredictor;
    type Question = HousePricing;

    fn layers(vs: &Path) -> HousePricePredictor {
        HousePricePredictor::new(vs)
    }

    fn end(price: Tensor) -> Tensor {
        softmax(&price)
    }

    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        HousePricing::loss(output, target)
    }
}

/// A price through a sigmoid.
#[derive(Debug)]
pub struct PriceThroughSigmoid;

impl Variant for PriceThroughSigmoid {
    const NAME: &'static str = "houses: sigmoid on the price";
    type Layers = HousePricePredictor;
    type Question = HousePricing;

    fn layers(vs: &Path) -> HousePricePredictor {
        HousePricePredictor::new(vs)
    }

    fn end(price: Tensor) -> Tensor {
        price.sigmoid()
    }

    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        HousePricing::loss(output, target)
    }
}

/// `BinaryClassifier`'s layers with as many outputs as are asked for: 784 → 64, ReLU, → `OUTPUTS`
/// logits.
#[derive(Debug)]
pub struct Layers<const OUTPUTS: i64> {
    fc1: Linear,
    fc2: Linear,
}

impl<const OUTPUTS: i64> Layers<OUTPUTS> {
    fn new(vs: &Path) -> Self {
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

/// Yes or no from one logit, with `F.binary_cross_entropy_with_logits`.
#[derive(Debug)]
pub struct OneLogit;

impl Variant for OneLogit {
    const NAME: &'static str = "odd or even: one logit";
    type Layers = Layers<1>;
    type Question = BinaryClassification;

    fn layers(vs: &Path) -> Layers<1> {
        Layers::new(vs)
    }

    fn loss(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        Ok(binary_cross_entropy_with_logits(logits, target))
    }
}

/// `F.binary_cross_entropy_with_logits(logits, target)`.
pub fn binary_cross_entropy_with_logits(logits: &Tensor, target: &Tensor) -> Tensor {
    logits.binary_cross_entropy_with_logits::<Tensor>(target, None, None, Reduction::Mean)
}

/// Yes or no from two logits, with softmax and cross-entropy; classes int64 `(N,)`.
#[derive(Debug)]
pub struct TwoLogits;

impl Variant for TwoLogits {
    const NAME: &'static str = "odd or even: two logits";
    type Layers = Layers<2>;
    type Question = DigitClassification;

    fn layers(vs: &Path) -> Layers<2> {
        Layers::new(vs)
    }

    fn loss(logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        DigitClassification::loss(logits, target)
    }
}

/// Three labels, each by a sigmoid of its own; targets float32 `(N, 3)`, 0 or 1.
#[derive(Debug)]
pub struct LabelsThroughSigmoids;

impl Variant for LabelsThroughSigmoids {
    const NAME: &'static str = "labels: a sigmoid for each";
    type Layers = Layers<3>;
    type Question = BinaryClassification;

    fn layers(vs: &Path) -> Layers<3> {
        Layers::new(vs)
    }

    fn end(logits: Tensor) -> Tensor {
        logits.sigmoid()
    }

    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        BinaryClassification::loss(output, target)
    }
}

/// Three labels by one softmax over all.
#[derive(Debug)]
pub struct LabelsThroughSoftmax;

impl Variant for LabelsThroughSoftmax {
    const NAME: &'static str = "labels: softmax over all";
    type Layers = Layers<3>;
    type Question = BinaryClassification;

    fn layers(vs: &Path) -> Layers<3> {
        Layers::new(vs)
    }

    fn end(logits: Tensor) -> Tensor {
        softmax(&logits)
    }

    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        BinaryClassification::loss(output, target)
    }
}

/// Which labels hold, as shares of one: `F.cross_entropy(logits, shares)`, targets float32 `(N, 3)`
/// with a sum of 1.
#[derive(Debug)]
pub struct LabelsShared;

impl Variant for LabelsShared {
    const NAME: &'static str = "labels: shares of one";
    type Layers = Layers<3>;
    type Question = BinaryClassification;

    fn layers(vs: &Path) -> Layers<3> {
        Layers::new(vs)
    }

    fn loss(logits: &Tensor, shares: &Tensor) -> Result<Tensor> {
        Ok(logits.f_cross_entropy_loss::<Tensor>(shares, None, Reduction::Mean, -100, 0.)?)
    }
}
