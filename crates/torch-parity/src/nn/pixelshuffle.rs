//! `torch.nn.PixelShuffle`, `PixelUnshuffle` and `ChannelShuffle`, which `tch` has only as methods.
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
            /// The factor or the number of groups.
            pub $field: i64,
        }

        impl $name {
            /// Creates the layer from its argument.
            pub fn new($field: i64) -> Self {
                Self { $field }
            }

            /// As `forward`, but returns an error instead of panicking.
            ///
            /// # Errors
            /// If the input has an unsupported shape or dtype.
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
    /// `nn.ChannelShuffle(groups)`: interleaves the channels of the groups, for inputs `(N, C, …)`.
    ChannelShuffle(groups) = f_channel_shuffle;
}
