//! `torch.nn.utils`: gradient clipping and packed sequences.

mod clip_grad;
pub mod rnn;

pub use clip_grad::{clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm};
