//! Python's pickle format, protocols 0 to 5, read as data: no code is run.
//!
//! A pickle is a program for a stack machine. Python's machine imports and calls whatever the
//! program names. This one writes down the names and the arguments of the calls; `meaning.rs`
//! knows the few that stand for tensors, arrays and containers, and names all others by what they
//! are. Its memory is bounded by a small multiple of the pickle's size: values have 16 bytes and
//! are kept in flat lists, so nothing is nested or duplicated, and values may contain themselves.
//!
//! Source: Python's `pickletools.py`.

mod instructions;
mod meaning;
mod modules;
mod numpy;
mod protocol0;
mod tensors;

use std::io::Read;

use super::source::Section;
use crate::one_line;

pub(super) use meaning::{Meaning, Storages};

/// The most bytes of a pickle, which may contain arrays.
const MOST_BYTES: usize = 1 << 31;

/// The most values on the stack. Python writes the items of dicts and lists in batches of a
/// thousand, and TorchScript writes all at once.
const MOST_VALUES: usize = 1 << 20;

/// The most instructions, which are about 30 for a tensor.
const MOST_INSTRUCTIONS: usize = 1 << 25;

/// A range of indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn indices(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A value on the machine's stack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Node {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of so many bytes, which are more than eight.
    Long(u32),
    Float(f64),
    /// UTF-8, a range of `Machine::bytes` or, past its end, of `Machine::decoded`.
    Text(Span),
    Bytes(Span),
    /// A range of `Machine::items`.
    Tuple(Span),
    /// An index of `Machine::lists`. Sets are lists, too.
    List(u32),
    /// An index of `Machine::dicts`.
    Dict(u32),
    /// A class or function: an index of `Machine::globals`.
    Global(u32),
    /// The result of a call: an index of `Machine::objects`.
    Object(u32),
    /// A value outside the pickle, by its description: an index of `Machine::outside`.
    Outside(u32),
}

/// A call that was written down, and what the pickle did with its result.
#[derive(Clone, Copy, Debug)]
struct Object {
    class: Node,
    arguments: Node,
    state: Node,
    /// The dict of its items, if it has some.
    items: Option<u32>,
}

/// A result, or a phrase that says what was found instead.
type Found<T> = Result<T, String>;

/// The machine. Its lists stay when a pickle has ended.
pub(super) struct Machine {
    /// The bytes of the pickle that have been read.
    bytes: Vec<u8>,
    /// The rest of the file.
    rest: Section,
    /// The position of the next instruction in the pickle.
    next: usize,
    /// Text that does not stand in the pickle as it is.
    decoded: Vec<u8>,
    stack: Vec<Node>,
    /// Stack lengths at which groups of values start.
    marks: Vec<usize>,
    /// Values stored for later use.
    memo: Vec<Node>,
    items: Vec<Node>,
    lists: Vec<Vec<Node>>,
    dicts: Vec<Vec<(Node, Node)>>,
    /// Module and name.
    globals: Vec<(Span, Span)>,
    objects: Vec<Object>,
    outside: Vec<Node>,
}

impl Machine {
    /// A machine for the pickles at the start of `rest`.
    pub fn new(rest: Section) -> Self {
        Self {
            bytes: Vec::new(),
            rest,
            next: 0,
            decoded: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Vec::new(),
            items: Vec::new(),
            lists: Vec::new(),
            dicts: Vec::new(),
            globals: Vec::new(),
            objects: Vec::new(),
            outside: Vec::new(),
        }
    }

    /// Reads the next pickle.
    ///
    /// # Errors
    /// A phrase that says what was found instead.
    pub fn run(&mut self) -> Found<Node> {
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
        for _ in 0..MOST_INSTRUCTIONS {
            let instruction = self.byte()?;
            if instruction == b'.' {
                return self.pop();
            }
            self.step(instruction)?;
            if self.stack.len().max(self.marks.len()) > MOST_VALUES {
                return Err(format!("found more than {MOST_VALUES} values in one group"));
            }
        }
        Err(format!(
            "found more than {MOST_INSTRUCTIONS} pickle instructions"
        ))
    }

