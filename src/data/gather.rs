//! Gathers batches of samples in one pass, in reused memory: copies rows and converts pixels to
//! numbers.

use std::slice;

use anyhow::{Context, Result, bail};
use tch::{Device, Kind, Tensor};

use super::{Samples, pixels_to_float};
use crate::kernels::{is_shared, plain_bytes};

/// Gathers batches of samples. The next call reuses a batch's memory unless something else still
/// holds it.
#[derive(Debug)]
pub struct Gather<'a> {
    samples: &'a Samples,
    /// If true, the features are uint8 pixels, to be converted to float32 from 0 to 1.
    pixels: bool,
    kept: Option<[Tensor; 2]>,
}

impl<'a> Gather<'a> {
    /// Batches of `samples`; with `pixels`, the features are converted as by [`pixels_to_float`].
    pub fn new(samples: &'a Samples, pixels: bool) -> Self {
        Self {
            samples,
            pixels,
            kept: None,
        }
    }

    /// The features and the targets of the samples at `indices`, int64 `(B,)`, equal to the bit to
    /// those of [`Samples::batch`].
    ///
    /// # Errors
    /// If an index is out of range, or if there is not enough memory.
    pub fn batch(&mut self, indices: &Tensor) -> Result<[Tensor; 2]> {
        let numbers = Vec::<i64>::try_from(indices)?;
        let rows = self.samples.len();
        if let Some(index) = numbers.iter().find(|&index| !(0..rows).contains(index)) {
            bail!("index {index} is out of range for {rows} samples");
        }
        let Samples { features, targets } = self.samples;
        let kept = self.kept.take();
        let [input, target] = match kept.filter(|kept| fits(kept, numbers.len())) {
            Some(kept) => kept,
            None => {
                let kind = if self.pixels {
                    Kind::Float
                } else {
                    features.kind()
                };
                [
                    empty(features, numbers.len(), kind)?,
                    empty(targets, numbers.len(), targets.kind())?,
                ]
            }
        };
        let gathered = match self.pixels {
            true => gather_pixels(features, &numbers, &input),
            false => gather_rows(features, &numbers, &input),
        };
        // libtorch gathers tensors that are not contiguous.
        let input = match gathered {
            Some(()) => input,
            None if self.pixels => pixels_to_float(&features.f_index_select(0, indices)?),
            None => features.f_index_select(0, indices)?,
        };
        let target = match gather_rows(targets, &numbers, &target) {
            Some(()) => target,
            None => targets.f_index_select(0, indices)?,
        };
        self.kept = Some([input.shallow_clone(), target.shallow_clone()]);
        Ok([input, target])
    }
}

/// Returns true if the kept memory has exactly this many rows and is held by nothing else.
fn fits(kept: &[Tensor; 2], rows: usize) -> bool {
    let mut kept = kept.iter();
    kept.all(|tensor| !is_shared(tensor) && tensor.size().first() == Some(&(rows as i64)))
}

/// An uninitialized tensor with this many rows of `like`.
fn empty(like: &Tensor, rows: usize, kind: Kind) -> Result<Tensor> {
    let mut size = like.size();
    *size
        .first_mut()
        .context("samples have no first dimension")? = rows as i64;
    Ok(Tensor::f_empty(size, (kind, Device::Cpu))?)
}

/// Copies rows of any dtype; `None` and no effect if they are not contiguous.
fn gather_rows(source: &Tensor, indices: &[i64], out: &Tensor) -> Option<()> {
    if source.kind() != out.kind() {
        return None;
    }
    let (from, to) = (plain_bytes(source)?, plain_bytes(out)?);
    let row = row_length(from.len, source.size()[0])?;
    if row_length(to.len, indices.len() as i64)? != row {
        return None;
    }
    // SAFETY: `plain_bytes` found that many bytes at each address. They stay valid while the
    // tensors keep their memory, which nothing changes between there and here. `out` was allocated
    // here, and nothing else has a handle to its memory, so it does not overlap `source`.
    let (from, to) = unsafe {
        (
            slice::from_raw_parts(from.start.cast_const(), from.len),
            slice::from_raw_parts_mut(to.start, to.len),
        )
    };
    for (from, to) in rows(from, indices, row).zip(to.chunks_exact_mut(row)) {
        to.copy_from_slice(from);
    }
    Some(())
}

/// Converts rows of uint8 pixels to float32, each pixel divided by 255; `None` and no effect if
/// they are not contiguous.
fn gather_pixels(source: &Tensor, indices: &[i64], out: &Tensor) -> Option<()> {
    if source.kind() != Kind::Uint8 || out.kind() != Kind::Float {
        return None;
    }
    let (from, to) = (plain_bytes(source)?, plain_bytes(out)?);
    let row = row_length(from.len, source.size()[0])?;
    if row_length(to.len, indices.len() as i64)? != row * size_of::<f32>() {
        return None;
    }
    // SAFETY: as in `gather_rows`; libtorch's float32 tensors are aligned.
    let (from, to) = unsafe {
        (
            slice::from_raw_parts(from.start.cast_const(), from.len),
            slice::from_raw_parts_mut(to.start.cast::<f32>(), to.len / size_of::<f32>()),
        )
    };
    for (from, to) in rows(from, indices, row).zip(to.chunks_exact_mut(row)) {
        to_floats(from, to);
    }
    Some(())
}

