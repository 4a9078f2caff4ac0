//! State dicts and files, in both directions, and printed tensors.

mod checkpoint;
mod kinds;
mod print;
mod pt;
mod state_dicts;
mod tied;
