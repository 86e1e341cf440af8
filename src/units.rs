//! Quantities with their unit in the type, and the one place where they are printed.
//!
//! Sizes are whole bytes, money whole cents, power whole milliwatts and shares whole millionths, because plans are
//! compared on exactly these integers. Rates and times are floating point estimates.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bytes in one MiB (1024²).
pub const MIB: u64 = 1 << 20;
/// Bytes in one GiB (1024³).
pub const GIB: u64 = 1 << 30;
/// Millionths in one whole: the resolution of shares, loads and quality losses.
pub const PPM: u64 = 1_000_000;

/// An amount of memory in bytes.
///
/// Sums saturate: a sum that would pass `u64::MAX` is larger than any memory and stays "too large" instead of wrapping.
/// Products of dimensions are worked out in `u128` by the memory laws and refused when they do not fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// No memory at all.
    pub const ZERO: Self = Self(0);

    /// A whole number of MiB.
    #[must_use]
    pub const fn mib(mib: u64) -> Self {
        Self(mib.saturating_mul(MIB))
    }

    /// This many bytes from a product in `u128`, saturating at `u64::MAX`.
    #[must_use]
    pub fn saturating(bytes: u128) -> Self {
        Self(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// The difference, or zero when `other` is larger.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The amount in decimal gigabytes (1000³), for printing and for rates.
    #[must_use]
    pub fn gb(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The amount in binary gibibytes (1024³), for printing.
    #[must_use]
    pub fn gib(self) -> f64 {
        self.0 as f64 / GIB as f64
    }
}

impl Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Bytes {
    /// Binary units with two decimals: `5.34 GiB`, `512.00 MiB`, `640 B`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        let text = match self.0 {
            0..1024 => format!("{} B", self.0),
            1024..MIB => format!("{:.2} KiB", bytes / 1024.0),
            MIB..GIB => format!("{:.2} MiB", bytes / MIB as f64),
            _ => format!("{:.2} GiB", bytes / GIB as f64),
        };
        f.pad(&text)
    }
}

/// A share of one whole in millionths: `0.25` is 250 000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Share(pub u64);

impl Share {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The whole.
    pub const ONE: Self = Self(PPM);

    /// A non-negative number rounded up to whole millionths; anything that is no finite number counts as more than
    /// every limit.
    #[must_use]
    pub fn rounded_up(share: f64) -> Self {
        // Products such as 0.3 / 1.5 carry a last-bit error: without the tolerance a load of 0.2 became 0.200001.
        if share.is_finite() && share >= 0.0 {
            Self((share * PPM as f64 - 1e-6).ceil().max(0.0) as u64)
        } else {
            Self(u64::MAX)
        }
    }

    /// The share as a plain number, 1.0 for the whole.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / PPM as f64
    }
}

impl fmt::Display for Share {
    /// In per cent, with as many decimals as it has: `25 %`, `2.5 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} %", self.0 as f64 / 1e4))
    }
}

/// Money in whole cents of US dollars, the currency of the catalogs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub u64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Dollars as a number, for JSON.
    #[must_use]
    pub fn usd(self) -> f64 {
        self.0 as f64 / 100.0
    }

    /// This price for `quantity` pieces.
    #[must_use]
    pub const fn times(self, quantity: u64) -> Self {
        Self(self.0.saturating_mul(quantity))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    /// Two decimals, no sign and no separators, as in tables for programs: `1398.00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:02}", self.0 / 100, self.0 % 100))
    }
}

/// Electrical power in whole milliwatts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Milliwatts(pub u64);

impl Milliwatts {
    /// Watts as a number, for JSON.
    #[must_use]
    pub fn watts(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl Add for Milliwatts {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Milliwatts {
    /// In watts with three decimals: `25.000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:03}", self.0 / 1000, self.0 % 1000))
    }
}

/// A time in whole microseconds, rounded up from an estimate: the form in which latencies are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub u64);

impl Micros {
    /// Seconds rounded up to whole microseconds; what is no finite number counts as longer than every limit.
    #[must_use]
    pub fn rounded_up(time: Seconds) -> Self {
        if time.0.is_finite() && time.0 >= 0.0 {
            Self((time.0 * 1e6 - 1e-6).ceil().max(0.0) as u64)
        } else {
            Self(u64::MAX)
        }
    }

    /// Seconds as a number.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl fmt::Display for Micros {
    /// In seconds with six decimals: `0.100000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000))
    }
}

macro_rules! estimate_unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub f64);
    };
}

estimate_unit!(
    /// Tokens per second.
    TokensPerSecond
);
estimate_unit!(
    /// Whole inferences (frames, 30 s speech windows) per second.
    InferencesPerSecond
);
estimate_unit!(
    /// A time in seconds.
    Seconds
);
estimate_unit!(
    /// Memory bandwidth in bytes per second.
    BytesPerSecond
);
estimate_unit!(
    /// Arithmetic operations per second, a multiply-add counted as two.
    OpsPerSecond
);

/// A number with so many significant digits, whole ones all kept: `97.3`, `0.645`, `1240`.
#[must_use]
pub fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let whole = value.abs().log10().floor() as i32 + 1;
    let decimals = (digits as i32 - whole).clamp(0, 12) as usize;
    format!("{value:.decimals$}")
}

/// A demand of each of several streams and of all together, `24 x 15 = 360`; of one stream the figure alone. Noise of binary
/// fractions is left out.
#[must_use]
pub fn product(streams: u32, each: f64) -> String {
    if streams == 1 {
        return each.to_string();
    }
    let all = significant(each * f64::from(streams), 12);
    let all = if all.contains('.') { all.trim_end_matches('0').trim_end_matches('.') } else { &all };
    format!("{streams} x {each} = {all}")
}

/// An estimate with its range: `low <= median <= high`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Range<T> {
    /// The best guess.
    pub median: T,
    /// The lower bound at the asked confidence.
    pub low: T,
    /// The upper bound at the asked confidence.
    pub high: T,
}

impl<T> Range<T> {
    /// The same function on all three figures; `f` must be monotone, falling functions must be followed by
    /// [`Range::swapped`].
    pub fn map<U>(self, f: impl Fn(T) -> U) -> Range<U> {
        Range { median: f(self.median), low: f(self.low), high: f(self.high) }
    }

    /// The range with its bounds exchanged, after a falling function (time from rate).
    #[must_use]
    pub fn swapped(self) -> Self {
        Self { median: self.median, low: self.high, high: self.low }
    }
}
