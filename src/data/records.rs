//! The records of a CSV text, one at a time, in bounded memory.

use std::io::{BufRead, Cursor, Read};

use anyhow::{Result, bail};
use csv_core::{ReadRecordResult, Reader};

use super::bytes::damaged;

/// The most bytes of a record.
const MOST_BYTES: usize = 1 << 20;

/// The most fields of a record, as in a spreadsheet.
const MOST_FIELDS: usize = 1 << 14;

/// The records of a text, read on demand.
pub(super) struct Records {
    input: Box<dyn BufRead>,
    parser: Reader,
    /// The line of the next input byte.
    line: u64,
    /// The number of bytes read so far.
    length: u64,
    /// The contents of the current record's fields, one after the other, and the end of each.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    place: Place,
}

/// The place of the next byte in its field.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Start,
    Plain,
    Quoted,
    /// Behind a quote in a quoted field, which ends it or is the first of two.
    Quote,
}

impl Place {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Start | Self::Quote, b'"') => Self::Quoted,
            (Self::Quoted, b'"') => Self::Quote,
            (Self::Quoted, _) => Self::Quoted,
            (_, b',' | b'\n' | b'\r') => Self::Start,
            _ => Self::Plain,
        }
    }
}

/// One record of a text.
pub(super) struct Record<'a> {
    bytes: &'a [u8],
    ends: &'a [usize],
}

impl Record<'_> {
    /// The number of fields.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The fields.
    ///
    /// # Errors
    /// If one is not UTF-8.
    pub(super) fn fields(&self) -> Result<Vec<&str>> {
        (0..self.len()).map(|index| self.field(index)).collect()
    }

    /// The field at `index`, which must be less than [`Record::len`].
    pub(super) fn field(&self, index: usize) -> Result<&str> {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        let field = str::from_utf8(&self.bytes[start..self.ends[index]]);
        field.or_else(|_| bail!("expected UTF-8, found other bytes"))
    }
}

impl Records {
    /// The records of `input`, without its byte-order mark, if any.
    pub(super) fn new(mut input: impl BufRead + 'static) -> Result<Self> {
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let mut start = Vec::new();
        while start.len() < MARK.len() && MARK.starts_with(&start) {
            if (&mut input)
                .take(1)
                .read_to_end(&mut start)
                .map_err(damaged)?
                == 0
            {
                break;
            }
        }
        if start == MARK {
            start.clear();
        }
        Ok(Self {
            input: Box::new(Cursor::new(start).chain(input)),
            parser: Reader::new(),
            line: 1,
            length: 0,
            bytes: vec![0; 1 << 12],
            ends: vec![0; 1 << 8],
            place: Place::Start,
        })
    }

    /// The line on which the current record starts or, before it is read, that of the next one.
    pub(super) fn skip_blank_lines(&mut self) -> Result<u64> {
        loop {
            let input = self.input.fill_buf().map_err(damaged)?;
            let is_blank = |byte: &&u8| matches!(byte, b'\r' | b'\n');
            let blank = input.iter().take_while(is_blank).count();
            if blank == 0 {
                return Ok(self.line);
            }
            self.consume(blank);
        }
    }

    /// The next record.
    ///
    /// # Errors
    /// If it is too long, or if the text ends within a quoted field.
    pub(super) fn next(&mut self) -> Result<Option<Record<'_>>> {
        self.skip_blank_lines()?;
        let (mut length, mut count) = (0, 0);
        loop {
            let input = self.input.fill_buf().map_err(damaged)?;
            let (result, read, written, ended) =
                self.parser
                    .read_record(input, &mut self.bytes[length..], &mut self.ends[count..]);
            self.consume(read);
            length += written;
            count += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => grow(&mut self.bytes, MOST_BYTES, "bytes")?,
                ReadRecordResult::OutputEndsFull => grow(&mut self.ends, MOST_FIELDS, "fields")?,
                ReadRecordResult::End => return Ok(None),
                ReadRecordResult::Record => {
                    if self.place == Place::Quoted {
                        bail!("cut short: the text ends within a quoted field");
                    }
                    return Ok(Some(Record {
                        bytes: &self.bytes[..length],
                        ends: &self.ends[..count],
                    }));
                }
            }
        }
    }

    /// The number of bytes read so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Advances by `count` of the available bytes.
    fn consume(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        // The bytes were available before, so this cannot fail.
        let there = self.input.fill_buf().unwrap_or_default();
        let lines = there[..count].iter().filter(|&&byte| byte == b'\n');
        self.line += lines.count() as u64;
        self.place = there[..count]
            .iter()
            .fold(self.place, |place, &byte| place.after(byte));
        self.length += count as u64;
        self.input.consume(count);
    }
}

