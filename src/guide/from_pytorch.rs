//! # From PyTorch to tch
//!
//! `tch` and Python call the same libtorch. Most of a port is therefore a matter of spelling: the same
//! operations under other names. The rest is a list of cases in which `tch` has other defaults. This
//! page has both: [the spelling](#line-by-line), then [the traps](#traps).
//!
//! # The three networks, side by side
//!
//! Rust on the left, Python on the right. These are the files that are compiled; a test compares
//! the right-hand column with the class in `torch2tch/src/torch2tch/reference/`.
//!
//! A digit is one of ten classes, so its network has ten logits as output:
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
//! For a yes-or-no question, a sigmoid follows the single output:
//!
//! ```rust,standalone_crate,no_run
//! # mod torch { pub mod nn { pub use final_layer::torch::nn::linear; } }
//! # fn main() {}
#![doc = include_str!("../networks/binary_classifier.rs")]
//! ```
//!
//! # Line by line
//!
//! `scripts/port.py` translates by this table, which `scripts/generate/spellings_table.py` generates
//! from `torch2tch/src/torch2tch/port/spellings/`. A test fails if it is out of date.
//!
#![doc = include_str!("spellings.md")]
//!
//! Put together, one training step reads like this in both languages:
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
//! // Parameters are drawn in the order in which they are created: weight, bias, weight, bias.
//! let sizes: Vec<_> = vs.trainable_variables().iter().map(Tensor::size).collect();
//! assert_eq!(sizes, [vec![128, 784], vec![128], vec![10, 128], vec![10]]);
//! # Ok::<(), final_layer::torch::Error>(())
//! ```
//!
//! # Traps
//!
//! Each row has the obvious code in `tch`, the difference that it makes, and the code that gives
//! Python's result. In the code, `z` are logits (a network's outputs, one for each class), `p` their
//! softmax and `y` the classes. `tests/guide/` measures the differences on the digits' network, with
//! seed 0, 64 random samples and one thread, and fails if this table disagrees. A number after ≈ depends
//! on the processor: here it is that of an Intel Xeon with AVX-512 (family 6, model 207), and the test
//! prints that of yours. Everything else must agree exactly.
//!
#![doc = include_str!("traps.md")]
//!
//! The small differences come from rounding, and training makes them grow. Their price is the proof:
//! if two runs must be equal, any difference is a mistake; if they may differ by 1e-7, a mistake of
//! 1e-7 goes unnoticed.
//!
//! # Traps of layers
//!
//! The differences that result from `tch`'s own layer, or from a method of `tch` that leaves out
//! arguments, in place of the one in [`crate::torch::nn`]. Each row here summarizes rows of
//! `torch-parity/tests/rows/`, which name a layer, its arguments and its input, and fail if a bit
//! differs from Python's. `torch-parity/tests/layers/` measures and checks the numbers as above.
//!
#![doc = include_str!("layers.md")]
//!
//! The rows that do not fail are those in which `tch`'s layer equals Python's: layer and group norm as
//! far as it has their arguments, an embedding without `padding_idx`, an activation with default
//! arguments, and `cross_entropy_for_logits` and `nll_loss` on `(N, K)` without further arguments; on
//! more dimensions and on probabilities these two panic. The last column counts rows with arguments
//! that `tch`'s layer does not have. `rrelu()` always panics: its binding passes an upper bound below
//! the lower.
//!
//! # Arguments that `tch`'s methods leave out
//!
//! A method of `tch` without an argument uses its default, whatever the line in Python says. Most
//! numbers with a default (PyTorch's `Scalar`) are missing in this way. The first table has each method
//! of `tch` that leaves out an argument of a function of `torch.nn.functional` (`F`) or of a method of
//! `torch.Tensor`, according to PyTorch's operator schemas or, if a function of `F` is written in
//! Python, to its signature. It ignores `generator`, `out` and `inplace`, arguments about device and
//! memory layout, and deprecated ones such as `size_average`. It compares names, not values, so it does
//! not show that `tch`'s `Reduction` lacks `"batchmean"`. The operators `+` and `-` call `g_add` and
//! `g_sub`.
//!
//! The last column names a function that has these arguments, here or in `tch`. “Left alone”
//! marks operations that no layer or loss of Python's needs, and matrix products in 8 and 16 bits on
//! GPUs. Two operations in place of one, such as `a + b * alpha`, round twice.
//! `scripts/generate/dropped_arguments.py` generates both tables, and a test fails if they are out of
//! date.
//!
#![doc = include_str!("dropped_arguments.md")]
//!
//! # Traps that end in an error
//!
//! `tch`'s methods panic where Python raises an exception. Each has a variant that begins with `f_` and
//! returns a `Result`. Its message ends in a C++ backtrace, so print only the first line.
//!
//! ```
//! use final_layer::torch::device::DeviceName;
//! use tch::nn::{self, VarStore};
//! use tch::{Cuda, Device, Kind, TchError, Tensor};
//!
//! let message = |error: TchError| error.to_string().lines().next().unwrap().to_owned();
//!
//! // A shape mismatch. `a.matmul(&b)` would panic with this message.
//! let options = (Kind::Float, Device::Cpu);
//! let (a, b) = (Tensor::ones([1, 3], options), Tensor::ones([2, 4], options));
//! assert_eq!(
//!     message(a.f_matmul(&b).unwrap_err()),
//!     "Internal torch error: mat1 and mat2 shapes cannot be multiplied (1x3 and 2x4)",
//! );
//!
//! // A `.pt` written by tch itself: `save` writes C++'s archive, `load` expects Python's pickle.
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("model.pt");
//! let mut vs = VarStore::new(Device::Cpu);
//! nn::linear(vs.root() / "fc1", 10, 64, Default::default());
//! vs.save(&path)?;
//! let error = message(vs.load(&path).unwrap_err());
//! assert!(error.ends_with("Expected GenericDict but got Object"), "{error}");
//!
//! // A GPU is invisible until libtorch_cuda is loaded; `find` loads it.
//! if !Cuda::is_available() {
//!     assert!("cuda:1000".parse::<DeviceName>().unwrap().find().is_err());
//! }
//! # anyhow::Ok(())
//! ```
#![doc = include_str!("columns.md")]
