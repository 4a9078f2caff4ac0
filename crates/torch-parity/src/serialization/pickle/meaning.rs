//! The values that a pickle describes: containers, numbers, tensors and arrays. Everything else is
//! named by what it is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use super::super::leaf::{MOST_TENSORS, Storage, Stored};
use super::super::value::{Dict, Key, Value};
use super::{Found, Machine, Node};
use crate::shown;

/// The most levels of nesting.
const MOST_DEPTH: usize = 100;

/// The memory of the values, per byte of the pickle. A value that occurs in many places is counted
/// in each.
const MOST_EXPANSION: usize = 64;

/// The storages of a file, which stand outside its pickle.
pub trait Storages {
    /// The storage of that name.
    ///
    /// # Errors
    /// A phrase such as `has no data`.
    fn storage(&mut self, key: &str) -> Found<Rc<Storage>>;

    /// The parameters and buffers of each class of a TorchScript archive.
    fn declared(&self) -> Option<&HashMap<String, HashSet<String>>> {
        None
    }
}

/// A reader of a machine's values.
pub struct Meaning<'a> {
    pub(super) machine: &'a Machine,
    pub(super) storages: &'a mut dyn Storages,
    /// The bytes of memory that the values may still take.
    left: usize,
    /// The tensors that there may still be.
    pub(super) tensors_left: usize,
    pub(super) depth: usize,
}

impl<'a> Meaning<'a> {
    pub fn new(machine: &'a Machine, storages: &'a mut dyn Storages) -> Self {
        Self {
            left: MOST_EXPANSION * machine.position() + (1 << 12),
            tensors_left: MOST_TENSORS,
            machine,
            storages,
            depth: 0,
        }
    }

