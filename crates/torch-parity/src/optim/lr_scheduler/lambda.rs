//! The schedules that are functions of the caller's.

use std::fmt;
use std::rc::Rc;

use super::state::{Saved, entry};
use super::{Now, Schedule, SchedulerOf};
use crate::Result;
use crate::optim::{Optimizer, Setting, Settings, refused};

/// The factor for an epoch, counted from 0.
type Factor = dyn Fn(i64) -> f64;

/// One function for all parameter groups, or one for each.
#[derive(Clone)]
struct Factors {
    functions: Vec<Rc<Factor>>,
    groups: usize,
}

impl fmt::Debug for Factors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Factors").finish_non_exhaustive()
    }
}

impl Factors {
    fn one(optimizer: &dyn Optimizer, function: impl Fn(i64) -> f64 + 'static) -> Self {
        Self {
            functions: vec![Rc::new(function)],
            groups: optimizer.group_count(),
        }
    }

    fn for_groups(
        optimizer: &dyn Optimizer,
        functions: Vec<Box<dyn Fn(i64) -> f64>>,
    ) -> Result<Self> {
        let (groups, found) = (optimizer.group_count(), functions.len());
        if found != groups {
            return refused(format!("Expected {groups} lr_lambdas, but got {found}"));
        }
        let functions = functions.into_iter().map(Rc::from).collect();
        Ok(Self { functions, groups })
    }

    fn at(&self, now: &Now) -> f64 {
        self.functions[now.group % self.functions.len()](now.last_epoch)
    }
}

impl Saved for Factors {
    /// As in Python, functions are not saved: `None` for each group.
    fn save(&self) -> Settings {
        let none = vec![Setting::None; self.groups];
        Settings::from([entry("lr_lambdas", Setting::List(none))])
    }

    fn load(&self, _: &Settings) -> Result<Self> {
        Ok(self.clone())
    }
}

/// A schedule of one kind of [`Factors`].
macro_rules! of_factors {
    (
        $scheduler:ident, $schedule:ident, $about:literal,
        |$factors:ident, $now:ident| $lr:expr, $restart_lr:expr
    ) => {
        #[doc = $about]
        pub type $scheduler = SchedulerOf<$schedule>;

        #[doc(hidden)]
        #[derive(Clone, Debug)]
        pub struct $schedule(Factors);

        impl $scheduler {
            #[doc = concat!(
                "`", stringify!($scheduler), "(optimizer, lr_lambda)`, one function for all ",
                "parameter groups.\n\n# Errors\nNone; as in Python, every function is accepted.",
            )]
            pub fn new(
                optimizer: &mut dyn Optimizer,
                lr_lambda: impl Fn(i64) -> f64 + 'static,
            ) -> Result<Self> {
                let factors = Factors::one(optimizer, lr_lambda);
                Self::start(optimizer, $schedule(factors))
            }

            #[doc = concat!(
                "`", stringify!($scheduler), "(optimizer, [lr_lambda, …])`, a function for each ",
                "parameter group.\n\n# Errors\nIf the numbers of functions and groups differ.",
            )]
            pub fn for_groups(
                optimizer: &mut dyn Optimizer,
                lr_lambdas: Vec<Box<dyn Fn(i64) -> f64>>,
            ) -> Result<Self> {
                let factors = Factors::for_groups(optimizer, lr_lambdas)?;
                Self::start(optimizer, $schedule(factors))
            }
        }

        impl Saved for $schedule {
            fn save(&self) -> Settings {
                self.0.save()
            }

            fn load(&self, state: &Settings) -> Result<Self> {
                Ok(Self(self.0.load(state)?))
            }
        }

        impl Schedule for $schedule {
            fn lr(&self, $now: &Now) -> Result<f64> {
                let $factors = &self.0;
                Ok($lr)
            }

            fn restart_lr(&self, $now: &Now) -> Result<f64> {
                let $factors = &self.0;
                Ok($restart_lr)
            }
        }
    };
}

of_factors!(
    LambdaLR,
    Lambda,
    "`LambdaLR`: multiplies the initial learning rate by a function of the epoch.",
    |factors, now| now.base_lr * factors.at(now),
    now.base_lr * factors.at(now)
);

of_factors!(
    MultiplicativeLR,
    Multiplicative,
    "`MultiplicativeLR`: multiplies the current learning rate by a function of the epoch. It is not \
     called for epoch 0.",
    |factors, now| match now.is_initial() {
        true => now.lr,
        false => now.lr * factors.at(now),
    },
    now.lr * factors.at(now)
);
