//! Weights that Python trained on real digits give Python's logits here, to the bit.

use std::path::PathBuf;

use final_layer::networks::DigitClassifier;
use final_layer::storage::read_safetensors;
use final_layer::tasks::Model;
use final_layer::torch::state_dict::load_state_dict;
use tch::nn::Module;
use tch::{Device, no_grad};

use crate::common::{lock_generator, python, same_bits, stdout};

#[test]
#[ignore = "needs real digits: FINAL_LAYER_DATA=<folder with mnist/> cargo test -- --ignored"]
fn logits_of_all_test_digits_equal_python() {
    let data = std::env::var_os("FINAL_LAYER_DATA").expect("FINAL_LAYER_DATA is not set");
    let mnist = PathBuf::from(data).join("mnist");
    let folder = tempfile::tempdir().unwrap();
    stdout(
        python("tests/it/python/train_on_real_digits.py")
            .arg(mnist)
            .arg(folder.path()),
    );
    let expected = read_safetensors(&folder.path().join("expected.safetensors")).unwrap();

    let _generator = lock_generator();
    for weights in ["weights.safetensors", "weights.pt"] {
        let model = Model::<DigitClassifier>::new(Device::Cpu);
        load_state_dict(&model.vs, &folder.path().join(weights)).unwrap();
        let threads = tch::get_num_threads();
        tch::set_num_threads(1);
        let logits = no_grad(|| model.network.forward(&expected["input"]));
        tch::set_num_threads(threads);
        assert_eq!(logits.size(), [2000, 10]);
        assert!(same_bits(&logits, &expected["logits"]), "the logits differ");

        let predicted = logits.argmax(1, false);
        assert_eq!(predicted, expected["predicted"], "the classes differ");
        let correct = i64::try_from(predicted.eq_tensor(&expected["target"]).sum(None)).unwrap();
        assert_eq!(correct, i64::try_from(&expected["correct"]).unwrap());
        assert!(
            correct > 1700,
            "one epoch reaches more than {correct} of 2000"
        );
        println!("{correct} of 2000 digits right, with {weights}");
    }
}
