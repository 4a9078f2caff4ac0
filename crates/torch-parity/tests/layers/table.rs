//! The rows of `crates/torch-parity/tests/rows/*.json`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::{fs, slice};

use serde_json::{Map, Value};
use tch::{Device, Kind, Tensor};
use torch_parity::serialization::NamedTensors;

use testing::root;

/// A case: a layer, its arguments and its inputs.
#[derive(Clone)]
pub struct Row {
    /// The file's name and the row's number in it: `conv-3`.
    pub id: String,
    /// The row as written in the file.
    pub json: Value,
}

impl Row {
    /// All rows, file by file in the order of their names.
    pub fn all() -> Vec<Self> {
        let folder = root("crates/torch-parity/tests/rows");
        let files = fs::read_dir(folder).unwrap();
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
        paths.sort();
        let mut rows = Vec::new();
        for path in paths {
            let text = fs::read_to_string(&path).unwrap();
            let list: Vec<Value> = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let name = path.file_stem().unwrap().to_str().unwrap();
            rows.extend(list.into_iter().enumerate().map(|(i, json)| Self {
                id: format!("{name}-{i}"),
                json,
            }));
        }
        for row in &rows {
            row.check_keys();
        }
        rows
    }

    /// An unknown key would make a row prove less than it seems to.
    fn check_keys(&self) {
        const KNOWN: [&str; 8] = [
            "args",
            "call",
            "dtype",
            "inputs",
            "layer",
            "note",
            "optimizers",
            "unequal",
        ];
        for key in self.json.as_object().expect("a row is an object").keys() {
            assert!(KNOWN.contains(&key.as_str()), "{self}: unknown key {key:?}");
        }
    }

    pub fn layer(&self) -> &str {
        self.json["layer"].as_str().expect("a row names its layer")
    }

    pub fn kind(&self) -> Kind {
        match self.json.get("dtype").and_then(Value::as_str) {
            None => Kind::Float,
            Some("float64") => Kind::Double,
            Some(other) => panic!("{self}: unknown dtype {other}"),
        }
    }

    pub fn optimizers(&self) -> Vec<&str> {
        match self.json.get("optimizers") {
            None => vec!["SGD", "Adam"],
            Some(list) => {
                let names = list.as_array().expect("optimizers are a list").iter();
                names.map(|name| name.as_str().unwrap()).collect()
            }
        }
    }

    /// The reason why the row cannot be equal, if it is marked so.
    pub fn unequal(&self) -> Option<&str> {
        self.json.get("unequal").and_then(Value::as_str)
    }

    pub fn args(&self) -> Args {
        Args::new(&self.json["args"])
    }

    /// Draws the inputs of `forward`, in Python's order.
    pub fn call(&self) -> Call {
        let kind = self.kind();
        let inputs = self.json["inputs"].as_array().expect("inputs are a list");
        // A tuple of tensors is a list in the row; here all inputs are flattened.
        let texts = inputs.iter().flat_map(|input| match input {
            Value::Array(tuple) => &tuple[..],
            text => slice::from_ref(text),
        });
        let mut inputs: Vec<Tensor> = Vec::new();
        for text in texts.map(|text| text.as_str().expect("an input is a text")) {
            let again = text
                .strip_prefix("input(")
                .and_then(|rest| rest.strip_suffix(')'));
            let tensor = match again {
                Some(number) => inputs[number.parse::<usize>().unwrap()].shallow_clone(),
                None => draw(text, kind),
            };
            let differentiable = tensor.is_floating_point();
            inputs.push(tensor.set_requires_grad(differentiable));
        }
        let mut call = Call::of(inputs);
        if let Some(named) = self.json.get("call") {
            call.args = Args::new(named);
            let named = named.as_object().unwrap().iter();
            let texts = named.filter_map(|(name, value)| Some((name, value.as_str()?)));
            let drawn = texts.map(|(name, text)| (name.clone(), draw(text, kind)));
            call.tensors = drawn.collect();
        }
        call
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, json } = self;
        write!(f, "{id} {json}")
    }
}

/// The inputs of `forward`.
pub struct Call {
    pub inputs: Vec<Tensor>,
    /// Arguments by name; tensors are given as the expressions that draw them.
    pub args: Args,
    tensors: NamedTensors,
}

impl Call {
    /// The inputs of an inner layer.
    pub fn of(inputs: Vec<Tensor>) -> Self {
        Self {
            inputs,
            args: Args::new(&Value::Object(Map::new())),
            tensors: NamedTensors::new(),
        }
    }

    /// A tensor argument by name, if given.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        let tensor = self.tensors.get(name)?;
        let _: Option<String> = self.args.get(name);
        Some(tensor)
    }
}

/// Arguments under Python's names. All of them must be read: see [`Args::expect_all_read`].
pub struct Args {
    values: BTreeMap<String, Value>,
    read: RefCell<BTreeSet<String>>,
}

impl Args {
    pub fn new(json: &Value) -> Self {
        let values = json.as_object().expect("arguments are an object");
        Self {
            values: values.clone().into_iter().collect(),
            read: RefCell::default(),
        }
    }

