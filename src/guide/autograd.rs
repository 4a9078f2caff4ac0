//! # What autograd does, line by line
//!
//! `loss.backward()` puts a gradient into every parameter. Behind it stands one rule, the chain rule,
//! and for each layer one formula. This page writes them down for a network that is a chain: linear
//! layers, activations, a loss at the end. The code below is not an illustration. It is what runs when
//! such a network is trained ([`crate::plan`]), held against autograd to the bit before it may.
//!
//! # The rule
//!
//! Each layer takes x and gives y, and the last y goes into the loss L. What training needs is ∂L/∂W for
//! each weight W: how L changes as W does. Going backward, a layer is handed ∂L/∂y and answers with two
//! things: the gradients of its own parameters, and ∂L/∂x, which is ∂L/∂y of the layer below. No layer
//! has to know what comes before or after it.
//!
//! Gradients have the shape of what they are gradients of: ∂L/∂W is `(out, in)` as W is.
//!
//! | layer | forward | backward, given G = ∂L/∂y |
//! | --- | --- | --- |
//! | linear | y = x Wᵀ + b | ∂L/∂W = Gᵀ x, ∂L/∂b = Σₙ Gₙ, ∂L/∂x = G W |
//! | ReLU | y = max(x, 0) | ∂L/∂x = G where y > 0, else 0 |
//! | leaky ReLU | y = x, or s x below 0 | ∂L/∂x = G where y > 0, else s G |
//! | tanh | y = tanh x | ∂L/∂x = G (1 − y²) |
//! | sigmoid | y = 1 / (1 + e⁻ˣ) | ∂L/∂x = G y (1 − y) |
//!
//! The losses are means, over N samples or M numbers, and ∂L/∂L = 1 starts it all:
//!
//! | loss | forward | backward |
//! | --- | --- | --- |
//! | cross-entropy, target t | L = −1/N Σₙ ln softmax(y)ₙₜ | ∂L/∂y = (softmax(y) − onehot(t)) / N |
//! | squared error | L = 1/M Σ (y − t)² | ∂L/∂y = 2 (y − t) / M |
//! | binary cross-entropy | L = −1/M Σ t ln y + (1 − t) ln(1 − y) | ∂L/∂y = (y − t) / (y (1 − y)) / M |
//! | the same on logits | L = 1/M Σ (1 − t) y − ln σ(y) | ∂L/∂y = (σ(y) − t) / M |
//!
//! The last two lines are why a sigmoid and a loss on probabilities can do worse than a loss on logits:
//! in front of a sigmoid, y (1 − y) cancels on paper, and in float32 it has become 0 before it can
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
//! This is close, not equal: autograd calls kernels of its own for some of these lines, which round
//! otherwise. The code below calls the same kernels, and is equal.
//!
//! # Forward
//!
//! Everything is written into memory that is kept from batch to batch. An activation writes over what
//! it was given, as each of their derivatives can be told from y alone.
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
//! # What autograd does besides
//!
//! It finds the chain by itself, in whatever order the operations come, for operations of every kind,
//! and through branches, loops and weights that are used twice (whose gradients it adds up). For that it
//! records each operation as it runs, keeps what the backward pass will need, and allocates every
//! result. For a network of a few small layers this costs more than the numbers; for a large one it is
//! lost beside them. `benches/README.md` says how much.
