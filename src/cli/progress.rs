//! The progress of training, on stderr: a bar on a terminal, otherwise a plain line now and then.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{
    HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};

use super::common::{say, stdout};
use crate::torch::utils::data::DataLoader;
use crate::training::Position;

/// The interval between plain lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// Counts samples over all epochs.
pub(super) struct Progress {
    bar: ProgressBar,
    epochs: usize,
    last_line: Option<Instant>,
}

impl Progress {
    /// Starts at the given position.
    pub fn new(loader: &DataLoader, epochs: usize, position: &Position) -> Self {
        let on_terminal = io::stderr().is_terminal();
        let target = match on_terminal {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let samples = loader.samples_in(loader.len());
        let all = epochs * samples;
        let done = position.epochs * samples + loader.samples_in(position.losses.len());
        let bar = ProgressBar::with_draw_target(Some(all as u64), target)
            .with_style(style())
            .with_position(done as u64);
        // Earlier work must not count towards the present speed.
        bar.tick();
        bar.reset_eta();
        Self {
            bar,
            epochs,
            last_line: (!on_terminal).then(Instant::now),
        }
    }

    /// Counts a batch of `samples` samples.
    pub fn advance(&mut self, position: &Position, samples: usize) {
        self.bar.inc(samples as u64);
        self.bar
            .set_prefix(format!("epoch {}/{}", position.epochs + 1, self.epochs));
        self.bar.set_message(format!(
            "loss {:.4}",
            position.losses.last().unwrap_or(&f32::NAN)
        ));
        if self
            .last_line
            .is_some_and(|last| last.elapsed() >= INTERVAL)
        {
            self.write_line();
            self.last_line = Some(Instant::now());
        }
    }

    fn write_line(&self) {
        say(format_args!(
            "{}: {}, {}, {} left",
            self.bar.prefix(),
            self.bar.message(),
            rate(self.bar.per_sec()),
            HumanDuration(self.bar.eta())
        ));
    }

    /// Prints a result without disturbing the bar. If its reader is gone, training continues.
    pub fn print(&self, line: &str) -> Result<()> {
        match self.bar.suspend(|| writeln!(stdout(), "{line}")) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => Ok(result?),
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix} [{wide_bar}] {msg}, {rate}, {eta} left")
        .expect("the template is valid")
        .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&rate(state.per_sec()));
        })
        .progress_chars("=> ")
}

fn rate(samples_per_second: f64) -> String {
    format!("{} samples/s", HumanCount(samples_per_second as u64))
}
