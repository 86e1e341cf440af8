//! What devices, networks and engines deviate from the roofline, learned from measurements, and how much of a question was
//! measured before.
//!
//! The logarithm of a time is the roofline's plus a sum of effects, each shared by all measurements that agree in something:
//! the chip, the generation of chips, the network, its family, the build (engine and format), and pairs of them. The
//! calibration gives each effect the value that measurements pull it to from zero, so that an effect seen once moves little
//! and a device without measurements of its own borrows from its relatives.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::speed::hashed::ByHash;

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

/// A word of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Chip,
    Generation,
    Network,
    Family,
    Kind,
    Engine,
    Format,
}

impl Shared {
    /// The words in which measurements have to agree.
    const fn fields(self) -> &'static [Field] {
        use Field::{Chip, Engine, Family, Format, Generation, Kind, Network};
        match self {
            Self::Build => &[Engine, Format],
            Self::Generation => &[Generation],
            Self::Chip => &[Chip],
            Self::GenerationBuild => &[Generation, Engine, Format],
            Self::ChipBuild => &[Chip, Engine, Format],
            Self::Kind => &[Kind],
            Self::KindBuild => &[Kind, Engine, Format],
            Self::GenerationKind => &[Generation, Kind],
            Self::Family => &[Family],
            Self::GenerationFamily => &[Generation, Family],
            Self::Network => &[Network],
            Self::NetworkBuild => &[Network, Engine, Format],
            Self::GenerationNetwork => &[Generation, Network],
            Self::ChipNetwork => &[Chip, Network],
            Self::ChipNetworkBuild => &[Chip, Network, Engine, Format],
        }
    }
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
    const fn word(&self, field: Field) -> &str {
        match field {
            Field::Chip => self.chip,
            Field::Generation => self.generation,
            Field::Network => self.network,
            Field::Family => self.family,
            Field::Kind => self.kind,
            Field::Engine => self.engine,
            Field::Format => self.format,
        }
    }

    /// Writes the value that measurements share, its words joined by spaces; false when one of them is unknown.
    pub fn key(&self, shared: Shared, key: &mut String) -> bool {
        key.clear();
        for &field in shared.fields() {
            let word = self.word(field);
            if word.is_empty() {
                return false;
            }
            if !key.is_empty() {
                key.push(' ');
            }
            key.push_str(word);
        }
        true
    }

    /// The words as numbers, each hashed once: an estimate looks up some twenty values and must cost about a microsecond.
    fn hashed(&self) -> Hashed {
        let of = |field| hash_word(self.word(field));
        Hashed([
            of(Field::Chip),
            of(Field::Generation),
            of(Field::Network),
            of(Field::Family),
            of(Field::Kind),
            of(Field::Engine),
            of(Field::Format),
        ])
    }
}

/// The words of a subject as numbers, zero for unknown ones.
struct Hashed([u64; 7]);

impl Hashed {
    /// The number under which a shared value is looked up; nothing when a word of it is unknown.
    fn value(&self, shared: Shared) -> Option<u64> {
        shared.fields().iter().try_fold(shared as u64 + 1, |state, &field| {
            let word = self.0[field as usize];
            (word != 0).then(|| mix(state, word))
        })
    }
}

/// An odd number without structure (the golden ratio in 64 bits).
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(state: u64, word: u64) -> u64 {
    let x = (state.rotate_left(25) ^ word).wrapping_mul(FACTOR);
    x ^ (x >> 32)
}

/// Zero for the empty word, something else for any other.
fn hash_word(word: &str) -> u64 {
    if word.is_empty() {
        return 0;
    }
    let mut chunks = word.as_bytes().chunks_exact(8);
    let mut state = word.len() as u64;
    for chunk in &mut chunks {
        state = mix(state, chunk.iter().fold(0, |n, &byte| n << 8 | u64::from(byte)));
    }
    let rest = chunks.remainder().iter().fold(0, |n, &byte| n << 8 | u64::from(byte));
    mix(state, rest).max(1)
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
    /// What is known, given which values that a subject shares were measured.
    pub fn of(mut measured: impl FnMut(Shared) -> bool) -> Self {
        let device = if measured(Shared::ChipBuild) {
            DeviceKnown::Chip
        } else if measured(Shared::Chip) || measured(Shared::Generation) {
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
        .find(|&(shared, _)| measured(shared))
        .map_or(NetworkKnown::Unknown, |(_, known)| known);
        Self { device, network }
    }
}

/// Effects as they are written: by what is shared and by its value, natural logarithms of a factor on time.
pub type Written = BTreeMap<Shared, BTreeMap<String, f64>>;

/// Effects, ready to be looked up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Effects {
    written: Written,
    by_hash: ByHash<f64>,
}

impl From<Written> for Effects {
    fn from(written: Written) -> Self {
        let number = |shared: Shared, value: &str| {
            value.split(' ').fold(shared as u64 + 1, |state, word| mix(state, hash_word(word)))
        };
        let by_hash = written
            .iter()
            .flat_map(|(&shared, values)| values.iter().map(move |(value, &effect)| (number(shared, value), effect)))
            .collect();
        Self { written, by_hash }
    }
}

impl From<Effects> for Written {
    fn from(effects: Effects) -> Self {
        effects.written
    }
}

impl Effects {
    /// The sum of all effects on a subject, and what is known about it.
    #[must_use]
    pub fn on(&self, subject: &Subject<'_>) -> (f64, Knowledge) {
        let hashed = subject.hashed();
        let effect = |shared| self.by_hash.get(&hashed.value(shared)?).copied();
        let sum = Shared::ALL.into_iter().filter_map(effect).sum();
        (sum, Knowledge::of(|shared| effect(shared).is_some()))
    }

    /// As they are written.
    #[must_use]
    pub const fn written(&self) -> &Written {
        &self.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_found_and_nothing_else() {
        let written: Written = [
            (Shared::Chip, [("hailo-8l".to_owned(), 0.25)].into()),
            (Shared::ChipNetworkBuild, [("hailo-8l yolov8n hailort int8".to_owned(), 0.5)].into()),
        ]
        .into();
        let effects = Effects::from(written.clone());
        let subject =
            Subject { chip: "hailo-8l", network: "yolov8n", engine: "hailort", format: "int8", ..Subject::default() };
        assert_eq!(effects.on(&subject).0, 0.75);
        assert_eq!(effects.on(&subject).1.network, NetworkKnown::Measured);
        let other = Subject { network: "yolov8s", ..subject };
        assert_eq!(effects.on(&other).0, 0.25);
        assert_eq!(effects.on(&other).1, Knowledge { device: DeviceKnown::Generation, network: NetworkKnown::Unknown });
        assert_eq!(effects.on(&Subject { chip: "", ..subject }).0, 0.0);
        assert_eq!(Written::from(effects), written);
    }
}
