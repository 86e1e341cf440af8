//! What devices, networks and engines deviate from the roofline, learned from measurements, and how much of a question was
//! measured before.
//!
//! The logarithm of a time is the roofline's plus a sum of effects, each shared by all measurements that agree in something:
//! the chip, the generation of chips, the network, its family, the build (engine and format), and pairs of them. The
//! calibration gives each effect the value that measurements pull it to from zero, so that an effect seen once moves little
//! and a device without measurements of its own borrows from its relatives.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// What two measurements may have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it; a build is an engine with a format")]
pub enum Shared {
    Build,
    Generation,
    Chip,
    GenerationBuild,
    ChipBuild,
    Kind,
    KindBuild,
    GenerationKind,
    Family,
    GenerationFamily,
    Network,
    NetworkBuild,
    GenerationNetwork,
    ChipNetwork,
    ChipNetworkBuild,
}

impl Shared {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Build,
        Self::Generation,
        Self::Chip,
        Self::GenerationBuild,
        Self::ChipBuild,
        Self::Kind,
        Self::KindBuild,
        Self::GenerationKind,
        Self::Family,
        Self::GenerationFamily,
        Self::Network,
        Self::NetworkBuild,
        Self::GenerationNetwork,
        Self::ChipNetwork,
        Self::ChipNetworkBuild,
    ];
}

/// What a measurement or a question is about, in the words of the effects. Empty fields are unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The chip that computes.
    pub chip: &'a str,
    /// Chips of like design.
    pub generation: &'a str,
    /// Catalog id of the network, with its part and its input where they are not the whole and the usual.
    pub network: &'a str,
    /// Networks of one design.
    pub family: &'a str,
    /// Networks that accelerators treat alike.
    pub kind: &'a str,
    /// Engine.
    pub engine: &'a str,
    /// Weight format.
    pub format: &'a str,
}

impl Subject<'_> {
    /// Writes the value that measurements share; false when a field of it is unknown.
    pub fn key(&self, shared: Shared, key: &mut String) -> bool {
        key.clear();
        let build = [self.engine, self.format];
        let (fields, with_build): (&[&str], bool) = match shared {
            Shared::Build => (&[], true),
            Shared::Generation => (&[self.generation], false),
            Shared::Chip => (&[self.chip], false),
            Shared::GenerationBuild => (&[self.generation], true),
            Shared::ChipBuild => (&[self.chip], true),
            Shared::Kind => (&[self.kind], false),
            Shared::KindBuild => (&[self.kind], true),
            Shared::GenerationKind => (&[self.generation, self.kind], false),
            Shared::Family => (&[self.family], false),
            Shared::GenerationFamily => (&[self.generation, self.family], false),
            Shared::Network => (&[self.network], false),
            Shared::NetworkBuild => (&[self.network], true),
            Shared::GenerationNetwork => (&[self.generation, self.network], false),
            Shared::ChipNetwork => (&[self.chip, self.network], false),
            Shared::ChipNetworkBuild => (&[self.chip, self.network], true),
        };
        let build: &[&str] = if with_build { &build } else { &[] };
        for field in fields.iter().chain(build) {
            if field.is_empty() {
                return false;
            }
            if !key.is_empty() {
                key.push(' ');
            }
            let _ = write!(key, "{field}");
        }
        !key.is_empty()
    }
}

/// How much of a network was measured, most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkKnown {
    /// On the chip that is asked about, with the same build.
    Measured,
    /// On the chip that is asked about, with another build.
    OtherBuild,
    /// On other chips.
    Network,
    /// Others of its family.
    Family,
    /// Others that accelerators treat alike.
    Kind,
    /// Nothing like it.
    Unknown,
}

/// How much of a device was measured, most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKnown {
    /// The chip, with the build that is asked about.
    Chip,
    /// A chip of the same generation, or the chip with other builds.
    Generation,
    /// Other chips with engines of the same group.
    Group,
    /// Nothing like it: the law is borrowed from another kind of device.
    Nothing,
}

/// How much of a question was measured before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Knowledge {
    /// Of the device.
    pub device: DeviceKnown,
    /// Of the network.
    pub network: NetworkKnown,
}

impl Knowledge {
    /// What is known about a subject, given which values were measured.
    pub fn of(subject: &Subject<'_>, key: &mut String, mut seen: impl FnMut(Shared, &str) -> bool) -> Self {
        let mut has = |shared| subject.key(shared, key) && seen(shared, key);
        let device = if has(Shared::ChipBuild) {
            DeviceKnown::Chip
        } else if has(Shared::Chip) || has(Shared::Generation) {
            DeviceKnown::Generation
        } else {
            DeviceKnown::Group
        };
        let network = [
            (Shared::ChipNetworkBuild, NetworkKnown::Measured),
            (Shared::ChipNetwork, NetworkKnown::OtherBuild),
            (Shared::Network, NetworkKnown::Network),
            (Shared::Family, NetworkKnown::Family),
            (Shared::Kind, NetworkKnown::Kind),
        ]
        .into_iter()
        .find(|&(shared, _)| has(shared))
        .map_or(NetworkKnown::Unknown, |(_, known)| known);
        Self { device, network }
    }
}

/// Effects by what is shared and by its value, as natural logarithms of a factor on time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Effects(pub BTreeMap<Shared, BTreeMap<String, f64>>);

impl Effects {
    /// The sum of all effects on a subject, and what is known about it.
    #[must_use]
    pub fn on(&self, subject: &Subject<'_>) -> (f64, Knowledge) {
        let mut key = String::with_capacity(96);
        let mut sum = 0.0;
        for (&shared, values) in &self.0 {
            if subject.key(shared, &mut key) {
                sum += values.get(&key).copied().unwrap_or(0.0);
            }
        }
        let knowledge = Knowledge::of(subject, &mut key, |shared, value| {
            self.0.get(&shared).is_some_and(|values| values.contains_key(value))
        });
        (sum, knowledge)
    }
}
