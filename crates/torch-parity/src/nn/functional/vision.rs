//! `torch.nn.functional.pad`, `affine_grid`, `grid_sample` and the shuffles.

use tch::Tensor;

use crate::Result;
use crate::nn::{functions, refuse};

/// The contents of the padding added by [`pad`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PadMode {
    /// `"constant"`: a value.
    #[default]
    Constant,
    /// `"reflect"`: the values reflected at the edge, without the edge itself.
    Reflect,
    /// `"replicate"`: the value at the edge.
    Replicate,
    /// `"circular"`: the values from the opposite end.
    Circular,
}

functions! {
    /// `F.pad(input, pad, mode="constant", value=None)`: `pad` has the sizes added before and after
    /// each dimension, the last dimension first; a negative number crops. Only `Constant` takes a
    /// value; its default is 0.
    fn pad / f_pad(input: &Tensor, pad: &[i64], mode: PadMode, value: Option<f64>) -> Tensor {
        let mode = match mode {
            PadMode::Constant => "constant",
            PadMode::Reflect => "reflect",
            PadMode::Replicate => "replicate",
            PadMode::Circular => "circular",
        };
        Ok(input.f_pad(pad, mode, value)?)
    }
}

/// The interpolation between existing values, for [`grid_sample`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GridSampleMode {
    /// `"bilinear"`; trilinear for five dimensions.
    #[default]
    Bilinear = 0,
    /// `"nearest"`.
    Nearest = 1,
    /// `"bicubic"`, for four dimensions only.
    Bicubic = 2,
}

/// The values outside the input, for [`grid_sample`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GridSamplePadding {
    /// `"zeros"`.
    #[default]
    Zeros = 0,
    /// `"border"`: the edge.
    Border = 1,
    /// `"reflection"`: the values reflected at the edge.
    Reflection = 2,
}

functions! {
    /// `F.grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=False)`:
    /// the values of `(N, C, H, W)` at the places in `grid` `(N, H', W', 2)`, with coordinates from
    /// −1 to 1; or of `(N, C, D, H, W)` at those in `(N, D', H', W', 3)`.
    fn grid_sample / f_grid_sample(
        input: &Tensor, grid: &Tensor, mode: GridSampleMode, padding_mode: GridSamplePadding,
        align_corners: bool,
    ) -> Tensor {
        Ok(input.f_grid_sampler(grid, mode as i64, padding_mode as i64, align_corners)?)
    }

    /// `F.affine_grid(theta, size, align_corners=False)`: the grid for [`grid_sample`] that affine
    /// maps `theta` make, `(N, 2, 3)` for a `size` `[N, C, H, W]`, `(N, 3, 4)` for `[N, C, D, H,
    /// W]`.
    fn affine_grid / f_affine_grid(theta: &Tensor, size: &[i64], align_corners: bool) -> Tensor {
        if !theta.is_floating_point() {
            return refuse(format!(
                "Expected theta to have floating point type, but got {:?}", theta.kind()
            ));
        }
        let numbers: Vec<String> = size.iter().map(i64::to_string).collect();
        let shown = format!("({})", numbers.join(", "));
        let n = match size.len() {
            n @ 4..=5 => n as i64 - 2,
            _ => return refuse(format!(
                "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, \
                 respectively. Got size {shown}."
            )),
        };
        let shape = theta.size();
        if shape.len() != 3 || shape[1..] != [n, n + 1] {
            return refuse(format!(
                "Expected a batch of {n}D affine matrices of shape Nx{n}x{} for size {shown}. Got \
                 torch.Size({shape:?}).", n + 1
            ));
        }
        // As in Python, a spatial size of 1 goes past the other question.
        let of_one = align_corners && size[2..].iter().min() == Some(&1);
        if size.iter().any(|&n| n <= 0) && !of_one {
            return refuse(format!("Expected non-zero, positive output size. Got {shown}"));
        }
        Ok(Tensor::f_affine_grid_generator(theta, size, align_corners)?)
    }
}

functions! {
    /// `F.pixel_shuffle(input, upscale_factor)`: `(…, C·r², H, W)` to `(…, C, H·r, W·r)`.
    fn pixel_shuffle / f_pixel_shuffle(input: &Tensor, upscale_factor: i64) -> Tensor {
        Ok(input.f_pixel_shuffle(upscale_factor)?)
    }

    /// `F.pixel_unshuffle(input, downscale_factor)`: `(…, C, H·r, W·r)` to `(…, C·r², H, W)`.
    fn pixel_unshuffle / f_pixel_unshuffle(input: &Tensor, downscale_factor: i64) -> Tensor {
        Ok(input.f_pixel_unshuffle(downscale_factor)?)
    }

    /// `F.channel_shuffle(input, groups)`: interleaves the channels of the groups of `(N, C, …)`.
    fn channel_shuffle / f_channel_shuffle(input: &Tensor, groups: i64) -> Tensor {
        Ok(input.f_channel_shuffle(groups)?)
    }

    /// `F.native_channel_shuffle(input, groups)`: [`channel_shuffle`] without a gradient.
    fn native_channel_shuffle / f_native_channel_shuffle(input: &Tensor, groups: i64) -> Tensor {
        Ok(input.f_native_channel_shuffle(groups)?)
    }
}
