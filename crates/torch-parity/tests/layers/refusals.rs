//! Arguments and inputs of recurrent layers, attention and Transformers that Python refuses are
//! refused with its message.

use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tch::{Device, Kind, Tensor, no_grad};
use torch_parity::nn::functional::{self as F, Reduction::Mean};
use torch_parity::nn::utils::rnn::{f_pack_padded_sequence, f_pad_packed_sequence};
use torch_parity::nn::{
    self, AttentionOptions, DecoderMasks, EncoderMasks, LSTMState, MultiheadAttentionConfig,
    Nonlinearity, Path, RNNCellConfig, RNNConfig, RNNState, TransformerConfig,
    TransformerEncoderConfig, TransformerLayerConfig, VarStore,
};
use torch_parity::{Result, one_line};

use testing::{lock_generator, python_code};

/// `torch.zeros(sizes)`.
fn x<const N: usize>(sizes: [i64; N]) -> Tensor {
    Tensor::zeros(sizes, (Kind::Float, Device::Cpu))
}

/// Expects each case to fail with Python's message.
fn check<S: AsRef<str>, T>(cases: Vec<(S, Result<T>)>) {
    let expressions = cases.iter().map(|(expression, _)| expression.as_ref());
    let expressions: Vec<&str> = expressions.collect();
    let json = serde_json::to_string(&expressions).unwrap();
    let printed = python_code(
        "crates/torch-parity/tests/python/messages.py",
        &[OsStr::new(&json)],
    );
    let messages: Vec<String> = serde_json::from_str(&printed).unwrap();
    assert_eq!(messages.len(), cases.len());
    for ((expression, result), expected) in cases.into_iter().zip(messages) {
        let expression = expression.as_ref();
        match result {
            Ok(_) => panic!("{expression} is not refused"),
            Err(error) => {
                let line = one_line(&error);
                // tch's prefix to libtorch's message.
                let line = line.strip_prefix("Internal torch error: ").unwrap_or(&line);
                assert_eq!(line, expected, "{expression}");
            }
        }
    }
}

fn with_path<T>(build: impl FnOnce(&Path) -> Result<T>) -> Result<T> {
    build(&VarStore::new(Device::Cpu).root())
}

#[test]
fn arguments_of_layers() {
    let _alone = lock_generator();
    let lstm =
        |input, hidden, config| with_path(|vs| nn::f_lstm(vs, input, hidden, config).map(drop));
    let gru = |config| with_path(|vs| nn::f_gru(vs, 2, 3, config).map(drop));
    let rnn = |config| with_path(|vs| nn::f_rnn(vs, 2, 3, config).map(drop));
    let attention = |size, heads| {
        with_path(|vs| nn::f_multihead_attention(vs, size, heads, Default::default()).map(drop))
    };
    let encoder_layer =
        |config| with_path(|vs| nn::f_transformer_encoder_layer(vs, 4, 2, config).map(drop));
    let none = RNNConfig::default();
    let relu = Nonlinearity::Relu;
    check(vec![
        ("nn.LSTM(0, 3)", lstm(0, 3, none)),
        ("nn.LSTM(2, -1)", lstm(2, -1, none)),
        (
            "nn.LSTM(2, 3, num_layers=0)",
            lstm(
                2,
                3,
                RNNConfig {
                    num_layers: 0,
                    ..none
                },
            ),
        ),
        (
            "nn.LSTM(2, 3, dropout=1.5)",
            lstm(
                2,
                3,
                RNNConfig {
                    dropout: 1.5,
                    ..none
                },
            ),
        ),
        (
            "nn.LSTM(2, 3, dropout=float('nan'))",
            lstm(
                2,
                3,
                RNNConfig {
                    dropout: f64::NAN,
                    ..none
                },
            ),
        ),
        (
            "nn.LSTM(2, 3, proj_size=-1)",
            lstm(
                2,
                3,
                RNNConfig {
                    proj_size: -1,
                    ..none
                },
            ),
        ),
        (
            "nn.LSTM(2, 3, proj_size=3)",
            lstm(
                2,
                3,
                RNNConfig {
                    proj_size: 3,
                    ..none
                },
            ),
        ),
        (
            "nn.LSTM(2, 3, nonlinearity='relu')",
            lstm(
                2,
                3,
                RNNConfig {
                    nonlinearity: relu,
                    ..none
                },
            ),
        ),
        (
            "nn.GRU(2, 3, proj_size=1)",
            gru(RNNConfig {
                proj_size: 1,
                ..none
            }),
        ),
        (
            "nn.GRU(2, 3, nonlinearity='relu')",
            gru(RNNConfig {
                nonlinearity: relu,
                ..none
            }),
        ),
        (
            "nn.RNN(2, 3, proj_size=1)",
            rnn(RNNConfig {
                proj_size: 1,
                ..none
            }),
        ),
        (
            "nn.LSTMCell(2, 3, nonlinearity='relu')",
            with_path(|vs| {
                let config = RNNCellConfig {
                    nonlinearity: relu,
                    ..Default::default()
                };
                nn::f_lstm_cell(vs, 2, 3, config).map(drop)
            }),
        ),
        ("nn.MultiheadAttention(0, 1)", attention(0, 1)),
        ("nn.MultiheadAttention(4, -2)", attention(4, -2)),
        ("nn.MultiheadAttention(5, 2)", attention(5, 2)),
        (
            "nn.TransformerEncoderLayer(5, 2)",
            with_path(|vs| nn::f_transformer_encoder_layer(vs, 5, 2, Default::default()).map(drop)),
        ),
        (
            "nn.TransformerEncoderLayer(4, 2, dropout=-0.5)",
            encoder_layer(TransformerLayerConfig {
                dropout: -0.5,
                ..Default::default()
            }),
        ),
    ]);
}

