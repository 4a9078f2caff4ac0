//! A program written for `tch::nn` compiles unchanged with `torch_parity::nn` in its place.

use tch::nn as theirs;
use tch::{Device, Kind, Tensor};
use torch_parity::nn as ours;

/// The program, with either `nn`.
macro_rules! program {
    ($name:ident, $nn:ident) => {
        mod $name {
            use super::*;
            use nn::{Module, ModuleT, RNN};
            use $nn as nn;

            #[derive(Debug)]
            struct Net {
                conv: nn::Conv2D,
                wide: nn::Conv<[i64; 2]>,
                norm: nn::BatchNorm,
                up: nn::ConvTranspose2D,
                group: nn::GroupNorm,
                layer: nn::LayerNorm,
                head: nn::SequentialT,
            }

            impl Net {
                fn new(vs: &nn::Path) -> Self {
                    let strided = nn::ConvConfig {
                        stride: 2,
                        padding: 1,
                        padding_mode: nn::PaddingMode::Reflect,
                        bs_init: nn::Init::Const(0.),
                        ..Default::default()
                    };
                    let wide = nn::ConvConfigND::<[i64; 2]> {
                        padding: [0, 1],
                        ..Default::default()
                    };
                    let norm = nn::BatchNormConfig {
                        momentum: 0.2,
                        ws_init: nn::Init::Const(1.),
                        ..Default::default()
                    };
                    Self {
                        conv: nn::conv2d(vs / "conv", 1, 4, 3, strided),
                        wide: nn::conv(vs / "wide", 4, 4, [1, 3], wide),
                        norm: nn::batch_norm2d(vs / "norm", 4, norm),
                        up: nn::conv_transpose2d(&(vs / "up"), 4, 4, 2, Default::default()),
                        group: nn::group_norm(vs / "group", 2, 4, Default::default()),
                        layer: nn::layer_norm(vs / "layer", vec![5, 5], Default::default()),
                        head: nn::seq_t()
                            .add(nn::conv2d(vs / "head", 4, 2, 1, nn::no_bias()))
                            .add_fn(|xs| xs.flatten(1, -1))
                            .add(nn::linear(vs / "fc", 50, 3, Default::default())),
                    }
                }
            }

            impl ModuleT for Net {
                fn forward_t(&self, xs: &Tensor, train: bool) -> Tensor {
                    assert_eq!(self.norm.running_mean.size(), [4]);
                    let xs = xs
                        .apply(&self.conv)
                        .apply(&self.wide)
                        .apply_t(&self.norm, train);
                    let xs = xs
                        .relu()
                        .apply(&self.up)
                        .apply(&self.group)
                        .apply(&self.layer);
                    self.head.forward_t(&xs, train)
                }
            }

            pub fn run() -> (Vec<i64>, Vec<i64>, Vec<String>) {
                let vs = nn::VarStore::new(Device::Cpu);
                let net = Net::new(&vs.root());
                let config = nn::EmbeddingConfig {
                    padding_idx: 1,
                    ..Default::default()
                };
                let words = nn::embedding(vs.root() / "words", 9, 5, config);
                let pictures = Tensor::ones([2, 1, 8, 8], (Kind::Float, Device::Cpu));
                let output = net.forward_t(&pictures, true);
                let rows = words.forward(&Tensor::from_slice(&[1i64, 2]));
                let config = nn::RNNConfig {
                    batch_first: true,
                    num_layers: 2,
                    w_ih_init: nn::Init::Const(0.),
                    b_ih_init: Some(nn::Init::Const(0.)),
                    ..Default::default()
                };
                let lstm: nn::LSTM = nn::lstm(vs.root() / "lstm", 5, 6, config);
                let (steps, nn::LSTMState((h, _))) = lstm.seq(&rows.unsqueeze(0));
                let gru: nn::GRU = nn::gru(&(vs.root() / "gru"), 6, 4, config);
                let state: nn::GRUState = gru.step(&steps.select(1, 0), &gru.zero_state(1));
                let (_, last) = gru.seq_init(&steps, &state);
                assert_eq!([h.size(), last.value().size()], [[2, 1, 6], [2, 1, 4]]);
                let mut names: Vec<String> = vs.variables().into_keys().collect();
                names.sort();
                (output.size(), rows.size(), names)
            }
        }
    };
}

program!(with_tch, theirs);
program!(with_ours, ours);

#[test]
fn a_program_for_tch_compiles_unchanged() {
    let _generator = testing::lock_generator();
    let (output, rows, mut names) = with_tch::run();
    names.push("norm.num_batches_tracked".to_owned());
    names.sort();
    assert_eq!(output, [2, 3]);
    assert_eq!(with_ours::run(), (output, rows, names));
}
