//! Layers of `torch/nn/modules/rnn.py`, and `Packed` of
//! `crates/torch-parity/tests/python/layers.py`.

use serde_json::Value;
use tch::{Device, Kind, Tensor};
use torch_parity::Result;
use torch_parity::nn::utils::rnn::{pack_padded_sequence, pad_packed_sequence};
use torch_parity::nn::{
    self, ElmanRNN, GRU, GRUState, LSTM, LSTMState, Nonlinearity, Path, RNN, RNNCellConfig,
    RNNConfig, RNNState, VarStore,
};

use super::record::Forward;
use super::table::{Args, Call};
use testing::{on_threads, same_bits};

pub fn build(vs: &Path, layer: &str, args: &Args) -> Option<Result<Forward>> {
    match layer {
        "RNNCell" | "LSTMCell" | "GRUCell" => Some(cell(vs, layer, args)),
        "Packed" => Some(packed(vs, args)),
        _ => Some(recurrent(vs, layer, args)?.map(|recurrent| -> Forward {
            Box::new(move |call, train| recurrent.forward_t(call, train))
        })),
    }
}

/// A layer that processes a sequence.
enum Recurrent {
    Rnn(ElmanRNN),
    Lstm(LSTM),
    Gru(GRU),
}

fn recurrent(vs: &Path, layer: &str, args: &Args) -> Option<Result<Recurrent>> {
    if !matches!(layer, "RNN" | "LSTM" | "GRU") {
        return None;
    }
    let config = config(args);
    let (input, hidden) = (args.need("input_size"), args.need("hidden_size"));
    Some(match layer {
        "RNN" => nn::f_rnn(vs, input, hidden, config).map(Recurrent::Rnn),
        "LSTM" => nn::f_lstm(vs, input, hidden, config).map(Recurrent::Lstm),
        _ => nn::f_gru(vs, input, hidden, config).map(Recurrent::Gru),
    })
}

fn config(args: &Args) -> RNNConfig {
    let mut config = RNNConfig::default();
    args.set("bias", &mut config.has_biases);
    args.set("num_layers", &mut config.num_layers);
    args.set("dropout", &mut config.dropout);
    args.set("bidirectional", &mut config.bidirectional);
    args.set("batch_first", &mut config.batch_first);
    args.set("proj_size", &mut config.proj_size);
    set_nonlinearity(args, &mut config.nonlinearity);
    config
}

fn set_nonlinearity(args: &Args, place: &mut Nonlinearity) {
    match args.get::<String>("nonlinearity").as_deref() {
        Some("relu") => *place = Nonlinearity::Relu,
        None | Some("tanh") => {}
        Some(other) => panic!("unknown nonlinearity {other}"),
    }
}

/// The state in `call`, if any.
pub fn gru_state(call: &Call) -> Option<GRUState> {
    call.inputs.get(1).map(|h| GRUState(h.shallow_clone()))
}

fn rnn_state(call: &Call) -> Option<RNNState> {
    call.inputs.get(1).map(|h| RNNState(h.shallow_clone()))
}

pub fn lstm_state(call: &Call) -> Option<LSTMState> {
    match &call.inputs[1..] {
        [] => None,
        [h, c] => Some(LSTMState((h.shallow_clone(), c.shallow_clone()))),
        _ => panic!("an LSTM has a state of two tensors"),
    }
}

impl Recurrent {
    fn forward_t(&self, call: &Call, train: bool) -> Vec<Tensor> {
        let input = &call.inputs[0];
        match self {
            Self::Rnn(rnn) => {
                let (output, state) = rnn.forward_t(input, rnn_state(call).as_ref(), train);
                vec![output, state.0]
            }
            Self::Gru(gru) => {
                let (output, state) = gru.forward_t(input, gru_state(call).as_ref(), train);
                vec![output, state.0]
            }
            Self::Lstm(lstm) => {
                let (output, state) = lstm.forward_t(input, lstm_state(call).as_ref(), train);
                vec![output, state.h(), state.c()]
            }
        }
    }
}

/// A layer applied to sequences that are packed before it and padded after it.
fn packed(vs: &Path, args: &Args) -> Result<Forward> {
    let inner = args.need::<Vec<Value>>("rnn");
    let inner_args = Args::new(&inner[1]);
    let name = inner[0].as_str().unwrap();
    let recurrent = recurrent(&(vs / "rnn"), name, &inner_args).expect("a recurrent layer")?;
    let first = inner_args.get("batch_first").unwrap_or(false);
    inner_args.expect_all_read();
    let lengths: Vec<i64> = args.need("lengths");
    let sorted = args.get("enforce_sorted").unwrap_or(true);
    let value = args.get("padding_value").unwrap_or(0.);
    let total = args.get("total_length").unwrap_or(None);
    Ok(Box::new(move |call, train| {
        let input = pack_padded_sequence(&call.inputs[0], &lengths, first, sorted);
        let (output, state) = match &recurrent {
            Recurrent::Rnn(rnn) => {
                let state = rnn_state(call);
                let (output, state) = rnn.forward_packed_t(&input, state.as_ref(), train);
                (output, vec![state.0])
            }
            Recurrent::Gru(gru) => {
                let state = gru_state(call);
                let (output, state) = gru.forward_packed_t(&input, state.as_ref(), train);
                (output, vec![state.0])
            }
            Recurrent::Lstm(lstm) => {
                let state = lstm_state(call);
                let (output, state) = lstm.forward_packed_t(&input, state.as_ref(), train);
                (output, vec![state.h(), state.c()])
            }
        };
        let (output, lengths) = pad_packed_sequence(&output, first, value, total);
        [output, lengths].into_iter().chain(state).collect()
    }))
}