#[test]
fn inputs_of_recurrent_layers() {
    let _alone = lock_generator();
    let vs = VarStore::new(Device::Cpu);
    let root = vs.root();
    let lstm = nn::lstm(&root / "lstm", 2, 3, Default::default());
    let rnn = nn::rnn(&root / "rnn", 2, 3, Default::default());
    let gru = nn::gru(&root / "gru", 2, 3, Default::default());
    let cell = nn::rnn_cell(&root / "cell", 2, 3, Default::default());
    let lstm_cell = nn::lstm_cell(&root / "lstm_cell", 2, 3, Default::default());
    let run = |input: Tensor| lstm.f_forward_t(&input, None, true).map(drop);
    let from = |input: Tensor, h: Tensor, c: Tensor| {
        let state = LSTMState((h, c));
        lstm.f_forward_t(&input, Some(&state), true).map(drop)
    };
    let rnn_from =
        |input: Tensor, h: Tensor| rnn.f_forward_t(&input, Some(&RNNState(h)), true).map(drop);
    let packed = f_pack_padded_sequence(&x([4, 1, 2]), &[4], false, true).unwrap();
    check(vec![
        ("nn.LSTM(2, 3)(x(2))", run(x([2]))),
        (
            "nn.RNN(2, 3)(x(2))",
            rnn.f_forward_t(&x([2]), None, true).map(drop),
        ),
        (
            "nn.GRU(2, 3)(x(2))",
            gru.f_forward_t(&x([2]), None, true).map(drop),
        ),
        ("nn.LSTM(2, 3)(x(4, 1, 5))", run(x([4, 1, 5]))),
        (
            "nn.LSTM(2, 3)(x(4, 1, 2, dtype=torch.float64))",
            run(x([4, 1, 2]).to_kind(Kind::Double)),
        ),
        (
            "nn.LSTM(2, 3)(x(4, 1, 2), (x(1, 2, 3), x(1, 1, 3)))",
            from(x([4, 1, 2]), x([1, 2, 3]), x([1, 1, 3])),
        ),
        (
            "nn.LSTM(2, 3)(x(4, 1, 2), (x(1, 1, 3), x(1, 1, 4)))",
            from(x([4, 1, 2]), x([1, 1, 3]), x([1, 1, 4])),
        ),
        (
            "nn.LSTM(2, 3)(x(4, 1, 2), (x(1, 3), x(1, 3)))",
            from(x([4, 1, 2]), x([1, 3]), x([1, 3])),
        ),
        (
            "nn.LSTM(2, 3)(x(4, 2), (x(1, 1, 3), x(1, 1, 3)))",
            from(x([4, 2]), x([1, 1, 3]), x([1, 1, 3])),
        ),
        (
            "nn.RNN(2, 3)(x(4, 1, 2), x(1, 3))",
            rnn_from(x([4, 1, 2]), x([1, 3])),
        ),
        (
            "nn.RNN(2, 3)(x(4, 2), x(1, 1, 3))",
            rnn_from(x([4, 2]), x([1, 1, 3])),
        ),
        (
            "nn.RNN(2, 3)(x(4, 1, 2), x(2, 1, 3))",
            rnn_from(x([4, 1, 2]), x([2, 1, 3])),
        ),
        (
            "nn.RNNCell(2, 3)(x(1, 1, 2))",
            cell.f_forward(&x([1, 1, 2]), None).map(drop),
        ),
        (
            "nn.RNNCell(2, 3)(x(1, 2), x(1, 1, 3))",
            cell.f_forward(&x([1, 2]), Some(&x([1, 1, 3]))).map(drop),
        ),
        (
            "nn.LSTMCell(2, 3)(x(1, 2), (x(1, 3), x(1, 1, 3)))",
            lstm_cell
                .f_forward(&x([1, 2]), Some(&LSTMState((x([1, 3]), x([1, 1, 3])))))
                .map(drop),
        ),
        (
            "nn.RNNCell(2, 3)(x(1, 4))",
            cell.f_forward(&x([1, 4]), None).map(drop),
        ),
        (
            "pack(x(4, 2, 1), [2, 4])",
            f_pack_padded_sequence(&x([4, 2, 1]), &[2, 4], false, true).map(drop),
        ),
        (
            "pack(x(4, 2, 1), [4, 0])",
            f_pack_padded_sequence(&x([4, 2, 1]), &[4, 0], false, true).map(drop),
        ),
        (
            "pack(x(4, 2, 1), [4])",
            f_pack_padded_sequence(&x([4, 2, 1]), &[4], false, true).map(drop),
        ),
        (
            "pad(pack(x(4, 1, 2), [4]), total_length=3)",
            f_pad_packed_sequence(&packed, false, 0., Some(3)).map(drop),
        ),
    ]);
}

