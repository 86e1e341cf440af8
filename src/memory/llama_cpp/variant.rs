//! The settings that change the shape of a graph, not only its sizes.

use crate::domain::{KvPair, KvType};

/// How a cache type changes the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stored {
    /// Read as it is.
    Half,
    /// Cast to half precision before flash attention reads it.
    Single,
    /// In blocks: rotated before it is written where the heads' width allows.
    Blocks,
}

impl Stored {
    const ALL: [Self; 3] = [Self::Half, Self::Single, Self::Blocks];

    fn of(kv: KvType) -> Self {
        match kv {
            KvType::F32 => Self::Single,
            _ if kv.quantised() => Self::Blocks,
            _ => Self::Half,
        }
    }
}

/// The settings that change the shape of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Variant {
    /// Flash attention.
    pub(super) flash: bool,
    /// Key cache.
    pub(super) k: Stored,
    /// Value cache.
    pub(super) v: Stored,
}

impl Variant {
    /// How many there are.
    pub(super) const COUNT: usize = 2 * Stored::ALL.len() * Stored::ALL.len();

    pub(super) fn of(flash: bool, kv: KvPair) -> Self {
        Self { flash, k: Stored::of(kv.k), v: Stored::of(kv.v) }
    }

    /// A number below [`Self::COUNT`].
    pub(super) const fn index(self) -> usize {
        (self.flash as usize * 3 + self.k as usize) * 3 + self.v as usize
    }
}
