//! `torch.nn.utils`: gradient clipping, packed sequences, parameters as a vector, fused batch norms,
//! and weight and spectral normalization.

mod clip_grad;
mod convert_parameters;
mod fusion;
pub mod parametrizations;
pub mod rnn;
mod spectral_norm;
mod weight_norm;

pub use clip_grad::{clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm};
pub use convert_parameters::*;
pub use fusion::*;
pub use spectral_norm::{SpectralNorm, SpectralNormConfig, f_spectral_norm, spectral_norm};
pub use weight_norm::{WeightNorm, f_weight_norm, weight_norm};
