//! Small sets of item numbers.

/// A set of numbers below 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Set(u128);

impl Set {
    pub(super) const EMPTY: Self = Self(0);

    pub(super) const fn with(self, number: usize) -> Self {
        Self(self.0 | 1 << number)
    }

    pub(super) const fn without(self, number: usize) -> Self {
        Self(self.0 & !(1 << number))
    }

    pub(super) const fn contains(self, number: usize) -> bool {
        self.0 >> number & 1 == 1
    }

    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn highest(self) -> Option<usize> {
        if self.0 == 0 { None } else { Some(127 - self.0.leading_zeros() as usize) }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            (left != 0).then(|| {
                let number = left.trailing_zeros() as usize;
                left &= left - 1;
                number
            })
        })
    }
}
