//! House sales in Ames, Iowa: ten numbers for each house, and its price.
//!
//! Source: De Cock, "Ames, Iowa: Alternative to the Boston Housing Data as an End of Semester
//! Regression Project", Journal of Statistics Education 19(3), 2011.

use std::io::BufRead;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use tch::Tensor;

use super::bytes::{Source, only_file};
use super::table::{Column, Rows};
use super::{MOST_ROWS, MOST_TEXT, Samples, Splits};

/// The unit of a price: a target of 1 is this many dollars.
pub const DOLLARS: f64 = 100_000.;

/// The ten features and the price: the column's published name, its name in the file of the
/// well-known competition, and the function that scales it to the order of 1.
static COLUMNS: [Column; 11] = [
    (["Overall Qual", "OverallQual"], tens),
    (["Gr Liv Area", "GrLivArea"], thousands),
    (["Garage Cars", "GarageCars"], tens),
    (["Garage Area", "GarageArea"], thousands),
    (["Total Bsmt SF", "TotalBsmtSF"], thousands),
    (["1st Flr SF", "1stFlrSF"], thousands),
    (["Full Bath", "FullBath"], tens),
    (["TotRms AbvGrd", "TotRmsAbvGrd"], tens),
    (["Year Built", "YearBuilt"], half_centuries),
    (["Year Remod/Add", "YearRemodAdd"], half_centuries),
    (["SalePrice", "SalePrice"], hundred_thousands),
];

const FEATURES: usize = 10;

/// Every fifth row is for testing.
const FOLDS: usize = 5;

fn tens(number: f32) -> f32 {
    number / 10.
}

fn thousands(number: f32) -> f32 {
    number / 1000.
}

fn hundred_thousands(number: f32) -> f32 {
    number / DOLLARS as f32
}

fn half_centuries(year: f32) -> f32 {
    (year - 1950.) / 50.
}

/// Reads ten features of each house, float32 `(N, 10)`, and its price, float32 `(N, 1)`.
///
/// The features are quality, cars, baths and rooms in tens, areas in thousands of square feet, and
/// years in half centuries since 1950; the price is in [`DOLLARS`]. `path` is a `.csv` file, plain
/// or gzip-compressed, or a folder with a single one. Its first line names the columns. A row in
/// which one of the eleven values is missing, empty or `NA` is skipped and counted in the note; of
/// the others, every fifth is for testing.
///
/// # Errors
/// If the file is missing, damaged, not UTF-8 or ragged; if a column is missing or duplicated; if a
/// value is not a number; if fewer than five rows have all values; or if the text or its rows
/// exceed [the limits](super).
pub fn read(path: &Path) -> Result<Splits> {
    let path = only_file(path, &[".csv", ".csv.gz"])?;
    let mut rows = open(&path, &COLUMNS)?;
    let (mut train, mut test) = (Houses::default(), Houses::default());
    let mut count = 0;
    while let Some(numbers) = next(&mut rows, count)?.map(|(_, numbers)| numbers) {
        let houses = if count % FOLDS == FOLDS - 1 {
            &mut test
        } else {
            &mut train
        };
        houses.features.extend(&numbers[..FEATURES]);
        houses.prices.extend(&numbers[FEATURES..]);
        count += 1;
    }
    ensure!(
        count >= FOLDS,
        "{}: expected at least {FOLDS} rows with all values, found {count}",
        path.display()
    );
    Ok(Splits {
        train: train.into_samples()?,
        validation: None,
        test: test.into_samples()?,
        note: rows.note(),
    })
}

/// Reads the features of houses that may have no price, as [`read`] does: float32 `(N, 10)`, the
/// line on which each house starts, and a note about skipped rows.
///
/// # Errors
/// As [`read`]; also if no row has all ten values.
pub fn read_features(path: &Path) -> Result<(Tensor, Vec<u64>, Option<String>)> {
    let path = only_file(path, &[".csv", ".csv.gz"])?;
    let mut rows = open(&path, &COLUMNS[..FEATURES])?;
    let (mut features, mut lines) = (Vec::new(), Vec::new());
    while let Some((line, numbers)) = next(&mut rows, lines.len())? {
        features.extend(numbers);
        lines.push(line);
    }
    ensure!(
        !lines.is_empty(),
        "{}: expected a row with all values, found none",
        path.display()
    );
    Ok((to_rows(features, FEATURES)?, lines, rows.note()))
}

/// Reads the features of houses from a stream, as [`read_features`] does from a file, and calls
/// `each` with each house, float32 `(1, 10)`, and its line as soon as it is read. Returns the note
/// about skipped rows.
///
/// `name` is the stream's name in messages. Memory use does not depend on the stream's length.
///
/// # Errors
/// As [`read_features`], except that there may be no row; and the errors of `each`.
pub fn read_each(
    input: impl BufRead + 'static,
    name: &str,
    mut each: impl FnMut(Tensor, u64) -> Result<()>,
) -> Result<Option<String>> {
    let mut rows = Rows::new(input, name.to_owned(), &COLUMNS[..FEATURES])?;
    while let Some(row) = rows.next()? {
        each(to_rows(row.numbers, FEATURES)?, row.line)?;
    }
    Ok(rows.note())
}

fn open(path: &Path, columns: &'static [Column]) -> Result<Rows> {
    Rows::new(Source::open(path)?, path.display().to_string(), columns)
}

/// The line and the numbers of the next row, unless `count` other rows reach the limit.
fn next(rows: &mut Rows, count: usize) -> Result<Option<(u64, Vec<f32>)>> {
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let too_long = || format!("{}:{}", rows.name(), row.line);
    let check = || {
        ensure!(
            count < MOST_ROWS,
            "expected at most {MOST_ROWS} rows, found more"
        );
        ensure!(
            rows.length() <= MOST_TEXT,
            "expected at most {MOST_TEXT} bytes of text, found more"
        );
        Ok(())
    };
    check().with_context(too_long)?;
    Ok(Some((row.line, row.numbers)))
}

/// Features and prices, row by row.
#[derive(Default)]
struct Houses {
    features: Vec<f32>,
    prices: Vec<f32>,
}

impl Houses {
    fn into_samples(self) -> Result<Samples> {
        Ok(Samples {
            features: to_rows(self.features, FEATURES)?,
            targets: to_rows(self.prices, 1)?,
        })
    }
}

/// A tensor with the numbers in rows of `width`.
fn to_rows(numbers: Vec<f32>, width: usize) -> Result<Tensor> {
    Ok(Tensor::f_from_slice(&numbers)?.f_view([-1, width as i64])?)
}
