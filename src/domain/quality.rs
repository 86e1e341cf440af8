//! What quantising networks costs in quality, as published.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::Task;
use super::provenance::Provenance;
use crate::units::{PPM, Share};

/// Published figures of networks of one task on one engine, float and quantised side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PublishedLosses {
    /// The engine's plain id, or the name of an engine that the catalog lacks.
    pub engine: String,
    /// The formats, by id, that the figures hold for.
    pub formats: Vec<String>,
    /// What the networks do.
    pub task: Task,
    /// What was measured; more is better (`top-1 of ImageNet`, `words right`).
    pub measure: String,
    /// Float and quantised figure of each network, by catalog id or, where the catalog lacks it, by its publisher's name.
    pub networks: BTreeMap<String, (f64, f64)>,
    /// Where the figures come from.
    #[serde(default)]
    pub provenance: Provenance,
}

impl PublishedLosses {
    /// Share of the float figure that a network loses; absent when it is not listed.
    #[must_use]
    pub fn of(&self, network: &str) -> Option<Share> {
        self.networks.get(network).map(|&figures| lost(figures))
    }

    /// What a network that is not listed is taken to lose: three of four listed ones lose no more.
    #[must_use]
    pub fn of_class(&self) -> Option<Share> {
        let mut all: Vec<Share> = self.networks.values().map(|&figures| lost(figures)).collect();
        all.sort_unstable();
        all.get((all.len() * 3).div_ceil(4).checked_sub(1)?).copied()
    }
}

/// What published figures can tell apart: they differ by some tenths of a point between releases, chips and exports of one
/// network.
const STEP: u64 = PPM / 100;

/// `(float - quantised) / float`, rounded up to whole per cents; a gain is no loss.
fn lost((float, quantised): (f64, f64)) -> Share {
    if float > 0.0 {
        // The last digits of the quotient are noise: a loss of exactly one per cent stays one.
        let steps = (1.0 - quantised / float).max(0.0) * PPM as f64 / STEP as f64 - 1e-9;
        Share(steps.ceil().max(0.0) as u64 * STEP)
    } else {
        Share::ONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_of_four_networks_lose_no_more_than_their_class() {
        let networks = [("a", (100.0, 99.0)), ("b", (100.0, 98.0)), ("c", (50.0, 48.5)), ("d", (100.0, 101.0))];
        let losses = PublishedLosses {
            engine: "hailort".to_owned(),
            formats: vec!["int8".to_owned()],
            task: Task::Detect,
            measure: "mAP".to_owned(),
            networks: networks.into_iter().map(|(name, figures)| (name.to_owned(), figures)).collect(),
            provenance: Provenance::default(),
        };
        assert_eq!(losses.of("c"), Some(Share(30_000)));
        assert_eq!(losses.of("d"), Some(Share::ZERO));
        assert_eq!(losses.of_class(), Some(Share(20_000)));
        assert_eq!(losses.of("e"), None);
    }
}
