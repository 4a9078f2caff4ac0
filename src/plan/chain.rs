//! A network's description of itself as a chain of layers, from which a plan is made.

use std::fmt;

/// A sequential network: each layer takes the output of the one before, and a loss takes that of
/// the last.
///
/// ```
/// use final_layer::plan::{Chain, Layer::*, Loss};
///
/// const CHAIN: Chain = Chain(&[Linear("fc1"), Relu, Linear("fc2")], Loss::CrossEntropy);
/// assert_eq!(CHAIN.to_string(), "fc1, ReLU, fc2; cross-entropy");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chain(
    /// The layers, starting at the input. Every activation follows a linear layer.
    pub &'static [Layer],
    /// The loss that training minimizes.
    pub Loss,
);

/// A layer of a [`Chain`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layer {
    /// `nn.Linear`, by the name of its parameters: `Linear("fc1")` has `fc1.weight` and, unless it
    /// has no bias, `fc1.bias`.
    Linear(&'static str),
    /// `F.relu`
    Relu,
    /// `F.leaky_relu`, with its slope for negative numbers
    LeakyRelu(f64),
    /// `torch.tanh`
    Tanh,
    /// `torch.sigmoid`
    Sigmoid,
}

/// The loss at the end of a [`Chain`], a mean over the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// `F.cross_entropy` on logits `(N, K)` with int64 classes `(N,)`
    CrossEntropy,
    /// `F.mse_loss` on numbers `(N, K)` with targets of the same shape
    SquaredError,
    /// `F.binary_cross_entropy` on `(N, K)` probabilities with float32 `(N, K)`, 0 or 1
    BinaryCrossEntropy,
    /// `F.binary_cross_entropy_with_logits` on `(N, K)` logits with float32 `(N, K)`, 0 or 1
    BinaryCrossEntropyWithLogits,
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, layer) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{layer}")?;
        }
        write!(f, "; {}", self.1)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linear(name) => f.write_str(name),
            Self::Relu => f.write_str("ReLU"),
            Self::LeakyRelu(slope) => write!(f, "leaky ReLU ({slope})"),
            Self::Tanh => f.write_str("tanh"),
            Self::Sigmoid => f.write_str("sigmoid"),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CrossEntropy => "cross-entropy",
            Self::SquaredError => "squared error",
            Self::BinaryCrossEntropy => "binary cross-entropy",
            Self::BinaryCrossEntropyWithLogits => "binary cross-entropy with logits",
        })
    }
}