    /// The number of bytes of the pickles so far.
    pub fn position(&self) -> usize {
        self.next
    }

    /// The next `count` bytes, as a range of `bytes`.
    fn take(&mut self, count: usize) -> Found<Span> {
        let cut_short = || "found a pickle that is cut short".to_owned();
        let end = self.next.checked_add(count).ok_or_else(cut_short)?;
        if end > self.bytes.len() {
            self.read_to(end)?;
        }
        if end > self.bytes.len() {
            return Err(cut_short());
        }
        let range = Span {
            start: self.next as u32,
            end: end as u32,
        };
        self.next = end;
        Ok(range)
    }

    /// Reads on until there are `end` bytes, and some more.
    fn read_to(&mut self, end: usize) -> Found<()> {
        const AHEAD: usize = 1 << 14;
        let left = self.rest.length() - self.bytes.len() as u64;
        let missing = (end - self.bytes.len()) as u64;
        if missing > left {
            return Err("found a pickle that is cut short".to_owned());
        }
        if end > MOST_BYTES {
            return Err(format!("found a pickle of more than {MOST_BYTES} bytes"));
        }
        let wanted = missing.max(AHEAD as u64);
        let read = (&mut self.rest).take(wanted).read_to_end(&mut self.bytes);
        read.map_err(|error| format!("found a pickle that cannot be read: {}", one_line(&error)))?;
        Ok(())
    }

    fn slice(&self, range: Span) -> &[u8] {
        let Span { start, end } = range;
        let (start, end) = (start as usize, end as usize);
        match start.checked_sub(MOST_BYTES) {
            None => &self.bytes[start..end],
            Some(start) => &self.decoded[start..end - MOST_BYTES],
        }
    }

    /// Keeps text that does not stand in the pickle as it is.
    fn keep(&mut self, text: &[u8]) -> Found<Span> {
        let start = MOST_BYTES + self.decoded.len();
        self.decoded.extend(text);
        let end = u32::try_from(start + text.len());
        Ok(Span {
            start: start as u32,
            end: end.map_err(|_| "found too much text".to_owned())?,
        })
    }

    pub fn text(&self, node: Node) -> Option<&str> {
        let Node::Text(range) = node else { return None };
        str::from_utf8(self.slice(range)).ok()
    }

    /// The items of a tuple or list; empty for any other value.
    pub fn elements(&self, node: Node) -> &[Node] {
        match node {
            Node::Tuple(range) => &self.items[range.indices()],
            Node::List(list) => &self.lists[list as usize],
            _ => &[],
        }
    }

    /// The module and the name of a class or function.
    fn global(&self, node: Node) -> Option<(&str, &str)> {
        let Node::Global(index) = node else {
            return None;
        };
        let (module, name) = self.globals[index as usize];
        let [module, name] = [module, name].map(|range| str::from_utf8(self.slice(range)));
        Some((module.ok()?, name.ok()?))
    }

    /// The entries of a dict, or the items of an object.
    pub fn entries(&self, node: Node) -> &[(Node, Node)] {
        match node {
            Node::Dict(dict) => &self.dicts[dict as usize],
            Node::Object(object) => match self.objects[object as usize].items {
                Some(dict) => &self.dicts[dict as usize],
                None => &[],
            },
            _ => &[],
        }
    }

    /// What the pickle set as the attributes of an object.
    pub fn state(&self, node: Node) -> Option<Node> {
        match node {
            Node::Object(object) => Some(self.objects[object as usize].state),
            _ => None,
        }
    }

    /// The entry of a dict under a name.
    pub fn entry(&self, dict: Node, name: &str) -> Option<Node> {
        let mut entries = self.entries(dict).iter();
        let found = entries.find(|(key, _)| self.text(*key) == Some(name));
        found.map(|&(_, value)| value)
    }
}

/// The error of a pickle that Python cannot read either.
fn no_value() -> String {
    "found a damaged pickle".to_owned()
}
