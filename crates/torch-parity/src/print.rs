//! `print(tensor)`: a tensor as Python's `repr` shows it.
//!
//! The rules, for PyTorch's default print options (precision 4, line width 80, threshold 1000,
//! three items at each edge):
//!
//! * All elements have the width of the widest one; a column for the sign is added only if a number
//!   is negative.
//! * Floats have four decimals. If all are whole numbers, they end in a dot. Scientific notation,
//!   with a two-digit exponent, is used if the largest magnitude is more than 1000 times the smallest
//!   nonzero one or above 10⁸, or if the smallest is below 10⁻⁴.
//! * NaN and infinities do not affect these choices.
//! * In tensors of more than 1000 elements, `...` replaces the middle of each dimension longer than
//!   six.
//!
//! Source: `torch/_tensor_str.py`.

use tch::{Device, Kind, Tensor};

use super::error::{Error, Result};

const PRECISION: usize = 4;
const LINE_WIDTH: usize = 80;
const THRESHOLD: usize = 1000;
const EDGE_ITEMS: i64 = 3;
const PREFIX: &str = "tensor(";

/// `repr(tensor)` of a tensor without a gradient, of any number of dimensions.
/// # Errors
/// If the dtype is not bool, an integer or a float.
///
/// ```
/// use torch_parity::print::repr;
/// let t = tch::Tensor::from_slice(&[1.0f32, -0.5]);
/// assert_eq!(repr(&t)?, "tensor([ 1.0000, -0.5000])");
/// assert_eq!(repr(&tch::Tensor::from_slice(&[7i64]))?, "tensor([7])");
/// # Ok::<(), torch_parity::Error>(())
/// ```
pub fn repr(tensor: &Tensor) -> Result<String> {
    let kind = tensor.kind();
    let cpu = tensor.detach().to_device(Device::Cpu);
    let mut suffixes = Vec::new();
    if let Device::Cuda(index) = tensor.device() {
        suffixes.push(format!("device='cuda:{index}'"));
    }
    let default_dtype = matches!(kind, Kind::Float | Kind::Int64 | Kind::Bool);
    let body = if tensor.numel() == 0 {
        if tensor.dim() != 1 {
            suffixes.push(format!("size={}", tuple(&tensor.size())));
        }
        if kind != Kind::Float {
            suffixes.push(format!("dtype={}", dtype_name(kind)));
        }
        "[]".to_owned()
    } else {
        if !default_dtype {
            suffixes.push(format!("dtype={}", dtype_name(kind)));
        }
        elements(&cpu)?
    };
    Ok(add_suffixes(format!("{PREFIX}{body}"), &suffixes))
}

/// A dtype under Python's name, such as `torch.float32`.
pub fn dtype_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "torch.bool",
        Kind::Uint8 => "torch.uint8",
        Kind::Int8 => "torch.int8",
        Kind::Int16 => "torch.int16",
        Kind::Int => "torch.int32",
        Kind::Int64 => "torch.int64",
        Kind::Half => "torch.float16",
        Kind::BFloat16 => "torch.bfloat16",
        Kind::Float => "torch.float32",
        Kind::Double => "torch.float64",
        Kind::ComplexHalf => "torch.complex32",
        Kind::ComplexFloat => "torch.complex64",
        Kind::ComplexDouble => "torch.complex128",
        Kind::QInt8 => "torch.qint8",
        Kind::QUInt8 => "torch.quint8",
        Kind::QInt32 => "torch.qint32",
        Kind::Float8e5m2 => "torch.float8_e5m2",
        Kind::Float8e4m3fn => "torch.float8_e4m3fn",
        Kind::Float8e5m2fnuz => "torch.float8_e5m2fnuz",
        Kind::Float8e4m3fnuz => "torch.float8_e4m3fnuz",
    }
}

fn elements(tensor: &Tensor) -> Result<String> {
    let summarize = tensor.numel() > THRESHOLD;
    let shown = if summarize {
        summarized(tensor)
    } else {
        tensor.shallow_clone()
    };
    let formatter = Formatter::new(&values(&shown)?);
    nested(tensor, PREFIX.len(), summarize, &formatter)
}

/// The elements that a summary shows: the first and last three along each long dimension.
fn summarized(tensor: &Tensor) -> Tensor {
    let mut shown = tensor.shallow_clone();
    for dim in 0..tensor.dim() as i64 {
        let size = tensor.size()[dim as usize];
        if size > 2 * EDGE_ITEMS {
            let head = shown.narrow(dim, 0, EDGE_ITEMS);
            let tail = shown.narrow(dim, size - EDGE_ITEMS, EDGE_ITEMS);
            shown = Tensor::cat(&[head, tail], dim);
        }
    }
    shown
}

fn nested(
    tensor: &Tensor,
    indent: usize,
    summarize: bool,
    formatter: &Formatter,
) -> Result<String> {
    if tensor.dim() == 0 {
        return Ok(formatter.format(&values(tensor)?[0]));
    }
    if tensor.dim() == 1 {
        return vector(tensor, indent, summarize, formatter);
    }
    let row = |i| nested(&tensor.get(i), indent + 1, summarize, formatter);
    let size = tensor.size()[0];
    let rows = if summarize && size > 2 * EDGE_ITEMS {
        let head = (0..EDGE_ITEMS).map(row);
        let tail = (size - EDGE_ITEMS..size).map(row);
        let ellipsis = std::iter::once(Ok("...".to_owned()));
        head.chain(ellipsis)
            .chain(tail)
            .collect::<Result<Vec<_>>>()?
    } else {
        (0..size).map(row).collect::<Result<Vec<_>>>()?
    };
    let blank_lines = "\n".repeat(tensor.dim() - 1);
    let separator = format!(",{blank_lines}{}", " ".repeat(indent + 1));
    Ok(format!("[{}]", rows.join(&separator)))
}

