//! `torch.optim`: optimizers, schedulers, and gradients as they really come.

mod lr_scheduler;
mod migration;
mod optimizer_cases;
mod optimizer_safety;
