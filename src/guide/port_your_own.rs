#![doc = include_str!("../../docs/port-your-own-network.md")]
//!
//! See also [line by line](crate::guide::from_pytorch#line-by-line),
//! [the traps](crate::guide::from_pytorch#traps), [`crate::torch::nn`] with the layers that are
//! compared with Python's, and the tasks [`Classes`](crate::tasks::Classes),
//! [`YesOrNo`](crate::tasks::YesOrNo) and [`Quantity`](crate::tasks::Quantity).
#![doc = include_str!("columns.md")]
