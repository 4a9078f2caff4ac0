//! The directory of a zip archive.
//!
//! An archive ends with its directory, which names the entries and their places. Readers that
//! search for the directory otherwise, or that take one of two entries of one name, see different
//! archives in one file; here there is one way to read it, and what others may read otherwise is
//! refused.
//!
//! Source: <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>, 4.3.

use std::collections::HashMap;
use std::io;

use super::source::Section;
use crate::shown;

/// The first bytes of a zip archive.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";

/// The most bytes of a directory: 256 for each of four million entries.
const MOST_DIRECTORY: u64 = 1 << 30;

/// The end of the directory, without a comment.
const END: usize = 22;

/// An entry of an archive.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its bytes, as they are in the file.
    pub part: Section,
    pub is_deflated: bool,
    /// The number of bytes when inflated.
    pub size: u64,
    /// The CRC-32 of the inflated bytes.
    pub checksum: u32,
}

/// The entries of an archive.
#[derive(Debug)]
pub(super) struct Directory {
    /// The names in the archive's order.
    pub names: Vec<String>,
    pub entries: HashMap<String, Entry>,
}

impl Directory {
    /// Reads the directory of an archive.
    ///
    /// # Errors
    /// A phrase that says what was found instead.
    pub fn read(file: &Section) -> Result<Self, String> {
        let incomplete = |problem: &str| format!("found no complete zip archive: {problem}");
        let unreadable = |error: io::Error| incomplete(&crate::one_line(&error));
        let missing = || incomplete("its directory, which stands at the end, is missing");
        let damaged = || incomplete("its directory is damaged");
        let (start, length, count) = find(file).map_err(unreadable)?.ok_or_else(missing)?;
        let part = file
            .part(start, length)
            .filter(|_| length <= MOST_DIRECTORY);
        let directory = part.ok_or_else(damaged)?.head(length).map_err(unreadable)?;
        let mut rest = Fields(&directory);
        let (mut names, mut entries, mut places) = (Vec::new(), HashMap::new(), Vec::new());
        for _ in 0..count {
            let record = Record::read(&mut rest).ok_or_else(damaged)?;
            let name = String::from_utf8_lossy(record.name).into_owned();
            if record.is_encrypted || !matches!(record.method, 0 | 8) {
                let name = shown(&name);
                return Err(format!(
                    "found {name} encrypted or compressed by other means"
                ));
            }
            let cut_short = || format!("found {} cut short", shown(&name));
            let header = file.part(record.place, 30).ok_or_else(cut_short)?;
            let header = header.head(30).map_err(unreadable)?;
            let mut fields = Fields(&header);
            if fields.take(4) != Some(MAGIC) {
                return Err(damaged());
            }
            fields.take(22);
            let lengths = fields.number(2).zip(fields.number(2)).ok_or_else(damaged)?;
            let own = file
                .part(record.place + 30, lengths.0)
                .ok_or_else(cut_short)?;
            if own.head(lengths.0).map_err(unreadable)? != record.name {
                return Err(incomplete("an entry has two names"));
            }
            let begin = record.place + 30 + lengths.0 + lengths.1;
            let part = file.part(begin, record.compressed).ok_or_else(cut_short)?;
            places.push((record.place, begin + record.compressed));
            let entry = Entry {
                part,
                is_deflated: record.method == 8,
                size: record.size,
                checksum: record.checksum,
            };
            if record.method == 0 && record.size != record.compressed {
                return Err(damaged());
            }
            if entries.insert(name.clone(), entry).is_some() {
                let name = shown(&name);
                return Err(format!("found a zip archive with two entries {name}"));
            }
            names.push(name);
        }
        if !rest.0.is_empty() {
            return Err(damaged());
        }
        places.sort_unstable();
        let ends = places.iter().map(|place| place.1);
        let starts = places.iter().skip(1).map(|place| place.0);
        if ends
            .zip(starts.chain([start]))
            .any(|(end, next)| end > next)
        {
            return Err("found a zip archive whose entries overlap".to_owned());
        }
        Ok(Self { names, entries })
    }
}

