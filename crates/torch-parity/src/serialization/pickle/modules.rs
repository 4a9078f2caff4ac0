//! The state dict within a whole network: `torch.save(model)` and TorchScript.

use super::super::leaf::Stored;
use super::super::value::{Dict, Key, Value};
use super::meaning::Meaning;
use super::{Found, Node};

/// The most levels of modules.
const MOST_DEPTH: usize = 100;

impl Meaning<'_> {
    /// Returns true if these are the attributes of a `torch.nn.Module`.
    pub(super) fn is_module(&self, attributes: Node) -> bool {
        let has = |name| self.machine.entry(attributes, name).is_some();
        has("_parameters") && has("_buffers") && has("_modules")
    }

    /// `module.state_dict()`, from the attributes of a module.
    pub(super) fn module(&mut self, attributes: Node) -> Found<Value<Stored>> {
        let mut dict = Dict::default();
        self.add_module(&mut dict, "", attributes, 0)?;
        Ok(Value::Dict(dict))
    }

    fn add_module(
        &mut self,
        dict: &mut Dict<Stored>,
        prefix: &str,
        attributes: Node,
        depth: usize,
    ) -> Found<()> {
        let machine = self.machine;
        if depth > MOST_DEPTH {
            return Err("found modules that are nested too deeply".to_owned());
        }
        self.charge(64 + machine.entries(attributes).len())?;
        let entries = |name| {
            let found = machine.entry(attributes, name).unwrap_or(Node::None);
            machine.entries(found)
        };
        let skipped = machine.entry(attributes, "_non_persistent_buffers_set");
        let skipped: Vec<&str> = match skipped.map(|set| self.set(set)) {
            Some(set) => set.iter().filter_map(|&name| machine.text(name)).collect(),
            None => Vec::new(),
        };
        let buffers = entries("_buffers").iter();
        let buffers = buffers.filter(|(key, _)| {
            machine
                .text(*key)
                .is_none_or(|name| !skipped.contains(&name))
        });
        for &(key, value) in entries("_parameters").iter().chain(buffers) {
            if value != Node::None {
                self.add(dict, prefix, key, value)?;
            }
        }
        for &(key, module) in entries("_modules") {
            if let (Some(name), Node::Object(index)) = (machine.text(key), module) {
                let prefix = format!("{prefix}{name}.");
                let state = machine.objects[index as usize].state;
                self.add_module(dict, &prefix, state, depth + 1)?;
            }
        }
        Ok(())
    }

    /// The elements of a set: an instruction of its own, or a call with a list.
    fn set(&self, node: Node) -> &[Node] {
        match node {
            Node::Object(index) => {
                let arguments = self.machine.objects[index as usize].arguments;
                let list = self.machine.elements(arguments).first();
                self.machine.elements(list.copied().unwrap_or(Node::None))
            }
            list => self.machine.elements(list),
        }
    }

    fn add(&mut self, dict: &mut Dict<Stored>, prefix: &str, key: Node, value: Node) -> Found<()> {
        let name = self.machine.text(key).unwrap_or_default();
        self.charge(prefix.len() + name.len())?;
        let value = self.value(value)?;
        dict.entries
            .push((Key::Text(format!("{prefix}{name}")), value));
        Ok(())
    }

    /// The parameters and buffers of a TorchScript module.
    pub(super) fn script(&mut self, object: Node) -> Found<Value<Stored>> {
        let mut dict = Dict::default();
        self.add_script(&mut dict, "", object, 0)?;
        Ok(Value::Dict(dict))
    }

    fn add_script(
        &mut self,
        dict: &mut Dict<Stored>,
        prefix: &str,
        object: Node,
        depth: usize,
    ) -> Found<()> {
        let machine = self.machine;
        if depth > MOST_DEPTH {
            return Err("found modules that are nested too deeply".to_owned());
        }
        let Node::Object(index) = object else {
            return Ok(());
        };
        let object = machine.objects[index as usize];
        self.charge(64 + machine.entries(object.state).len())?;
        let class = self.class(object.class);
        let class = class.map(|(module, name)| format!("{module}.{name}"));
        for &(key, value) in machine.entries(object.state) {
            let Some(name) = machine.text(key) else {
                continue;
            };
            let Node::Object(index) = value else { continue };
            let value_class = self.class(machine.objects[index as usize].class);
            match value_class {
                Some((module, _)) if module.starts_with("__torch__") => {
                    let prefix = format!("{prefix}{name}.");
                    self.add_script(dict, &prefix, value, depth + 1)?;
                }
                Some(("torch._utils", _)) => {
                    let declared = self.storages.declared();
                    let declared = declared.zip(class.as_ref());
                    let declared = declared.and_then(|(all, class)| all.get(class));
                    if declared.is_none_or(|names| names.contains(name)) {
                        self.add(dict, prefix, key, value)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}
