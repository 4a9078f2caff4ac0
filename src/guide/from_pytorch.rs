//! # From PyTorch to tch
//!
//! `tch` calls the libtorch that Python calls. Most of a port is therefore spelling: the same
//! operations under other names. The rest is a list of places where `tch` does something else by
//! default. This page has both: [the spelling](#line-by-line), then [the traps](#traps).
//!
//! # The three networks, side by side
//!
//! Rust on the left, Python on the right. The files are the ones that are compiled; a test holds
//! the right-hand column against the class in `scripts/reference/`.
//!
//! A digit is one of ten classes, so its network gives ten logits:
//!
//! ```rust,standalone_crate,no_run
//! # mod torch { pub mod nn { pub use final_layer::torch::nn::linear; } }
//! # fn main() {}
#![doc = include_str!("../networks/digit_classifier.rs")]
//! ```
//!
//! The price of a house is one number:
//!
//! ```rust,standalone_crate,no_run
//! # mod torch { pub mod nn { pub use final_layer::torch::nn::linear; } }
//! # fn main() {}
#![doc = include_str!("../networks/house_price_predictor.rs")]
//! ```
//!
//! For a question of yes or no, a sigmoid follows the one output:
//!
//! ```rust,standalone_crate,no_run
//! # mod torch { pub mod nn { pub use final_layer::torch::nn::linear; } }
//! # fn main() {}
#![doc = include_str!("../networks/binary_classifier.rs")]
//! ```
//!
//! # Line by line
//!
//! `scripts/port.py` translates by this table. It is written from `scripts/port/spellings/` by
//! `scripts/generate/spellings_table.py`, and a test fails where it is not what that writes.
//!
#![doc = include_str!("spellings.md")]
//!
//! Put together, one step of training reads like this in both languages:
//!
//! ```
//! use final_layer::networks::DigitClassifier;
//! use final_layer::torch::optim::{Adam, AdamConfig, Optimizer};
//! use tch::nn::{Module, VarStore};
//! use tch::{Device, Kind, Tensor};
//!
//! tch::manual_seed(0);                            // torch.manual_seed(0)
//! let vs = VarStore::new(Device::Cpu);
//! let model = DigitClassifier::new(&vs.root());   // model = DigitClassifier()
//! let adam = AdamConfig::adam(1e-3);
//! let mut optimizer = Adam::new(&vs, adam)?;      // optimizer = Adam(model.parameters(), lr=1e-3)
//! let numbers = (Kind::Float, Device::Cpu);
//! let x = Tensor::randn([64, 784], numbers);      // x = torch.randn(64, 784)
//! let classes = (Kind::Int64, Device::Cpu);
//! let y = Tensor::randint(10, [64], classes);     // y = torch.randint(10, (64,))
//!
//! optimizer.zero_grad(true)?;                     // optimizer.zero_grad()
//! let logits = model.forward(&x);                 // logits = model(x)
//! let loss = logits.cross_entropy_for_logits(&y); // loss = F.cross_entropy(logits, y)
//! loss.backward();                                // loss.backward()
//! optimizer.step()?;                              // optimizer.step()
//!
//! assert_eq!(logits.size(), [64, 10]);
//! let mut names: Vec<String> = vs.variables().into_keys().collect();
//! names.sort();
//! assert_eq!(names, ["fc1.bias", "fc1.weight", "fc2.bias", "fc2.weight"]);
//! // The order of creation is the order of drawing: weight, bias, weight, bias.
//! let sizes: Vec<_> = vs.trainable_variables().iter().map(Tensor::size).collect();
//! assert_eq!(sizes, [vec![128, 784], vec![128], vec![10, 128], vec![10]]);
//! # Ok::<(), final_layer::torch::Error>(())
//! ```
//!
//! # Traps
//!
//! Each row has what one writes first in `tch`, what that costs, and what gives Python's result. In
//! the code, `z` are logits (a network's outputs, one for each class), `p` their softmax and `y` the
//! classes. `tests/guide/` measures the cost on the digits' network, with seed 0, 64 random
//! samples and one thread, and fails where this table says something else. A number after ≈ is that of
//! a processor with AVX-512: on another it may be smaller, even 0, and the test lets it be up to ten
//! times as large. All else it takes to the letter.
//!
#![doc = include_str!("traps.md")]
//!
//! The small sizes are not small errors of the port: they are roundings, and training makes them
//! grow. What they cost is the proof. Where two runs must be equal, any difference is a mistake;
//! where they may differ by 1e-7, a mistake of 1e-7 goes unseen.
//!
//! # Traps of layers
//!
//! This is what it costs to take `tch`'s own layer, or a method of `tch` that leaves out arguments, in
//! the place of the one in [`crate::torch::nn`]. A row here stands for rows of `torch-parity/tests/rows/`, each of
//! which names a layer, its arguments and its input, and fails where a bit differs from Python's. The
//! numbers are measured and held as above, by `torch-parity/tests/layers/`.
//!
#![doc = include_str!("layers.md")]
//!
//! Rows that do not fail are those where `tch`'s layer is Python's: layer and group norm as far as it
//! has their arguments, an embedding without `padding_idx`, an activation whose arguments are left at
//! their defaults, `cross_entropy_for_logits` and `nll_loss` on `(N, K)` without further arguments;
//! on more dimensions and on probabilities these two panic. The last column counts rows with arguments
//! that `tch`'s layer does not have.
//! `rrelu()` panics whatever it is given: its binding hands on an upper bound below the lower.
//!
//! # What `tch`'s methods leave out
//!
//! A method of `tch` that lacks an argument takes its default, whatever the line in Python says. Most
//! numbers that have a default (PyTorch's `Scalar`) are missing so. The first table has each method
//! of `tch` that leaves out an argument of a function of `torch.nn.functional` (`F`), or of a method
//! of `torch.Tensor`: of those that PyTorch's operator schemas have, or, where a function of `F` is
//! written in Python, that its signature has. It passes over `generator`, `out` and `inplace`, over
//! what says where a tensor is and how it lies in memory, and over what Python has given up, such as
//! `size_average`. It compares names, not values: that `tch`'s `Reduction` lacks `"batchmean"` is not
//! in it. `g_add` and `g_sub` are what the operators `+` and `-` call.
//!
//! The last column names what takes these arguments, here or in `tch`. Left alone are operations of
//! tensors that no layer or loss of Python's asks for, and matrix products in 8 and 16 bits for GPUs.
//! Written as two operations, such as `a + b * alpha`, they are rounded twice. Both tables are written by
//! `scripts/generate/dropped_arguments.py`, and a test fails where they are not what it writes.
//!
#![doc = include_str!("dropped_arguments.md")]
//!
//! # Traps that end in an error
//!
//! `tch`'s methods panic where Python raises. Each has a twin that begins with `f_` and returns a
//! `Result`; its message goes on with a C++ backtrace, so print the first line.
//!
//! ```
//! use final_layer::torch::device::DeviceName;
//! use tch::nn::{self, VarStore};
//! use tch::{Cuda, Device, Kind, TchError, Tensor};
//!
//! let message = |error: TchError| error.to_string().lines().next().unwrap().to_owned();
//!
//! // Shapes that do not fit. `a.matmul(&b)` would panic with this message.
//! let options = (Kind::Float, Device::Cpu);
//! let (a, b) = (Tensor::ones([1, 3], options), Tensor::ones([2, 4], options));
//! assert_eq!(
//!     message(a.f_matmul(&b).unwrap_err()),
//!     "Internal torch error: mat1 and mat2 shapes cannot be multiplied (1x3 and 2x4)",
//! );
//!
//! // A `.pt` that tch itself wrote: `save` writes C++'s archive, `load` expects Python's pickle.
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("model.pt");
//! let mut vs = VarStore::new(Device::Cpu);
//! nn::linear(vs.root() / "fc1", 10, 64, Default::default());
//! vs.save(&path)?;
//! let error = message(vs.load(&path).unwrap_err());
//! assert!(error.ends_with("Expected GenericDict but got Object"), "{error}");
//!
//! // A GPU that is there and not seen, because nothing has loaded libtorch_cuda.
//! if !Cuda::is_available() {
//!     assert!("cuda:1000".parse::<DeviceName>().unwrap().find().is_err());
//! }
//! # anyhow::Ok(())
//! ```
#![doc = include_str!("columns.md")]