/// Makes room for a longer record.
fn grow<T: Clone + Default>(room: &mut Vec<T>, most: usize, unit: &str) -> Result<()> {
    if room.len() >= most {
        bail!("found a record of more than {most} {unit}");
    }
    room.resize(room.len() * 2, T::default());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_numbers_are_those_of_an_editor() {
        let cases: [(&str, &[u64]); 6] = [
            ("a,b\n1,2\n3,4", &[1, 2, 3]),
            ("a,b\r\n1,2\r\n3,4\r\n", &[1, 2, 3]),
            ("\u{feff}a,b\n\n\n1,2\n\n3,4\n", &[1, 4, 6]),
            ("a,b\r\n\r\n1,2\r\n\r\n\r\n3,4", &[1, 3, 6]),
            ("a,b\n\"x\n\ny\",2\n3,4\n", &[1, 2, 5]),
            ("\n\n", &[]),
        ];
        for (text, expected) in cases {
            let mut records = Records::new(text.as_bytes()).unwrap();
            let mut found = Vec::new();
            loop {
                let line = records.skip_blank_lines().unwrap();
                let Some(record) = records.next().unwrap() else {
                    break;
                };
                assert_eq!(record.len(), 2, "{text:?}");
                found.push(line);
            }
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn fields_do_not_depend_on_how_the_text_arrives() {
        let text = "\u{feff}name,\"a \"\"b\"\",\nc\"\r\né,";
        for size in 1..9 {
            let input = std::io::BufReader::with_capacity(size, text.as_bytes());
            let mut records = Records::new(input).unwrap();
            let first = records.next().unwrap().unwrap();
            assert_eq!(first.fields().unwrap(), ["name", "a \"b\",\nc"]);
            let second = records.next().unwrap().unwrap();
            assert_eq!(second.fields().unwrap(), ["é", ""]);
            assert!(records.next().unwrap().is_none());
        }
    }

    #[test]
    fn a_text_that_ends_within_a_quoted_field_is_refused() {
        let last = |text: &'static str| {
            let mut records = Records::new(Cursor::new(text)).unwrap();
            records.next().unwrap();
            records
                .next()
                .map(|_| ())
                .map_err(|error| error.to_string())
        };
        for text in ["a,b\n1,\"2", "a,b\n\"1", "a,b\n1,\"2\"\"", "a,b\n1,\"2\n"] {
            let expected = "cut short: the text ends within a quoted field";
            assert_eq!(last(text).unwrap_err(), expected, "{text:?}");
        }
        for text in [
            "a,b\n1,\"2\"",
            "a,b\n1,2\"",
            "a,b\n1,\"2\"\"\"",
            "a,b\n\"\",\"\"\n",
            "a,b\n1,x\"y",
        ] {
            last(text).unwrap();
        }
    }

    #[test]
    fn long_records_are_refused() {
        let refused = |text: String| {
            let mut records = Records::new(Cursor::new(text)).unwrap();
            records.next().map(|_| ()).unwrap_err().to_string()
        };
        let bytes = refused("x".repeat(MOST_BYTES + 1));
        assert_eq!(bytes, "found a record of more than 1048576 bytes");
        let fields = refused(",".repeat(MOST_FIELDS));
        assert_eq!(fields, "found a record of more than 16384 fields");
    }
}
