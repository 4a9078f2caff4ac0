//! Chosen columns of a CSV file, by their names in its first line, as float32.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use csv::{ErrorKind, Position, Reader, StringRecord};
use indicatif::HumanCount;
use tch::Tensor;

use crate::torch::messages::shown;

use super::bytes::Source;

/// A column: the names that it may have, and how a number in it is scaled.
pub(super) type Column = ([&'static str; 2], fn(f32) -> f32);

/// The rows of a file that have a value in each column.
pub(super) struct Table {
    /// The values, row by row.
    numbers: Vec<f32>,
    /// The line in which each row starts.
    pub(super) lines: Vec<u64>,
    /// How many rows the file has, these and others.
    rows: u64,
}

impl Table {
    /// Reads the file at `path`, plain or gzip-compressed. A value is missing where a field is
    /// empty or `NA`.
    ///
    /// # Errors
    /// If the file is missing, damaged, not UTF-8 or ragged, if a column is missing or there twice,
    /// or if a value is no number.
    pub(super) fn read(path: &Path, columns: &[Column]) -> Result<Self> {
        let source = Source::open(path)?;
        let text = source.read_text();
        let text = text.with_context(|| path.display().to_string())?;
        let mut reader = Reader::from_reader(text.as_bytes());
        let header = reader.headers().map_err(explain)?;
        let places = find_columns(header, columns);
        let places = places.with_context(|| path.display().to_string())?;

        let mut table = Self {
            numbers: Vec::new(),
            lines: Vec::new(),
            rows: 0,
        };
        let mut lines = Lines::new(&text);
        let mut record = StringRecord::new();
        let mut row = Vec::new();
        loop {
            let there = reader.read_record(&mut record);
            let position = match &there {
                Ok(true) => record.position(),
                Ok(false) => return Ok(table),
                Err(error) => error.position(),
            };
            let line = lines.of(position.map_or(0, Position::byte));
            let there = there.map_err(explain).and_then(|_| {
                row.clear();
                read_row(&record, &places, columns, &mut row)
            });
            there.with_context(|| format!("{}:{line}", path.display()))?;
            table.rows += 1;
            if row.len() == columns.len() {
                table.numbers.extend(&row);
                table.lines.push(line);
            }
        }
    }

    /// The values, float32 `(N, columns)`.
    pub(super) fn tensor(&self) -> Result<Tensor> {
        let numbers = Tensor::f_from_slice(&self.numbers)?;
        Ok(numbers.f_view([self.lines.len() as i64, -1])?)
    }

    /// What there is to say of rows that lack a value.
    pub(super) fn note(&self) -> Option<String> {
        let left_out = self.rows - self.lines.len() as u64;
        let (lack, are) = match left_out {
            0 => return None,
            1 => ("lacks", "is"),
            _ => ("lack", "are"),
        };
        let [left_out, rows] = [left_out, self.rows].map(HumanCount);
        Some(format!(
            "{left_out} of {rows} rows {lack} a value and {are} left out"
        ))
    }
}

/// Where in a row each column is, by any of its names.
fn find_columns(header: &StringRecord, columns: &[Column]) -> Result<Vec<usize>> {
    let find = |(names, _): &Column| {
        let mut found = (0..header.len()).filter(|&place| names.contains(&&header[place]));
        match (found.next(), found.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => bail!("the column {} is there twice", names[0]),
            (None, _) => {
                let expected: Vec<&str> = columns.iter().map(|(names, _)| names[0]).collect();
                let expected = expected.join(", ");
                bail!("the column {} is missing; expected {expected}", names[0])
            }
        }
    };
    columns.iter().map(find).collect()
}

/// Appends the values that a row has.
fn read_row(
    record: &StringRecord,
    places: &[usize],
    columns: &[Column],
    row: &mut Vec<f32>,
) -> Result<()> {
    for (&place, (names, scale)) in places.iter().zip(columns) {
        let number = read_number(&record[place]).with_context(|| names[0])?;
        row.extend(number.map(scale));
    }
    Ok(())
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

/// What is wrong with a record.
fn explain(error: csv::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => anyhow!("expected {expected_len} fields, found {len}"),
        _ => anyhow!(error),
    }
}

/// The line of a record: csv's own number does not count the blank lines before the record, nor
/// the line feed of the record before where lines end in `\r\n`.
struct Lines<'a> {
    text: &'a [u8],
    /// How many bytes have been looked at, and the line in which they end.
    seen: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text: text.as_bytes(),
            seen: 0,
            line: 1,
        }
    }

    /// The line of the record that follows on `byte`, which is not before any asked for earlier.
    fn of(&mut self, byte: u64) -> u64 {
        while let Some(next) = self.text.get(self.seen) {
            if self.seen as u64 >= byte && !matches!(next, b'\r' | b'\n') {
                break;
            }
            self.line += u64::from(*next == b'\n');
            self.seen += 1;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_an_editor() {
        let cases: [(&str, &[u64]); 5] = [
            ("a,b\n1,2\n3,4", &[2, 3]),
            ("a,b\r\n1,2\r\n3,4\r\n", &[2, 3]),
            ("\u{feff}a,b\n\n\n1,2\n\n3,4\n", &[4, 6]),
            ("a,b\r\n\r\n1,2\r\n\r\n\r\n3,4", &[3, 6]),
            ("a,b\n\"x\n\ny\",2\n3,4\n", &[2, 5]),
        ];
        for (text, expected) in cases {
            let mut lines = Lines::new(text);
            let mut reader = Reader::from_reader(text.as_bytes());
            let found = reader.records().map(|record| {
                let record = record.unwrap();
                lines.of(record.position().unwrap().byte())
            });
            assert_eq!(found.collect::<Vec<u64>>(), expected, "{text:?}");
        }
    }
}
