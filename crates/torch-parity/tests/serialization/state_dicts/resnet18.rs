//! ResNet-18 (He et al. 2015), with torchvision's layer names.

use tch::Tensor;
use tch::nn::init::{FanInOut, NonLinearity};
use torch_parity::nn::init::kaiming_normal_;
use torch_parity::nn::{
    self, AdaptiveAvgPool2d, BatchNorm, Conv2D, ConvConfig, Linear, MaxPool2d, Module, ModuleT,
    Path, VarStore,
};

fn conv(vs: Path, inputs: i64, channels: i64, kernel: i64, stride: i64) -> Conv2D {
    let config = ConvConfig {
        stride,
        padding: kernel / 2,
        bias: false,
        ..Default::default()
    };
    nn::conv2d(vs, inputs, channels, kernel, config)
}

fn norm(vs: Path, channels: i64) -> BatchNorm {
    nn::batch_norm2d(vs, channels, Default::default())
}

#[derive(Debug)]
struct BasicBlock {
    conv1: Conv2D,
    bn1: BatchNorm,
    conv2: Conv2D,
    bn2: BatchNorm,
    downsample: Option<(Conv2D, BatchNorm)>,
}

impl BasicBlock {
    fn new(vs: &Path, inputs: i64, channels: i64, stride: i64) -> Self {
        Self {
            conv1: conv(vs / "conv1", inputs, channels, 3, stride),
            bn1: norm(vs / "bn1", channels),
            conv2: conv(vs / "conv2", channels, channels, 3, 1),
            bn2: norm(vs / "bn2", channels),
            downsample: (stride != 1).then(|| {
                let vs = vs / "downsample";
                let conv = conv(&vs / 0, inputs, channels, 1, stride);
                (conv, norm(&vs / 1, channels))
            }),
        }
    }
}

impl ModuleT for BasicBlock {
    fn forward_t(&self, x: &Tensor, train: bool) -> Tensor {
        let shortcut = match &self.downsample {
            Some((conv, norm)) => x.apply(conv).apply_t(norm, train),
            None => x.shallow_clone(),
        };
        let x = x.apply(&self.conv1).apply_t(&self.bn1, train).relu();
        let x = x.apply(&self.conv2).apply_t(&self.bn2, train);
        (x + shortcut).relu()
    }
}

#[derive(Debug)]
pub struct ResNet18 {
    conv1: Conv2D,
    bn1: BatchNorm,
    maxpool: MaxPool2d,
    blocks: Vec<BasicBlock>,
    avgpool: AdaptiveAvgPool2d,
    fc: Linear,
}

impl ResNet18 {
    pub fn new(vs: &VarStore) -> Self {
        let root = vs.root();
        let maxpool = MaxPool2d {
            stride: Some([2, 2]),
            padding: [1, 1],
            ..MaxPool2d::new(3)
        };
        let (conv1, bn1) = (conv(&root / "conv1", 3, 64, 7, 2), norm(&root / "bn1", 64));
        let layers = [(64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)];
        let blocks = layers.into_iter().zip(1..).flat_map(|(layer, i)| {
            let vs = &root / format!("layer{i}");
            let (inputs, channels, stride) = layer;
            [
                BasicBlock::new(&(&vs / 0), inputs, channels, stride),
                BasicBlock::new(&(&vs / 1), channels, channels, 1),
            ]
        });
        let network = Self {
            conv1,
            bn1,
            maxpool,
            blocks: blocks.collect(),
            avgpool: AdaptiveAvgPool2d::new(1),
            fc: nn::linear(&root / "fc", 512, 10, Default::default()),
        };
        for mut weight in vs.trainable_variables() {
            if weight.dim() == 4 {
                kaiming_normal_(&mut weight, FanInOut::FanOut, NonLinearity::ReLU);
            }
        }
        network
    }
}

impl ModuleT for ResNet18 {
    fn forward_t(&self, x: &Tensor, train: bool) -> Tensor {
        let x = x.apply(&self.conv1).apply_t(&self.bn1, train).relu();
        let mut x = self.maxpool.forward(&x);
        for block in &self.blocks {
            x = block.forward_t(&x, train);
        }
        self.avgpool.forward(&x).flatten(1, -1).apply(&self.fc)
    }
}
