//! Maps whose keys are hashes already: an estimate looks up some twenty names, so they are not hashed twice.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Values by the hash of their names.
pub(in crate::speed) type ByHash<V> = HashMap<u64, V, BuildHasherDefault<Identity>>;

/// Leaves a key as it is.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::speed) struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, n: u64) {
        self.0 = n;
    }
}
