//! A variational autoencoder of digits with twenty latent variables (Kingma and Welling,
//! "Auto-Encoding Variational Bayes", 2013). The network draws noise in its forward pass and has
//! three outputs: the reconstruction, and the mean and log-variance of the latent variables.
//!
//! ```sh
//! cargo run --example variational_autoencoder -- train --output weights.safetensors
//! ```
//!
//! The loss is a sum over the samples of a batch, so the loss of an epoch, a mean over batches,
//! grows with the batch size; the metrics are per sample. Noise is also drawn in evaluation, from
//! `--seed`.

use std::io::BufRead;
use std::path::Path as FilePath;

use anyhow::{Context, Result};
use final_layer::data::{Splits, mnist, pixels_to_float};
use final_layer::metrics::{Evaluation, Metric};
use final_layer::networks::Digits;
use final_layer::tasks::{
    Answer, Dataset, Evaluate, Forward, Inputs, Network, Objective, Predict, Questions,
};
use final_layer::torch::nn::linear;
use serde_json::json;
use tch::nn::{Linear, Path};
use tch::{Device, Kind, Reduction, Tensor};

#[rustfmt::skip]
#[derive(Debug)]
pub struct VariationalAutoencoder {                                      // class VariationalAutoencoder(nn.Module):
    hidden: Linear,
    mu: Linear,
    logvar: Linear,
    widen: Linear,
    pixels: Linear,
}

#[rustfmt::skip]
impl Network for VariationalAutoencoder {
    type Task = Reconstruction;
    const NAME: &'static str = "variational_autoencoder";
    const ABOUT: &'static str = "A variational autoencoder of digits with twenty latent variables";
    fn new(vs: &Path) -> Self {                                          //     def __init__(self):
        Self {                                                           //         super().__init__()
            hidden: linear(vs / "hidden", 784, 400, Default::default()), //         self.hidden = nn.Linear(784, 400)
            mu: linear(vs / "mu", 400, 20, Default::default()),          //         self.mu = nn.Linear(400, 20)
            logvar: linear(vs / "logvar", 400, 20, Default::default()),  //         self.logvar = nn.Linear(400, 20)
            widen: linear(vs / "widen", 20, 400, Default::default()),    //         self.widen = nn.Linear(20, 400)
            pixels: linear(vs / "pixels", 400, 784, Default::default()), //         self.pixels = nn.Linear(400, 784)
        }
    }
}

#[rustfmt::skip]
impl VariationalAutoencoder {
    fn encode(&self, x: &Tensor) -> (Tensor, Tensor) {                   //     def encode(self, x):
        let x = x.apply(&self.hidden).relu();                            //         x = F.relu(self.hidden(x))
        (x.apply(&self.mu), x.apply(&self.logvar))                       //         return self.mu(x), self.logvar(x)
    }

    fn reparameterize(&self, mu: &Tensor, logvar: &Tensor) -> Tensor {   //     def reparameterize(self, mu, logvar):
        let std = (logvar * 0.5).exp();                                  //         std = torch.exp(0.5 * logvar)
        mu + std.randn_like() * std                                      //         return mu + torch.randn_like(std) * std
    }

    fn decode(&self, z: &Tensor) -> Tensor {                             //     def decode(self, z):
        let z = z.apply(&self.widen).relu();                             //         z = F.relu(self.widen(z))
        z.apply(&self.pixels).sigmoid()                                  //         return torch.sigmoid(self.pixels(z))
    }
}

#[rustfmt::skip]
impl Forward for VariationalAutoencoder {
    type Input = Tensor;
    type Output = (Tensor, Tensor, Tensor);
    fn call(&self, x: &Tensor, _train: bool) -> Self::Output {           //     def forward(self, x):
        let (mu, logvar) = self.encode(x);                               //         mu, logvar = self.encode(x)
        let z = self.reparameterize(&mu, &logvar);                       //         z = self.reparameterize(mu, logvar)
        (self.decode(&z), mu, logvar)                                    //         return self.decode(z), mu, logvar
    }
}

/// Reconstruction of the picture, `(N, 784)` float32 from 0 to 1, from latent variables close to a
/// standard normal distribution.
#[derive(Debug)]
pub struct Reconstruction;

