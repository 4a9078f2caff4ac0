//! Two layers of a Transformer's encoder between an embedding and an output that share a weight.

use tch::{Device, Tensor};
use torch_parity::nn::{
    self, Embedding, Linear, Module, ModuleT, TransformerEncoder, TransformerLayerConfig, VarStore,
};

#[derive(Debug)]
pub struct Encoder {
    embedding: Embedding,
    encoder: TransformerEncoder,
    output: Linear,
}

impl Encoder {
    pub fn new(vs: &VarStore) -> Self {
        let (vs, scratch) = (vs.root(), VarStore::new(Device::Cpu));
        let embedding = nn::embedding(&vs / "embedding", 50, 32, Default::default());
        let config = TransformerLayerConfig {
            dim_feedforward: 64,
            batch_first: true,
            ..Default::default()
        };
        let layer = nn::transformer_encoder_layer(scratch.root() / "layer", 32, 4, config);
        let encoder = nn::transformer_encoder(&vs / "encoder", &layer, 2, Default::default());
        // Python, too, draws the output's weight before it is replaced by the embedding's.
        let drawn = nn::linear(scratch.root() / "output", 32, 50, Default::default());
        let vs = vs / "output";
        let output = Linear {
            ws: vs.add("weight", embedding.ws.shallow_clone(), true),
            bs: drawn.bs.map(|bias| vs.add("bias", bias, true)),
        };
        Self {
            embedding,
            encoder,
            output,
        }
    }
}

impl ModuleT for Encoder {
    fn forward_t(&self, x: &Tensor, train: bool) -> Tensor {
        let x = self.encoder.forward_t(&self.embedding.forward(x), train);
        x.apply(&self.output).flatten(0, 1)
    }
}
