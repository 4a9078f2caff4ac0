//! `torch.optim`: optimizers, schedulers, and gradients in all their forms.

mod lr_scheduler;
mod migration;
mod optimizer_cases;
mod optimizer_safety;
