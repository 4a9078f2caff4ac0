//! Text from elsewhere as part of a message of one line.
//!
//! A name in a file, or what another crate says about the file, may hold line breaks, the escape
//! sequences of a terminal, or a megabyte of digits.

/// The most characters of a name or a value.
const MOST_NAME: usize = 100;

/// The most characters of a sentence.
const MOST_SENTENCE: usize = 400;

/// Text from a file: quoted, on one line, and no longer than fits there.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(MOST_NAME) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

/// An error of another crate, on one line, and no longer than fits there.
pub(crate) fn one_line(error: &impl ToString) -> String {
    let text = error.to_string();
    let words = text.split_whitespace();
    let mut line = escaped(&words.collect::<Vec<_>>().join(" "));
    if let Some((end, _)) = line.char_indices().nth(MOST_SENTENCE) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// The text with everything that would move a terminal's cursor or colour it escaped.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stay_on_one_short_line() {
        assert_eq!(shown("fc1\n\x1b[31m.bias"), r#""fc1\n\u{1b}[31m.bias""#);
        assert_eq!(
            shown(&"7".repeat(1 << 20)),
            format!("\"{}\"…", "7".repeat(100))
        );
        assert_eq!(one_line(&"a \n b\x1b[2J"), r"a b\u{1b}[2J");
        assert_eq!(
            one_line(&"é".repeat(1 << 20)).chars().count(),
            MOST_SENTENCE + 1
        );
        assert_eq!(escaped("a\tb\u{9b}"), r"a\tb\u{9b}");
    }
}
