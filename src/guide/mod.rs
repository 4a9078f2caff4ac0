//! A guide to porting PyTorch networks to Rust, and to the choice of their last layers.
//!
//! | you want to | read |
//! | --- | --- |
//! | see the same network in both languages, and know where `tch` differs from PyTorch | [From PyTorch to tch](from_pytorch) |
//! | port a network of your own and prove the port | [Port your own network](port_your_own) |
//! | choose a last layer and its loss | [Softmax, sigmoid or nothing](last_layer) |
//! | know what `loss.backward()` does | [What autograd does, line by line](autograd) |
//!
//! The pages can be read in any order. They require PyTorch and a little Rust.
//!
//! Nothing here is copied by hand. The networks are included from the files that are compiled, the
//! Python beside them is compared with the Python that runs, the snippets are tests, and `cargo test`
//! measures the differences in the [table of traps](from_pytorch#traps).

pub mod autograd;
pub mod from_pytorch;
pub mod last_layer;
pub mod port_your_own;