#[test]
fn inputs_of_attention_and_transformers() {
    let _alone = lock_generator();
    let vs = VarStore::new(Device::Cpu);
    let root = vs.root();
    let attention = nn::multihead_attention(&root / "a", 4, 2, Default::default());
    let other = MultiheadAttentionConfig {
        kdim: Some(3),
        ..Default::default()
    };
    let other = nn::multihead_attention(&root / "b", 4, 2, other);
    let attend = |q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions| {
        attention.f_forward_t(&q, &k, &v, options, true).map(drop)
    };
    let plain = AttentionOptions::default();
    let masked = |mask: &Tensor| {
        let options = AttentionOptions {
            attn_mask: Some(mask),
            ..plain
        };
        attend(x([5, 1, 4]), x([6, 1, 4]), x([6, 1, 4]), options)
    };
    let padded = |mask: &Tensor| {
        let options = AttentionOptions {
            key_padding_mask: Some(mask),
            ..plain
        };
        attend(x([5, 1, 4]), x([6, 1, 4]), x([6, 1, 4]), options)
    };
    let one = |mask: &Tensor| {
        let options = AttentionOptions {
            attn_mask: Some(mask),
            ..plain
        };
        attend(x([5, 4]), x([6, 4]), x([6, 4]), options)
    };
    let small = TransformerConfig {
        d_model: 4,
        nhead: 2,
        num_encoder_layers: 1,
        num_decoder_layers: 1,
        layer: TransformerLayerConfig {
            dim_feedforward: 3,
            ..Default::default()
        },
    };
    let transformer = nn::transformer(&root / "t", small);
    let none = TransformerConfig {
        num_encoder_layers: 0,
        ..small
    };
    let no_layers = nn::transformer(&root / "n", none);
    let run = |src: Tensor, tgt: Tensor| {
        let (src_masks, tgt_masks) = (EncoderMasks::default(), DecoderMasks::default());
        transformer
            .f_forward_t(&src, &tgt, src_masks, tgt_masks, true)
            .map(drop)
    };
    let aqkv = "nn.MultiheadAttention(4, 2)(x(5, 1, 4), x(6, 1, 4), x(6, 1, 4)";
    let masked_python = |argument: &str| format!("{aqkv}, {argument})");
    let texts = [
        masked_python("attn_mask=x(5, 5)"),
        masked_python("attn_mask=x(3, 5, 6)"),
        masked_python("attn_mask=x(5)"),
        masked_python("attn_mask=x(5, 6, dtype=torch.int64)"),
        masked_python("key_padding_mask=x(6)"),
        masked_python("key_padding_mask=x(2, 6)"),
        masked_python("key_padding_mask=x(1, 5)"),
        masked_python("is_causal=True"),
    ];
    let t = "nn.Transformer(4, 2, 1, 1, 3)";
    let runs = [
        format!("{t}(x(5, 2, 4), x(3, 1, 4))"),
        format!("{t}(x(5, 2, 4), x(3, 2, 6))"),
        "nn.Transformer(4, 2, 0, 1, 3)(x(5, 2, 4), x(3, 2, 4))".to_owned(),
    ];
    let causal = AttentionOptions {
        is_causal: true,
        ..plain
    };
    check(vec![
        (
            "nn.MultiheadAttention(4, 2)(x(4), x(4), x(4))",
            attend(x([4]), x([4]), x([4]), plain),
        ),
        (
            "nn.MultiheadAttention(4, 2)(x(5, 1, 4), x(5, 4), x(5, 4))",
            attend(x([5, 1, 4]), x([5, 4]), x([5, 4]), plain),
        ),
        (
            "nn.MultiheadAttention(4, 2)(x(5, 1, 6), x(5, 1, 4), x(5, 1, 4))",
            attend(x([5, 1, 6]), x([5, 1, 4]), x([5, 1, 4]), plain),
        ),
        (
            "nn.MultiheadAttention(4, 2)(x(5, 1, 4), x(5, 1, 4), x(6, 1, 4))",
            attend(x([5, 1, 4]), x([5, 1, 4]), x([6, 1, 4]), plain),
        ),
        (
            "nn.MultiheadAttention(4, 2, kdim=3)(x(5, 1, 4), x(5, 1, 3), x(6, 1, 4))",
            other
                .f_forward_t(&x([5, 1, 4]), &x([5, 1, 3]), &x([6, 1, 4]), plain, true)
                .map(drop),
        ),
        (
            "nn.MultiheadAttention(4, 2)(x(5, 4), x(6, 4), x(6, 4), attn_mask=x(3, 5, 6))",
            one(&x([3, 5, 6])),
        ),
        (&texts[0], masked(&x([5, 5]))),
        (&texts[1], masked(&x([3, 5, 6]))),
        (&texts[2], masked(&x([5]))),
        (&texts[3], masked(&x([5, 6]).to_kind(Kind::Int64))),
        (&texts[4], padded(&x([6]))),
        (&texts[5], padded(&x([2, 6]))),
        (&texts[6], padded(&x([1, 5]))),
        (
            &texts[7],
            attend(x([5, 1, 4]), x([6, 1, 4]), x([6, 1, 4]), causal),
        ),
        (&runs[0], run(x([5, 2, 4]), x([3, 1, 4]))),
        (&runs[1], run(x([5, 2, 4]), x([3, 2, 6]))),
        (
            &runs[2],
            no_layers
                .f_forward_t(
                    &x([5, 2, 4]),
                    &x([3, 2, 4]),
                    Default::default(),
                    Default::default(),
                    true,
                )
                .map(drop),
        ),
    ]);
}

