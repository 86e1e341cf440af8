//! Sizes that depend on the call: sums of a few products of tokens, rows, streams and cells.

use std::ops::{Add, Mul};

/// How many products a size is a sum of.
const TERMS: usize = 8;

/// A size in bytes (or numbers) as a sum over the quantities of a call, so that one graph serves every call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Size([u64; TERMS]);

impl Size {
    /// Nothing.
    pub(super) const ZERO: Self = Self([0; TERMS]);

    const fn term(i: usize, n: u64) -> Self {
        let mut terms = [0; TERMS];
        terms[i] = n;
        Self(terms)
    }

    /// `n` whatever the call is.
    pub(super) const fn fixed(n: u64) -> Self {
        Self::term(0, n)
    }

    /// `n` per token of the micro-batch.
    pub(super) const fn per_token(n: u64) -> Self {
        Self::term(1, n)
    }

    /// `n` per row of logits.
    pub(super) const fn per_output(n: u64) -> Self {
        Self::term(2, n)
    }

    /// `n` per stream.
    pub(super) const fn per_stream(n: u64) -> Self {
        Self::term(3, n)
    }

    /// `n` per token and cell of a cache.
    pub(super) const fn per_token_and_cell(n: u64, cells: Cells) -> Self {
        Self::term(4 + cells as usize, n)
    }

    /// `n` per cell of a cache, over all its streams.
    pub(super) const fn per_cell(n: u64, cells: Cells) -> Self {
        Self::term(6 + cells as usize, n)
    }

    /// The size in one call; saturates.
    pub(super) fn at(&self, call: &Call) -> u64 {
        self.0.iter().zip(&call.0).fold(0, |sum: u64, (&n, &of)| sum.saturating_add(n.saturating_mul(of)))
    }

    /// Whether this is at least as large as `other` in every call.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a >= b)
    }
}

impl Add for Size {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let mut sum = self;
        for (a, b) in sum.0.iter_mut().zip(other.0) {
            *a = a.saturating_add(b);
        }
        sum
    }
}

impl Mul<u64> for Size {
    type Output = Self;
    fn mul(self, n: u64) -> Self {
        Self(self.0.map(|a| a.saturating_mul(n)))
    }
}

/// Which of the two caches of a model with sliding windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Cells {
    /// Of the whole context.
    Full = 0,
    /// Of the window.
    Window = 1,
}

/// The quantities of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Call([u64; TERMS]);

impl Call {
    /// A call that computes `tokens` at once, wants `outputs` rows of logits, serves `streams` sequences, and looks at
    /// `cells` cells per cache and stream, of which there are `cache_streams`.
    pub(super) fn new(tokens: u64, outputs: u64, streams: u64, cells: [u64; 2], cache_streams: u64) -> Self {
        let [full, window] = cells;
        Self([
            1,
            tokens,
            outputs,
            streams,
            tokens.saturating_mul(full),
            tokens.saturating_mul(window),
            full.saturating_mul(cache_streams),
            window.saturating_mul(cache_streams),
        ])
    }
}
