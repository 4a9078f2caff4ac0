//! Houses sold in Ames, Iowa: ten numbers each, and the price.
//!
//! Source: De Cock, "Ames, Iowa: Alternative to the Boston Housing Data as an End of Semester
//! Regression Project", Journal of Statistics Education 19(3), 2011.

use std::path::Path;

use anyhow::{Result, ensure};
use tch::Tensor;

use super::bytes::only_file;
use super::table::{Column, Table};
use super::{Samples, Splits};

/// The unit of a price: what a target of 1 stands for.
pub const DOLLARS: f64 = 100_000.;

/// The ten features, and the price: the name as published, the name in the file of the well-known
/// competition, and how a number becomes one of a size that a network learns from.
const COLUMNS: [Column; 11] = [
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

const FEATURES: usize = COLUMNS.len() - 1;

/// Every fifth row is for testing.
const FOLDS: i64 = 5;

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
/// or gzip-compressed, or a folder with just one. Its first line names the columns. A row in which
/// one of the eleven values is missing, empty or `NA`, is left out, as the note says; of the
/// others every fifth is for testing.
///
/// # Errors
/// If the file is missing, damaged, not UTF-8 or ragged; if a column is missing or there twice; if
/// a value is no number; or if fewer than five rows have all values.
pub fn read(path: &Path) -> Result<Splits> {
    let path = only_file(path, &[".csv", ".csv.gz"])?;
    let table = Table::read(&path, &COLUMNS)?;
    let rows = table.lines.len() as i64;
    ensure!(
        rows >= FOLDS,
        "{}: expected at least {FOLDS} rows with all values, found {rows}",
        path.display()
    );
    let is_test = |row: &i64| row % FOLDS == FOLDS - 1;
    let (test, train): (Vec<i64>, Vec<i64>) = (0..rows).partition(is_test);
    let numbers = table.tensor()?;
    let samples = |rows: &[i64]| -> Result<Samples> {
        let chosen = numbers.f_index_select(0, &Tensor::f_from_slice(rows)?)?;
        let columns = |start: usize, count: usize| {
            chosen
                .f_narrow(1, start as i64, count as i64)?
                .f_contiguous()
        };
        Ok(Samples {
            features: columns(0, FEATURES)?,
            targets: columns(FEATURES, 1)?,
        })
    };
    Ok(Splits {
        train: samples(&train)?,
        validation: None,
        test: samples(&test)?,
        note: table.note(),
    })
}

/// Reads the features of houses that may have no price yet, as [`read`] does: float32 `(N, 10)`,
/// the line of the file in which each house starts, and a note of rows that are left out.
///
/// # Errors
/// As [`read`], if no row has all ten values.
pub fn read_features(path: &Path) -> Result<(Tensor, Vec<u64>, Option<String>)> {
    let path = only_file(path, &[".csv", ".csv.gz"])?;
    let table = Table::read(&path, &COLUMNS[..FEATURES])?;
    ensure!(
        !table.lines.is_empty(),
        "{}: expected a row with all values, found none",
        path.display()
    );
    let (features, note) = (table.tensor()?, table.note());
    Ok((features, table.lines, note))
}
