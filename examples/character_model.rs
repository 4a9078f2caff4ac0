//! Prediction of the next byte of a text: an embedding, a two-layer LSTM with dropout between the
//! layers, and logits over all bytes, so that any text in UTF-8 can be used.
//!
//! ```sh
//! cargo run --example character_model -- train --lr 0.005 --output weights.safetensors
//! echo 'The old miller' | cargo run --example character_model -- predict --weights weights.safetensors -
//! ```

use final_layer::tasks::{Network, NextByte};
use final_layer::torch::nn::{Embedding, LSTM, RNNConfig, embedding, linear, lstm};
use tch::Tensor;
use tch::nn::{Linear, ModuleT, Path};

#[rustfmt::skip]
#[derive(Debug)]
pub struct CharacterModel {                                                 // class CharacterModel(nn.Module):
    embedding: Embedding,
    lstm: LSTM,
    decoder: Linear,
}

#[rustfmt::skip]
impl Network for CharacterModel {
    type Task = NextByte;
    const NAME: &'static str = "character_model";
    const ABOUT: &'static str = "The next byte of a text: an embedding and an LSTM";
    fn new(vs: &Path) -> Self {                                             //     def __init__(self):
        let deep = RNNConfig { num_layers: 2, dropout: 0.2, batch_first: true, ..Default::default() };
        Self {                                                              //         super().__init__()
            embedding: embedding(vs / "embedding", 256, 64, Default::default()), //         self.embedding = nn.Embedding(256, 64)
            lstm: lstm(vs / "lstm", 64, 128, deep),                         //         self.lstm = nn.LSTM(64, 128, 2, dropout=0.2, batch_first=True)
            decoder: linear(vs / "decoder", 128, 256, Default::default()),  //         self.decoder = nn.Linear(128, 256)
        }
    }
}

#[rustfmt::skip]
impl ModuleT for CharacterModel {
    fn forward_t(&self, x: &Tensor, train: bool) -> Tensor {                //     def forward(self, x):
        let x = x.apply(&self.embedding);                                   //         x = self.embedding(x)
        let (x, _) = self.lstm.forward_t(&x, None, train);                  //         x, _ = self.lstm(x)
        x.apply(&self.decoder)                                              //         return self.decoder(x)
    }
}

fn main() -> std::process::ExitCode {
    final_layer::cli::run::<CharacterModel>()
}
