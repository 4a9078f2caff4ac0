//! The pictures and houses of the experiment, with some pictures set apart for validation.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use final_layer::data::{Samples, Splits};
use final_layer::networks::{DigitClassifier, HousePricePredictor};
use final_layer::tasks::{Dataset, Network};
use tch::{Kind, Tensor};

/// The least pictures to train on: of fewer, no share and no curve says anything.
const FEWEST: i64 = 100;

/// What the networks learn from.
pub struct Data {
    pub digits: Digits,
    pub houses: Splits,
    /// The name of the folder of the digits; none of the sample's.
    pub folder: Option<String>,
}

/// Pictures of digits, uint8 `(N, 784)`, with their classes, int64 `(N,)`.
pub struct Digits {
    pub train: Samples,
    /// The last tenth of the published training set.
    pub validation: Samples,
    pub test: Samples,
}

impl Data {
    /// Reads the digits at `path`, or else the sample digits, and the sample houses.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let digits = match path {
            Some(path) => read::<DigitClassifier>(path)?,
            None => read::<DigitClassifier>(&sample_data::<DigitClassifier>())?,
        };
        let digits = Digits::new(digits).with_context(|| match path {
            Some(path) => path.display().to_string(),
            None => "the project's sample data".to_owned(),
        })?;
        let houses = read::<HousePricePredictor>(&sample_data::<HousePricePredictor>())?;
        Ok(Self {
            digits,
            houses,
            folder: path.map(|path| {
                let name = path.file_name().unwrap_or(path.as_os_str());
                name.to_string_lossy().into_owned()
            }),
        })
    }
}

impl Digits {
    fn new(splits: Splits) -> Result<Self> {
        let all = splits.train.len();
        ensure!(
            all >= FEWEST,
            "expected at least {FEWEST} training pictures, found {all}"
        );
        let odd = to_bool(&splits.test.targets.remainder(2))?;
        ensure!(
            odd.contains(&true) && odd.contains(&false),
            "expected odd and even digits among the {} test pictures",
            odd.len()
        );
        let kept = all - all / 10;
        let part = |start, length| Samples {
            features: splits.train.features.narrow(0, start, length),
            targets: splits.train.targets.narrow(0, start, length),
        };
        Ok(Self {
            train: part(0, kept),
            validation: part(kept, all - kept),
            test: splits.test,
        })
    }
}

/// The same pictures with other targets.
pub fn with_targets(samples: &Samples, targets: impl Fn(&Tensor) -> Tensor) -> Samples {
    Samples {
        features: samples.features.shallow_clone(),
        targets: targets(&samples.targets),
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
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/sample")
        .join(N::Task::SAMPLE_DATA.expect("the document's tasks have sample data"))
}

fn read<N: Network<Task: Dataset>>(path: &Path) -> Result<Splits> {
    N::Task::read(path)
}
