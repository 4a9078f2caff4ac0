use tch::{Device, Kind, Tensor};

use crate::kernels::is_shared;
use crate::torch::Result;

/// Memory that is written again and again, but for what somebody still holds: that is left to them,
/// and new memory takes its place. So what a plan hands out is as much theirs as what autograd does.
#[derive(Debug)]
pub(super) struct Buffer(Tensor);

impl Buffer {
    /// Float32, `size`.
    pub fn new(size: &[i64]) -> Result<Self> {
        Ok(Self(empty(size)?))
    }

    /// To be written: what was in it is gone.
    pub fn free(&mut self) -> Result<&Tensor> {
        if is_shared(&self.0) {
            self.0 = self.0.f_empty_like()?;
        }
        Ok(&self.0)
    }

    /// To be read.
    pub fn get(&self) -> &Tensor {
        &self.0
    }
}

/// Float32, `size`, with anything in it.
pub(super) fn empty(size: &[i64]) -> Result<Tensor> {
    Ok(Tensor::f_empty(size, (Kind::Float, Device::Cpu))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_left_alone() {
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
