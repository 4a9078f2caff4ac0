//! `torch.nn.PixelShuffle`, `PixelUnshuffle` and `ChannelShuffle`, which `tch` has as methods alone.
//!
//! Source: `torch/nn/modules/pixelshuffle.py`, `torch/nn/modules/channelshuffle.py`.

use tch::Tensor;

use super::modules;
use crate::Result;

macro_rules! shuffles {
    ($($(#[$doc:meta])* $name:ident($field:ident) = $method:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            /// By what the number of channels is divided or multiplied.
            pub $field: i64,
        }

        impl $name {
            /// With its one argument.
            pub fn new($field: i64) -> Self {
                Self { $field }
            }

            /// As `forward`, but returns an error instead of panicking.
            ///
            /// # Errors
            /// If the input does not fit.
            pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
                Ok(xs.$method(self.$field)?)
            }
        }

        modules!($name);
    )+};
}

shuffles! {
    /// `nn.PixelShuffle(upscale_factor)`: `(…, C·r², H, W)` to `(…, C, H·r, W·r)`.
    PixelShuffle(upscale_factor) = f_pixel_shuffle;
    /// `nn.PixelUnshuffle(downscale_factor)`: `(…, C, H·r, W·r)` to `(…, C·r², H, W)`.
    PixelUnshuffle(downscale_factor) = f_pixel_unshuffle;
    /// `nn.ChannelShuffle(groups)`: the channels of `(N, C, …)`, one of each group in turn.
    ChannelShuffle(groups) = f_channel_shuffle;
}
