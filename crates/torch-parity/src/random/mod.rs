//! `torch.manual_seed`, the state of the global generator, and `torch.Generator`.
//!
//! `tch` can only seed the global CPU generator; it has no other generator and no access to the
//! state. This module adds [`get_rng_state`] and [`set_rng_state`], and a [`Generator`] in Rust
//! with the numbers and states of Python's. A state can be passed between any of the three.
//!
//! Source: `torch/random.py`, `torch/csrc/Generator.cpp`, `ATen/core/DistributionsHelper.h`;
//! `randperm` for the CPU in `aten/src/ATen/native/TensorFactories.cpp`.

mod mt19937;

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tch::{Device, Kind, Tensor};

use super::native;
use mt19937::{Mt19937, STATE_SIZE};

pub use super::native::NativeError;

/// An error of a random generator.
#[derive(Debug, thiserror::Error)]
pub enum RandomError {
    /// A state that is not a uint8 tensor on the CPU.
    #[error("expected a generator state, uint8 on the CPU, found {found}")]
    NoState {
        /// The tensor's dtype and device.
        found: String,
    },
    /// A state of the wrong size.
    #[error("expected a generator state of {STATE_SIZE} bytes, found {found}")]
    Size {
        /// Its size in bytes.
        found: usize,
    },
    /// A state that no generator can have.
    #[error("expected the state of an MT19937, found {left} words left after word {next} of 624")]
    Invalid {
        /// The number of words left, according to the state.
        left: u32,
        /// The index of the next word, according to the state.
        next: u32,
    },
    /// A range or a count that is out of bounds.
    #[error("expected {expected}, found {found}")]
    Argument {
        /// The expected value.
        expected: &'static str,
        /// The value found.
        found: i64,
    },
    /// More numbers than fit into memory.
    #[error("cannot draw {0} numbers: not enough memory")]
    Memory(usize),
    /// An error of libtorch.
    #[error(transparent)]
    Native(#[from] NativeError),
}

/// A seed as `torch.manual_seed` takes it: any integer from −2⁶³ to 2⁶⁴ − 1.
///
/// A negative seed is read as the unsigned number with the same 64 bits (−1 is 2⁶⁴ − 1), as in
/// `THPGenerator_manualSeed` (`torch/csrc/Generator.cpp`).
///
/// ```
/// use torch_parity::random::Seed;
/// assert_eq!("-1".parse::<Seed>().unwrap(), "18446744073709551615".parse().unwrap());
/// assert_eq!(Seed::from(-1i64), Seed::from(u64::MAX));
/// assert!("1.5".parse::<Seed>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// `torch.manual_seed(seed)`: seeds the generators of the CPU and of every CUDA device.
    pub fn manual_seed(self) {
        tch::manual_seed(self.0 as i64);
    }
}

impl From<u64> for Seed {
    fn from(seed: u64) -> Self {
        Self(seed)
    }
}

impl From<Seed> for u64 {
    fn from(seed: Seed) -> Self {
        seed.0
    }
}

impl From<i64> for Seed {
    fn from(seed: i64) -> Self {
        Self(seed as u64)
    }
}

impl From<i32> for Seed {
    fn from(seed: i32) -> Self {
        Self::from(i64::from(seed))
    }
}

impl FromStr for Seed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unsigned = text.parse::<u64>();
        let signed = || text.parse::<i64>().map(|seed| seed as u64);
        unsigned
            .or_else(|_| signed())
            .map(Seed)
            .map_err(|_| "expected an integer from -2^63 to 2^64 - 1".to_owned())
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `torch.manual_seed(seed)`: seeds the generators of the CPU and of every CUDA device.
pub fn manual_seed(seed: impl Into<Seed>) {
    seed.into().manual_seed();
}