    /// Counts memory of a value.
    pub(super) fn charge(&mut self, bytes: usize) -> Found<()> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or("found a pickle that expands to a multiple of its size")?;
        Ok(())
    }

    /// The value that a node describes.
    ///
    /// # Errors
    /// If a key occurs twice, or if the values are much larger than the pickle.
    pub fn value(&mut self, node: Node) -> Found<Value<Stored>> {
        self.charge(size_of::<Value<Stored>>())?;
        if self.depth > MOST_DEPTH {
            return Ok(Value::Other("a value that is nested too deeply".to_owned()));
        }
        self.depth += 1;
        let value = self.nested(node);
        self.depth -= 1;
        value
    }

    fn nested(&mut self, node: Node) -> Found<Value<Stored>> {
        Ok(match node {
            Node::None => Value::None,
            Node::Bool(value) => Value::Bool(value),
            Node::Int(value) => Value::Int(value),
            Node::Float(value) => Value::Float(value),
            Node::Text(_) => Value::Text(self.copied(node)?),
            Node::Long(bytes) => Value::Other(format!("an integer of {bytes} bytes")),
            Node::Bytes(_) => Value::Other("bytes".to_owned()),
            Node::Outside(_) => Value::Other("a storage".to_owned()),
            Node::Tuple(_) => Value::Tuple(self.values(node)?),
            Node::List(_) => Value::List(self.values(node)?),
            Node::Dict(_) => Value::Dict(self.dict(self.machine.entries(node))?),
            Node::Global(_) => Value::Other(self.name(node)),
            Node::Object(_) => self.object(node)?,
        })
    }

    fn copied(&mut self, text: Node) -> Found<String> {
        let machine = self.machine;
        let text = machine.text(text).unwrap_or_default();
        self.charge(text.len())?;
        Ok(text.to_owned())
    }

    pub(super) fn values(&mut self, node: Node) -> Found<Vec<Value<Stored>>> {
        let machine = self.machine;
        let nodes = machine.elements(node).iter();
        nodes.map(|&node| self.value(node)).collect()
    }

    pub(super) fn dict(&mut self, pairs: &[(Node, Node)]) -> Found<Dict<Stored>> {
        let mut entries = Vec::new();
        for &(key, value) in pairs {
            self.charge(size_of::<Key>())?;
            let key = match key {
                Node::Text(_) => Key::Text(self.copied(key)?),
                Node::Int(number) => Key::Int(number),
                other => Key::Other(self.value(other)?.kind().to_owned()),
            };
            entries.push((key, self.value(value)?));
        }
        let mut keys = HashSet::new();
        for (key, _) in &entries {
            let is_known = !matches!(key, Key::Other(_));
            if is_known && !keys.insert(key) {
                return Err(format!("found the key {key} twice"));
            }
        }
        Ok(Dict {
            entries,
            versions: BTreeMap::new(),
        })
    }

    fn object(&mut self, node: Node) -> Found<Value<Stored>> {
        let machine = self.machine;
        let Node::Object(index) = node else {
            return Ok(Value::None);
        };
        let object = machine.objects[index as usize];
        self.charge(machine.entries(object.state).len())?;
        let arguments = machine.elements(object.arguments);
        let class = self.class(object.class);
        match class {
            Some(("collections", "OrderedDict" | "Counter" | "defaultdict")) => {
                self.ordered_dict(node, arguments, object.state)
            }
            Some(("torch._utils" | "torch._tensor", name)) => self.tensor(name, arguments),
            Some(("torch", "Size") | ("builtins" | "__builtin__", "tuple")) => {
                let items = arguments.first().copied().unwrap_or(Node::None);
                Ok(Value::Tuple(self.values(items)?))
            }
            Some(("builtins" | "__builtin__", "set" | "frozenset" | "list")) => {
                let items = arguments.first().copied().unwrap_or(Node::None);
                Ok(Value::List(self.values(items)?))
            }
            Some((module, name)) if module.starts_with("numpy") => {
                self.numpy(name, arguments, object.state)
            }
            Some((module, _)) if module.starts_with("__torch__") => self.script(node),
            _ if self.is_module(object.state) => self.module(object.state),
            _ if object.items.is_some() => Ok(Value::Dict(self.dict(machine.entries(node))?)),
            _ => Ok(Value::Other(self.description(object.class))),
        }
    }

    /// Module and name of a class. Files of before PyTorch 1.6 store that of a network outside.
    pub(super) fn class(&self, class: Node) -> Option<(&'a str, &'a str)> {
        let machine = self.machine;
        let class = match class {
            Node::Outside(index) => {
                let description = machine.outside[index as usize];
                *machine.elements(description).get(1)?
            }
            class => class,
        };
        machine.global(class)
    }

    fn name(&self, global: Node) -> String {
        match self.class(global) {
            Some((module, name)) => {
                let name = shown(&format!("{module}.{name}"));
                name.trim_matches('"').to_owned()
            }
            None => "the result of a call".to_owned(),
        }
    }

    fn description(&self, class: Node) -> String {
        match self.class(class) {
            Some(_) => format!("an object of class {}", self.name(class)),
            None => "the result of a call".to_owned(),
        }
    }

    fn ordered_dict(
        &mut self,
        node: Node,
        arguments: &[Node],
        state: Node,
    ) -> Found<Value<Stored>> {
        let machine = self.machine;
        // Python 2 passes the items as a list of pairs, and a Counter is made from a dict.
        let mut pairs = Vec::new();
        for &argument in arguments {
            pairs.extend(machine.entries(argument));
            for &pair in machine.elements(argument) {
                if let [key, value] = *machine.elements(pair) {
                    pairs.push((key, value));
                }
            }
        }
        pairs.extend(machine.entries(node));
        let mut dict = self.dict(&pairs)?;
        if let Some(metadata) = machine.entry(state, "_metadata") {
            for &(module, about) in machine.entries(metadata) {
                if let (Node::Text(_), Some(Node::Int(version))) =
                    (module, machine.entry(about, "version"))
                {
                    dict.versions.insert(self.copied(module)?, version);
                }
            }
        }
        Ok(Value::Dict(dict))
    }
}
