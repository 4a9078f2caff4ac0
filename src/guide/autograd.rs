//! # What autograd does, line by line
//!
//! `loss.backward()` computes the gradient of every parameter, by one rule, the chain rule, and one
//! formula for each layer. This page gives the formulas for sequential networks: linear layers,
//! activations, and a loss at the end. The code below is more than an illustration: it trains such
//! networks ([`crate::plan`]), after a check that it equals autograd to the bit.
//!
//! # The rule
//!
//! Each layer maps x to y, and the last y goes into the loss L. Training needs ∂L/∂W for each weight W:
//! the rate at which L changes with W. In the backward pass, a layer receives ∂L/∂y and computes the
//! gradients of its own parameters and ∂L/∂x, which is ∂L/∂y of the layer before it. No layer needs to
//! know its neighbours.
//!
//! A gradient has the shape of its parameter: ∂L/∂W is `(out, in)`, as W is.
//!
//! | layer | forward | backward, given G = ∂L/∂y |
//! | --- | --- | --- |
//! | linear | y = x Wᵀ + b | ∂L/∂W = Gᵀ x, ∂L/∂b = Σₙ Gₙ, ∂L/∂x = G W |
//! | ReLU | y = max(x, 0) | ∂L/∂x = G where y > 0, else 0 |
//! | leaky ReLU | y = x, or s x below 0 | ∂L/∂x = G where y > 0, else s G |
//! | tanh | y = tanh x | ∂L/∂x = G (1 − y²) |
//! | sigmoid | y = 1 / (1 + e⁻ˣ) | ∂L/∂x = G y (1 − y) |
//!
//! The losses are means over N samples or M numbers, and the backward pass starts with ∂L/∂L = 1:
//!
//! | loss | forward | backward |
//! | --- | --- | --- |
//! | cross-entropy, target t | L = −1/N Σₙ ln softmax(y)ₙₜ | ∂L/∂y = (softmax(y) − onehot(t)) / N |
//! | squared error | L = 1/M Σ (y − t)² | ∂L/∂y = 2 (y − t) / M |
//! | binary cross-entropy | L = −1/M Σ t ln y + (1 − t) ln(1 − y) | ∂L/∂y = (y − t) / (y (1 − y)) / M |
//! | the same on logits | L = 1/M Σ (1 − t) y − ln σ(y) | ∂L/∂y = (σ(y) − t) / M |
//!
//! The last two lines show why a loss on the probabilities of a sigmoid can be worse than a loss on
//! logits: on paper, the factor y (1 − y) of the sigmoid cancels; in float32 it may round to 0 first
//! ([more](super::last_layer)).
//!
//! # By hand, against autograd
//!
//! ```
//! use tch::{Device, Kind, Reduction, Tensor, no_grad};
//!
//! tch::manual_seed(0);
//! let draw = |size: &[i64]| Tensor::randn(size, (Kind::Float, Device::Cpu));
//! let (x, t) = (draw(&[8, 3]), draw(&[8, 1]));
//! let [w1, b1, w2, b2] = [&[4, 3][..], &[4], &[1, 4], &[1]]
//!     .map(|size| draw(size).set_requires_grad(true));
//!
//! let y1 = x.linear(&w1, Some(&b1)).relu();
//! let y2 = y1.linear(&w2, Some(&b2));
//! y2.mse_loss(&t, Reduction::Mean).backward();
//!
//! no_grad(|| {
//!     let g2 = (&y2 - &t) * (2. / 8.); // 2 (y − t) / M
//!     let g1 = g2.matmul(&w2).where_self(&y1.gt(0.), &Tensor::from(0f32)); // G W, and ReLU's line
//!     let close = |a: &Tensor, b: &Tensor| assert!(a.allclose(b, 1e-5, 1e-6, false));
//!     close(&g2.tr().matmul(&y1), &w2.grad()); // Gᵀ x
//!     close(&g2.sum_dim_intlist(0i64, false, Kind::Float), &b2.grad()); // Σₙ Gₙ
//!     close(&g1.tr().matmul(&x), &w1.grad());
//!     close(&g1.sum_dim_intlist(0i64, false, Kind::Float), &b1.grad());
//! });
//! ```
//!
//! The results are close but not equal: for some of these lines, autograd calls special kernels that
//! round differently. The code below calls the same kernels and is equal to the bit.
//!
//! # Forward
//!
//! All results are written to buffers that are reused from batch to batch. An activation overwrites its
//! input, since its derivative can be computed from y alone.
//!
//! ```rust,ignore
#![doc = include_str!("../plan/forward.rs")]
//! ```
//!
//! # The losses
//!
//! ```rust,ignore
#![doc = include_str!("../plan/loss.rs")]
//! ```
//!
//! # Backward
//!
//! ```rust,ignore
#![doc = include_str!("../plan/backward.rs")]
//! ```
//!
//! # The rest of autograd
//!
//! Autograd finds the chain by itself, for any operations in any order, through branches, loops and
//! weights that are used twice (whose gradients it adds). To do so, it records each operation as it
//! runs, keeps the tensors that the backward pass will need, and allocates every result. For a network
//! of a few small layers this costs more than the arithmetic; for a large network it is negligible.
//! `benches/README.md` has the times.
