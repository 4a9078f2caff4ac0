//! The effect of each instruction on the stack.

use super::{Found, Machine, Node, Object, Span, no_value};

impl Machine {
    pub(super) fn step(&mut self, instruction: u8) -> Found<()> {
        match instruction {
            // PROTO and FRAME: no-ops.
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            // MARK, POP, POP_MARK, DUP
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.group()?),
            b'2' => self.stack.push(self.top()?),
            // NONE, NEWTRUE, NEWFALSE
            b'N' => self.stack.push(Node::None),
            0x88 => self.stack.push(Node::Bool(true)),
            0x89 => self.stack.push(Node::Bool(false)),
            // BININT1, BININT2, BININT, LONG1, LONG4, BINFLOAT
            b'K' => self.integer(1, false)?,
            b'M' => self.integer(2, false)?,
            b'J' => self.integer(4, true)?,
            0x8a => {
                let length = self.length(1)?;
                self.integer(length, true)?;
            }
            0x8b => {
                let length = self.length(4)?;
                self.integer(length, true)?;
            }
            b'G' => {
                let range = self.take(8)?;
                let bytes = self.slice(range).try_into().map_err(|_| no_value())?;
                self.stack.push(Node::Float(f64::from_be_bytes(bytes)));
            }
            // BINUNICODE, SHORT_BINUNICODE, BINUNICODE8: text
            b'X' => self.unicode(4)?,
            0x8c => self.unicode(1)?,
            0x8d => self.unicode(8)?,
            // BINSTRING, SHORT_BINSTRING: the text of Python 2
            b'T' => self.string(4)?,
            b'U' => self.string(1)?,
            // BINBYTES, SHORT_BINBYTES, BINBYTES8, BYTEARRAY8
            b'B' => self.binary(4)?,
            b'C' => self.binary(1)?,
            0x8e | 0x96 => self.binary(8)?,
            // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
            b')' => self.tuple(self.stack.len())?,
            0x85..=0x87 => {
                let start = self.below(usize::from(instruction - 0x84))?;
                self.tuple(start)?;
            }
            b't' => {
                let start = self.mark()?;
                self.tuple(start)?;
            }
            // EMPTY_LIST, EMPTY_SET; APPEND, APPENDS, ADDITEMS; LIST, FROZENSET
            b']' | 0x8f => self.list(Vec::new()),
            b'a' => {
                let start = self.below(1)?;
                self.append(start)?;
            }
            b'e' | 0x90 => {
                let start = self.mark()?;
                self.append(start)?;
            }
            b'l' | 0x91 => {
                let elements = self.group()?;
                self.list(elements);
            }
            // EMPTY_DICT, SETITEM, SETITEMS, DICT
            b'}' => self.dict(),
            b's' => {
                let start = self.below(2)?;
                self.set_items(start)?;
            }
            b'u' => {
                let start = self.mark()?;
                self.set_items(start)?;
            }
            b'd' => {
                let entries = self.group()?;
                self.dict();
                let start = self.stack.len();
                self.stack.extend(entries);
                self.set_items(start)?;
            }
            // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
            b'q' => self.put(1)?,
            b'r' => self.put(4)?,
            0x94 => self.store(self.memo.len())?,
            b'h' => self.get(1)?,
            b'j' => self.get(4)?,
            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push_global(module, name)?;
            }
            0x93 => match (self.pop()?, self.pop()?) {
                (Node::Text(name), Node::Text(module)) => self.push_global(module, name)?,
                _ => return Err(no_value()),
            },
            // REDUCE, NEWOBJ, NEWOBJ_EX, BUILD, BINPERSID
            b'R' | 0x81 => {
                let (arguments, class) = (self.pop()?, self.pop()?);
                self.call(class, arguments);
            }
            0x92 => {
                // The named arguments of `__new__`, which no class here needs.
                let _named = self.pop()?;
                let (arguments, class) = (self.pop()?, self.pop()?);
                self.call(class, arguments);
            }
            b'b' => {
                let state = self.pop()?;
                if let Node::Object(object) = self.top()? {
                    self.objects[object as usize].state = state;
                }
            }
            b'Q' => {
                let description = self.pop()?;
                self.stack.push(Node::Outside(self.outside.len() as u32));
                self.outside.push(description);
            }
            other => return self.step_of_protocol_0(other),
        }
        Ok(())
    }

    pub(super) fn byte(&mut self) -> Found<u8> {
        let range = self.take(1)?;
        Ok(self.slice(range)[0])
    }

    /// A number without a sign that says how many bytes follow.
    fn length(&mut self, count: usize) -> Found<usize> {
        let range = self.take(count)?;
        let mut wide = [0; 8];
        wide[..count].copy_from_slice(self.slice(range));
        usize::try_from(u64::from_le_bytes(wide)).map_err(|_| no_value())
    }

    /// An integer of `count` bytes, little-endian.
    fn integer(&mut self, count: usize, is_signed: bool) -> Found<()> {
        let range = self.take(count)?;
        let bytes = self.slice(range);
        let is_negative = is_signed && bytes.last().is_some_and(|&byte| byte >= 0x80);
        let mut wide = [if is_negative { 0xff } else { 0 }; 8];
        let node = match wide.get_mut(..count) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Node::Int(i64::from_le_bytes(wide))
            }
            None => Node::Long(count as u32),
        };
        self.stack.push(node);
        Ok(())
    }

    fn unicode(&mut self, digits: usize) -> Found<()> {
        let length = self.length(digits)?;
        let range = self.take(length)?;
        self.push_text(range)
    }

    pub(super) fn push_text(&mut self, range: Span) -> Found<()> {
        if str::from_utf8(self.slice(range)).is_err() {
            return Err("found text that is not UTF-8".to_owned());
        }
        self.stack.push(Node::Text(range));
        Ok(())
    }

    /// Text of Python 2, or bytes if it is not UTF-8.
    fn string(&mut self, digits: usize) -> Found<()> {
        let length = self.length(digits)?;
        let range = self.take(length)?;
        let is_text = str::from_utf8(self.slice(range)).is_ok();
        self.stack.push(match is_text {
            true => Node::Text(range),
            false => Node::Bytes(range),
        });
        Ok(())
    }

    fn binary(&mut self, digits: usize) -> Found<()> {
        let length = self.length(digits)?;
        let range = self.take(length)?;
        self.stack.push(Node::Bytes(range));
        Ok(())
    }

    /// The bytes up to the end of the line.
    pub(super) fn line(&mut self) -> Found<Span> {
        let start = self.next as u32;
        while self.byte()? != b'\n' {}
        let end = self.next as u32 - 1;
        Ok(Span { start, end })
    }

    pub(super) fn push_global(&mut self, module: Span, name: Span) -> Found<()> {
        for range in [module, name] {
            if str::from_utf8(self.slice(range)).is_err() {
                return Err("found a name that is not UTF-8".to_owned());
            }
        }
        self.stack.push(Node::Global(self.globals.len() as u32));
        self.globals.push((module, name));
        Ok(())
    }

    pub(super) fn call(&mut self, class: Node, arguments: Node) {
        self.stack.push(Node::Object(self.objects.len() as u32));
        self.objects.push(Object {
            class,
            arguments,
            state: Node::None,
            items: None,
        });
    }

    pub(super) fn top(&self) -> Found<Node> {
        self.stack.last().copied().ok_or_else(no_value)
    }

    pub(super) fn pop(&mut self) -> Found<Node> {
        self.stack.pop().ok_or_else(no_value)
    }

    /// The start of the last `count` values.
    fn below(&self, count: usize) -> Found<usize> {
        self.stack.len().checked_sub(count).ok_or_else(no_value)
    }

    /// The start of the values since the last mark.
    pub(super) fn mark(&mut self) -> Found<usize> {
        let start = self.marks.pop().ok_or_else(no_value)?;
        (start <= self.stack.len())
            .then_some(start)
            .ok_or_else(no_value)
    }

    /// Takes the values since the last mark.
    pub(super) fn group(&mut self) -> Found<Vec<Node>> {
        let start = self.mark()?;
        Ok(self.stack.split_off(start))
    }

    /// Makes a tuple of the values from `start` on.
    pub(super) fn tuple(&mut self, start: usize) -> Found<()> {
        let first = self.items.len() as u32;
        self.items.extend(&self.stack[start..]);
        self.stack.truncate(start);
        self.stack.push(Node::Tuple(Span {
            start: first,
            end: self.items.len() as u32,
        }));
        Ok(())
    }

    fn list(&mut self, elements: Vec<Node>) {
        self.stack.push(Node::List(self.lists.len() as u32));
        self.lists.push(elements);
    }

    /// Adds the values from `start` on to the list below them. Those of other objects are dropped.
    fn append(&mut self, start: usize) -> Found<()> {
        let below = start.checked_sub(1).map(|place| self.stack[place]);
        match below.ok_or_else(no_value)? {
            Node::List(list) => self.lists[list as usize].extend(&self.stack[start..]),
            Node::Object(_) => {}
            _ => return Err("found elements without a list".to_owned()),
        }
        self.stack.truncate(start);
        Ok(())
    }

    pub(super) fn dict(&mut self) {
        self.stack.push(Node::Dict(self.dicts.len() as u32));
        self.dicts.push(Vec::new());
    }

    /// Adds pairs of key and value, from `start` on, to the dict below them.
    fn set_items(&mut self, start: usize) -> Found<()> {
        let below = start.checked_sub(1).map(|place| self.stack[place]);
        let dict = match below.ok_or_else(no_value)? {
            Node::Dict(dict) => dict,
            Node::Object(object) => {
                let items = &mut self.objects[object as usize].items;
                *items.get_or_insert_with(|| {
                    self.dicts.push(Vec::new());
                    self.dicts.len() as u32 - 1
                })
            }
            _ => return Err("found items without a dict".to_owned()),
        };
        let pairs = self.stack[start..].chunks_exact(2);
        self.dicts[dict as usize].extend(pairs.map(|pair| (pair[0], pair[1])));
        self.stack.truncate(start);
        Ok(())
    }

    fn put(&mut self, count: usize) -> Found<()> {
        let place = self.length(count)?;
        self.store(place)
    }

    /// Stores the last value. Python numbers the places from 0; others leave some out.
    pub(super) fn store(&mut self, place: usize) -> Found<()> {
        let value = self.top()?;
        if place > self.next {
            return Err(no_value());
        }
        if place >= self.memo.len() {
            self.memo.resize(place + 1, Node::None);
        }
        self.memo[place] = value;
        Ok(())
    }

    fn get(&mut self, count: usize) -> Found<()> {
        let place = self.length(count)?;
        self.recall(place)
    }

    pub(super) fn recall(&mut self, place: usize) -> Found<()> {
        let value = self.memo.get(place).copied().ok_or_else(no_value)?;
        self.stack.push(value);
        Ok(())
    }
}
