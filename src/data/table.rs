//! Selected columns of a CSV text, by their names in its first line, as float32.

use std::io::BufRead;

use anyhow::{Context, Result, bail, ensure};
use indicatif::HumanCount;

use crate::torch::shown;

use super::records::{Record, Records};

/// A column: its possible names, and the function that scales its numbers.
pub(super) type Column = ([&'static str; 2], fn(f32) -> f32);

/// The rows of a text that have a value in each column, read on demand.
pub(super) struct Rows {
    /// The name of the text in messages.
    name: String,
    records: Records,
    columns: &'static [Column],
    /// The index of each column in a record.
    places: Vec<usize>,
    /// The number of fields in each record.
    fields: usize,
    /// The number of rows read, and of those that had all values.
    found: u64,
    whole: u64,
}

/// A row that has a value in each column.
pub(super) struct Row {
    /// The line on which it starts.
    pub(super) line: u64,
    pub(super) numbers: Vec<f32>,
}

impl Rows {
    /// Reads the first line of the text.
    ///
    /// # Errors
    /// If it cannot be read, or if a column is missing or duplicated.
    pub(super) fn new(
        input: impl BufRead + 'static,
        name: String,
        columns: &'static [Column],
    ) -> Result<Self> {
        let read = || -> Result<_> {
            let mut records = Records::new(input)?;
            let header = records.next()?;
            let header = header.as_ref().map_or(Ok(Vec::new()), Record::fields)?;
            let (places, fields) = (find_columns(&header, columns)?, header.len());
            Ok((records, places, fields))
        };
        let (records, places, fields) = read().with_context(|| name.clone())?;
        Ok(Self {
            name,
            records,
            columns,
            places,
            fields,
            found: 0,
            whole: 0,
        })
    }

    /// The next row that has a value in each column. A value is missing if its field is empty or
    /// `NA`.
    ///
    /// # Errors
    /// If the text is damaged, not UTF-8 or ragged, or if a value is not a number.
    pub(super) fn next(&mut self) -> Result<Option<Row>> {
        loop {
            let line = self.records.skip_blank_lines();
            let line = line.with_context(|| self.name.clone())?;
            let numbers = self.next_numbers();
            let Some(numbers) = numbers.with_context(|| format!("{}:{line}", self.name))? else {
                return Ok(None);
            };
            self.found += 1;
            if numbers.len() == self.columns.len() {
                self.whole += 1;
                return Ok(Some(Row { line, numbers }));
            }
        }
    }

    /// The values of the next record.
    fn next_numbers(&mut self) -> Result<Option<Vec<f32>>> {
        let Some(record) = self.records.next()? else {
            return Ok(None);
        };
        let (expected, found) = (self.fields, record.len());
        // The other fields are not used, but the whole text must be UTF-8.
        for index in 0..found {
            record.field(index)?;
        }
        ensure!(
            found == expected,
            "expected {expected} fields, found {found}"
        );
        let mut numbers = Vec::with_capacity(self.columns.len());
        for (&place, (names, scale)) in self.places.iter().zip(self.columns) {
            let number = read_number(record.field(place)?).with_context(|| names[0])?;
            numbers.extend(number.map(scale));
        }
        Ok(Some(numbers))
    }

    /// The name of the text in messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The number of bytes of text read so far.
    pub(super) fn length(&self) -> u64 {
        self.records.length()
    }

    /// A note about the rows without all values.
    pub(super) fn note(&self) -> Option<String> {
        let left_out = self.found - self.whole;
        let (lack, are) = match left_out {
            0 => return None,
            1 => ("lacks", "is"),
            _ => ("lack", "are"),
        };
        let [left_out, rows] = [left_out, self.found].map(HumanCount);
        Some(format!(
            "{left_out} of {rows} rows {lack} a value and {are} left out"
        ))
    }
}

/// The index of each column in a row, by any of its names.
fn find_columns(header: &[&str], columns: &[Column]) -> Result<Vec<usize>> {
    let find = |(names, _): &Column| {
        let mut found = (0..header.len()).filter(|&place| names.contains(&header[place]));
        match (found.next(), found.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => bail!("the column {} is duplicated", names[0]),
            (None, _) => {
                let expected: Vec<&str> = columns.iter().map(|(names, _)| names[0]).collect();
                bail!(
                    "the column {} is missing; expected {}; found {}",
                    names[0],
                    expected.join(", "),
                    shown(&header.join(", "))
                )
            }
        }
    };
    columns.iter().map(find).collect()
}

/// The number in a field as float32, converted by way of float64 as in Python; `None` if it is
/// missing.
fn read_number(field: &str) -> Result<Option<f32>> {
    let field = field.trim();
    if field.is_empty() || field == "NA" {
        return Ok(None);
    }
    let number = field.parse::<f64>().unwrap_or(f64::NAN) as f32;
    ensure!(
        number.is_finite(),
        "expected a finite number, found {}",
        shown(field)
    );
    Ok(Some(number))
}
