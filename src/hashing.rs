//! Maps that are asked millions of times in one run: names of a table, sizes of a graph, sets of items.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map whose keys are hashed eight bytes at a time. Nothing may depend on its order, and nothing in it comes from anyone but
/// the user, so nobody gains by choosing keys that collide.
pub(crate) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<QuickHasher>>;

/// Multiplies and rotates.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct QuickHasher(u64);

/// An odd number without structure (the golden ratio in 64 bits).
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for QuickHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(last));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(25) ^ value).wrapping_mul(FACTOR);
        self.0 ^= self.0 >> 32;
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    // The table takes the place of an entry from the low bits and tells neighbours apart by the high ones.
    fn finish(&self) -> u64 {
        self.0.wrapping_mul(FACTOR)
    }
}
