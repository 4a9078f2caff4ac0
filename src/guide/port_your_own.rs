#![doc = include_str!("../../docs/port-your-own-network.md")]
