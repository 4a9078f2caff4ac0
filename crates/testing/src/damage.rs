//! Random damage to a file.

/// A small random generator, so that failures can be reproduced.
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// A number below `bound` (xorshift64).
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Numbers that often expose errors.
const NUMBERS: [u64; 8] = [
    0,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0xffff_fff0,
    0x100_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
];

/// Changes a non-empty file in one to four places, without emptying it.
pub fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        // Damage matters most in headers, at the start or (in zip) at the end.
        let length = bytes.len();
        let at = match random.below(3) {
            0 => random.below(length.min(400)),
            1 => length - 1 - random.below(length.min(400)),
            _ => random.below(length),
        };
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.below(256) as u8,
            2 => bytes.insert(at, b"09[]{},\"\xff\x00"[random.below(10)]),
            3 => bytes.truncate(at.max(1)),
            4 => splice_number(&mut bytes[at..], random),
            _ => {
                let end = (at + 1 + random.below(8)).min(length);
                bytes.drain(at.max(1).min(end)..end);
            }
        }
    }
}

/// Writes a number of one, two, four or eight bytes at the start, in either byte order.
fn splice_number(bytes: &mut [u8], random: &mut Random) {
    let size = 1 << random.below(4);
    let number = NUMBERS[random.below(NUMBERS.len())].to_le_bytes();
    let mut number = number[..size].to_vec();
    if random.below(2) == 0 {
        number.reverse();
    }
    for (byte, new) in bytes.iter_mut().zip(number) {
        *byte = new;
    }
}