/// The fused functions belong to libtorch; mismatched inputs end in a message there, too.
#[test]
fn inputs_of_fused_paths() {
    let _alone = lock_generator();
    let vs = VarStore::new(Device::Cpu);
    let root = vs.root();
    let config = TransformerLayerConfig {
        dim_feedforward: 8,
        batch_first: true,
        ..Default::default()
    };
    let layer = nn::transformer_encoder_layer(&root / "l", 4, 2, config);
    let encoder = nn::transformer_encoder(&root / "e", &layer, 2, Default::default());
    let mask = |sizes: &[i64]| Tensor::zeros(sizes, (Kind::Bool, Device::Cpu));
    let run = |src: &Tensor, attn: Option<&Tensor>, padding: Option<&Tensor>| {
        let masks = EncoderMasks {
            src_mask: attn,
            src_key_padding_mask: padding,
            is_causal: None,
        };
        no_grad(|| layer.f_forward_masked_t(src, masks, false)).map(drop)
    };
    let nested = |src: &Tensor, padding: &Tensor| {
        let masks = EncoderMasks {
            src_key_padding_mask: Some(padding),
            ..Default::default()
        };
        no_grad(|| encoder.f_forward_masked_t(src, masks, false)).map(drop)
    };
    let src = x([2, 5, 4]);
    let l = "nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)";
    let of_layer = |arguments: &str| format!("evaluate({l}, {arguments})");
    let of_encoder =
        |arguments: &str| format!("evaluate(nn.TransformerEncoder({l}, 2), {arguments})");
    let cases = [
        (of_layer("x(2, 5, 6)"), run(&x([2, 5, 6]), None, None)),
        (
            of_layer("x(2, 5, 4, dtype=torch.float64)"),
            run(&src.to_kind(Kind::Double), None, None),
        ),
        (
            of_layer("x(2, 5, 4), src_key_padding_mask=mask(2, 4)"),
            run(&src, None, Some(&mask(&[2, 4]))),
        ),
        (
            of_layer("x(2, 5, 4), src_key_padding_mask=mask(5)"),
            run(&src, None, Some(&mask(&[5]))),
        ),
        (
            of_layer("x(2, 5, 4), src_mask=mask(4, 4)"),
            run(&src, Some(&mask(&[4, 4])), None),
        ),
        (
            of_layer("x(2, 5, 4), src_mask=mask(2, 5, 5)"),
            run(&src, Some(&mask(&[2, 5, 5])), None),
        ),
        (
            of_encoder("x(2, 5, 4), src_key_padding_mask=mask(2, 4)"),
            nested(&src, &mask(&[2, 4])),
        ),
        (
            of_encoder("x(2, 5, 4), src_key_padding_mask=mask(5)"),
            nested(&src, &mask(&[5])),
        ),
        (
            of_encoder("x(2, 5, 4), src_key_padding_mask=~mask(2, 5)"),
            nested(&src, &mask(&[2, 5]).logical_not()),
        ),
        (
            of_encoder("x(2, 5, 6), src_key_padding_mask=mask(2, 5)"),
            nested(&x([2, 5, 6]), &mask(&[2, 5])),
        ),
    ];
    check(cases.into());
    // Python's message names the internal functions of its implementation.
    assert!(nested(&x([2, 0, 4]), &mask(&[2, 0])).is_err());
    assert!(nested(&x([0, 5, 4]), &mask(&[0, 5])).is_err());
}

