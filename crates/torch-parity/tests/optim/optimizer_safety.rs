//! Safe calls that change the memory of an optimizer's tensors: each ends in a step or an error,
//! never in a crash. Written to be run under valgrind's memcheck as well.

use tch::{Device, Kind, Tensor, no_grad};
use torch_parity::optim::{
    Adadelta, AdadeltaConfig, Adagrad, AdagradConfig, Adam, AdamConfig, Adamax, AdamaxConfig,
    NAdam, NAdamConfig, Optimizer, RAdam, RAdamConfig, RmsProp, RmsPropConfig, Sgd, SgdConfig,
};

const N: i64 = 1000;

fn ones(size: &[i64]) -> Tensor {
    Tensor::ones(size, (Kind::Float, Device::Cpu))
}

/// Three steps, and a gradient for the next.
fn in_the_middle() -> Vec<(Tensor, Box<dyn Optimizer>)> {
    let momentum = SgdConfig {
        momentum: 0.9,
        ..SgdConfig::new(0.1)
    };
    let amsgrad = AdamConfig {
        amsgrad: true,
        ..AdamConfig::adam(0.1)
    };
    let centered = RmsPropConfig {
        momentum: 0.9,
        centered: true,
        ..RmsPropConfig::new(0.1)
    };
    let new: [&dyn Fn(Vec<Tensor>) -> Box<dyn Optimizer>; 10] = [
        &|w| Box::new(Sgd::new(w, SgdConfig::new(0.1)).unwrap()),
        &|w| Box::new(Sgd::new(w, momentum).unwrap()),
        &|w| Box::new(Adam::new(w, AdamConfig::adamw(0.1)).unwrap()),
        &|w| Box::new(Adam::new(w, amsgrad).unwrap()),
        &|w| Box::new(RmsProp::new(w, centered).unwrap()),
        &|w| Box::new(Adagrad::new(w, AdagradConfig::new(0.1)).unwrap()),
        &|w| Box::new(Adadelta::new(w, AdadeltaConfig::new(0.1)).unwrap()),
        &|w| Box::new(Adamax::new(w, AdamaxConfig::new(0.1)).unwrap()),
        &|w| Box::new(NAdam::new(w, NAdamConfig::new(0.1)).unwrap()),
        &|w| Box::new(RAdam::new(w, RAdamConfig::new(0.1)).unwrap()),
    ];
    let new = new.into_iter().map(|new| {
        let w = ones(&[N]).set_requires_grad(true);
        let mut optimizer = new(vec![w.shallow_clone()]);
        for _ in 0..3 {
            optimizer.zero_grad(true).unwrap();
            (&w * &w).sum(Kind::Float).backward();
            optimizer.step().unwrap();
        }
        (w, optimizer)
    });
    new.collect()
}

/// Steps after `spoil`; libtorch decides whether that is an error.
fn after(spoil: impl Fn(&mut Tensor, &mut dyn Optimizer)) {
    for (mut w, mut optimizer) in in_the_middle() {
        spoil(&mut w, optimizer.as_mut());
        for _ in 0..2 {
            let _ = optimizer.step();
        }
        let _ = optimizer.zero_grad(false);
        let _ = optimizer.zero_grad(true);
        let dict = optimizer.state_dict();
        let _ = optimizer.load_state_dict(&dict);
    }
}

#[test]
fn tensors_changed_during_optimization() {
    // The gradient.
    after(|w, _| drop(w.grad().resize_([0])));
    after(|w, _| drop(w.grad().resize_([2 * N])));
    after(|w, _| w.grad().set_data(&ones(&[3])));
    after(|w, _| w.grad().set_data(&ones(&[N, 1])));
    after(|w, _| w.grad().set_data(&ones(&[N]).to_kind(Kind::Double)));
    after(|w, _| w.grad().set_data(&ones(&[1]).expand([N], false)));
    after(|w, _| w.grad().set_data(&ones(&[N]).internal_neg_view()));
    after(|w, _| {
        let zeros = Tensor::internal_efficientzerotensor([N], (Kind::Float, Device::Cpu));
        w.grad().set_data(&zeros);
    });
    // The gradient shares memory with the parameter, fully or partly.
    after(|w, _| w.grad().set_data(&w.detach()));
    let halfway = ones(&[2 * N]);
    after(|w, _| {
        w.set_data(&halfway.narrow(0, 0, N));
        w.grad().set_data(&halfway.narrow(0, N / 2, N));
    });
    // The parameter.
    after(|w, _| w.set_data(&ones(&[0])));
    after(|w, _| w.set_data(&ones(&[2 * N])));
    after(|w, _| w.set_data(&ones(&[N]).to_kind(Kind::Double)));
    after(|w, _| w.set_data(&ones(&[N]).internal_neg_view()));
    after(|w, _| no_grad(|| drop(w.detach().resize_([5 * N]))));
    // The optimizer's state, through the handles in a state dict.
    for size in [0, 3 * N] {
        after(|_, optimizer| {
            for (_, mut tensor) in optimizer.state_dict().tensors() {
                let _ = tensor.resize_([size]);
            }
        });
    }
    after(|w, optimizer| {
        for (_, mut tensor) in optimizer.state_dict().tensors() {
            tensor.set_data(&w.detach());
        }
    });
}

#[test]
fn a_mismatch_is_an_error_and_updates_nothing() {
    for (w, mut optimizer) in in_the_middle() {
        w.grad().set_data(&ones(&[3]));
        let before = w.detach().copy();
        assert!(optimizer.step().is_err());
        assert_eq!(w.detach(), before);
    }
}

/// Two optimizers for one tensor, each on its own thread. Their results are undefined, as with
/// tch's own operations.
#[test]
fn two_threads() {
    let [(w, one), (other, _), ..] = &mut in_the_middle()[..] else {
        unreachable!("there are ten");
    };
    let grad = ones(&[N]) * 1e-3;
    (&*w * 1.).sum(Kind::Float).backward();
    w.grad().set_data(&grad);
    let handle = w.shallow_clone();
    let reader = w.detach();
    let mut two = Sgd::new(vec![handle], SgdConfig::new(0.1)).unwrap();
    let threads = [
        std::thread::spawn(move || (0..200).for_each(|_| two.step().unwrap())),
        std::thread::spawn(move || {
            (0..200).for_each(|_| assert!(f64::try_from(reader.sum(Kind::Float)).unwrap() < 1e9));
        }),
    ];
    for _ in 0..200 {
        one.step().unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    drop(other.copy());
}