fn cell(vs: &Path, layer: &str, args: &Args) -> Result<Forward> {
    let mut config = RNNCellConfig::default();
    args.set("bias", &mut config.bias);
    set_nonlinearity(args, &mut config.nonlinearity);
    let (input, hidden) = (args.need("input_size"), args.need("hidden_size"));
    Ok(match layer {
        "RNNCell" => {
            let cell = nn::f_rnn_cell(vs, input, hidden, config)?;
            Box::new(move |call, _| vec![cell.forward(&call.inputs[0], call.inputs.get(1))])
        }
        "GRUCell" => {
            let cell = nn::f_gru_cell(vs, input, hidden, config)?;
            Box::new(move |call, _| vec![cell.forward(&call.inputs[0], call.inputs.get(1))])
        }
        _ => {
            let cell = nn::f_lstm_cell(vs, input, hidden, config)?;
            Box::new(move |call, _| {
                let state = cell.forward(&call.inputs[0], lstm_state(call).as_ref());
                vec![state.h(), state.c()]
            })
        }
    })
}

/// tch's trait agrees with `forward_t`, for a step and for a sequence from a given state.
#[test]
fn the_trait_of_tch_agrees_with_forward_t() {
    fn check<L: RNN>(layer: &L, batch_first: bool, values: impl Fn(&L::State) -> Vec<Tensor>) {
        let time = if batch_first { 1 } else { 0 };
        let input = Tensor::randn([4, 4, 5], (Kind::Float, Device::Cpu));
        let (output, end) = layer.seq(&input);
        let (same, same_end) = layer.seq_init(&input, &layer.zero_state(4));
        assert!(same_bits(&output, &same));
        let mut step = layer.zero_state(4);
        for i in 0..4 {
            step = layer.step(&input.select(time, i), &step);
        }
        let ends = [values(&end), values(&same_end), values(&step)];
        for ((end, same), step) in ends[0].iter().zip(&ends[1]).zip(&ends[2]) {
            assert!(same_bits(end, same));
            // Step by step, the products with the input have other sizes.
            assert!(f64::try_from((end - step).abs().max()).unwrap() < 1e-6);
        }
    }
    on_threads(1, || {
        for batch_first in [false, true] {
            let vs = VarStore::new(Device::Cpu);
            let root = vs.root();
            let config = RNNConfig {
                batch_first,
                num_layers: 2,
                ..Default::default()
            };
            check(
                &nn::rnn(&root / "rnn", 5, 6, config),
                batch_first,
                |state| vec![state.value()],
            );
            check(
                &nn::gru(&root / "gru", 5, 6, config),
                batch_first,
                |state| vec![state.value()],
            );
            check(
                &nn::lstm(&root / "lstm", 5, 6, config),
                batch_first,
                |state| vec![state.h(), state.c()],
            );
        }
    });
}

/// The trait has no argument for it, so the config's `train` turns dropout on.
#[test]
fn the_config_turns_dropout_on_in_the_trait() {
    on_threads(1, || {
        for train in [false, true] {
            let vs = VarStore::new(Device::Cpu);
            let config = RNNConfig {
                num_layers: 2,
                dropout: 0.5,
                train,
                ..Default::default()
            };
            let lstm = nn::lstm(vs.root(), 5, 6, config);
            let input = Tensor::randn([7, 3, 5], (Kind::Float, Device::Cpu));
            let evaluated = lstm.forward_t(&input, None, false).0;
            assert_eq!(same_bits(&lstm.seq(&input).0, &evaluated), !train);
        }
    });
}

/// Packed data can be replaced; libtorch refuses data of another length with a message.
#[test]
fn packed_data_of_another_length_is_refused() {
    on_threads(1, || {
        let vs = VarStore::new(Device::Cpu);
        let root = vs.root();
        let lstm = nn::lstm(&root / "lstm", 5, 6, Default::default());
        let gru = nn::gru(&root / "gru", 5, 6, Default::default());
        let input = Tensor::randn([7, 3, 5], (Kind::Float, Device::Cpu));
        let packed = pack_padded_sequence(&input, &[7, 4, 1], false, true);
        let doubled = packed.with_data(packed.data() * 2);
        assert!(lstm.f_forward_packed_t(&doubled, None, true).is_ok());
        for rows in [0, 3, 11] {
            let cut = packed.with_data(packed.data().narrow(0, 0, rows));
            assert!(lstm.f_forward_packed_t(&cut, None, true).is_err(), "{rows}");
            assert!(gru.f_forward_packed_t(&cut, None, true).is_err(), "{rows}");
        }
    });
}
