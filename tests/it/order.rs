//! The order of samples against Python's `DataLoader(shuffle=True)`.

use final_layer::torch::data::ShuffledOrder;

use crate::common::{lock_generator, python, stdout};

#[test]
fn visits_samples_as_data_loader_does() {
    for (samples, batch_size, epochs, seed) in [
        (10, 4, 3, 0),
        (1, 64, 2, 1),
        (1000, 64, 4, 2),
        (128, 64, 2, 3),
    ] {
        let python = stdout(
            python("tests/it/python/data_loader_order.py")
                .args([samples, batch_size, epochs, seed].map(|n: i64| n.to_string())),
        );
        let python: Vec<Vec<Vec<i64>>> = serde_json::from_str(&python).unwrap();

        let _generator = lock_generator();
        tch::manual_seed(seed);
        let order = ShuffledOrder::draw(samples, batch_size, epochs as usize);
        let rust: Vec<Vec<Vec<i64>>> = (0..epochs as usize)
            .map(|epoch| {
                let batches = order.batches(epoch);
                batches.iter().map(|b| Vec::try_from(b).unwrap()).collect()
            })
            .collect();
        assert_eq!(rust, python, "{samples} samples in batches of {batch_size}");
    }
}
