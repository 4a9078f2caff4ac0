//! NumPy's arrays and numbers in a pickle.

use super::super::leaf::{Bytes, Leaf, Storage, Stored};
use super::super::npy;
use super::super::value::Value;
use super::meaning::Meaning;
use super::{Found, Node};

impl Meaning<'_> {
    /// The result of a function of NumPy's.
    pub(super) fn numpy(
        &mut self,
        function: &str,
        arguments: &[Node],
        state: Node,
    ) -> Found<Value<Stored>> {
        let machine = self.machine;
        let other = || Ok(Value::Other(format!("numpy's {function}")));
        match (function, arguments, machine.elements(state)) {
            ("scalar", &[dtype, bytes], _) => {
                let number = self.dtype(dtype).zip(self.bytes(bytes));
                let number = number.and_then(|(dtype, bytes)| npy::number(&dtype, &bytes));
                number.map_or_else(other, Ok)
            }
            ("_reconstruct", _, &[_, shape, dtype, Node::Bool(is_fortran), bytes]) => {
                self.array(shape, dtype, is_fortran, bytes)
            }
            ("_frombuffer", &[bytes, dtype, shape, order], _) => {
                let is_fortran = machine.text(order) == Some("F");
                self.array(shape, dtype, is_fortran, bytes)
            }
            _ => other(),
        }
    }

    fn array(
        &mut self,
        shape: Node,
        dtype: Node,
        is_fortran: bool,
        bytes: Node,
    ) -> Found<Value<Stored>> {
        let machine = self.machine;
        let dtype = self.dtype(dtype);
        let dtype = dtype.unwrap_or_else(|| "another dtype".to_owned());
        let integer = |node: &Node| match node {
            Node::Int(number) => Some(*number),
            _ => None,
        };
        let shape: Option<Vec<i64>> = machine.elements(shape).iter().map(integer).collect();
        let (Some(kind), Some(shape), Some(bytes)) = (npy::kind(&dtype), shape, self.bytes(bytes))
        else {
            let dtype = crate::shown(&dtype);
            return Ok(Value::Other(format!("a NumPy array of dtype {dtype}")));
        };
        self.charge(bytes.len() + size_of::<Leaf>() + size_of::<Storage>())?;
        let length = bytes.len() as u64;
        let storage = Storage::new(Bytes::Memory(bytes), length);
        Ok(match npy::leaf(storage, kind, shape, is_fortran) {
            Ok(leaf) => Value::Tensor(Box::new(leaf)),
            Err(problem) => Value::Other(format!("a NumPy array that {problem}")),
        })
    }

    /// A dtype such as `<f4`: an object with its name as argument and the order in its state.
    fn dtype(&self, node: Node) -> Option<String> {
        let Node::Object(index) = node else {
            return None;
        };
        let object = self.machine.objects[index as usize];
        let name = self.machine.elements(object.arguments).first()?;
        let name = self.machine.text(*name)?;
        let order = self.machine.elements(object.state).get(1);
        let order = order.and_then(|&order| self.machine.text(order));
        Some(format!("{}{name}", order.unwrap_or("|")))
    }

    /// The bytes of an array: bytes, text of Python 2, or text that is to be encoded.
    fn bytes(&self, node: Node) -> Option<Vec<u8>> {
        let machine = self.machine;
        match node {
            Node::Bytes(range) | Node::Text(range) => Some(machine.slice(range).to_vec()),
            Node::Object(index) => {
                let object = machine.objects[index as usize];
                match (
                    self.class(object.class)?,
                    machine.elements(object.arguments),
                ) {
                    (("_codecs", "encode"), &[text, encoding])
                        if machine.text(encoding) == Some("latin1") =>
                    {
                        let text = machine.text(text)?.chars();
                        text.map(|c| u8::try_from(u32::from(c)).ok()).collect()
                    }
                    (("builtins" | "__builtin__", "bytearray"), &[Node::Bytes(range)]) => {
                        Some(machine.slice(range).to_vec())
                    }
                    (("builtins" | "__builtin__", "bytes"), &[]) => Some(Vec::new()),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}