/// The place and the length of the directory, and the number of its records. Its end stands at the
/// end of the file, with a comment of up to 64 KiB.
fn find(file: &Section) -> io::Result<Option<(u64, u64, u64)>> {
    let most = file.length().min(END as u64 + 0xffff);
    let Some(tail) = file.part(file.length() - most, most) else {
        return Ok(None);
    };
    let tail = tail.head(most)?;
    let is_end = |place: &usize| {
        let mut end = Fields(&tail[*place..]);
        let comment = tail.len() - place - END;
        end.take(4) == Some(b"PK\x05\x06")
            && end.take(16).is_some()
            && end.number(2) == Some(comment as u64)
    };
    let places = 0..(tail.len() + 1).saturating_sub(END);
    let Some(place) = places.rev().find(is_end) else {
        return Ok(None);
    };
    let mut end = Fields(&tail[place + 10..]);
    let (count, length, start) = (end.number(2), end.number(4), end.number(4));
    let plain = (start.unwrap_or(0), length.unwrap_or(0), count.unwrap_or(0));
    let end = file.length() - most + place as u64;
    let Some(wide) = find_wide(file, end)? else {
        return Ok(Some(plain).filter(|(start, length, _)| start + length == end));
    };
    // Both must say the same, where the small one can.
    let is_same = |small: u64, wide: u64, most: u64| small == wide || small == most;
    let agree = is_same(plain.0, wide.0, 0xffff_ffff)
        && is_same(plain.1, wide.1, 0xffff_ffff)
        && is_same(plain.2, wide.2, 0xffff);
    Ok(Some(wide).filter(|_| agree))
}

/// The same from the record with fields of 64 bits, if there is one.
fn find_wide(file: &Section, end: u64) -> io::Result<Option<(u64, u64, u64)>> {
    let locator = end.checked_sub(20).and_then(|place| file.part(place, 20));
    let Some(locator) = locator else {
        return Ok(None);
    };
    let locator = locator.head(20)?;
    let mut fields = Fields(&locator);
    if fields.take(4) != Some(b"PK\x06\x07") {
        return Ok(None);
    }
    fields.take(4);
    let record = fields.number(8).and_then(|place| file.part(place, 56));
    let Some(record) = record else {
        return Ok(None);
    };
    let record = record.head(56)?;
    let mut fields = Fields(&record);
    if fields.take(4) != Some(b"PK\x06\x06") {
        return Ok(None);
    }
    fields.take(28);
    let (count, length, start) = (fields.number(8), fields.number(8), fields.number(8));
    Ok(start
        .zip(length)
        .zip(count)
        .map(|((start, length), count)| (start, length, count)))
}

/// A record of the directory.
struct Record<'a> {
    name: &'a [u8],
    is_encrypted: bool,
    method: u64,
    checksum: u32,
    compressed: u64,
    size: u64,
    place: u64,
}

impl<'a> Record<'a> {
    fn read(fields: &mut Fields<'a>) -> Option<Self> {
        (fields.take(4)? == b"PK\x01\x02").then_some(())?;
        fields.take(4)?;
        let is_encrypted = fields.number(2)? & 1 == 1;
        let method = fields.number(2)?;
        fields.take(4)?;
        let checksum = fields.number(4)? as u32;
        let [mut compressed, mut size] = [fields.number(4)?, fields.number(4)?];
        let [name, extra, comment] = [fields.number(2)?, fields.number(2)?, fields.number(2)?];
        fields.take(8)?;
        let mut place = fields.number(4)?;
        let name = fields.take(name as usize)?;
        let mut extra = Fields(fields.take(extra as usize)?);
        fields.take(comment as usize)?;
        while let (Some(kind), Some(length)) = (extra.number(2), extra.number(2)) {
            let mut content = Fields(extra.take(length as usize)?);
            // Those of the three that have no room in 32 bits, in this order.
            if kind == 1 {
                for field in [&mut size, &mut compressed, &mut place] {
                    if *field == 0xffff_ffff {
                        *field = content.number(8)?;
                    }
                }
            }
        }
        Some(Self {
            name,
            is_encrypted,
            method,
            checksum,
            compressed,
            size,
            place,
        })
    }
}

/// Bytes that are taken from the front.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of `count` bytes, little-endian.
    fn number(&mut self, count: usize) -> Option<u64> {
        let mut wide = [0; 8];
        wide[..count].copy_from_slice(self.take(count)?);
        Some(u64::from_le_bytes(wide))
    }
}
