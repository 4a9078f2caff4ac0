//! The pictures and houses of the experiment, with some of each held back for validation.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use final_layer::data::{Samples, Splits};
use final_layer::networks::{DigitClassifier, HousePricePredictor};
use final_layer::tasks::{Dataset, Network};
use tch::{Kind, Tensor};

/// The fewest training pictures: with fewer, shares and curves are meaningless.
const FEWEST: i64 = 100;

/// The data on which the networks are trained.
pub struct Data {
    /// Pictures of digits, uint8 `(N, 784)`, with their classes, int64 `(N,)`.
    pub digits: Parts,
    /// Numbers about houses, float32 `(N, 10)`, with their prices, float32 `(N, 1)`.
    pub houses: Parts,
    /// The name of the folder with the digits; `None` for the sample's.
    pub folder: Option<String>,
}

/// Samples for training, for choosing settings, and for the final evaluation, without overlap.
pub struct Parts {
    pub train: Samples,
    /// The last tenth of the published training set.
    pub validation: Samples,
    pub test: Samples,
}

impl Data {
    /// Reads the digits at `path` or, if `None`, the sample digits, and the sample houses.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let digits = match path {
            Some(path) => read::<DigitClassifier>(path)?,
            None => read::<DigitClassifier>(&sample_data::<DigitClassifier>())?,
        };
        check(&digits).with_context(|| match path {
            Some(path) => path.display().to_string(),
            None => "the project's sample data".to_owned(),
        })?;
        let houses = read::<HousePricePredictor>(&sample_data::<HousePricePredictor>())?;
        Ok(Self {
            digits: Parts::new(digits),
            houses: Parts::new(houses),
            folder: path.map(|path| {
                let name = path.file_name().unwrap_or(path.as_os_str());
                name.to_string_lossy().into_owned()
            }),
        })
    }
}

fn check(digits: &Splits) -> Result<()> {
    let all = digits.train.len();
    ensure!(
        all >= FEWEST,
        "expected at least {FEWEST} training pictures, found {all}"
    );
    let kept = all - all / 10;
    let parts = [
        (
            "validation",
            digits.train.targets.narrow(0, kept, all - kept),
        ),
        ("test", digits.test.targets.shallow_clone()),
    ];
    for (part, targets) in parts {
        let odd = to_bool(&targets.remainder(2))?;
        ensure!(
            odd.contains(&true) && odd.contains(&false),
            "expected odd and even digits among the {} {part} pictures",
            odd.len()
        );
    }
    Ok(())
}

impl Parts {
    fn new(splits: Splits) -> Self {
        let all = splits.train.len();
        let kept = all - all / 10;
        let part = |start, length| Samples {
            features: splits.train.features.narrow(0, start, length),
            targets: splits.train.targets.narrow(0, start, length),
        };
        Self {
            train: part(0, kept),
            validation: part(kept, all - kept),
            test: splits.test,
        }
    }

    /// The same samples with other targets.
    pub fn with_targets(&self, targets: impl Fn(&Tensor) -> Tensor) -> Self {
        let part = |samples: &Samples| Samples {
            features: samples.features.shallow_clone(),
            targets: targets(&samples.targets),
        };
        Self {
            train: part(&self.train),
            validation: part(&self.validation),
            test: part(&self.test),
        }
    }

    /// The same tensors through new handles, for another thread.
    pub fn shallow_clone(&self) -> Self {
        self.with_targets(Tensor::shallow_clone)
    }
}

/// The elements of a tensor, in order.
pub fn to_f64(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(Vec::try_from(
        tensor.detach().reshape([-1]).to_kind(Kind::Double),
    )?)
}

/// The elements of a tensor, in order, as flags.
pub fn to_bool(tensor: &Tensor) -> Result<Vec<bool>> {
    Ok(to_f64(tensor)?.into_iter().map(|x| x != 0.).collect())
}

fn sample_data<N: Network<Task: Dataset>>() -> std::path::PathBuf {
    crate::project("data/sample")
        .join(N::Task::SAMPLE_DATA.expect("the article's tasks have sample data"))
}

fn read<N: Network<Task: Dataset>>(path: &Path) -> Result<Splits> {
    N::Task::read(path)
}