/// `torch.get_rng_state()`: the state of the global generator of the CPU, uint8 `(5056,)`.
///
/// # Errors
/// If libtorch cannot allocate the tensor.
///
/// ```
/// use torch_parity::random::{get_rng_state, manual_seed, set_rng_state};
/// use tch::{Device, Kind, Tensor};
/// manual_seed(0);
/// let state = get_rng_state()?;
/// let draw = || Tensor::randn([100], (Kind::Float, Device::Cpu));
/// let first = draw();
/// set_rng_state(&state)?;
/// assert_eq!(draw(), first);
/// # Ok::<(), torch_parity::random::RandomError>(())
/// ```
pub fn get_rng_state() -> Result<Tensor, RandomError> {
    Ok(native::rng_state()?)
}

/// `torch.set_rng_state(state)`: sets the state of the global generator of the CPU.
///
/// Unlike Python, it refuses the layout used before PyTorch 1.2 (5048 bytes), and a state that
/// would read beyond the generator's words.
///
/// # Errors
/// If `state` does not come from [`get_rng_state`], [`Generator::get_state`] or Python. The
/// generator is then unchanged.
pub fn set_rng_state(state: &Tensor) -> Result<(), RandomError> {
    // A tensor of our own has ordinary memory, whatever `state` is.
    Ok(native::set_rng_state(&tensor(&engine(state)?))?)
}

/// The engine stored in `state`.
fn engine(state: &Tensor) -> Result<Mt19937, RandomError> {
    let no_state = |found: String| RandomError::NoState { found };
    if !state.defined() {
        return Err(no_state("an undefined tensor".to_owned()));
    }
    let unknown = |_| no_state("a tensor that cannot be read".to_owned());
    let (kind, device) = (state.f_kind().map_err(unknown)?, state.device());
    if kind != Kind::Uint8 || device != Device::Cpu {
        return Err(no_state(format!("{kind:?} on {device:?}")));
    }
    let found = state.numel();
    if found != STATE_SIZE {
        return Err(RandomError::Size { found });
    }
    // Into a tensor with ordinary memory: tch would read a ZeroTensor, which has none, from address
    // 0.
    let mut plain = Tensor::zeros([STATE_SIZE as i64], (Kind::Uint8, Device::Cpu));
    let flat = state.f_reshape([-1]).map_err(unknown)?;
    plain.f_copy_(&flat).map_err(unknown)?;
    Mt19937::from_bytes(&Vec::try_from(plain).map_err(unknown)?)
}

/// The state of `engine`, uint8 `(5056,)`.
fn tensor(engine: &Mt19937) -> Tensor {
    Tensor::from_slice(&engine.to_bytes())
}

/// One int64 from the global generator, as from `torch.empty((), dtype=torch.int64).random_()`,
/// which Python uses to draw seeds.
pub fn random() -> i64 {
    let mut number = Tensor::empty([0; 0], (Kind::Int64, Device::Cpu));
    number.random_().int64_value(&[])
}

/// `torch.Generator()`: a CPU generator independent of the global one.
///
/// As in Python, a cloned handle refers to the same generator; [`Generator::clone_state`] makes a
/// separate one.
///
/// ```
/// use torch_parity::random::Generator;
/// let generator = Generator::new();
/// generator.manual_seed(0);
/// assert_eq!(generator.randperm(5)?, [4, 0, 1, 3, 2]);
/// # Ok::<(), torch_parity::random::RandomError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Generator(Arc<Mutex<Mt19937>>);

impl Default for Generator {
    fn default() -> Self {
        Self::new()
    }
}

impl Generator {
    /// A generator with PyTorch's default seed, 67280421310721.
    pub fn new() -> Self {
        Self::from_engine(Mt19937::new(67_280_421_310_721))
    }

    fn from_engine(engine: Mt19937) -> Self {
        Self(Arc::new(Mutex::new(engine)))
    }

    fn engine(&self) -> MutexGuard<'_, Mt19937> {
        // No code panics while it holds the lock with an engine half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if both handles refer to one generator, as Python's `is`.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// `generator.manual_seed(seed)`.
    pub fn manual_seed(&self, seed: impl Into<Seed>) -> &Self {
        *self.engine() = Mt19937::new(seed.into().0);
        self
    }

    /// `generator.initial_seed()`: the seed last set.
    pub fn initial_seed(&self) -> u64 {
        self.engine().seed
    }

