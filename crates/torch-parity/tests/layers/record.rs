//! Recording of a row in Rust, under the names used by
//! `crates/torch-parity/tests/python/layers.py`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tch::{Device, Kind, Tensor, no_grad};
use torch_parity::nn::{ModuleT, Path, VarStore};
use torch_parity::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
use torch_parity::serialization::{NamedTensors, state_dict};
use torch_parity::{Result, one_line};

use super::table::{Args, Call, Row};
use testing::same_bits;

/// A layer under test: its outputs in training or in evaluation mode.
pub type Forward = Box<dyn Fn(&Call, bool) -> Vec<Tensor>>;

/// Builds a layer from its Python name and arguments; `None` for an unknown name.
pub type Build = fn(&Path, &str, &Args) -> Option<Result<Forward>>;

/// A layer with one input and one output.
pub fn module(layer: impl ModuleT + 'static) -> Forward {
    Box::new(move |call, train| match &call.inputs[..] {
        [input] => vec![layer.forward_t(input, train)],
        inputs => panic!("{} inputs for a layer of one", inputs.len()),
    })
}

/// A row's layer and its inputs, drawn from seed 0.
struct Case {
    vs: VarStore,
    forward: Forward,
    init: NamedTensors,
    call: Call,
}

impl Case {
    fn new(row: &Row, build: Build) -> Self {
        tch::manual_seed(0);
        let mut vs = VarStore::new(Device::Cpu);
        vs.set_kind(row.kind());
        let args = row.args();
        let forward = build(&vs.root(), row.layer(), &args)
            .unwrap_or_else(|| panic!("unknown layer {}", row.layer()))
            .unwrap_or_else(|error| panic!("{}", one_line(&error)));
        args.expect_all_read();
        let init = copies(&state_dict(&vs));
        let call = row.call();
        Self {
            vs,
            forward,
            init,
            call,
        }
    }

    fn forward(&self, train: bool) -> Vec<Tensor> {
        let outputs = (self.forward)(&self.call, train);
        self.call.args.expect_all_read();
        outputs
    }

    fn forward_backward(&self, train: bool) -> Vec<Tensor> {
        let outputs = self.forward(train);
        let differentiable = outputs.iter().filter(|output| output.requires_grad());
        let products = differentiable.map(|output| {
            let noise = Tensor::randn(output.size(), (output.kind(), Device::Cpu));
            (output * noise).sum(None::<Kind>)
        });
        if let Some(loss) = products.reduce(|sum, product| sum + product) {
            loss.backward();
        }
        outputs
    }
}

fn copies(tensors: &NamedTensors) -> NamedTensors {
    let copies = tensors.iter().map(|(name, tensor)| {
        let tensor = if tensor.is_sparse() {
            tensor.to_dense(None::<Kind>, false)
        } else {
            tensor.shallow_clone()
        };
        (name.clone(), tensor.detach().copy())
    });
    copies.collect()
}

/// All tensors of a row, or the reason why there are none.
pub fn record(row: &Row, build: Build) -> Result<NamedTensors, String> {
    catch_unwind(AssertUnwindSafe(|| record_or_panic(row, build))).map_err(|cause| {
        let text = cause.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| cause.downcast_ref::<&str>().copied());
        text.unwrap_or("panics").lines().next().unwrap().to_owned()
    })
}

fn record_or_panic(row: &Row, build: Build) -> NamedTensors {
    let mut trace = NamedTensors::new();
    let mut put = |prefix: String, tensors: &NamedTensors| {
        for (name, tensor) in copies(tensors) {
            trace.insert(format!("{prefix}.{name}"), tensor);
        }
    };
    for (mode, train) in [("train", true), ("eval", false)] {
        let case = Case::new(row, build);
        if train {
            put("init".to_owned(), &case.init);
            put("input".to_owned(), &numbered(&case.call.inputs));
        }
        let outputs = case.forward_backward(train);
        put(format!("{mode}.output"), &numbered(&outputs));
        let variables = case.vs.variables().into_iter();
        put(format!("{mode}.grad"), &gradients(variables));
        let inputs = numbered(&case.call.inputs).into_iter();
        put(format!("{mode}.input_grad"), &gradients(inputs));
        put(format!("{mode}.state"), &state_dict(&case.vs));
    }
    for name in row.optimizers() {
        let case = Case::new(row, build);
        if case.vs.trainable_variables().is_empty() {
            continue;
        }
        let mut optimizer = optimizer(name, &case.vs);
        for _ in 0..3 {
            optimizer.zero_grad(true).unwrap();
            case.forward_backward(true);
            optimizer.step().unwrap();
        }
        put(format!("{name}.state"), &state_dict(&case.vs));
        let outputs = no_grad(|| case.forward(false));
        put(format!("{name}.output"), &numbered(&outputs));
    }
    trace
}

fn optimizer(name: &str, vs: &VarStore) -> Box<dyn Optimizer> {
    match name {
        "SGD" => {
            let config = SgdConfig {
                momentum: 0.9,
                ..SgdConfig::new(0.1)
            };
            Box::new(Sgd::new(vs, config).unwrap())
        }
        "Adam" => Box::new(Adam::new(vs, AdamConfig::adam(0.01)).unwrap()),
        other => panic!("unknown optimizer {other}"),
    }
}

fn numbered(tensors: &[Tensor]) -> NamedTensors {
    let tensors = tensors.iter().enumerate();
    let numbered = tensors.map(|(i, tensor)| (i.to_string(), tensor.shallow_clone()));
    numbered.collect()
}

fn gradients(tensors: impl Iterator<Item = (String, Tensor)>) -> NamedTensors {
    let gradients = tensors.map(|(name, tensor)| (name, tensor.grad()));
    gradients
        .filter(|(_, gradient)| gradient.defined())
        .collect()
}

/// The differences between a row in Rust and in Python, one line for each tensor.
pub fn differences(rust: &NamedTensors, python: &NamedTensors) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, theirs) in python {
        match rust.get(name) {
            None => lines.push(format!("{name}: not in Rust")),
            Some(ours) if same_bits(ours, theirs) => {}
            Some(ours) => lines.push(format!("{name}: {}", difference(ours, theirs))),
        }
    }
    let others = rust.keys().filter(|name| !python.contains_key(*name));
    lines.extend(others.map(|name| format!("{name}: not in Python")));
    lines
}

/// The difference of two tensors: in shape, in dtype, or the largest difference of an element.
fn difference(ours: &Tensor, theirs: &Tensor) -> String {
    let looks = |tensor: &Tensor| format!("{:?} {:?}", tensor.kind(), tensor.size());
    if looks(ours) != looks(theirs) {
        return format!("{} in Rust, {} in Python", looks(ours), looks(theirs));
    }
    format!("differs by up to {:.1e}", apart(ours, theirs))
}

/// The largest difference of an element between two tensors of one shape.
pub fn apart(ours: &Tensor, theirs: &Tensor) -> f64 {
    let apart = (ours.to_kind(Kind::Double) - theirs.to_kind(Kind::Double)).abs();
    match apart.numel() {
        0 => 0.,
        _ => apart.max().double_value(&[]),
    }
}
