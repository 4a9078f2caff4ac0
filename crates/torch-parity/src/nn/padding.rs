//! The padding layers of `torch.nn`, which `tch` has only as a method.
//!
//! Source: `torch/nn/modules/padding.py`.

use tch::Tensor;

use super::{Sizes, modules};
use crate::Result;

/// Defines layers that pad by a mode of `F.pad`, with two numbers per dimension.
macro_rules! paddings {
    ($($(#[$doc:meta])* $name:ident $mode:literal [$($alias:ident = $n:literal),+];)+) => {$(
        $(#[$doc])*
        ///
        /// `N` is twice the number of dimensions that are padded.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<const N: usize> {
            /// The sizes added before and after, the last dimension first: `(left, right, top,
            /// bottom, front, back)`, as many as there are. A negative number crops.
            pub padding: [i64; N],
        }

        $(
            #[doc = concat!("`nn.", stringify!($alias), "`.")]
            pub type $alias = $name<$n>;
        )+

        impl<const N: usize> $name<N> {
            /// Creates the layer with these sizes; a single number applies to all sides.
            pub fn new(padding: impl Sizes<N>) -> Self {
                Self { padding: padding.sizes() }
            }

            /// As `forward`, but returns an error instead of panicking.
            ///
            /// # Errors
            /// If the input has an unsupported shape or dtype.
            pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
                Ok(xs.f_pad(self.padding, $mode, None)?)
            }
        }

        modules!(N: $name);
    )+};
}

paddings! {
    /// Pads with zeros.
    ZeroPad "constant" [ZeroPad1d = 2, ZeroPad2d = 4, ZeroPad3d = 6];
    /// Pads with the values reflected at the edge, without the edge itself.
    ReflectionPad "reflect" [ReflectionPad1d = 2, ReflectionPad2d = 4, ReflectionPad3d = 6];
    /// Pads with the value at the edge.
    ReplicationPad "replicate" [ReplicationPad1d = 2, ReplicationPad2d = 4, ReplicationPad3d = 6];
    /// Pads with the values from the opposite end.
    CircularPad "circular" [CircularPad1d = 2, CircularPad2d = 4, CircularPad3d = 6];
}

/// Pads with a constant value.
///
/// `N` is twice the number of dimensions that are padded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConstantPad<const N: usize> {
    /// The sizes added before and after, the last dimension first: `(left, right, top, bottom,
    /// front, back)`, as many as there are. A negative number crops.
    pub padding: [i64; N],
    /// The value of the padding.
    pub value: f64,
}

/// `nn.ConstantPad1d`.
pub type ConstantPad1d = ConstantPad<2>;
/// `nn.ConstantPad2d`.
pub type ConstantPad2d = ConstantPad<4>;
/// `nn.ConstantPad3d`.
pub type ConstantPad3d = ConstantPad<6>;

impl<const N: usize> ConstantPad<N> {
    /// Creates the layer with these sizes and this value; a single size applies to all sides.
    pub fn new(padding: impl Sizes<N>, value: f64) -> Self {
        Self {
            padding: padding.sizes(),
            value,
        }
    }

    /// As `forward`, but returns an error instead of panicking.
    ///
    /// # Errors
    /// If the input has an unsupported shape or dtype.
    pub fn f_forward(&self, xs: &Tensor) -> Result<Tensor> {
        Ok(xs.f_pad(self.padding, "constant", self.value)?)
    }
}

modules!(N: ConstantPad);
