//! Chosen columns of a CSV text, by their names in its first line, as float32.

use std::io::BufRead;

use anyhow::{Context, Result, bail, ensure};
use indicatif::HumanCount;

use crate::torch::shown;

use super::records::{Record, Records};

/// A column: the names that it may have, and how a number in it is scaled.
pub(super) type Column = ([&'static str; 2], fn(f32) -> f32);

/// The rows of a text that have a value in each column, read as they are asked for.
pub(super) struct Rows {
    /// What the text is called in messages.
    name: String,
    records: Records,
    columns: &'static [Column],
    /// Where in a record each column is.
    places: Vec<usize>,
    /// How many fields each record has.
    fields: usize,
    /// How many rows there were, and how many of them had all values.
    found: u64,
    whole: u64,
}

/// A row that has a value in each column.
pub(super) struct Row {
    /// The line of the text in which it starts.
    pub(super) line: u64,
    pub(super) numbers: Vec<f32>,
}

impl Rows {
    /// Reads the first line of the text.
    ///
    /// # Errors
    /// If it cannot be read, or if a column is missing or there twice.
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

    /// The next row that has a value in each column. A value is missing where a field is empty or
    /// `NA`.
    ///
    /// # Errors
    /// If the text is damaged, not UTF-8 or ragged, or if a value is no number.
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

    /// The values that the next record has.
    fn next_numbers(&mut self) -> Result<Option<Vec<f32>>> {
        let Some(record) = self.records.next()? else {
            return Ok(None);
        };
        let (expected, found) = (self.fields, record.len());
        // The other fields are not used, but a text is UTF-8 as a whole.
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

    /// What the text is called in messages.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of text read so far.
    pub(super) fn length(&self) -> u64 {
        self.records.length()
    }

    /// What there is to say of rows that lack a value.
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

/// Where in a row each column is, by any of its names.
fn find_columns(header: &[&str], columns: &[Column]) -> Result<Vec<usize>> {
    let find = |(names, _): &Column| {
        let mut found = (0..header.len()).filter(|&place| names.contains(&header[place]));
        match (found.next(), found.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => bail!("the column {} is there twice", names[0]),
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

/// The number in a field as float32, by way of float64 as in Python, or none where it is missing.
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
