//! The fitted constants: laws by class of hardware, deviations from them, and how far measurements scatter around both.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::keys::hash;
use super::law::{DecodeLaw, PrefillLaw};
use super::spread::{Level, Spread, Width};
use crate::speed::hashed::ByHash;
use crate::units::{BytesPerSecond, Share};

/// Everything that `catalogs/calibration/` says about language models.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Constants {
    /// Decoding with one stream.
    pub decode: Part<DecodeLaw>,
    /// The arithmetic of further streams, as a share of the reference compute.
    pub batch: Part<BatchLaw>,
    /// Working through a prompt.
    pub prefill: Part<PrefillLaw>,
    /// Bandwidths in bytes per second that measurements imply for silicon whose specification states none.
    pub inferred_bandwidth: BTreeMap<String, BytesPerSecond>,
}

/// How well streams beyond the first share a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchLaw {
    /// Share of the reference compute.
    pub batch_share: f64,
}

/// Laws of one kind with their deviations and scatter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    from = "PartFile<L>",
    into = "PartFile<L>",
    bound(serialize = "L: Serialize + Clone", deserialize = "L: Deserialize<'de> + Copy")
)]
pub struct Part<L> {
    file: PartFile<L>,
    laws: ByHash<L>,
    deviations: ByHash<f64>,
    relative: ByHash<f64>,
}

/// The form in which a [`Part`] is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartFile<L> {
    /// Laws by name, the most general called `all`.
    pub laws: BTreeMap<String, L>,
    /// Natural logarithms of factors on the rate, by name.
    pub deviations: BTreeMap<String, f64>,
    /// How far measurements that the fit had not seen lay from its estimates.
    pub spread: Spread,
}

impl<L> Default for PartFile<L> {
    fn default() -> Self {
        Self { laws: BTreeMap::new(), deviations: BTreeMap::new(), spread: Spread::default() }
    }
}

impl<L> Default for Part<L> {
    fn default() -> Self {
        Self {
            file: PartFile::default(),
            laws: ByHash::default(),
            deviations: ByHash::default(),
            relative: ByHash::default(),
        }
    }
}

impl<L: Copy> From<PartFile<L>> for Part<L> {
    fn from(file: PartFile<L>) -> Self {
        let laws = file.laws.iter().map(|(name, &law)| (hash(name), law)).collect();
        let deviations = file.deviations.iter().map(|(name, &log)| (hash(name), log)).collect();
        let relative = file.spread.relative.iter().map(|(name, &factor)| (hash(name), factor)).collect();
        Self { file, laws, deviations, relative }
    }
}

impl<L> From<Part<L>> for PartFile<L> {
    fn from(part: Part<L>) -> Self {
        part.file
    }
}

impl<L: Copy> Part<L> {
    /// The most special law that is known of these hashed names, and its place among them.
    #[must_use]
    pub fn law(&self, path: &[u64]) -> Option<(usize, L)> {
        path.iter().enumerate().rev().find_map(|(depth, name)| Some((depth, *self.laws.get(name)?)))
    }

    /// The deviation of this hashed name, if one is known.
    #[must_use]
    pub fn deviation(&self, name: u64) -> Option<f64> {
        self.deviations.get(&name).copied()
    }

    /// The range at a confidence, for what was measured of the subject; `classes` are the hashed names of its engine's laws,
    /// on hardware of its maker and on its silicon.
    #[must_use]
    pub fn width(&self, level: Level, classes: [u64; 2], confidence: Share) -> Width {
        let relative = classes.iter().rev().find_map(|name| self.relative.get(name)).copied().unwrap_or(1.0);
        self.file.spread.width(level, relative, confidence)
    }

    /// The constants by name.
    #[must_use]
    pub fn file(&self) -> &PartFile<L> {
        &self.file
    }
}
