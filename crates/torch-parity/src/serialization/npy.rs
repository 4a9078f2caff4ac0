//! NumPy's arrays in files.
//!
//! A `.npy` file is a magic number, a version, the length of its header, the header (a Python
//! dictionary of `descr`, `fortran_order` and `shape`) and the elements. Source:
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

use std::io::{self, Read};
use std::rc::Rc;

use tch::Kind;

use super::leaf::{Leaf, Storage, strides};
use super::source::Section;
use super::value::Value;
use crate::shown;

/// The first bytes of a `.npy` file.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// By default, NumPy does not read longer headers either.
const MOST_HEADER: usize = 10_000;

/// The header of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The type of an element, such as `<i8` for little-endian int64.
    pub dtype: String,
    /// True if the first dimension is contiguous.
    pub is_fortran: bool,
    /// The size of each dimension.
    pub shape: Vec<u64>,
    /// The number of bytes before the elements.
    pub length: u64,
}

impl Header {
    /// Reads the start of a `.npy` file.
    ///
    /// # Errors
    /// A phrase that says what was expected and what was found.
    pub fn read(mut reader: impl Read) -> Result<Self, String> {
        let no_array = || "expected a .npy file of version 1 to 3".to_owned();
        let mut read = |length: usize| {
            let mut bytes = Vec::new();
            let read = (&mut reader).take(length as u64).read_to_end(&mut bytes);
            match read {
                Ok(found) if found == length => Ok(bytes),
                Ok(_) => Err(no_array()),
                Err(error) if error.kind() == io::ErrorKind::OutOfMemory => {
                    Err("not enough memory".to_owned())
                }
                Err(error) => Err(format!("damaged or cut short: {}", crate::one_line(&error))),
            }
        };
        let start = read(MAGIC.len() + 2)?;
        let digits = match start.strip_prefix(MAGIC) {
            Some([1, 0]) => 2,
            Some([2 | 3, 0]) => 4,
            _ => return Err(no_array()),
        };
        let mut length = [0; 4];
        length[..digits].copy_from_slice(&read(digits)?);
        let length = u32::from_le_bytes(length) as usize;
        if length > MOST_HEADER {
            return Err(no_array());
        }
        let text = String::from_utf8(read(length)?).map_err(|_| no_array())?;
        let odd = || format!("expected the header of an array, found {}", shown(&text));
        let mut header = parse(&text).ok_or_else(odd)?;
        header.length = (start.len() + digits + length) as u64;
        Ok(header)
    }

    /// The shape as Python prints it.
    pub fn shape_text(&self) -> String {
        match self.shape[..] {
            [only] => format!("({only},)"),
            _ => {
                let numbers: Vec<String> = self.shape.iter().map(u64::to_string).collect();
                format!("({})", numbers.join(", "))
            }
        }
    }

    /// The number of bytes of all elements; `None` if it is no number of 64 bits, or if the size
    /// of an element is not known.
    pub fn bytes(&self) -> Option<u64> {
        let each = self.dtype.get(2..)?.parse::<u64>().ok()?;
        self.shape.iter().try_fold(each, |n, &m| n.checked_mul(m))
    }
}

/// The three entries of a header: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.
fn parse(header: &str) -> Option<Header> {
    let (mut dtype, mut is_fortran, mut shape) = (None, None, None);
    let mut rest = header.trim().strip_prefix('{')?.trim_start();
    while !rest.starts_with('}') {
        let (key, after) = text(rest)?;
        rest = after.trim_start().strip_prefix(':')?.trim_start();
        match key {
            "descr" if dtype.is_none() => {
                let (value, after) = text(rest)?;
                dtype = Some(value.to_owned());
                rest = after;
            }
            "fortran_order" if is_fortran.is_none() => {
                let (value, after) = match rest.strip_prefix("True") {
                    Some(after) => (true, after),
                    None => (false, rest.strip_prefix("False")?),
                };
                is_fortran = Some(value);
                rest = after;
            }
            "shape" if shape.is_none() => {
                let (inside, after) = rest.strip_prefix('(')?.split_once(')')?;
                let sizes = inside.split(',').map(str::trim);
                let sizes = sizes.filter(|size| !size.is_empty());
                // Python 2 writes an L after a long number.
                let sizes = sizes.map(|size| size.trim_end_matches('L').parse().ok());
                shape = Some(sizes.collect::<Option<Vec<u64>>>()?);
                rest = after;
            }
            _ => return None,
        }
        rest = rest.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    (rest == "}").then_some(())?;
    Some(Header {
        dtype: dtype?,
        is_fortran: is_fortran?,
        shape: shape?,
        length: 0,
    })
}

/// A quoted text without escapes, and the rest.
fn text(rest: &str) -> Option<(&str, &str)> {
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let (text, after) = rest[1..].split_once(quote)?;
    (!text.contains('\\')).then_some((text, after))
}

/// The dtype of a name such as `<f4`, if it is one of libtorch's and little-endian.
pub(super) fn kind(dtype: &str) -> Option<Kind> {
    Some(match dtype.trim_start_matches(['<', '|', '=']) {
        "b1" => Kind::Bool,
        "u1" => Kind::Uint8,
        "i1" => Kind::Int8,
        "i2" => Kind::Int16,
        "i4" => Kind::Int,
        "i8" => Kind::Int64,
        "f2" => Kind::Half,
        "f4" => Kind::Float,
        "f8" => Kind::Double,
        "c8" => Kind::ComplexFloat,
        "c16" => Kind::ComplexDouble,
        _ => return None,
    })
}

/// A number of NumPy's.
pub(super) fn number<T>(dtype: &str, bytes: &[u8]) -> Option<Value<T>> {
    let integer = |is_signed: bool| {
        let is_negative = is_signed && *bytes.last()? >= 0x80;
        let mut wide = [if is_negative { 0xff } else { 0 }; 8];
        wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Value::Int(i64::from_le_bytes(wide)))
    };
    match kind(dtype)? {
        kind if kind.elt_size_in_bytes() != bytes.len() => None,
        Kind::Bool => Some(Value::Bool(bytes[0] != 0)),
        Kind::Uint8 => integer(false),
        Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64 => integer(true),
        Kind::Float => Some(Value::Float(
            f32::from_le_bytes(bytes.try_into().ok()?).into(),
        )),
        Kind::Double => Some(Value::Float(f64::from_le_bytes(bytes.try_into().ok()?))),
        _ => None,
    }
}