/// The panicking functions panic with the same message, and leave nothing half created.
#[test]
fn functions_panic_with_the_message_of_their_error() {
    let _alone = lock_generator();
    let vs = VarStore::new(Device::Cpu);
    let build = || nn::multihead_attention(vs.root(), 5, 2, Default::default());
    let cause = catch_unwind(AssertUnwindSafe(build)).unwrap_err();
    let line = cause.downcast_ref::<String>().unwrap();
    assert_eq!(line, "embed_dim must be divisible by num_heads");
    assert!(vs.is_empty());
}

#[test]
fn a_layer_is_not_copied_to_another_dtype() {
    let _alone = lock_generator();
    let (from, mut to) = (VarStore::new(Device::Cpu), VarStore::new(Device::Cpu));
    to.set_kind(Kind::Double);
    let layer = nn::transformer_encoder_layer(from.root(), 4, 2, Default::default());
    let config = TransformerEncoderConfig::default();
    let error = nn::f_transformer_encoder(to.root(), &layer, 1, config).unwrap_err();
    let expected = "cannot copy a layer of dtype torch.float32 to a path of dtype torch.float64";
    assert_eq!(one_line(&error), expected);
}

/// Targets for which libtorch would read out of bounds are refused with our own message. As in
/// Python, values beyond a target's length are not checked.
#[test]
fn ctc_loss_stays_within_its_memory() {
    let whole = |numbers: &[i64]| Tensor::from_slice(numbers);
    let loss = |targets: &[i64], input: &[i64], target: &[i64]| {
        let targets = whole(targets).view([2, -1]);
        let (input, target) = (whole(input), whole(target));
        let loss = F::f_ctc_loss(&x([5, 2, 4]), &targets, &input, &target, 0, Mean, false);
        loss.map(drop).map_err(|error| one_line(&error))
    };
    let line = |line: &str| Err(line.to_owned());
    assert_eq!(loss(&[1, 2, 3, -1], &[5, 5], &[2, 1]), Ok(()));
    let outside = "Expected targets from 0 to 3, got 1 to 1000000";
    assert_eq!(loss(&[1, 2, 3, 1000000], &[5, 5], &[2, 2]), line(outside));
    let outside = "Expected targets from 0 to 3, got -1 to 3";
    assert_eq!(loss(&[1, 2, 3, -1], &[5, 5], &[2, 2]), line(outside));
    let negative = "target_lengths must not be negative";
    assert_eq!(loss(&[1, 2, 3, 1], &[5, 5], &[2, -2]), line(negative));
    let negative = "input_lengths must not be negative";
    assert_eq!(loss(&[1, 2, 3, 1], &[-5, 5], &[2, 2]), line(negative));
    // libtorch itself refuses these.
    assert!(loss(&[1, 2, 3, 1], &[5, 5], &[2, 3]).is_err());
    assert!(loss(&[1, 2, 3, 1], &[5, 5], &[2]).is_err());
    assert!(loss(&[1, 2, 3, 1], &[5], &[2, 2]).is_err());
}
