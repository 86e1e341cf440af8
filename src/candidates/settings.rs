//! A memory setting is changed only where the factory's does not do: candidates of a device in an enlarged setting are left
//! out where the same power mode holds everything that its unit must run in a setting nearer to the factory's.
//!
//! That loses no plan: whatever such a device would host, it can host without the change, at the same price and draw.

use std::collections::BTreeMap;

use super::Candidate;
use super::refusal::Refusal;
use crate::scenario::Scenario;
use crate::solve::required;
use crate::units::{Bytes, PPM};

/// More combinations of configurations than this are not looked at; the candidates then stay.
const MOST: usize = 2000;

/// What some workloads take together.
#[derive(Clone, PartialEq)]
struct Taken {
    memory: Vec<Bytes>,
    load: u64,
    /// Least of what the latency targets allow in total.
    cap: u64,
}

impl Taken {
    fn no_more_than(&self, other: &Self) -> bool {
        self.memory.iter().zip(&other.memory).all(|(a, b)| a <= b) && self.load <= other.load && self.cap >= other.cap
    }
}

/// Leaves out the candidates of settings that are not needed; where all are kept they are marked.
pub(super) fn leave_out_needless(scenario: &Scenario, candidates: &mut Vec<Candidate<'_>>, keep: bool) {
    // The candidates of each device of a site that has settings, by power mode, by step from the factory's setting.
    let mut steps: BTreeMap<(usize, usize, &str), BTreeMap<u32, Vec<usize>>> = BTreeMap::new();
    for (i, candidate) in candidates.iter().enumerate() {
        let has_settings = candidate.device.modes.iter().any(|m| m.setting.is_some());
        if has_settings && candidate.refusal.is_none() {
            let key = (candidate.site, candidate.device_index, candidate.mode.power_id());
            let step = candidate.mode.setting.as_ref().map_or(0, |s| s.step);
            steps.entry(key).or_default().entry(step).or_default().push(i);
        }
    }
    let mut needless = Vec::new();
    for ((site, ..), by_step) in &steps {
        let last = by_step.keys().next_back().copied().unwrap_or(0);
        let enough = by_step.iter().find(|(step, own)| **step < last && hosts_all(scenario, *site, candidates, own));
        if let Some((enough, _)) = enough {
            needless.extend(by_step.range(enough + 1..).flat_map(|(_, own)| own.iter().copied()));
        }
    }
    if needless.is_empty() {
        return;
    }
    let mut left_out = vec![false; candidates.len()];
    needless.into_iter().for_each(|i| left_out[i] = true);
    if keep {
        for (candidate, _) in candidates.iter_mut().zip(&left_out).filter(|(_, out)| **out) {
            candidate.refusal = Some(Refusal::SettingNotNeeded);
        }
    } else {
        let mut left_out = left_out.into_iter();
        candidates.retain(|_| !left_out.next().unwrap_or(false));
    }
}

/// Whether one device holds all workloads of its site at once with some of these candidates. Processes are counted as if
/// none were shared, so that a yes is always right.
fn hosts_all(scenario: &Scenario, site: usize, candidates: &[Candidate<'_>], own: &[usize]) -> bool {
    let Some(first) = own.first().map(|&i| &candidates[i]) else { return false };
    let pools = first.pools();
    let mut all = vec![Taken { memory: pools.iter().map(|p| p.os).collect(), load: 0, cap: u64::MAX }];
    for workload in 0..scenario.sites[site].workloads.len() {
        let mut next: Vec<Taken> = Vec::new();
        let choices = own.iter().map(|&i| &candidates[i]).filter(|c| c.workload == workload);
        for choice in choices {
            for taken in &all {
                let grown = with(taken, choice);
                let fits = grown.memory.iter().zip(pools).all(|(m, p)| required(*m, scenario.headroom) <= p.capacity);
                if !fits || grown.load > scenario.max_load.0 || grown.load > grown.cap {
                    continue;
                }
                if !next.iter().any(|known| known.no_more_than(&grown)) {
                    next.retain(|known| !grown.no_more_than(known));
                    next.push(grown);
                }
            }
        }
        if next.is_empty() || next.len() > MOST {
            return false;
        }
        all = next;
    }
    true
}

fn with(taken: &Taken, choice: &Candidate<'_>) -> Taken {
    let memory = taken.memory.iter().zip(choice.own().zip(choice.framework()));
    let memory = memory.map(|(sum, (own, framework))| *sum + own + framework).collect();
    let cap = match choice.latency {
        // What others may take so that alone / (1 - others) keeps the target.
        Some((alone, target)) => {
            let share = (u128::from(alone.0) * u128::from(PPM)).div_ceil(u128::from(target.0.max(1)));
            let others = u64::try_from(share).ok().and_then(|share| PPM.checked_sub(share)).unwrap_or(0);
            taken.cap.min(others.saturating_add(choice.load.0))
        }
        None => taken.cap,
    };
    Taken { memory, load: taken.load.saturating_add(choice.load.0), cap }
}
