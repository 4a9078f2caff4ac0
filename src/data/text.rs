//! A UTF-8 text as chunks of bytes, each with the bytes that follow.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::str;

use anyhow::{Context, Result, ensure};
use tch::Tensor;

use super::bytes::{cannot_read, only_file, open, read_exactly};
use super::{Samples, Splits};

/// The bytes of a sample.
pub const CHUNK: i64 = 64;

/// The most chunks that are held back: their outputs, 64 KiB each, are in memory at the same time.
const MOST_HELD_BACK: i64 = 1024;

/// The most bytes of a file that are read as a prompt, from its end.
const MOST_PROMPT: u64 = 4096;

/// Reads the text of the file, or of the only `.txt` file in the folder, at `path`, in chunks:
/// features uint8 `(N, 64)` and, as targets, the byte after each of them. The last tenth of the
/// chunks, at most 1,024, is for testing. The text after the last whole chunk is ignored.
///
/// # Errors
/// If it cannot be read, is not UTF-8, or is shorter than two chunks and one byte.
pub fn read(path: &Path) -> Result<Splits> {
    let path = &only_file(path, &[".txt"])?;
    let (file, length) = open(path)?;
    let text = read_exactly(file, length).with_context(|| path.display().to_string())?;
    split(&text).with_context(|| path.display().to_string())
}

fn split(text: &[u8]) -> Result<Splits> {
    check_utf8(text)?;
    let chunks = (text.len() as i64 - 1) / CHUNK;
    ensure!(
        chunks >= 2,
        "expected a text of at least {} bytes, found {}",
        2 * CHUNK + 1,
        text.len()
    );
    let text = Tensor::from_slice(text);
    let from = |start| text.narrow(0, start, chunks * CHUNK).view([chunks, CHUNK]);
    let (features, targets) = (from(0), from(1));
    let test = (chunks / 10).clamp(1, MOST_HELD_BACK);
    let take = |start, length| Samples {
        features: features.narrow(0, start, length),
        targets: targets.narrow(0, start, length),
    };
    Ok(Splits {
        train: take(0, chunks - test),
        validation: None,
        test: take(chunks - test, test),
        note: None,
    })
}

/// Reads the last 4,096 bytes of the file at `path`, without the last line's ending: uint8 `(1,
/// L)`, with a note if the file is longer.
///
/// # Errors
/// If it cannot be read, is not UTF-8, or is empty.
pub fn read_prompt(path: &Path) -> Result<(Tensor, Option<String>)> {
    let (mut file, length) = open(path)?;
    let start = length.saturating_sub(MOST_PROMPT);
    file.seek(SeekFrom::Start(start))
        .with_context(|| cannot_read(path))?;
    let mut bytes = Vec::new();
    file.take(MOST_PROMPT)
        .read_to_end(&mut bytes)
        .with_context(|| cannot_read(path))?;
    // Skips a character that is cut by the start.
    let whole = match start {
        0 => 0,
        _ => bytes
            .iter()
            .take(3)
            .take_while(|&&byte| is_inside(byte))
            .count(),
    };
    let prompt = prompt(&bytes[whole..]).with_context(|| path.display().to_string())?;
    let note = (start > 0).then(|| {
        format!(
            "{}: the last {MOST_PROMPT} bytes are the prompt",
            path.display()
        )
    });
    Ok((prompt, note))
}

/// Returns true if a byte of UTF-8 continues a character.
fn is_inside(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// A prompt from a text, without the last line's ending: uint8 `(1, L)`.
///
/// # Errors
/// If it is not UTF-8, or empty.
pub fn prompt(text: &[u8]) -> Result<Tensor> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    check_utf8(text)?;
    ensure!(
        !text.is_empty(),
        "expected a text to continue, found an empty one"
    );
    Ok(Tensor::from_slice(text).unsqueeze(0))
}

fn check_utf8(text: &[u8]) -> Result<()> {
    if let Err(error) = str::from_utf8(text) {
        anyhow::bail!(
            "expected text in UTF-8, found byte 0x{:02x} at offset {}",
            text[error.valid_up_to()],
            error.valid_up_to()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_the_next_as_its_target() {
        let text: Vec<u8> = (0..64 * 21 + 5).map(|place| (place % 127) as u8).collect();
        let splits = split(&text).unwrap();
        assert_eq!((splits.train.len(), splits.test.len()), (19, 2));
        let of = |samples: &Samples, tensor: fn(&Samples) -> &Tensor| {
            Vec::<u8>::try_from(tensor(samples).reshape([-1])).unwrap()
        };
        let all = |tensor: fn(&Samples) -> &Tensor| {
            [of(&splits.train, tensor), of(&splits.test, tensor)].concat()
        };
        assert_eq!(all(|samples| &samples.features), text[..64 * 21]);
        assert_eq!(all(|samples| &samples.targets), text[1..=64 * 21]);
    }

    #[test]
    fn invalid_texts_are_refused() {
        let message = |result: Result<Splits>| result.unwrap_err().to_string();
        assert_eq!(
            message(split(&[b'a'; 128])),
            "expected a text of at least 129 bytes, found 128"
        );
        assert!(split(&[b'a'; 129]).is_ok());
        assert_eq!(
            message(split(b"ab\xff")),
            "expected text in UTF-8, found byte 0xff at offset 2"
        );
        assert!(prompt(b"\r\n").is_err());
        assert_eq!(prompt("ä\n".as_bytes()).unwrap().size(), [1, 2]);
    }
}
