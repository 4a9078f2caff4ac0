//! `torch.nn.utils`: what goes on around the layers.

mod clip_grad;
pub mod rnn;

pub use clip_grad::{clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm};