fn vector(
    tensor: &Tensor,
    indent: usize,
    summarize: bool,
    formatter: &Formatter,
) -> Result<String> {
    let elided = summarize && tensor.size()[0] > 2 * EDGE_ITEMS;
    let shown = if elided {
        summarized(tensor)
    } else {
        tensor.shallow_clone()
    };
    let mut items: Vec<String> = values(&shown)?
        .iter()
        .map(|v| formatter.format(v))
        .collect();
    if elided {
        items.insert(EDGE_ITEMS as usize, " ...".to_owned());
    }
    let element_width = formatter.width + ", ".len();
    let per_line = (LINE_WIDTH.saturating_sub(indent) / element_width).max(1);
    let lines: Vec<String> = items.chunks(per_line).map(|line| line.join(", ")).collect();
    let separator = format!(",\n{}", " ".repeat(indent + 1));
    Ok(format!("[{}]", lines.join(&separator)))
}

/// An element of a tensor, in the widest type of its kind.
enum Value {
    Bool(bool),
    Int(i64),
    Float(f64),
}

fn values(tensor: &Tensor) -> Result<Vec<Value>> {
    let flat = tensor.reshape([-1]);
    let kind = tensor.kind();
    Ok(match kind {
        Kind::Half | Kind::BFloat16 | Kind::Float | Kind::Double => {
            let numbers = Vec::<f64>::try_from(flat.to_kind(Kind::Double))?;
            numbers.into_iter().map(Value::Float).collect()
        }
        Kind::Bool => {
            let numbers = Vec::<i64>::try_from(flat.to_kind(Kind::Int64))?;
            numbers.into_iter().map(|n| Value::Bool(n != 0)).collect()
        }
        Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64 => {
            let numbers = Vec::<i64>::try_from(flat.to_kind(Kind::Int64))?;
            numbers.into_iter().map(Value::Int).collect()
        }
        kind => {
            let problem = format!("cannot print a tensor of dtype {}", dtype_name(kind));
            return Err(Error::Tensor(problem));
        }
    })
}

/// `_Formatter`: the format that all elements of a tensor share.
struct Formatter {
    int_mode: bool,
    sci_mode: bool,
    width: usize,
}

impl Formatter {
    fn new(values: &[Value]) -> Self {
        let mut formatter = Self {
            int_mode: true,
            sci_mode: false,
            width: 1,
        };
        let finite: Vec<f64> = values.iter().filter_map(nonzero_finite).collect();
        let magnitudes = finite.iter().map(|x| x.abs());
        let min = magnitudes.clone().fold(f64::INFINITY, f64::min);
        let max = magnitudes.fold(0., f64::max);
        formatter.int_mode = finite.iter().all(|x| x.fract() == 0.);
        formatter.sci_mode = max / min > 1000. || max > 1e8 || min < 1e-4;
        // Zeros and non-finite numbers do not widen a column of floats.
        let widths = values.iter().filter(|value| match value {
            Value::Float(_) => nonzero_finite(value).is_some(),
            _ => true,
        });
        formatter.width = widths
            .map(|value| formatter.unpadded(value).len())
            .fold(1, usize::max);
        formatter
    }

    fn format(&self, value: &Value) -> String {
        format!("{:>width$}", self.unpadded(value), width = self.width)
    }

    fn unpadded(&self, value: &Value) -> String {
        match *value {
            Value::Bool(true) => "True".to_owned(),
            Value::Bool(false) => "False".to_owned(),
            Value::Int(n) => n.to_string(),
            Value::Float(x) if x.is_nan() => "nan".to_owned(),
            Value::Float(x) if x.is_infinite() => if x > 0. { "inf" } else { "-inf" }.to_owned(),
            Value::Float(x) if self.sci_mode => scientific(x),
            Value::Float(x) if self.int_mode => format!("{x:.0}."),
            Value::Float(x) => format!("{x:.PRECISION$}"),
        }
    }
}

fn nonzero_finite(value: &Value) -> Option<f64> {
    match *value {
        Value::Float(x) if x.is_finite() && x != 0. => Some(x),
        _ => None,
    }
}

/// Python's `"{:.4e}"`: Rust's format, plus a sign and at least two digits in the exponent.
fn scientific(x: f64) -> String {
    let text = format!("{x:.PRECISION$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// `_add_suffixes`: appends the dtype and similar suffixes, on a new line if they do not fit.
fn add_suffixes(mut text: String, suffixes: &[String]) -> String {
    let last_line = text.rsplit('\n').next().unwrap_or(&text);
    // Python counts two columns too many for the line so far.
    let mut column = last_line.len() + 2;
    for suffix in suffixes {
        if column + suffix.len() + 2 > LINE_WIDTH {
            text += &format!(",\n{}{suffix}", " ".repeat(PREFIX.len()));
            column = PREFIX.len() + suffix.len();
        } else {
            text += &format!(", {suffix}");
            column += suffix.len() + 2;
        }
    }
    text + ")"
}

fn tuple(size: &[i64]) -> String {
    let items: Vec<String> = size.iter().map(i64::to_string).collect();
    format!("({})", items.join(", "))
}
