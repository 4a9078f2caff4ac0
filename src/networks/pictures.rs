//! Pictures of any kind, as they are.

use std::io::BufRead;
use std::path::Path;

use anyhow::Result;
use tch::Tensor;

use crate::data::{PIXELS, Splits, mnist, picture};
use crate::tasks::{Features, Input, Inputs, Questions, Readable, lines};

/// Pictures of 28×28 grey pixels in the layout of MNIST's files, such as Fashion-MNIST, and their
/// classes. A picture of another size is scaled; [`Digits`](super::Digits) are cropped and centred.
#[derive(Debug)]
pub struct Pictures;

impl Input for Pictures {
    fn draw(batch_size: i64) -> Result<Tensor> {
        Features::<{ PIXELS as i64 }>::draw(batch_size)
    }
}

impl Readable for Pictures {
    const SAMPLE_DATA: Option<&'static str> = Some("digits");
    const PIXELS: bool = true;

    fn read(path: &Path) -> Result<Splits> {
        mnist::read(path)
    }
}

impl Questions for Pictures {
    const READS_PICTURES: bool = true;

    /// A single picture, as [`picture::read`] reads it.
    fn read_inputs(path: &Path, invert: bool) -> Result<Inputs> {
        Ok(one(path, picture::read(path, invert)?))
    }

    /// One file name on each line.
    fn read_each(
        input: Box<dyn BufRead>,
        invert: bool,
        each: &mut dyn FnMut(Inputs) -> Result<()>,
    ) -> Result<Option<String>> {
        each_path(input, &mut |path| {
            each(Inputs {
                note: None,
                ..Self::read_inputs(path, invert)?
            })
        })
    }
}

/// The inputs of a file with one picture.
pub(super) fn one(path: &Path, (features, note): (Tensor, String)) -> Inputs {
    Inputs {
        features,
        file: path.display().to_string(),
        lines: Vec::new(),
        note: Some(note),
    }
}

/// Calls `each` with the file name on each line.
pub(super) fn each_path(
    input: Box<dyn BufRead>,
    each: &mut dyn FnMut(&Path) -> Result<()>,
) -> Result<Option<String>> {
    lines::for_each_path(input, |path| each(path))?;
    Ok(None)
}
