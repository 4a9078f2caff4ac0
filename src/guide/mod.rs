//! How these networks came from Python to Rust, how yours can, and what their last layers are for.
//!
//! | you want to | read |
//! | --- | --- |
//! | see the same network in both languages, and know where they part | [From PyTorch to tch](from_pytorch) |
//! | carry over a network of your own and prove it | [Port your own network](port_your_own) |
//! | choose a last layer and its loss | [Softmax, sigmoid or nothing](last_layer) |
//! | know what `loss.backward()` does | [What autograd does, line by line](autograd) |
//!
//! They can be read in any order. You should know PyTorch and a little Rust; no page asks for more.
//!
//! Nothing here is copied by hand. The networks are shown from the files that are compiled, the
//! Python beside them is held against the Python that runs, the snippets are tests, and every size
//! in the [table of traps](from_pytorch#traps) is measured again by `cargo test`.

pub mod autograd;
pub mod from_pytorch;
pub mod last_layer;
pub mod port_your_own;
