//! Keeps the time, counts steps and passes on progress.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::answer::{Goal, Progress, SearchLimits};

/// The limits ended the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stopped;

/// Steps between two looks at the clock.
const LOOK: u64 = 1024;

/// Time between two reports of progress.
const REPORT: Duration = Duration::from_secs(1);

/// The clock of one search.
pub(super) struct Watch<'a> {
    limits: &'a SearchLimits<'a>,
    report: &'a mut dyn FnMut(Progress),
    start: Instant,
    next_look: u64,
    until: u64,
    next_report: Duration,
    /// What is being looked for.
    pub(super) goal: Goal,
    /// Steps so far.
    pub(super) steps: u64,
    /// Steps that decisions between equal plans may still take.
    pub(super) ties_left: u64,
    /// Best objective so far and proven bound, in cents or milliwatts.
    pub(super) best: Option<u64>,
    pub(super) bound: u64,
}

impl<'a> Watch<'a> {
    pub(super) fn new(limits: &'a SearchLimits<'a>, report: &'a mut dyn FnMut(Progress)) -> Self {
        Self {
            limits,
            report,
            start: Instant::now(),
            next_look: LOOK,
            until: u64::MAX,
            next_report: REPORT,
            goal: Goal::Plan,
            steps: 0,
            ties_left: limits.tie_steps,
            best: None,
            bound: 0,
        }
    }

    /// From so many items on patterns are used.
    pub(super) const fn patterns_from(&self) -> usize {
        self.limits.patterns_from
    }

    /// Counts steps; an error when the limits end the search.
    pub(super) fn step(&mut self, steps: u64) -> Result<(), Stopped> {
        self.steps += steps;
        if self.steps < self.next_look { Ok(()) } else { self.look() }
    }

    /// Does something within so many steps; nothing when they did not suffice, an error when the limits end the search.
    pub(super) fn within<T>(
        &mut self,
        steps: u64,
        work: impl FnOnce(&mut Self) -> Result<T, Stopped>,
    ) -> Result<Option<T>, Stopped> {
        self.until = self.steps.saturating_add(steps);
        self.next_look = self.next_look.min(self.until);
        let result = work(self);
        let spent = self.steps >= self.until;
        self.until = u64::MAX;
        match result {
            Ok(done) => Ok(Some(done)),
            Err(Stopped) if spent => {
                self.next_look = self.steps;
                Ok(None)
            }
            Err(Stopped) => Err(Stopped),
        }
    }

    fn look(&mut self) -> Result<(), Stopped> {
        if self.steps >= self.until {
            return Err(Stopped);
        }
        self.next_look = self.until.min(self.steps + LOOK);
        let elapsed = self.start.elapsed();
        if elapsed >= self.next_report {
            self.next_report = elapsed + REPORT;
            (self.report)(Progress { goal: self.goal, best: self.best, bound: self.bound, elapsed });
        }
        let late = self.limits.time.is_some_and(|time| elapsed >= time);
        let cancelled = self.limits.cancel.is_some_and(|flag| flag.load(Ordering::Relaxed));
        let enough = self.limits.steps.is_some_and(|most| self.steps >= most);
        if late || cancelled || enough { Err(Stopped) } else { Ok(()) }
    }

    /// Counts steps of a decision between equal plans; false when no more are to be spent on it.
    pub(super) fn tie_step(&mut self, steps: u64) -> Result<bool, Stopped> {
        self.ties_left = self.ties_left.saturating_sub(steps);
        self.step(steps)?;
        Ok(self.ties_left > 0)
    }
}