/// An array over all bytes of a storage.
pub(super) fn leaf(
    storage: Rc<Storage>,
    kind: Kind,
    shape: Vec<i64>,
    is_fortran: bool,
) -> Result<Leaf, String> {
    let length = storage.length;
    let count = shape
        .iter()
        .try_fold(1u64, |n, &m| n.checked_mul(u64::try_from(m).ok()?));
    let bytes = count.and_then(|n| n.checked_mul(kind.elt_size_in_bytes() as u64));
    if bytes != Some(length) {
        let shape = shown(&format!("{shape:?}"));
        let shape = shape.trim_matches('"');
        return Err(format!(
            "has shape {shape}, which does not match {length} bytes of data"
        ));
    }
    let mut leaf = Leaf::contiguous(storage, kind, shape)?;
    if is_fortran {
        let reversed: Vec<i64> = leaf.size.iter().rev().copied().collect();
        let stride = strides(&reversed).unwrap_or_default();
        leaf.stride = stride.into_iter().rev().collect();
    }
    Ok(leaf)
}

/// The array with this header over all bytes of a storage, or a phrase that says what it is.
pub(super) fn array(storage: Rc<Storage>, header: Header) -> Result<Leaf, String> {
    let dtype = &header.dtype;
    let unsupported = || format!("a NumPy array of dtype {}", shown(dtype));
    let kind = kind(dtype).ok_or_else(unsupported)?;
    let shape = header.shape.iter().map(|&size| i64::try_from(size).ok());
    let shape = shape
        .collect::<Option<Vec<i64>>>()
        .ok_or_else(unsupported)?;
    let leaf = leaf(storage, kind, shape, header.is_fortran);
    leaf.map_err(|problem| format!("a NumPy array that {problem}"))
}

/// The array of a `.npy` file, or a phrase that says what it is.
pub(super) fn open(file: &Section) -> Result<Leaf, String> {
    let odd = |problem| format!("a NumPy array that cannot be read: {problem}");
    let header = Header::read(file.clone()).map_err(odd)?;
    let elements = file.rest(header.length);
    let elements = elements.ok_or_else(|| odd("it is cut short".to_owned()))?;
    array(Storage::plain(elements, None), header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let read = |header: &str| parse(header).map(|found| (found.dtype, found.shape));
        let array = |shape: &[u64]| Some(("<f4".to_owned(), shape.to_vec()));
        let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n";
        assert_eq!(read(good), array(&[2, 3]));
        assert_eq!(read(&good.replace("2, 3", "")), array(&[]));
        assert_eq!(read(&good.replace("2, 3", "5L,")), array(&[5]));
        for (from, to) in [
            ("'shape': (2, 3)", "'shape': 6"),
            ("'shape': (2, 3), ", ""),
            ("(2, 3)", "(2, -3)"),
            ("(2, 3)", "((2, 3))"),
            ("False", "0"),
            ("'<f4'", "[('a', '<f4')]"),
            ("'shape'", "'descr': '<f8', 'shape'"),
            ("}", ""),
            ("}", "} x"),
            ("'<f4'", "'\\x3cf4'"),
        ] {
            let odd = good.replace(from, to);
            assert_eq!(read(&odd), None, "{odd}");
        }
    }
}
