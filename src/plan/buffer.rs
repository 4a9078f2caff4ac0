use tch::{Device, Kind, Tensor};

use crate::kernels::is_shared;
use crate::torch::Result;

/// Memory that is reused for each step, unless something else still holds it: then that keeps the
/// old memory, and the buffer allocates new memory. The results of a plan are therefore as safe to
/// keep as those of autograd.
#[derive(Debug)]
pub(super) struct Buffer(Tensor);

impl Buffer {
    /// A float32 buffer of this size.
    pub fn new(size: &[i64]) -> Result<Self> {
        Ok(Self(empty(size)?))
    }

    /// The tensor to write into; its contents are lost.
    pub fn free(&mut self) -> Result<&Tensor> {
        if is_shared(&self.0) {
            self.0 = self.0.f_empty_like()?;
        }
        Ok(&self.0)
    }

    /// The tensor to read.
    pub fn get(&self) -> &Tensor {
        &self.0
    }
}

/// A float32 tensor of this size, uninitialized.
pub(super) fn empty(size: &[i64]) -> Result<Tensor> {
    Ok(Tensor::f_empty(size, (Kind::Float, Device::Cpu))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_held_elsewhere_is_not_overwritten() {
        let mut buffer = Buffer::new(&[2]).unwrap();
        let at_first = buffer.free().unwrap().data_ptr();
        assert_eq!(buffer.free().unwrap().data_ptr(), at_first);
        let held = buffer.get().shallow_clone();
        let view = held.view([2, 1]);
        assert_ne!(buffer.free().unwrap().data_ptr(), at_first);
        // A view of the new memory holds it, too.
        let second = buffer.get().data_ptr();
        let view_of_second = buffer.get().narrow(0, 1, 1);
        assert_ne!(buffer.free().unwrap().data_ptr(), second);
        drop((held, view, view_of_second));
        let last = buffer.get().data_ptr();
        assert_eq!(buffer.free().unwrap().data_ptr(), last);
    }
}
