// Programs written for `tch::nn`, which run with the `nn` that is in scope where this file is
// included.

use tch::{Device, Kind, Tensor};

fn network(vs: &nn::Path, groups: bool) -> nn::Sequential {
    let last = if groups { vs.set_group(1) } else { vs.set_group(0) };
    nn::seq()
        .add(nn::linear(vs / "0", 20, 16, Default::default()))
        .add_fn(|xs| xs.relu())
        .add(nn::linear(last / "2", 16, 4, Default::default()))
}

/// The weights after 20 calls of `step`.
fn train(
    vs: nn::VarStore,
    network: nn::Sequential,
    mut step: impl FnMut(&Tensor, usize),
) -> Vec<Tensor> {
    let x = Tensor::randn([32, 20], (Kind::Float, Device::Cpu));
    let y = Tensor::randint(4, [32], (Kind::Int64, Device::Cpu));
    for number in 0..20 {
        let loss = network.forward(&x).cross_entropy_for_logits(&y);
        step(&loss, number);
    }
    vs.trainable_variables().iter().map(Tensor::detach).collect()
}

pub fn adam() -> Vec<Tensor> {
    let vs = nn::VarStore::new(Device::Cpu);
    let network = network(&vs.root(), false);
    let mut opt = nn::Adam::default().build(&vs, 1e-2).unwrap();
    train(vs, network, |loss, _| opt.backward_step(loss))
}

pub fn sgd() -> Vec<Tensor> {
    let vs = nn::VarStore::new(Device::Cpu);
    // Built before there are any variables.
    let mut opt = nn::sgd(0.9, 0., 1e-3, true).build(&vs, 0.1).unwrap();
    let network = network(&vs.root(), false);
    train(vs, network, |loss, number| {
        if number == 10 {
            opt.set_momentum_group(0, 0.8);
        }
        opt.backward_step_clip_norm(loss, 0.1)
    })
}

pub fn adamw() -> Vec<Tensor> {
    let vs = nn::VarStore::new(Device::Cpu);
    let network = network(&vs.root(), true);
    let mut opt = nn::AdamW::default().wd(0.1).amsgrad(true).build(&vs, 1e-2).unwrap();
    opt.set_lr_group(1, 1e-3);
    train(vs, network, |loss, number| {
        if number == 10 {
            opt.set_lr(5e-3);
            opt.set_weight_decay_group(1, 0.2);
        }
        opt.backward_step_clip(loss, 0.01)
    })
}

pub fn rms_prop() -> Vec<Tensor> {
    let vs = nn::VarStore::new(Device::Cpu);
    let network = network(&vs.root(), false);
    let settings = nn::rms_prop(0.9, 1e-6, 1e-3, 0.5, true);
    let mut opt = settings.build(&vs, 1e-3).unwrap();
    train(vs, network, |loss, _| opt.backward_step(loss))
}
