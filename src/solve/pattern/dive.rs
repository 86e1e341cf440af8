//! Whole covers: from the fractional cover down, one pattern after the other, and then parts of the cover anew.

use std::collections::HashSet;

use super::super::set::Set;
use super::super::watch::{Stopped, Watch};
use super::master::{Effort, Master, Pattern, Task, Weights};

/// Patterns of which so much is in the fractional cover are taken together.
const NEARLY: f64 = 0.85;

/// Column generation on the way down.
const DOWN: Effort = Effort { rounds: 12, nodes: (1_000, 4_000), enough: f64::INFINITY, steps: u64::MAX, near: 0.5 };

/// Most devices that are taken out at once.
const MOST: usize = 5;

/// A whole cover.
#[derive(Debug, Clone)]
pub(super) struct Cover {
    pub(super) patterns: Vec<Pattern>,
    pub(super) cost: f64,
}

impl Cover {
    pub(super) fn new(patterns: Vec<Pattern>) -> Self {
        let cost = patterns.iter().map(|pattern| pattern.cost).sum();
        Self { patterns, cost }
    }
}

impl Master<'_> {
    /// A pattern without the items that need no cover.
    fn shrunk(&self, pattern: &Pattern, task: &Task) -> Pattern {
        let seat = &self.seats[pattern.seat as usize];
        let mut takes = pattern.takes.clone();
        let allowed = task.allowed[seat.kind];
        takes.retain(|&(item, _)| task.demand[usize::from(item)] > 0 && allowed.contains(usize::from(item)));
        let own: f64 = takes.iter().map(|&(item, way)| seat.uses[usize::from(item)][usize::from(way)].own).sum();
        let set = takes.iter().fold(Set::EMPTY, |set, &(item, _)| set.with(usize::from(item)));
        Pattern { seat: pattern.seat, takes, set, cost: seat.price + own }
    }

    /// A whole cover that costs less than `limit`, found by fixing patterns of the fractional cover.
    pub(super) fn dive(
        &mut self,
        task: &Task,
        start: &Weights,
        limit: f64,
        tries: usize,
        watch: &mut Watch,
    ) -> Result<Option<Cover>, Stopped> {
        let mut shunned = HashSet::new();
        for _ in 0..tries {
            let mut first = Vec::new();
            if let Some(cover) = self.descend(task, start, limit, &shunned, &mut first, watch)? {
                return Ok(Some(cover));
            }
            shunned.extend(first);
        }
        Ok(None)
    }

    /// One way down: `shunned` are patterns that are not taken first, `first` those that were.
    fn descend(
        &mut self,
        task: &Task,
        start: &Weights,
        limit: f64,
        shunned: &HashSet<u32>,
        first: &mut Vec<u32>,
        watch: &mut Watch,
    ) -> Result<Option<Cover>, Stopped> {
        let mut task = task.clone();
        let mut weights = start.clone();
        let mut chosen: Vec<Pattern> = Vec::new();
        let mut cost = 0.0;
        while task.demand.iter().any(|&copies| copies > 0) {
            if task.slots == 0 {
                return Ok(None);
            }
            let relaxed = self.relax(&task, &weights, Effort { enough: limit - cost, ..DOWN }, watch)?;
            if cost + relaxed.bound >= limit || !relaxed.feasible {
                return Ok(None);
            }
            weights = relaxed.weights;
            let mut used = relaxed.used;
            used.sort_by(|a, b| {
                let late = |number: &u32| first.is_empty() && shunned.contains(number);
                late(&a.0).cmp(&late(&b.0)).then(b.1.total_cmp(&a.1)).then(a.0.cmp(&b.0))
            });
            let opening = first.is_empty();
            let mut taken = 0;
            for (number, part) in used {
                let pattern = self.shrunk(&self.patterns[number as usize], &task);
                let whole = pattern.takes.len() == self.patterns[number as usize].set.iter().count();
                let none = task.slots == 0 || task.counts[self.seats[pattern.seat as usize].kind].1 == 0;
                if taken > 0 && (part < NEARLY || !whole) || pattern.takes.is_empty() || none {
                    continue;
                }
                taken += 1;
                if opening {
                    first.push(number);
                }
                cost += pattern.cost;
                task.cover(&pattern, &self.seats[pattern.seat as usize]);
                chosen.push(pattern);
            }
            if taken == 0 || cost >= limit || task.power.is_some_and(|power| power < 0.0) {
                return Ok(None);
            }
        }
        Ok(Some(Cover::new(chosen)))
    }

    /// Takes some devices out and covers what they hosted anew, as long as that pays and steps are left.
    pub(super) fn polish(
        &mut self,
        whole: &Task,
        weights: &Weights,
        mut cover: Cover,
        bound: f64,
        steps: u64,
        watch: &mut Watch,
    ) -> Result<Cover, (Cover, Stopped)> {
        let until = watch.steps + steps;
        let mut tried: HashSet<Vec<(u32, Set)>> = HashSet::new();
        let mut size = 2;
        while size <= MOST.min(cover.patterns.len()) && watch.steps < until && cover.cost > bound * (1.0 + 1e-9) {
            let mut better = None;
            for part in parts(self, weights, &cover, size) {
                let key = part.iter().map(|&p| (cover.patterns[p].seat, cover.patterns[p].set)).collect::<Vec<_>>();
                if !tried.insert(key) {
                    continue;
                }
                if watch.steps >= until {
                    break;
                }
                match self.renewed(whole, weights, &cover, &part, watch) {
                    Ok(None) => {}
                    Ok(found) => {
                        better = found;
                        break;
                    }
                    Err(stopped) => return Err((cover, stopped)),
                }
            }
            match better {
                Some(found) => {
                    cover = found;
                    size = 2;
                }
                None => size += 1,
            }
        }
        Ok(cover)
    }

    /// The cover with some devices replaced by cheaper ones, if a dive finds such.
    fn renewed(
        &mut self,
        whole: &Task,
        weights: &Weights,
        cover: &Cover,
        part: &[usize],
        watch: &mut Watch,
    ) -> Result<Option<Cover>, Stopped> {
        let mut task = whole.clone();
        let (mut kept, mut cost) = (Vec::new(), 0.0);
        for (number, pattern) in cover.patterns.iter().enumerate() {
            if part.contains(&number) {
                cost += pattern.cost;
            } else {
                task.cover(pattern, &self.seats[pattern.seat as usize]);
                kept.push(pattern.clone());
            }
        }
        let Some(found) = self.dive(&task, weights, cost * (1.0 - 1e-9), 1, watch)? else { return Ok(None) };
        kept.extend(found.patterns);
        Ok(Some(Cover::new(kept)))
    }
}

