use std::collections::HashSet;

use tch::Tensor;
use tch::nn::VarStore;

use crate::native::tensor_id;

/// `list(model.parameters())`: the trainable variables of `vs`, including frozen ones, in the order
/// of their creation. A variable with several names (tied weights) is listed once.
///
/// Source: `Module.parameters` and `_named_members` in `torch/nn/modules/module.py`.
pub fn parameters(vs: &VarStore) -> Vec<Tensor> {
    let mut seen = HashSet::new();
    let mut all = vs.trainable_variables();
    all.retain(|parameter| seen.insert(tensor_id(parameter)));
    all
}
