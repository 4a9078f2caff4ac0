//! The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998), as in libtorch's CPU generator, and
//! the byte layout of the state in Python's `get_state` and `set_state`.
//!
//! Source: `ATen/core/MT19937RNGEngine.h`, `ATen/CPUGeneratorImpl.h`.

use super::RandomError;

const WORDS: usize = 624;
const MIDDLE: usize = 397;

/// The size of a state in bytes.
pub(super) const STATE_SIZE: usize = 5056;

/// The offsets of the fields of a state. Between `NEXT` and `HAS_DOUBLE` are the words, four bytes
/// each in a field of eight, and three floats of the layout before PyTorch 1.2, of which the second
/// is still in use.
const SEED: usize = 0;
const LEFT: usize = 8;
const SEEDED: usize = 12;
const NEXT: usize = 16;
const FIRST_WORD: usize = 24;
const DOUBLE: usize = FIRST_WORD + 8 * WORDS + 8;
const HAS_DOUBLE: usize = DOUBLE + 16;
const FLOAT: usize = HAS_DOUBLE + 8;
const HAS_FLOAT: usize = FLOAT + 4;

/// The engine with its seed, and the cached normal samples, which are drawn in pairs. They are
/// drawn elsewhere but belong to the state.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mt19937 {
    pub seed: u64,
    words: [u32; WORDS],
    /// The number of words left in this round, plus one.
    left: u32,
    /// The index of the next word.
    next: u32,
    double_normal: Option<f64>,
    float_normal: Option<f32>,
}

impl Mt19937 {
    /// `manual_seed(seed)`. The engine uses only the low 32 bits.
    pub fn new(seed: u64) -> Self {
        let mut words = [seed as u32; WORDS];
        for i in 1..WORDS {
            let previous = words[i - 1];
            words[i] = 1_812_433_253u32
                .wrapping_mul(previous ^ (previous >> 30))
                .wrapping_add(i as u32);
        }
        Self {
            seed,
            words,
            left: 1,
            next: 0,
            double_normal: None,
            float_normal: None,
        }
    }

    /// `CPUGeneratorImpl::random`: 32 bits.
    pub fn random(&mut self) -> u32 {
        self.left -= 1;
        if self.left == 0 {
            self.next_round();
        }
        let mut y = self.words[self.next as usize];
        self.next += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// `CPUGeneratorImpl::random64`: 64 bits, the high half first.
    pub fn random64(&mut self) -> u64 {
        let high = u64::from(self.random());
        high << 32 | u64::from(self.random())
    }

    fn next_round(&mut self) {
        for i in 0..WORDS {
            let mixed = (self.words[i] & 0x8000_0000) | (self.words[(i + 1) % WORDS] & 0x7fff_ffff);
            let twisted = (mixed >> 1) ^ if mixed & 1 == 1 { 0x9908_b0df } else { 0 };
            self.words[i] = self.words[(i + MIDDLE) % WORDS] ^ twisted;
        }
        self.left = WORDS as u32;
        self.next = 0;
    }

    /// The state in the layout of `get_state`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; STATE_SIZE];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(SEED, &self.seed.to_ne_bytes());
        put(LEFT, &self.left.to_ne_bytes());
        put(SEEDED, &1u32.to_ne_bytes());
        put(NEXT, &u64::from(self.next).to_ne_bytes());
        for (i, &word) in self.words.iter().enumerate() {
            put(FIRST_WORD + 8 * i, &u64::from(word).to_ne_bytes());
        }
        if let Some(sample) = self.double_normal {
            put(DOUBLE, &sample.to_ne_bytes());
            put(HAS_DOUBLE, &1u32.to_ne_bytes());
        }
        if let Some(sample) = self.float_normal {
            put(FLOAT, &sample.to_ne_bytes());
            put(HAS_FLOAT, &[1]);
        }
        bytes
    }

    /// The engine of a state from [`to_bytes`](Self::to_bytes) or Python.
    ///
    /// # Errors
    /// If the state would read a word beyond the last. libtorch's own check accepts some of these.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RandomError> {
        let found = bytes.len();
        let bytes: &[u8; STATE_SIZE] = bytes.try_into().map_err(|_| RandomError::Size { found })?;
        let half = |at: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|i| bytes[at + i]));
        let whole = |at: usize| u64::from_ne_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| bytes[at + i]));
        // libtorch, too, keeps only the low 32 bits of these numbers.
        let (left, next) = (half(LEFT), whole(NEXT) as u32);
        let words = WORDS as u32;
        let in_bounds = (1..=words).contains(&left) && next <= words && left + next <= words + 1;
        if !in_bounds || half(SEEDED) == 0 {
            return Err(RandomError::Invalid { left, next });
        }
        Ok(Self {
            seed: whole(SEED),
            words: std::array::from_fn(|i| whole(FIRST_WORD + 8 * i) as u32),
            left,
            next,
            double_normal: (half(HAS_DOUBLE) != 0).then(|| f64::from_bits(whole(DOUBLE))),
            float_normal: (bytes[HAS_FLOAT] != 0).then(|| f32::from_bits(half(FLOAT))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The 10,000th number with the default seed, as the C++ standard specifies it for
    /// `std::mt19937`.
    #[test]
    fn draws_the_number_given_in_the_standard() {
        let mut engine = Mt19937::new(5489);
        let last = (0..10_000).map(|_| engine.random()).last();
        assert_eq!(last, Some(4_123_659_995));
    }

    #[test]
    fn states_round_trip_and_invalid_ones_are_refused() {
        let mut engine = Mt19937::new(u64::MAX - 1);
        engine.double_normal = Some(-0.5);
        engine.float_normal = Some(1.5);
        for _ in 0..2 * WORDS + 3 {
            let bytes = engine.to_bytes();
            assert_eq!(Mt19937::from_bytes(&bytes).unwrap(), engine);
            engine.random();
        }
        let refuse = |at: usize, value: u32| {
            let mut bytes = engine.to_bytes();
            bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
            Mt19937::from_bytes(&bytes).unwrap_err();
        };
        for (at, value) in [
            (LEFT, 0),
            (LEFT, 624),
            (LEFT, 625),
            (NEXT, 625),
            (SEEDED, 0),
        ] {
            refuse(at, value);
        }
        for size in [0, STATE_SIZE - 1, STATE_SIZE + 1] {
            let error = Mt19937::from_bytes(&vec![1; size]).unwrap_err().to_string();
            assert!(error.contains(&size.to_string()), "{error}");
        }
    }
}
