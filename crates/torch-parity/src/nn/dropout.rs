//! `torch.nn.Dropout` and related layers, which `tch` has only as methods.
//!
//! In training, each draws from the global generator, as Python's does; in evaluation it returns
//! its input.
//!
//! Source: `torch/nn/modules/dropout.py`.

use tch::Tensor;

use super::functional::{check_probability, f_dropout1d, f_dropout2d, f_dropout3d};
use super::{modules_t, or_panic};
use crate::Result;

macro_rules! dropouts {
    ($($(#[$doc:meta])* $name:ident = $forward:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name {
            /// The probability with which an element or channel is zeroed.
            pub p: f64,
        }

        impl $name {
            /// Creates the layer with probability `p`.
            ///
            /// # Panics
            /// If `p` is not from 0 to 1.
            #[track_caller]
            pub fn new(p: f64) -> Self {
                or_panic(Self::f_new(p))
            }

            /// As `new`, but returns an error instead of panicking.
            ///
            /// # Errors
            /// If `p` is not from 0 to 1.
            pub fn f_new(p: f64) -> Result<Self> {
                check_probability(p)?;
                Ok(Self { p })
            }

            /// As `forward_t`, but returns an error instead of panicking.
            ///
            /// # Errors
            /// If `p` is not from 0 to 1, or the input has an unsupported shape or dtype.
            pub fn f_forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
                check_probability(self.p)?;
                let forward: fn(&Tensor, f64, bool) -> Result<Tensor> = $forward;
                forward(xs, self.p, train)
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self { p: 0.5 }
            }
        }
    )+};
}

dropouts! {
    /// `nn.Dropout(p=0.5)`: zeros elements and divides the others by 1 − p.
    Dropout = |xs, p, train| Ok(xs.f_dropout(p, train)?);
    /// `nn.Dropout1d(p=0.5)`: zeros whole channels of `(N, C, L)` or `(C, L)`.
    Dropout1d = f_dropout1d;
    /// `nn.Dropout2d(p=0.5)`: zeros whole channels of `(N, C, H, W)`.
    Dropout2d = f_dropout2d;
    /// `nn.Dropout3d(p=0.5)`: zeros whole channels of `(N, C, D, H, W)` or `(C, D, H, W)`.
    Dropout3d = f_dropout3d;
    /// `nn.AlphaDropout(p=0.5)`: preserves mean 0 and variance 1, for use with `SELU`.
    AlphaDropout = |xs, p, train| Ok(xs.f_alpha_dropout(p, train)?);
    /// `nn.FeatureAlphaDropout(p=0.5)`: `AlphaDropout` for whole channels.
    FeatureAlphaDropout = |xs, p, train| Ok(xs.f_feature_alpha_dropout(p, train)?);
}

modules_t!(
    Dropout,
    Dropout1d,
    Dropout2d,
    Dropout3d,
    AlphaDropout,
    FeatureAlphaDropout
);
