//! # Port your own network in four steps
//!
//! The network here is not one of the document's: three layers and two kinds of activation, for
//! the ten kinds of clothing of Fashion-MNIST. It takes one Rust file of 40 lines and one Python
//! class. Nothing else in the project knows of it.
//!
//! # 1. The class, in Python
//!
//! `scripts/reference/clothing_classifier.py`, the whole file:
//!
//! ```python
#![doc = include_str!("../../scripts/reference/clothing_classifier.py")]
//! ```
//!
//! Its name is the file's in capitals: `clothing_classifier`, `ClothingClassifier`. The module also
//! says what is drawn for the network, which loss brings it down, how data are read and how the
//! answers are judged. A network for a question that is asked already imports all of that, as
//! above; `digit_classifier.py` shows it written out.
//!
//! # 2. The same, in Rust
//!
//! `examples/clothing_classifier.rs`, the whole file:
//!
//! ```no_run
#![doc = include_str!("../../examples/clothing_classifier.rs")]
//! ```
//!
//! Go down the Python lines and write each one's counterpart to its left
//! ([how](crate::guide::from_pytorch#line-by-line)):
//!
//! * **A field for each layer, built in Python's order.** The order of the lines is the order in
//!   which weights are drawn, and so part of the result.
//! * **A path for each layer, named like the attribute.** `vs / "fc1"` gives `fc1.weight`, the key
//!   that Python's `state_dict` has. Weights then load in both directions.
//! * **[`linear`](crate::torch::nn::linear) of this crate, not `tch::nn::linear`,** whose initial
//!   values are others.
//! * **A task.** It says what Python's module says beside the class, cut by what each command needs:
//!   [`Objective`](crate::tasks::Objective) (what is drawn, and the loss) is enough for the proof,
//!   [`Dataset`](crate::tasks::Dataset) and [`Evaluate`](crate::tasks::Evaluate) for training,
//!   [`Predict`](crate::tasks::Predict) for answers.
//!   [`Classes`](crate::tasks::Classes) (one of K), [`YesOrNo`](crate::tasks::YesOrNo) and
//!   [`Quantity`](crate::tasks::Quantity) are all of these over any
//!   [`Input`](crate::tasks::Input); [`WithLoss`](crate::tasks::WithLoss) changes the loss of a task
//!   in three lines. Here it is the digits' task, [`Classes`](crate::tasks::Classes) of ten.
//! * **[`NAME`](crate::tasks::Network::NAME) is the name of both files.**
//!
//! `main` gives the example the command line of the others. A network with the proof alone needs no
//! data and no answers, only what is drawn for it:
//!
//! ```no_run
//! use final_layer::cli::Program;
//! use final_layer::tasks::{Classes, Features, Network};
//! use final_layer::torch::nn;
//!
//! #[derive(Debug)]
//! struct Iris(nn::Linear);
//!
//! impl Network for Iris {
//!     type Task = Classes<3, Features<4>>; // three kinds, four numbers
//!     const NAME: &'static str = "iris";
//!     fn new(vs: &nn::Path) -> Self {
//!         Self(nn::linear(vs / "fc", 4, 3, Default::default()))
//!     }
//! }
//!
//! impl nn::Module for Iris {
//!     fn forward(&self, x: &tch::Tensor) -> tch::Tensor {
//!         x.apply(&self.0)
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     Program::<Iris>::proof().run()
//! }
//! ```
//!
//! A network that takes several tensors, or gives several, is neither [`Module`](tch::nn::Module) nor
//! `ModuleT`: it has [`Forward`](crate::tasks::Forward) instead, with the types of its input and its
//! output, and a task with the same types. Where Python's `forward(self, x, adjacency)` returns `mu,
//! logvar`, `Input` is `(Tensor, Tensor)` and so is `Output`; the loss takes that output whole, in
//! both languages.
//!
//! # 3. The proof
//!
//! ```sh
//! scripts/compare.py clothing_classifier
//! ```
//!
//! builds the example, runs it beside Python with each of four optimizers for 1,000 steps, and
//! compares the input, the initial weights, the output, every loss, the gradients and the weights.
//! Its last line:
//!
//! ```text
//! 120 tensors, all equal to the bit
//! ```
//!
//! ```sh
//! scripts/compare.py clothing_classifier --train data/sample/digits --epochs 1
//! ```
//!
//! compares training on real batches, in the order of Python's `DataLoader`:
//!
//! ```text
//! 78 tensors, all equal to the bit, 4 metrics equal to 1e-12
//! ```
//!
//! Where tensors differ, the first row that says so points at the cause, as later ones are computed
//! from earlier ones:
//!
//! | first difference | look at |
//! | --- | --- |
//! | `network` | the example's `NAME`, which is not the module's |
//! | only in Python, or only in Rust | a path that is not the attribute's name; two layers on one path |
//! | `init.…` | the order of the layers; a layer that is not this crate's |
//! | `input`, `target` | a layer more or less, as they are drawn after the weights; the task's draws |
//! | `output`, or `output.0`, `output.1` … where there are several | the forward pass: an activation, its place, an argument's default |
//! | `losses`, `grad.…` | the loss |
//! | `step1.…` | the optimizer and its settings |
//! | a later step or epoch alone | an optimizer that orders its operations otherwise; the order of the samples |
//! | nothing at one thread, something at two | the number of threads, which has to be the same on both sides |
//!
//! [The traps](crate::guide::from_pytorch#traps) say how large each difference is.
//!
//! # 4. Use it
//!
//! The example has every command of the others:
//!
//! ```sh
//! scripts/download.py fashion-mnist
//! cargo run --example clothing_classifier -- train \
//!     --data data/fashion-mnist --output clothing.safetensors
//! cargo run --example clothing_classifier -- evaluate \
//!     --data data/fashion-mnist --weights clothing.safetensors
//! ```
//!
//! The file of weights goes back to Python as it is:
//!
//! ```python
//! from safetensors.torch import load_file
//! model.load_state_dict(load_file("clothing.safetensors"))
//! ```
//!
//! # What is not here
//!
//! [`crate::torch::nn`] lists the layers that are held against Python's; a layer that is not there
//! is missed by the compiler. Write its initial values as `src/torch/nn/conv/mod.rs` writes a
//! convolution's, from the `reset_parameters` of its Python source; a row in `tests/layers/` tells
//! whether they are right. Layers that draw while they run, such as dropout, draw from the global
//! generator, as Python's do.
