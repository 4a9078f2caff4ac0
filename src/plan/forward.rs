//! The forward pass: the network's output for a batch, each line beside its formula.

use std::collections::HashMap;

use tch::{Kind, Tensor};

use super::buffer::Buffer;
use super::chain::{Chain, Layer};
use crate::kernels::{
    addmm_out, is_input, is_where_it_was, leaky_relu_, mm_out, relu_, sigmoid_, tanh_,
};
use crate::torch::{Error, Result};

/// The linear layers of a network, each with the activation that follows it.
#[derive(Debug)]
pub(super) struct Forward {
    pub layers: Vec<Dense>,
    /// The size of the input, `(N, features)`.
    pub input_size: [i64; 2],
}

/// A linear layer and its activation: `(N, in)` → `(N, out)`.
#[derive(Debug)]
pub(super) struct Dense {
    pub weight: Parameter,
    pub bias: Option<Parameter>,
    /// A transposed view of the weight: `(in, out)`.
    weight_t: Tensor,
    pub activation: Option<Layer>,
    /// The output, `(N, out)`.
    pub output: Buffer,
}

/// A parameter, and a detached view of its memory.
#[derive(Debug)]
pub(super) struct Parameter {
    pub tensor: Tensor,
    pub handle: Tensor,
}

impl Forward {
    /// The layers of `chain` with the parameters in `variables`, for batches of `batch_size`.
    pub fn new(
        chain: &Chain,
        variables: &HashMap<String, Tensor>,
        batch_size: i64,
    ) -> Result<Self> {
        let mut layers: Vec<Dense> = Vec::new();
        for &layer in chain.0 {
            match (layer, layers.last_mut()) {
                (Layer::Linear(name), _) => layers.push(Dense::new(name, variables, batch_size)?),
                (activation, Some(dense)) if dense.activation.is_none() => {
                    dense.activation = Some(activation);
                }
                (activation, _) => return refused(format!("no linear layer before {activation}")),
            }
        }
        let Some(first) = layers.first() else {
            return refused("the chain has no layer");
        };
        let input_size = [batch_size, first.weight.handle.size()[1]];
        Ok(Self { layers, input_size })
    }

    /// The network's output for `input`.
    pub fn run<'a>(&'a mut self, input: &'a Tensor) -> Result<&'a Tensor> {
        let mut x = input;
        for layer in &mut self.layers {
            x = layer.forward(x)?;
        }
        Ok(x)
    }

    /// Returns true if the layers were made for such a batch, and the weights have not moved in
    /// memory.
    pub fn takes(&self, input: &Tensor) -> bool {
        is_input(input, Kind::Float, &self.input_size) && self.weights_are_where_they_were()
    }

    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        let layers = self.layers.iter();
        layers.flat_map(|layer| {
            [Some(&layer.weight), layer.bias.as_ref()]
                .into_iter()
                .flatten()
        })
    }

    /// Returns true if the weights are at the same addresses as when this was made.
    pub fn weights_are_where_they_were(&self) -> bool {
        self.parameters()
            .all(|parameter| is_where_it_was(&parameter.tensor, &parameter.handle))
    }
}

impl Dense {
    fn new(name: &str, variables: &HashMap<String, Tensor>, batch_size: i64) -> Result<Self> {
        let parameter = |part: &str| variables.get(&format!("{name}.{part}")).map(Parameter::new);
        let Some(weight) = parameter("weight") else {
            return refused(format!("there is no {name}.weight"));
        };
        let bias = parameter("bias");
        let [out, _] = weight.handle.size()[..] else {
            return refused(format!("{name}.weight is not a matrix"));
        };
        if bias
            .as_ref()
            .is_some_and(|bias| bias.handle.size() != [out])
        {
            return refused(format!("{name}.bias does not have {out} numbers"));
        }
        Ok(Self {
            weight_t: weight.handle.f_tr()?,
            weight,
            bias,
            activation: None,
            output: Buffer::new(&[batch_size, out])?,
        })
    }

    /// y = f(x Wᵀ + b)
    fn forward<'a>(&'a mut self, x: &'a Tensor) -> Result<&'a Tensor> {
        let z = self.output.free()?;
        match &self.bias {
            Some(bias) => addmm_out(z, &bias.handle, x, &self.weight_t)?, // z = b + x Wᵀ
            None => mm_out(z, x, &self.weight_t)?,                        // z = x Wᵀ
        }
        // In place, since the derivative of each activation can be computed from its value.
        match self.activation {
            None | Some(Layer::Linear(_)) => {}
            Some(Layer::Relu) => relu_(z)?, // y = max(z, 0)
            Some(Layer::LeakyRelu(slope)) => leaky_relu_(z, slope)?, // y = z > 0 ? z : slope · z
            Some(Layer::Tanh) => tanh_(z)?, // y = tanh z
            Some(Layer::Sigmoid) => sigmoid_(z)?, // y = 1 / (1 + e⁻ᶻ)
        }
        Ok(z)
    }
}

impl Parameter {
    fn new(tensor: &Tensor) -> Self {
        Self {
            tensor: tensor.shallow_clone(),
            handle: tensor.detach(),
        }
    }
}

pub(super) fn refused<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::Argument(text.into()))
}
