//! The effect of each instruction on the stack.

use super::{Found, Machine, Range, Value, no_value};

impl<'a> Machine<'a> {
    pub(super) fn step(&mut self, instruction: u8) -> Found<()> {
        match instruction {
            // PROTO: no-op.
            0x80 => drop(self.take(1)?),
            // MARK, POP, POP_MARK
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_group()?),
            // NONE, NEWTRUE, NEWFALSE, BININT1, BININT2, BININT, LONG1, BINFLOAT
            b'N' => self.stack.push(Value::Other),
            0x88 => self.stack.push(Value::Bool(true)),
            0x89 => self.stack.push(Value::Bool(false)),
            b'K' => self.integer(1, false)?,
            b'M' => self.integer(2, false)?,
            b'J' => self.integer(4, true)?,
            0x8a => {
                let length = self.byte()?.into();
                self.integer(length, true)?;
            }
            b'G' => {
                self.take(8)?;
                self.stack.push(Value::Other);
            }
            // BINUNICODE
            b'X' => self.text()?,
            // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
            b')' => self.tuple(self.stack.len())?,
            0x85..=0x87 => {
                let count = usize::from(instruction - 0x84);
                let start = self.stack.len().checked_sub(count);
                self.tuple(start.ok_or_else(no_value)?)?;
            }
            b't' => {
                let start = self.marks.pop().ok_or_else(no_value)?;
                self.tuple(start)?;
            }
            // EMPTY_LIST, APPEND, APPENDS: the contents of lists are ignored.
            b']' => self.stack.push(Value::Other),
            b'a' => drop(self.pop()?),
            b'e' => drop(self.pop_group()?),
            // EMPTY_DICT, SETITEM, SETITEMS
            b'}' => self.dict(),
            b's' => {
                let start = self.stack.len().checked_sub(2);
                self.set_items(start.ok_or_else(no_value)?)?;
            }
            b'u' => {
                let start = self.marks.pop().ok_or_else(no_value)?;
                self.set_items(start)?;
            }
            // BINPUT, LONG_BINPUT, BINGET, LONG_BINGET
            b'q' => self.put(1)?,
            b'r' => self.put(4)?,
            b'h' => self.get(1)?,
            b'j' => self.get(4)?,
            // GLOBAL
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.global(module, name)?;
            }
            // BINPERSID, REDUCE, BUILD
            b'Q' => self.storage()?,
            b'R' => self.call()?,
            // The attributes of the OrderedDict: `_metadata`, the versions of the modules.
            b'b' => match (self.pop()?, self.top()?) {
                (_, Value::Dict(_)) => {}
                _ => return Err("found an object with a state".to_owned()),
            },
            other => return Err(format!("found the pickle instruction {other:#04x}")),
        }
        Ok(())
    }

    fn take(&mut self, count: usize) -> Found<&'a [u8]> {
        let rest = &self.pickle[self.next..];
        let taken = rest.get(..count).ok_or("the pickle is cut short")?;
        self.next += count;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Found<u8> {
        Ok(self.take(1)?[0])
    }

    /// A number of `count` bytes, little-endian.
    fn number(&mut self, count: usize, is_signed: bool) -> Found<i64> {
        let bytes = self.take(count)?;
        let is_negative = is_signed && bytes.last().is_some_and(|&byte| byte >= 0x80);
        let mut wide = [if is_negative { 0xff } else { 0 }; 8];
        let low = wide.get_mut(..count).ok_or("found a number over 64 bits")?;
        low.copy_from_slice(bytes);
        Ok(i64::from_le_bytes(wide))
    }

    fn integer(&mut self, count: usize, is_signed: bool) -> Found<()> {
        let number = self.number(count, is_signed)?;
        self.stack.push(Value::Int(number));
        Ok(())
    }

    /// Text, preceded by its length.
    fn text(&mut self) -> Found<()> {
        let length = self.number(4, false)? as usize;
        let text = self.take(length)?;
        if str::from_utf8(text).is_err() {
            return Err("found text that is not UTF-8".to_owned());
        }
        let range = Range {
            start: (self.next - length) as u32,
            end: self.next as u32,
        };
        self.stack.push(Value::Text(range));
        Ok(())
    }

    /// Text up to the end of the line.
    fn line(&mut self) -> Found<&'a str> {
        let rest = &self.pickle[self.next..];
        let length = rest.iter().position(|&byte| byte == b'\n');
        let line = self.take(length.ok_or("the pickle is cut short")?)?;
        self.next += 1;
        str::from_utf8(line).map_err(|_| "found a name that is not UTF-8".to_owned())
    }

    pub(super) fn top(&self) -> Found<Value> {
        self.stack.last().copied().ok_or_else(no_value)
    }

    pub(super) fn pop(&mut self) -> Found<Value> {
        self.stack.pop().ok_or_else(no_value)
    }

    /// Drops the values since the last mark.
    fn pop_group(&mut self) -> Found<()> {
        let start = self.marks.pop().ok_or_else(no_value)?;
        self.stack.truncate(start);
        Ok(())
    }

    /// Makes a tuple of the values from `start` on.
    fn tuple(&mut self, start: usize) -> Found<()> {
        let values = self.stack.get(start..).ok_or_else(no_value)?;
        let first = self.items.len() as u32;
        self.items.extend(values);
        let range = Range {
            start: first,
            end: self.items.len() as u32,
        };
        self.stack.truncate(start);
        self.stack.push(Value::Tuple(range));
        Ok(())
    }

    pub(super) fn dict(&mut self) {
        self.stack.push(Value::Dict(self.dicts.len() as u32));
        self.dicts.push(Vec::new());
    }

    /// Adds pairs of key and value, from `start` on, to the dict below them.
    fn set_items(&mut self, start: usize) -> Found<()> {
        let pairs = self.stack.get(start..).ok_or_else(no_value)?;
        let dict = start.checked_sub(1).map(|place| self.stack[place]);
        let Some(Value::Dict(dict)) = dict else {
            return Err("found items without a dict".to_owned());
        };
        let pairs = pairs.chunks_exact(2).map(|pair| (pair[0], pair[1]));
        self.dicts[dict as usize].extend(pairs);
        self.stack.truncate(start);
        Ok(())
    }

    fn put(&mut self, count: usize) -> Found<()> {
        let place = self.number(count, false)? as usize;
        let value = self.top()?;
        // Python numbers the places from 0.
        if place == self.memo.len() {
            self.memo.push(value);
        } else {
            *self.memo.get_mut(place).ok_or_else(no_value)? = value;
        }
        Ok(())
    }

    fn get(&mut self, count: usize) -> Found<()> {
        let place = self.number(count, false)? as usize;
        let value = self.memo.get(place).copied().ok_or_else(no_value)?;
        self.stack.push(value);
        Ok(())
    }
}
