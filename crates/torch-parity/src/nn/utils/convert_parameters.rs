//! Parameters as one vector.
//!
//! Source: `torch/nn/utils/convert_parameters.py`.

use tch::Tensor;

use crate::Result;
use crate::nn::{functions, refuse};

functions! {
    /// `parameters_to_vector(parameters)`: all elements in one vector, parameter by parameter,
    /// which have to be contiguous.
    fn parameters_to_vector / f_parameters_to_vector(parameters: &[Tensor]) -> Tensor {
        let mut parts = Vec::new();
        for parameter in parameters {
            parts.push(parameter.f_view([-1])?);
        }
        Ok(Tensor::f_cat(&parts, 0)?)
    }

    /// `vector_to_parameters(vec, parameters)`: makes slices of a vector the data of the
    /// parameters, which share the vector's memory from then on, as in Python.
    fn vector_to_parameters / f_vector_to_parameters(vec: &Tensor, parameters: &[Tensor]) -> () {
        let needed: usize = parameters.iter().map(Tensor::numel).sum();
        if vec.dim() != 1 || vec.numel() < needed {
            return refuse(format!(
                "expected a vector of at least {needed} elements, got a tensor of shape {:?}",
                vec.size()
            ));
        }
        let mut start = 0;
        for parameter in parameters {
            let count = parameter.numel() as i64;
            let slice = vec.f_detach()?.f_narrow(0, start, count)?.f_view_as(parameter)?;
            parameter.shallow_clone().f_set_data(&slice)?;
            start += count;
        }
        Ok(())
    }
}
