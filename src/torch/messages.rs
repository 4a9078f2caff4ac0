//! Text from elsewhere as part of a message of one line.
//!
//! A name in a file, or what another crate says about the file, may hold line breaks, the escape
//! sequences of a terminal, or a megabyte of digits.

/// The most characters of a name or a value.
const MOST_NAME: usize = 100;

/// The most characters of a sentence.
const MOST_SENTENCE: usize = 400;

/// The most characters of a line: no path is longer.
const MOST_LINE: usize = 5000;

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
    cut(
        &escaped(&words.collect::<Vec<_>>().join(" ")),
        MOST_SENTENCE,
    )
}

/// The first line of a message, which may hold paths, as a terminal can show it.
pub(crate) fn first_line(text: &str) -> String {
    cut(&escaped(text.lines().next().unwrap_or_default()), MOST_LINE)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The text with everything that would move a terminal's cursor or colour it escaped.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
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
        assert_eq!(first_line("a  \tb\u{9b}\nc"), r"a  \tb\u{9b}");
    }
}
