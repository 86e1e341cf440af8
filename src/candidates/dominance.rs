//! Dropping candidates that another one beats in every respect.
//!
//! One respect may be lost: on a device that has an accelerator the processor is no alternative for the sake of the last per
//! cent of quality. Whoever buys the accelerator wants it used, in any format within the loss that the scenario accepts.

use super::Candidate;
use crate::domain::Backend;
use crate::units::{Bytes, Micros, Share};

/// Most pools of a device: those of three cards and of their host.
const POOLS: usize = 4;

/// What counts when two candidates of one workload on one device in one mode are compared: less is better everywhere.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Merits<'a> {
    memory: [Bytes; POOLS],
    framework: [Bytes; POOLS],
    load: Share,
    latency: Micros,
    /// Whether it runs on the processor, which leaves what accelerator there is idle.
    on_processor: bool,
    quality_loss: Share,
    /// What breaks ties between plans of equal cost and loss.
    doubts: u32,
    slowness: u32,
    /// Only candidates of one runtime are compared when a process is shared; otherwise the same for all.
    runtime: &'a str,
}

impl Merits<'_> {
    fn no_worse_than(&self, other: &Self) -> bool {
        self.runtime == other.runtime
            && self.memory.iter().zip(&other.memory).all(|(a, b)| a <= b)
            && self.framework.iter().zip(&other.framework).all(|(a, b)| a <= b)
            && self.load <= other.load
            && self.latency <= other.latency
            && ((!self.on_processor && other.on_processor)
                || self.on_processor == other.on_processor
                    && self.quality_loss <= other.quality_loss
                    && self.doubts <= other.doubts
                    && self.slowness <= other.slowness)
    }
}

fn merits<'a>(candidate: &Candidate<'a>, process_shared: bool) -> Merits<'a> {
    let mut memory = [Bytes::ZERO; POOLS];
    let mut framework = [Bytes::ZERO; POOLS];
    for (i, (own, shared)) in candidate.own().zip(candidate.framework()).take(POOLS).enumerate() {
        if process_shared {
            memory[i] = own;
            framework[i] = shared;
        } else {
            memory[i] = own + shared;
        }
    }
    Merits {
        memory,
        framework,
        load: candidate.load,
        latency: candidate.latency.map_or(Micros::default(), |(alone, _)| alone),
        on_processor: candidate.runtime.backend == Backend::Cpu,
        quality_loss: candidate.quality_loss,
        doubts: candidate.doubts(),
        slowness: candidate.slowness(),
        runtime: if process_shared { candidate.runtime_id } else { "" },
    }
}

/// Keeps, in order, the candidates of one workload on one device in one mode that no other one beats. Of equals the one
/// with the smallest configuration stays: the one that the last tie-break would take.
pub(super) fn undominated<'a>(candidates: Vec<Candidate<'a>>, process_shared: bool) -> Vec<Candidate<'a>> {
    if candidates.len() < 2 {
        return candidates;
    }
    let mut order: Vec<(Merits<'a>, usize)> =
        candidates.iter().enumerate().map(|(i, c)| (merits(c, process_shared), i)).collect();
    order.sort_by(|(a, i), (b, j)| {
        a.cmp(b).then_with(|| super::configurations::order(&candidates[*i], &candidates[*j])).then(i.cmp(j))
    });
    // Whatever beats a candidate sorts before it, so one pass over those kept so far is enough.
    let mut kept: Vec<(Merits<'a>, usize)> = Vec::new();
    for (merits, i) in order {
        if !kept.iter().any(|(k, _)| k.no_worse_than(&merits)) {
            kept.push((merits, i));
        }
    }
    let mut keep = vec![false; candidates.len()];
    for (_, i) in kept {
        keep[i] = true;
    }
    candidates.into_iter().zip(keep).filter_map(|(c, k)| k.then_some(c)).collect()
}
