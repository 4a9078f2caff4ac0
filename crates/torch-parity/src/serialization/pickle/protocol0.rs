//! The instructions of protocol 0, whose arguments are lines of text.

use super::{Found, Machine, Node, Span, no_value};

impl Machine {
    pub(super) fn step_of_protocol_0(&mut self, instruction: u8) -> Found<()> {
        match instruction {
            // INT, LONG, FLOAT
            b'I' | b'L' => {
                let line = self.line()?;
                let text = self.ascii(line)?.trim_end_matches('L');
                let node = match (instruction, text) {
                    (b'I', "00") => Node::Bool(false),
                    (b'I', "01") => Node::Bool(true),
                    (_, text) => match text.parse() {
                        Ok(number) => Node::Int(number),
                        Err(_) => Node::Long(text.len() as u32 / 2),
                    },
                };
                self.stack.push(node);
            }
            b'F' => {
                let line = self.line()?;
                let number = self.ascii(line)?.parse().map_err(|_| no_value())?;
                self.stack.push(Node::Float(number));
            }
            // UNICODE, STRING
            b'V' => {
                let line = self.line()?;
                let text = self.slice(line).to_vec();
                self.push_escaped(&text, b"uU")?;
            }
            b'S' => {
                let line = self.line()?;
                let text = self.slice(line).trim_ascii_end();
                let quoted = match text {
                    [b'\'', text @ .., b'\''] | [b'"', text @ .., b'"'] => text.to_vec(),
                    _ => return Err(no_value()),
                };
                self.push_escaped(&quoted, b"x\\'\"nrt")?;
            }
            // PUT, GET
            b'p' => {
                let place = self.place()?;
                self.store(place)?;
            }
            b'g' => {
                let place = self.place()?;
                self.recall(place)?;
            }
            // PERSID
            b'P' => {
                let line = self.line()?;
                self.push_text(line)?;
                let description = self.pop()?;
                self.stack.push(Node::Outside(self.outside.len() as u32));
                self.outside.push(description);
            }
            // INST, OBJ
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                let start = self.mark()?;
                self.tuple(start)?;
                let arguments = self.pop()?;
                self.push_global(module, name)?;
                let class = self.pop()?;
                self.call(class, arguments);
            }
            b'o' => {
                let start = self.mark()?;
                let class = *self.stack.get(start).ok_or_else(no_value)?;
                self.tuple(start + 1)?;
                let arguments = self.pop()?;
                self.pop()?;
                self.call(class, arguments);
            }
            other => return Err(format!("found the pickle instruction {other:#04x}")),
        }
        Ok(())
    }

    fn ascii(&self, line: Span) -> Found<&str> {
        let text = str::from_utf8(self.slice(line)).map_err(|_| no_value())?;
        Ok(text.trim())
    }

    /// A place of the memo.
    fn place(&mut self) -> Found<usize> {
        let line = self.line()?;
        self.ascii(line)?.parse().map_err(|_| no_value())
    }

    /// Text in which a backslash and one of `known` stand for another character.
    fn push_escaped(&mut self, line: &[u8], known: &[u8]) -> Found<()> {
        let mut bytes = Vec::with_capacity(line.len());
        let mut rest = line;
        while let [first, after @ ..] = rest {
            rest = after;
            let escaped = after.first().filter(|next| known.contains(next));
            let Some(&kind) = escaped.filter(|_| *first == b'\\') else {
                // Python writes the characters from U+0080 to U+00FF as one byte.
                push_char(&mut bytes, u32::from(*first))?;
                continue;
            };
            rest = &after[1..];
            let digits = match kind {
                b'x' => 2,
                b'u' => 4,
                b'U' => 8,
                b'n' | b'r' | b't' => {
                    bytes.push(match kind {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        _ => b'\t',
                    });
                    continue;
                }
                other => {
                    bytes.push(other);
                    continue;
                }
            };
            let (code, after) = rest.split_at_checked(digits).ok_or_else(no_value)?;
            let code = str::from_utf8(code).ok();
            let code = code.and_then(|code| u32::from_str_radix(code, 16).ok());
            push_char(&mut bytes, code.ok_or_else(no_value)?)?;
            rest = after;
        }
        let range = self.keep(&bytes)?;
        self.stack.push(Node::Text(range));
        Ok(())
    }
}

fn push_char(bytes: &mut Vec<u8>, code: u32) -> Found<()> {
    let found = char::from_u32(code).ok_or("found text that is not UTF-8")?;
    bytes.extend(found.encode_utf8(&mut [0; 4]).bytes());
    Ok(())
}
