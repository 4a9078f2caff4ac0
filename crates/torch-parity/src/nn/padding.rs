//! The padding layers of `torch.nn`, which `tch` has as a method alone.
//!
//! Source: `torch/nn/modules/padding.py`.

use tch::Tensor;

use super::{Sizes, modules};
use crate::Result;

/// Layers that pad by a mode of `F.pad`, by twice as many numbers as they have dimensions.
macro_rules! paddings {
    ($($(#[$doc:meta])* $name:ident $mode:literal [$($alias:ident = $n:literal),+];)+) => {$(
        $(#[$doc])*
        ///
        /// `N` is twice the number of dimensions that are padded.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<const N: usize> {
            /// How much is added before and after, the last dimension first: `(left, right, top,
            /// bottom, front, back)`, as far as there are so many. A negative number takes away.
            pub padding: [i64; N],
        }

        $(
            #[doc = concat!("`nn.", stringify!($alias), "`.")]
            pub type $alias = $name<$n>;
        )+

        impl<const N: usize> $name<N> {
            /// With so much on each side; one number stands for all.
            pub fn new(padding: impl Sizes<N>) -> Self {
                Self { padding: padding.sizes() }
            }

            /// As `forward`, but returns an error instead of panicking.
            ///
            /// # Errors
            /// If the input does not fit.
            pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
                Ok(xs.f_pad(self.padding, $mode, None)?)
            }
        }

        modules!(N: $name);
    )+};
}

paddings! {
    /// Adds zeros.
    ZeroPad "constant" [ZeroPad1d = 2, ZeroPad2d = 4, ZeroPad3d = 6];
    /// Adds what is on the other side of the edge, without the edge.
    ReflectionPad "reflect" [ReflectionPad1d = 2, ReflectionPad2d = 4, ReflectionPad3d = 6];
    /// Adds the edge.
    ReplicationPad "replicate" [ReplicationPad1d = 2, ReplicationPad2d = 4, ReplicationPad3d = 6];
    /// Adds what is at the other end.
    CircularPad "circular" [CircularPad1d = 2, CircularPad2d = 4, CircularPad3d = 6];
}

/// Adds a value.
///
/// `N` is twice the number of dimensions that are padded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConstantPad<const N: usize> {
    /// How much is added before and after, the last dimension first: `(left, right, top, bottom,
    /// front, back)`, as far as there are so many. A negative number takes away.
    pub padding: [i64; N],
    /// What is added.
    pub value: f64,
}

/// `nn.ConstantPad1d`.
pub type ConstantPad1d = ConstantPad<2>;
/// `nn.ConstantPad2d`.
pub type ConstantPad2d = ConstantPad<4>;
/// `nn.ConstantPad3d`.
pub type ConstantPad3d = ConstantPad<6>;

impl<const N: usize> ConstantPad<N> {
    /// With so much of a value on each side; one number stands for all sides.
    pub fn new(padding: impl Sizes<N>, value: f64) -> Self {
        Self {
            padding: padding.sizes(),
            value,
        }
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input does not fit.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(xs.f_pad(self.padding, "constant", self.value)?)
    }
}

modules!(N: ConstantPad);