/// The number of bytes in each of `rows` rows; `None` if there are none.
fn row_length(bytes: usize, rows: i64) -> Option<usize> {
    let row = bytes.checked_div(usize::try_from(rows).ok()?)?;
    (row > 0).then_some(row)
}

/// The rows at `indices`, of `row` bytes each. While one is copied, the next ones are prefetched: a
/// shuffled epoch takes rows in random order, and each would otherwise be a cache miss.
fn rows<'a>(from: &'a [u8], indices: &'a [i64], row: usize) -> impl Iterator<Item = &'a [u8]> {
    const AHEAD: usize = 2;
    let at = move |&index: &i64| {
        let start = index as usize * row;
        &from[start..start + row]
    };
    indices.iter().take(AHEAD).map(at).for_each(fetch);
    indices.iter().enumerate().map(move |(number, index)| {
        indices
            .get(number + AHEAD)
            .map(at)
            .into_iter()
            .for_each(fetch);
        at(index)
    })
}

/// Prefetches the start of a row; the hardware prefetches the rest of it.
fn fetch(row: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in row.chunks(64).take(16) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the address is that of a slice, and a prefetch reads and writes nothing: it is a
        // hint.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = row;
}

/// Divides each pixel by 255, as libtorch does: multiplying by 1/255 would round differently.
fn to_floats(pixels: &[u8], numbers: &mut [f32]) {
    #[inline(always)]
    fn divide(pixels: &[u8], numbers: &mut [f32]) {
        for (number, &pixel) in numbers.iter_mut().zip(pixels) {
            *number = f32::from(pixel) / 255.;
        }
    }
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn eight_at_once(pixels: &[u8], numbers: &mut [f32]) {
            divide(pixels, numbers);
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has the feature.
            return unsafe { eight_at_once(pixels, numbers) };
        }
    }
    divide(pixels, numbers);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equal(ours: &Tensor, theirs: &Tensor) -> bool {
        let bits = |tensor: &Tensor| match tensor.kind() {
            Kind::Float => tensor.view_dtype(Kind::Int),
            _ => tensor.shallow_clone(),
        };
        ours.kind() == theirs.kind()
            && ours.size() == theirs.size()
            && bits(ours).equal(&bits(theirs))
    }

    /// Compares batches with those of libtorch's operations.
    fn check(samples: &Samples, pixels: bool, indices: &[i64]) {
        let indices = Tensor::from_slice(indices);
        let (features, targets) = samples.batch(&indices);
        let features = if pixels {
            pixels_to_float(&features)
        } else {
            features
        };
        let mut gather = Gather::new(samples, pixels);
        for _ in 0..2 {
            let [ours, our_targets] = gather.batch(&indices).unwrap();
            assert!(equal(&ours, &features) && equal(&our_targets, &targets));
        }
    }

    #[test]
    fn batches_equal_those_of_libtorch() {
        let every_byte = Tensor::arange(6 * 300, (Kind::Int64, Device::Cpu)).remainder(256);
        let pixels = every_byte.to_kind(Kind::Uint8).view([6, 300]);
        let targets = Tensor::from_slice(&[7i64, 8, 9, 10, 11, 12]);
        let numbers = Tensor::from_slice(&(0..12).map(|i| i as f32 * 0.3).collect::<Vec<_>>());
        let all = [
            (true, pixels.shallow_clone()),
            (false, pixels.shallow_clone()),
            (true, pixels.view([6, 1, 20, 15])),
            (false, numbers.view([6, 2])),
            // Not contiguous.
            (true, pixels.tr().contiguous().tr()),
            (false, numbers.view([2, 6]).tr()),
            (false, numbers.narrow(0, 0, 6)),
            (false, numbers.view([6, 2]).to_kind(Kind::Double)),
        ];
        for (pixels, features) in all {
            let samples = Samples {
                features,
                targets: targets.shallow_clone(),
            };
            for indices in [&[5, 0, 3][..], &[2], &[1, 1, 1, 1, 4, 0, 2]] {
                check(&samples, pixels, indices);
            }
            let mut gather = Gather::new(&samples, pixels);
            for outside in [-1, 6, i64::MAX, i64::MIN] {
                let error = gather
                    .batch(&Tensor::from_slice(&[0, outside]))
                    .unwrap_err();
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
    }

    #[test]
    fn memory_is_reused_unless_it_is_held() {
        let samples = Samples {
            features: Tensor::from_slice(&[0u8, 51, 255]).view([3, 1]),
            targets: Tensor::from_slice(&[7i64, 8, 9]),
        };
        let mut gather = Gather::new(&samples, true);
        let indices = Tensor::from_slice(&[2i64, 1]);
        let first = gather.batch(&indices).unwrap();
        let held = gather.batch(&Tensor::from_slice(&[0i64, 1])).unwrap();
        assert_ne!(first[0].data_ptr(), held[0].data_ptr());
        assert_eq!(first[0], Tensor::from_slice(&[1f32, 0.2]).view([2, 1]));
        let place = held[0].data_ptr();
        drop(held);
        assert_eq!(gather.batch(&indices).unwrap()[0].data_ptr(), place);
    }
}