/// The reconstruction, `(N, 784)` float32 from 0 to 1; mu and logvar, `(N, 20)` float32 each.
pub type Output = (Tensor, Tensor, Tensor);

impl Objective for Reconstruction {
    type Input = Tensor;
    type Output = Output;
    type Target = Tensor;

    fn draw_input(batch_size: i64) -> Result<Tensor> {
        Ok(Tensor::f_rand(
            [batch_size, 784],
            (Kind::Float, Device::Cpu),
        )?)
    }

    fn draw_target(batch_size: i64) -> Result<Tensor> {
        Self::draw_input(batch_size)
    }

    fn loss(output: &Output, target: &Tensor) -> Result<Tensor> {
        let (error, divergence) = terms(output, target)?;
        Ok(error + divergence)
    }

    fn report((_, mu, logvar): &Output) -> Vec<(String, Tensor)> {
        vec![
            ("mu:".to_owned(), mu.shallow_clone()),
            ("logvar:".to_owned(), logvar.shallow_clone()),
        ]
    }
}

/// The binary cross-entropy of the reconstruction, and the Kullback-Leibler divergence of the
/// latent variables from the standard normal distribution: sums over the samples.
fn terms((picture, mu, logvar): &Output, target: &Tensor) -> Result<(Tensor, Tensor)> {
    let error = picture.f_binary_cross_entropy::<Tensor>(target, None, Reduction::Sum);
    let error = error.context("no loss of pixels that are NaN")?;
    let each = logvar + 1. - mu.pow_tensor_scalar(2) - logvar.exp();
    Ok((error, each.sum(each.kind()) * -0.5))
}

impl Dataset for Reconstruction {
    const SAMPLE_DATA: Option<&'static str> = Some("digits");

    /// MNIST, or another data set in its layout; each picture is its own target.
    fn read(path: &FilePath) -> Result<Splits> {
        let mut splits = mnist::read(path)?;
        for samples in [&mut splits.train, &mut splits.test] {
            samples.targets = samples.features.shallow_clone();
        }
        Ok(splits)
    }

    fn to_input(features: &Tensor) -> Tensor {
        pixels_to_float(features)
    }

    fn to_target(targets: &Tensor) -> Tensor {
        pixels_to_float(targets)
    }
}

impl Evaluate for Reconstruction {
    /// The loss and its two terms, per sample.
    fn evaluate((picture, mu, logvar): &Output, target: &Tensor) -> Result<Evaluation> {
        let double = |tensor: &Tensor| tensor.to_kind(Kind::Double);
        let output = (double(picture), double(mu), double(logvar));
        let (error, divergence) = terms(&output, &double(target))?;
        let samples = target.size()[0] as f64;
        let error = f64::try_from(error)? / samples;
        let divergence = f64::try_from(divergence)? / samples;
        Ok(Evaluation {
            metrics: vec![
                Metric::new("loss", error + divergence),
                Metric::new("reconstruction", error),
                Metric::new("KL divergence", divergence),
            ],
            confusion: None,
        })
    }
}

impl Predict for Reconstruction {
    const READS_PICTURES: bool = true;

    fn read_inputs(path: &FilePath, invert: bool) -> Result<Inputs> {
        Digits::read_inputs(path, invert)
    }

    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        Digits::read_each(input, invert, each)
    }

    /// The means of a picture's twenty latent variables, which are free of noise; as JSON also
    /// their log-variances.
    fn answers((_, mu, logvar): &Output) -> Result<Vec<Answer>> {
        let rows = |tensor: &Tensor| Vec::<Vec<f64>>::try_from(tensor.to_kind(Kind::Double));
        let answer = |(mu, logvar): (Vec<f64>, Vec<f64>)| {
            let numbers: Vec<_> = mu.iter().map(|number| format!("{number:.4}")).collect();
            Answer {
                text: format!("mu {}", numbers.join(" ")),
                json: json!({ "mu": mu, "logvar": logvar }),
                probabilities: Vec::new(),
            }
        };
        Ok(rows(mu)?
            .into_iter()
            .zip(rows(logvar)?)
            .map(answer)
            .collect())
    }
}

fn main() -> std::process::ExitCode {
    final_layer::cli::run::<VariationalAutoencoder>()
}
