//! What is asked of a search and what it answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::problem::Assignment;

/// Most pools that a host may have.
pub const MAX_POOLS: usize = 4;

/// Most workloads that a site class may have, those that must be together counted as one.
pub const MAX_ITEMS: usize = 128;

/// From so many items on bounding by patterns pays.
const PATTERNS_FROM: usize = 12;

/// When a search must end.
#[derive(Debug, Clone, Copy)]
pub struct SearchLimits<'a> {
    /// Wall time; the answer is then the best plan found and a proven bound. Without it the search runs to its end.
    pub time: Option<Duration>,
    /// Set by the caller to end the search like a time limit.
    pub cancel: Option<&'a AtomicBool>,
    /// Most steps: ends the search like a limit of time, but at the same point on every machine.
    pub steps: Option<u64>,
    /// Steps spent on deciding between plans of equal objective before the best of them so far is taken. Steps and not
    /// time: the same input gives the same plan on every machine.
    pub tie_steps: u64,
    /// From so many items (workloads, those that must be together counted as one) on, units of several devices are
    /// bounded by patterns as well. That changes how fast the answer comes, never the answer.
    pub patterns_from: usize,
}

impl Default for SearchLimits<'_> {
    /// No limit of time, and steps for about a second.
    fn default() -> Self {
        Self { time: None, cancel: None, steps: None, tie_steps: 2_000_000, patterns_from: PATTERNS_FROM }
    }
}

impl SearchLimits<'_> {
    /// Whether a search under these limits would end before it began: no time is left, or the caller asked for an end.
    #[must_use]
    pub fn spent(&self) -> bool {
        self.time.is_some_and(|time| time.is_zero()) || self.cancel.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// What is left of them after so much time.
    #[must_use]
    pub fn after(&self, elapsed: Duration) -> Self {
        Self { time: self.time.map(|time| time.saturating_sub(elapsed)), ..*self }
    }
}

/// What a search looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The best plan.
    Plan,
    /// The next best plan of this number, from 1.
    Alternative(usize),
    /// The best plan under a restriction that the question does not have.
    Comparison,
}

/// How far a search is, about once a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being looked for.
    pub goal: Goal,
    /// The objective of the best plan so far, in cents or milliwatts.
    pub best: Option<u64>,
    /// No plan has a smaller objective.
    pub bound: u64,
    /// Time since the start.
    pub elapsed: Duration,
}

/// What a search found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// No plan is better.
    Optimal,
    /// A plan, but the limits ended the search before a better one could be excluded.
    Feasible,
    /// No plan exists.
    Infeasible,
    /// The limits ended the search before any plan was found.
    Unknown,
}

/// The answer to a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What is proven.
    pub status: Status,
    /// The objective of the plan: cents (capex; tco rounded once) or milliwatts (power).
    pub value: Option<u64>,
    /// No plan has a smaller objective; the value itself when optimal, 0 when infeasible.
    pub bound: u64,
    /// The plan.
    pub assignment: Option<Assignment>,
    /// Whether the plan is also proven the first in the order among plans of this objective.
    pub first_of_equals: bool,
    /// Steps of the search: the same on every machine unless a limit ended it.
    pub steps: u64,
}