    /// An argument, if given.
    pub fn get<T: Argument>(&self, name: &str) -> Option<T> {
        let value = self.values.get(name)?;
        self.read.borrow_mut().insert(name.to_owned());
        let read = T::read(value);
        Some(read.unwrap_or_else(|| panic!("argument {name}: cannot read {value}")))
    }

    /// A required argument.
    pub fn need<T: Argument>(&self, name: &str) -> T {
        let value = self.get(name);
        value.unwrap_or_else(|| panic!("argument {name} is missing"))
    }

    /// Replaces a default by an argument, if given.
    pub fn set<T: Argument>(&self, name: &str, place: &mut T) {
        if let Some(value) = self.get(name) {
            *place = value;
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Marks all arguments as read.
    pub fn pass_over(&self) {
        self.read.borrow_mut().extend(self.values.keys().cloned());
    }

    /// # Panics
    /// If an argument has not been read.
    pub fn expect_all_read(&self) {
        let read = self.read.borrow();
        for name in self.values.keys() {
            assert!(
                read.contains(name),
                "Rust does not know the argument {name}"
            );
        }
    }
}

/// A type of an argument.
pub trait Argument: Sized {
    fn read(value: &Value) -> Option<Self>;
}

impl Argument for Value {
    fn read(value: &Value) -> Option<Self> {
        Some(value.clone())
    }
}

impl Argument for i64 {
    fn read(value: &Value) -> Option<Self> {
        value.as_i64()
    }
}

impl Argument for f64 {
    fn read(value: &Value) -> Option<Self> {
        value.as_f64()
    }
}

impl Argument for bool {
    fn read(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Argument for String {
    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

/// `None` is `null`.
impl<T: Argument> Argument for Option<T> {
    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::read(value).map(Some),
        }
    }
}

impl<T: Argument> Argument for Vec<T> {
    fn read(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::read).collect()
    }
}

/// A single number applies to all dimensions, as in Python.
impl<const N: usize> Argument for [i64; N] {
    fn read(value: &Value) -> Option<Self> {
        match value.as_i64() {
            Some(number) => Some([number; N]),
            None => Vec::read(value)?.try_into().ok(),
        }
    }
}

/// Draws a tensor by an expression such as `randint(0, 9, (4, 5)).transpose(0, 1)`, as Python does.
fn draw(expression: &str, kind: Kind) -> Tensor {
    let unknown = || -> ! { panic!("cannot draw {expression:?}") };
    let mut calls = expression
        .split_inclusive(')')
        .fold(Vec::new(), |mut calls, part| {
            // A part such as `, (4, 5)` or `)` belongs to the preceding call.
            match calls.last_mut() {
                Some(call) if !part.starts_with('.') => *call += part,
                _ => calls.push(part.to_owned()),
            }
            calls
        });
    let first = calls.remove(0);
    let (name, numbers) = name_and_numbers(&first).unwrap_or_else(|| unknown());
    let ints: Vec<i64> = numbers.iter().map(|&number| number as i64).collect();
    let float = (kind, Device::Cpu);
    let mut tensor = match (name.as_str(), &ints[..]) {
        ("randn", size) => Tensor::randn(size, float),
        ("rand", size) => Tensor::rand(size, float),
        ("zeros", size) => Tensor::zeros(size, float),
        ("ones", size) => Tensor::ones(size, float),
        ("full", [size @ .., _]) => Tensor::full(size, numbers[size.len()], float),
        ("randint", [low, high, size @ ..]) => {
            Tensor::randint_low(*low, *high, size, (Kind::Int64, Device::Cpu))
        }
        ("tensor", values) => Tensor::from_slice(values),
        _ => unknown(),
    };
    for call in &calls {
        let (name, numbers) = name_and_numbers(&call[1..]).unwrap_or_else(|| unknown());
        tensor = match (name.as_str(), &numbers[..]) {
            ("transpose", &[a, b]) => tensor.transpose(a as i64, b as i64),
            ("triu", &[diagonal]) => tensor.triu(diagonal as i64),
            ("view", size) => {
                let size: Vec<i64> = size.iter().map(|&number| number as i64).collect();
                tensor.view(&size[..])
            }
            ("gt", &[number]) => tensor.gt(number),
            ("log_softmax", &[dim]) => tensor.log_softmax(dim as i64, None::<Kind>),
            ("sign", &[]) => tensor.sign(),
            ("mul", &[number]) => tensor * number,
            ("add", &[number]) => tensor + number,
            _ => unknown(),
        };
    }
    tensor
}

/// The name and all numbers of a call, ignoring brackets.
fn name_and_numbers(call: &str) -> Option<(String, Vec<f64>)> {
    let (name, rest) = call.split_once('(')?;
    let numbers = rest.split(['(', ')', '[', ']', ',', ' ']);
    let numbers = numbers.filter(|text| !text.is_empty());
    let numbers: Result<_, _> = numbers.map(str::parse).collect();
    Some((name.to_owned(), numbers.ok()?))
}