    /// `generator.seed()`: sets an unpredictable seed of 53 bits and returns it.
    pub fn seed(&self) -> u64 {
        // The standard library's hasher is keyed by the operating system's random numbers.
        let seed = RandomState::new().build_hasher().finish() & ((1 << 53) - 1);
        self.manual_seed(seed);
        seed
    }

    /// `generator.get_state()`: uint8 `(5056,)`.
    pub fn get_state(&self) -> Tensor {
        tensor(&self.engine())
    }

    /// `generator.set_state(state)`.
    ///
    /// # Errors
    /// See [`set_rng_state`].
    pub fn set_state(&self, state: &Tensor) -> Result<(), RandomError> {
        let new = engine(state)?;
        *self.engine() = new;
        Ok(())
    }

    /// `generator.clone_state()`: a separate generator in the same state.
    pub fn clone_state(&self) -> Self {
        Self::from_engine(self.engine().clone())
    }

    /// `torch.empty((), dtype=torch.int64).random_(generator=generator)`: one non-negative int64.
    pub fn random(&self) -> i64 {
        (self.engine().random64() & i64::MAX as u64) as i64
    }

    /// `torch.randint(high, (n,), generator=generator)`: `n` numbers from 0 to `high` − 1.
    ///
    /// If `high` is 2²⁸ or more, libtorch draws 64 bits for each number instead of 32, to avoid
    /// bias.
    ///
    /// # Errors
    /// If `high` is not positive, or there is no memory for `n` numbers.
    pub fn randint(&self, high: i64, n: usize) -> Result<Vec<i64>, RandomError> {
        if high <= 0 {
            let expected = "an upper bound above 0";
            return Err(RandomError::Argument {
                expected,
                found: high,
            });
        }
        let mut numbers = room(n)?;
        let mut engine = self.engine();
        let range = high as u64;
        numbers.extend((0..n).map(|_| match range < 1 << 28 {
            true => (u64::from(engine.random()) % range) as i64,
            false => (engine.random64() % range) as i64,
        }));
        Ok(numbers)
    }

    /// `torch.randperm(n, generator=generator)`: the numbers from 0 to `n` − 1 in random order.
    ///
    /// For (2³² − 1) / 20 numbers or more, libtorch uses another shuffle, with 64 bits for each
    /// number.
    ///
    /// # Errors
    /// If `n` is negative, or there is no memory for `n` numbers.
    pub fn randperm(&self, n: i64) -> Result<Vec<i64>, RandomError> {
        let Ok(count) = usize::try_from(n) else {
            let expected = "a count from 0 on";
            return Err(RandomError::Argument { expected, found: n });
        };
        let mut numbers = room(count)?;
        numbers.extend(0..n);
        let mut engine = self.engine();
        if count < (u32::MAX / 20) as usize {
            // Swaps each element with a random one at or after its place.
            for i in 0..count.saturating_sub(1) {
                numbers.swap(i, i + engine.random() as usize % (count - i));
            }
        } else {
            // Swaps each element with a random one at or before its place.
            for i in 0..count {
                numbers.swap(i, (engine.random64() % (i as u64 + 1)) as usize);
            }
        }
        Ok(numbers)
    }

    /// `torch.multinomial(weights, n, replacement, generator=generator)` for float64 weights
    /// `(K,)`: `n` numbers below K, each with a probability proportional to its weight. libtorch
    /// draws them.
    ///
    /// # Errors
    /// If a weight is negative or not finite, if all are zero, or if fewer than `n` are above zero
    /// without `replacement`.
    pub fn multinomial(
        &self,
        weights: &Tensor,
        n: i64,
        replacement: bool,
    ) -> Result<Vec<i64>, RandomError> {
        let mut engine = self.engine();
        let (drawn, state) = native::multinomial(weights, n, replacement, &tensor(&engine))?;
        *engine = self::engine(&state)?;
        Ok(Vec::try_from(drawn).expect("an int64 tensor of one dimension"))
    }
}

fn room(n: usize) -> Result<Vec<i64>, RandomError> {
    let mut numbers = Vec::new();
    let reserved = numbers.try_reserve_exact(n);
    reserved.map_err(|_| RandomError::Memory(n))?;
    Ok(numbers)
}
