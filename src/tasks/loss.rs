//! A task with another loss.

use std::io::BufRead;
use std::marker::PhantomData;
use std::path::Path;

use anyhow::Result;
use tch::Tensor;

use super::{Answer, Dataset, Evaluate, Inputs, Objective, Predict};
use crate::data::Splits;
use crate::metrics::Evaluation;

/// What training brings down.
pub trait Loss {
    /// The loss of an output and its target, a float32 scalar.
    ///
    /// # Errors
    /// If the output is one that libtorch computes no loss of.
    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor>;
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

impl<T: Objective, L: Loss> Objective for WithLoss<T, L> {
    fn draw_input(batch_size: i64) -> Result<Tensor> {
        T::draw_input(batch_size)
    }

    fn draw_target(batch_size: i64) -> Result<Tensor> {
        T::draw_target(batch_size)
    }

    fn loss(output: &Tensor, target: &Tensor) -> Result<Tensor> {
        L::loss(output, target)
    }

    fn readings(output: &Tensor) -> Vec<(&'static str, Tensor)> {
        T::readings(output)
    }

    fn report(output: &Tensor) -> Vec<(&'static str, Tensor)> {
        T::report(output)
    }
}

impl<T: Dataset, L: Loss> Dataset for WithLoss<T, L> {
    const SAMPLE_DATA: Option<&'static str> = T::SAMPLE_DATA;
    const PIXELS: bool = T::PIXELS;

    fn read(path: &Path) -> Result<Splits> {
        T::read(path)
    }

    fn to_input(features: &Tensor) -> Tensor {
        T::to_input(features)
    }
}

impl<T: Evaluate, L: Loss> Evaluate for WithLoss<T, L> {
    fn evaluate(output: &Tensor, target: &Tensor) -> Result<Evaluation> {
        T::evaluate(output, target)
    }
}

impl<T: Predict, L: Loss> Predict for WithLoss<T, L> {
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

    fn answers(output: &Tensor) -> Result<Vec<Answer>> {
        T::answers(output)
    }
}
