//! State dicts and files, in both directions, and printed tensors.

mod print;
mod pt;
mod state_dicts;
mod tied;
