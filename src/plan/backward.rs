//! The backward pass: the gradient of the loss with respect to every parameter, from the last layer
//! to the first.

use tch::Tensor;

use super::buffer::{Buffer, empty};
use super::chain::{Layer, Loss};
use super::forward::{Forward, refused};
use super::loss::Judged;
use crate::kernels::{
    leaky_relu_backward_, mm_out, relu_backward_, set_grad, sigmoid_backward_, sum_rows_out,
    tanh_backward_, wants_gradient,
};
use crate::torch::Result;

/// A training step up to the gradients.
#[derive(Debug)]
pub(super) struct Step {
    forward: Forward,
    loss: Judged,
    gradients: Vec<Gradients>,
}

/// The gradients of one layer.
#[derive(Debug)]
struct Gradients {
    /// With respect to the layer's output, `(N, out)`: first ∂L/∂y, then ∂L/∂z, with z the input of
    /// its activation.
    output: Tensor,
    /// A transposed view of it: `(out, N)`.
    output_t: Tensor,
    /// ∂L/∂W, `(out, in)`.
    weight: Buffer,
    /// ∂L/∂b, `(out,)`.
    bias: Buffer,
}

impl Step {
    /// A training step over the layers `forward`.
    pub fn new(forward: Forward, loss: Loss) -> Result<Self> {
        let mut gradients = Vec::new();
        for layer in &forward.layers {
            if matches!(layer.activation, Some(Layer::LeakyRelu(slope)) if slope < 0. || slope.is_nan())
            {
                return refused("the slope of a leaky ReLU is below 0");
            }
            let output = empty(&layer.output.get().size())?;
            gradients.push(Gradients {
                output_t: output.f_tr()?,
                weight: Buffer::new(&layer.weight.handle.size())?,
                bias: Buffer::new(&output.size()[1..])?,
                output,
            });
        }
        let size = gradients.last().map(|last| last.output.size());
        let Some(&[rows, columns]) = size.as_deref() else {
            return refused("the chain has no layer");
        };
        Ok(Self {
            loss: Judged::new(loss, [rows, columns])?,
            forward,
            gradients,
        })
    }

    /// Returns true if the plan was made for such a batch, and the weights have not moved in
    /// memory.
    pub fn is_for(&self, input: &Tensor, target: &Tensor) -> bool {
        self.forward.takes(input) && self.loss.takes(target)
    }

    /// Returns true if, in addition, every parameter requires a gradient and has none.
    pub fn takes(&self, input: &Tensor, target: &Tensor) -> bool {
        let mut parameters = self.forward.parameters();
        self.is_for(input, target) && parameters.all(|parameter| wants_gradient(&parameter.tensor))
    }

    pub fn forward(&self) -> &Forward {
        &self.forward
    }

    /// Runs a step up to the gradients and sets those of the parameters. Returns the output and the
    /// loss.
    pub fn run(&mut self, input: &Tensor, target: &Tensor) -> Result<[Tensor; 2]> {
        let computed = self.compute(input, target)?;
        for (parameter, gradient) in self.gradients() {
            set_grad(parameter, gradient)?; // parameter.grad = gradient
        }
        Ok(computed)
    }

    /// Runs the forward and the backward pass. Returns the output and the loss.
    pub fn compute(&mut self, input: &Tensor, target: &Tensor) -> Result<[Tensor; 2]> {
        let y = self.forward.run(input)?.shallow_clone();
        let loss = self.loss.forward(&y, target)?.shallow_clone();
        if let Some(last) = self.gradients.last() {
            self.loss.backward(&last.output, &y, target)?; // ∂L/∂y
        }
        self.backward(input)?;
        Ok([y, loss])
    }

    /// Each parameter with its last computed gradient.
    pub fn gradients(&self) -> impl Iterator<Item = (&Tensor, &Tensor)> {
        let layers = self.forward.layers.iter().zip(&self.gradients);
        layers.flat_map(|(layer, gradients)| {
            let weight = (&layer.weight.tensor, gradients.weight.get());
            let bias = layer.bias.as_ref();
            let bias = bias.map(|bias| (&bias.tensor, gradients.bias.get()));
            [Some(weight), bias].into_iter().flatten()
        })
    }

    /// From ∂L/∂y of the last layer to the gradients of all parameters.
    fn backward(&mut self, input: &Tensor) -> Result<()> {
        let layers = &self.forward.layers;
        for number in (0..layers.len()).rev() {
            let layer = &layers[number];
            let (below, rest) = self.gradients.split_at_mut(number);
            let gradients = &mut rest[0];
            let (y, grad) = (layer.output.get(), &gradients.output);
            match layer.activation {
                None | Some(Layer::Linear(_)) => {}
                Some(Layer::Relu) => relu_backward_(grad, y)?, // ∂L/∂z = y > 0 ? ∂L/∂y : 0
                Some(Layer::LeakyRelu(slope)) => {
                    leaky_relu_backward_(grad, y, slope)?; // ∂L/∂z = y > 0 ? ∂L/∂y : slope · ∂L/∂y
                }
                Some(Layer::Tanh) => tanh_backward_(grad, y)?, // ∂L/∂z = ∂L/∂y (1 − y²)
                Some(Layer::Sigmoid) => sigmoid_backward_(grad, y)?, // ∂L/∂z = ∂L/∂y y (1 − y)
            }
            let x = match number {
                0 => input,
                _ => layers[number - 1].output.get(),
            };
            mm_out(gradients.weight.free()?, &gradients.output_t, x)?; // ∂L/∂W = (∂L/∂z)ᵀ x
            if layer.bias.is_some() {
                sum_rows_out(gradients.bias.free()?, grad)?; // ∂L/∂b = Σₙ ∂L/∂zₙ
            }
            if let Some(below) = below.last() {
                mm_out(&below.output, grad, &layer.weight.handle)?; // ∂L/∂x = ∂L/∂z W
            }
        }
        Ok(())
    }
}
