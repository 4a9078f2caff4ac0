//! Zip archives as `torch.save` writes them: without compression, each entry aligned.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use super::bytes::WriteError;

/// The folder within the archive, as if the file were called `archive.pt`.
const FOLDER: &str = "archive";

/// The multiple of bytes at which an entry starts, as in PyTorch's own files.
const ALIGNMENT: u64 = 64;

/// A zip archive in the making. All entries have fields of 64 bits where sizes need them.
pub(super) struct ZipFile<'a> {
    file: BufWriter<&'a mut File>,
    /// The records of the entries so far.
    directory: Vec<u8>,
    count: u64,
}

/// Passes bytes on, counts them and computes their CRC-32.
struct Counted<'a, W> {
    file: &'a mut W,
    hasher: crc32fast::Hasher,
    length: u64,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.length += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl<'a> ZipFile<'a> {
    pub fn new(file: &'a mut File) -> Self {
        Self {
            file: BufWriter::new(file),
            directory: Vec::new(),
            count: 0,
        }
    }

    /// Writes an entry. Its header is completed when its bytes have been written.
    pub fn entry(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        let name = format!("{FOLDER}/{name}");
        let start = self.file.stream_position()?;
        // Sizes of 64 bits take 20 bytes of the extra field, and the padding at least 4.
        let fixed = start + 30 + name.len() as u64 + 20 + 4;
        let padding = fixed.next_multiple_of(ALIGNMENT) - fixed;
        let header = |checksum: u32, length: u64| {
            let mut header = b"PK\x03\x04\x2d\x00\x00\x08".to_vec();
            header.extend([0; 6]);
            header.extend(checksum.to_le_bytes());
            header.extend([0xff; 8]);
            header.extend((name.len() as u16).to_le_bytes());
            header.extend((24 + padding as u16).to_le_bytes());
            header.extend(name.as_bytes());
            header.extend(b"\x01\x00\x10\x00");
            header.extend(length.to_le_bytes());
            header.extend(length.to_le_bytes());
            header.extend(b"FB");
            header.extend((padding as u16).to_le_bytes());
            header.resize(header.len() + padding as usize, b'Z');
            header
        };
        self.file.write_all(&header(0, 0))?;
        let mut counted = Counted {
            file: &mut self.file,
            hasher: crc32fast::Hasher::new(),
            length: 0,
        };
        write(&mut counted)?;
        let (checksum, length) = (counted.hasher.finalize(), counted.length);
        let end = self.file.stream_position()?;
        self.file.seek(SeekFrom::Start(start))?;
        self.file.write_all(&header(checksum, length))?;
        self.file.seek(SeekFrom::Start(end))?;

        self.count += 1;
        self.directory.extend(b"PK\x01\x02\x2d\x00\x2d\x00\x00\x08");
        self.directory.extend([0; 6]);
        self.directory.extend(checksum.to_le_bytes());
        self.directory.extend([0xff; 8]);
        self.directory.extend((name.len() as u16).to_le_bytes());
        self.directory.extend(28u16.to_le_bytes());
        self.directory.extend([0; 10]);
        self.directory.extend([0xff; 4]);
        self.directory.extend(name.as_bytes());
        self.directory.extend(b"\x01\x00\x18\x00");
        for field in [length, length, start] {
            self.directory.extend(field.to_le_bytes());
        }
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<()> {
        let start = self.file.stream_position()?;
        let length = self.directory.len() as u64;
        self.file.write_all(&self.directory)?;
        let mut end = b"PK\x06\x06".to_vec();
        end.extend(44u64.to_le_bytes());
        end.extend(b"\x2d\x00\x2d\x00");
        end.extend([0; 8]);
        for field in [self.count, self.count, length, start] {
            end.extend(field.to_le_bytes());
        }
        end.extend(b"PK\x06\x07\x00\x00\x00\x00");
        end.extend((start + length).to_le_bytes());
        end.extend(1u32.to_le_bytes());
        end.extend(b"PK\x05\x06\x00\x00\x00\x00");
        end.extend([0xff; 12]);
        end.extend([0; 2]);
        self.file.write_all(&end)?;
        self.file.flush()
    }
}
