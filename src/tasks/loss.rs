//! A task with a different loss.

use std::io::BufRead;
use std::marker::PhantomData;
use std::path::Path;

use anyhow::Result;
use tch::Tensor;

use super::{Answer, Dataset, Evaluate, Inputs, Objective, Predict};
use crate::data::Splits;
use crate::metrics::Evaluation;

/// The loss that training minimizes.
pub trait Loss<Output = Tensor, Target = Tensor> {
    /// The loss of an output and its target, a float32 scalar.
    /// # Errors
    /// If libtorch cannot compute the loss of this output.
    fn loss(output: &Output, target: &Target) -> Result<Tensor>;
}

/// The task `T` with the loss `L`:
///
/// ```
/// use final_layer::tasks::{HousePricing, Loss, WithLoss};
/// use tch::Tensor;
///
/// struct AbsoluteError;
/// impl Loss for AbsoluteError {
///     fn loss(output: &Tensor, target: &Tensor) -> anyhow::Result<Tensor> {
///         Ok(output.f_l1_loss(target, tch::Reduction::Mean)?)
///     }
/// }
/// type RobustPricing = WithLoss<HousePricing, AbsoluteError>;
/// ```
#[derive(Debug)]
pub struct WithLoss<T, L>(PhantomData<(T, L)>);

impl<T: Objective, L: Loss<T::Output, T::Target>> Objective for WithLoss<T, L> {
    type Input = T::Input;
    type Output = T::Output;
    type Target = T::Target;

    fn draw_input(batch_size: i64) -> Result<Self::Input> {
        T::draw_input(batch_size)
    }

    fn draw_target(batch_size: i64) -> Result<Self::Target> {
        T::draw_target(batch_size)
    }

    fn loss(output: &Self::Output, target: &Self::Target) -> Result<Tensor> {
        L::loss(output, target)
    }

    fn readings(output: &Self::Output) -> Vec<(&'static str, Tensor)> {
        T::readings(output)
    }

    fn report(output: &Self::Output) -> Vec<(String, Tensor)> {
        T::report(output)
    }
}

impl<T: Dataset, L: Loss<T::Output, T::Target>> Dataset for WithLoss<T, L> {
    const SAMPLE_DATA: Option<&'static str> = T::SAMPLE_DATA;
    const PIXELS: bool = T::PIXELS;

    fn read(path: &Path) -> Result<Splits> {
        T::read(path)
    }

    fn to_input(features: &Tensor) -> Tensor {
        T::to_input(features)
    }

    fn to_target(targets: &Tensor) -> Tensor {
        T::to_target(targets)
    }
}

impl<T: Evaluate, L: Loss<T::Output, T::Target>> Evaluate for WithLoss<T, L> {
    fn evaluate(output: &Self::Output, target: &Self::Target) -> Result<Evaluation> {
        T::evaluate(output, target)
    }
}

impl<T: Predict, L: Loss<T::Output, T::Target>> Predict for WithLoss<T, L> {
    const READS_PICTURES: bool = T::READS_PICTURES;

    fn read_inputs(path: &Path, invert: bool) -> Result<Inputs> {
        T::read_inputs(path, invert)
    }

    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        T::read_each(input, invert, each)
    }

    fn answers(output: &Self::Output) -> Result<Vec<Answer>> {
        T::answers(output)
    }
}