/// Sets of so many devices, those first that cost most beyond what they host is worth.
fn parts(master: &Master, weights: &Weights, cover: &Cover, size: usize) -> Vec<Vec<usize>> {
    let excess = |pattern: &Pattern| {
        let worth: f64 = pattern.takes.iter().map(|&(item, _)| weights.worth[usize::from(item)]).sum();
        pattern.cost + weights.device + weights.power * master.seats[pattern.seat as usize].power - worth
    };
    let mut ranked: Vec<(f64, usize)> = cover.patterns.iter().map(excess).zip(0..).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut all: Vec<(f64, Vec<usize>)> = Vec::new();
    combine(&ranked, 0, size, 0.0, &mut Vec::new(), &mut all);
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    all.into_iter().map(|(_, part)| part).collect()
}

/// More sets than this are not listed.
const LISTED: usize = 4000;

fn combine(
    ranked: &[(f64, usize)],
    from: usize,
    size: usize,
    sum: f64,
    part: &mut Vec<usize>,
    all: &mut Vec<(f64, Vec<usize>)>,
) {
    if part.len() == size {
        let mut sorted = part.clone();
        sorted.sort_unstable();
        all.push((sum, sorted));
        return;
    }
    for position in from..ranked.len() {
        if all.len() >= LISTED {
            return;
        }
        part.push(ranked[position].1);
        combine(ranked, position + 1, size, sum + ranked[position].0, part, all);
        part.pop();
    }
}
