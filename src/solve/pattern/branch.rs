//! The search over how many devices of each kind are bought, with the pattern bound in every node.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::super::watch::{Stopped, Watch};
use super::dive::Cover;
use super::master::{Effort, Master, Relaxed, Task, Weights};
use super::price::Total;

/// Column generation in a node.
const NODE: Effort =
    Effort { rounds: 400, nodes: (2_000, 200_000), enough: f64::INFINITY, steps: 3_000_000, near: 0.1 };

/// Steps for looking after a better cover when a new one was found.
const POLISH: u64 = 1_000_000;

/// Most ways down from a node.
const TRIES: usize = 4;

/// How many ways down are tried from a node: many early on, when any cover is news, later few, so that the bound rises.
const fn tries(number: usize) -> usize {
    if number == 0 {
        TRIES
    } else if number.is_power_of_two() {
        2
    } else if number.is_multiple_of(3) {
        1
    } else {
        0
    }
}

/// A part of the search.
struct Node {
    task: Task,
    weights: Weights,
}

/// What the search found out.
pub(super) struct Branched {
    pub(super) cover: Option<Cover>,
    /// No cover costs less.
    pub(super) bound: f64,
    pub(super) stopped: bool,
}

/// Searches covers that cost less than the one given; `root` is what is known of the whole task, `ceiling` more than any cover can cost, `cent` the least by
/// which two covers differ, `steps` the most to spend.
pub(super) fn search(
    master: &mut Master,
    task: &Task,
    root: &Relaxed,
    (mut cover, ceiling): (Option<Cover>, f64),
    cent: f64,
    steps: u64,
    watch: &mut Watch,
) -> Branched {
    let until = watch.steps + steps;
    let mut nodes: Vec<Option<Node>> = vec![Some(Node { task: task.clone(), weights: root.weights.clone() })];
    let mut open: BinaryHeap<Reverse<(Total, Reverse<usize>)>> = BinaryHeap::new();
    open.push(Reverse((Total(root.bound), Reverse(0))));
    // What was given up.
    let mut left = f64::INFINITY;
    let mut stopped = false;
    let mut bound = root.bound;
    while let Some(Reverse((Total(least), Reverse(number)))) = open.pop() {
        let limit = cover.as_ref().map_or(ceiling, |cover| cover.cost - cent);
        bound = least.max(bound).min(left);
        if least > limit {
            bound = left;
            break;
        }
        let Some(node) = nodes[number].take() else { continue };
        if watch.steps >= until {
            left = left.min(least);
            break;
        }
        match work(master, node, tries(number), least, (&mut cover, ceiling), cent, watch) {
            Ok(Work::Done) => {}
            Ok(Work::Unsettled(least)) => left = left.min(least),
            Ok(Work::Children(least, children)) => {
                for child in children {
                    open.push(Reverse((Total(least), Reverse(nodes.len()))));
                    nodes.push(Some(child));
                }
            }
            Err(Stopped) => {
                stopped = true;
                left = left.min(least);
                break;
            }
        }
    }
    if open.is_empty() || left.is_finite() {
        bound = left.min(open.peek().map_or(f64::INFINITY, |Reverse((Total(least), _))| *least));
    }
    let bound = bound.min(cover.as_ref().map_or(ceiling, |cover| cover.cost));
    Branched { cover, bound, stopped }
}

enum Work {
    Done,
    /// Nothing more to branch on, and no cover found: none costs less than this.
    Unsettled(f64),
    Children(f64, Vec<Node>),
}

fn work(
    master: &mut Master,
    mut node: Node,
    tries: usize,
    least: f64,
    (cover, ceiling): (&mut Option<Cover>, f64),
    cent: f64,
    watch: &mut Watch,
) -> Result<Work, Stopped> {
    let limit = |cover: &Option<Cover>| cover.as_ref().map_or(ceiling, |cover| cover.cost - cent);
    let effort = Effort { enough: limit(cover) + cent * 0.5, ..NODE };
    let relaxed = master.relax(&node.task, &node.weights, effort, watch)?;
    let bound = relaxed.bound.max(least);
    if bound > limit(cover) {
        return Ok(Work::Done);
    }
    if relaxed.feasible {
        let found = master.dive(&node.task, &relaxed.weights, limit(cover) + cent * 0.5, tries, watch)?;
        if let Some(found) = found {
            let mut whole = node.task.clone();
            whole.counts.iter_mut().for_each(|counts| *counts = (0, whole.slots));
            whole.allowed = master.unit.kinds.iter().map(|kind| kind.able).collect();
            *cover = Some(match master.polish(&whole, &relaxed.weights, found, bound, POLISH, watch) {
                Ok(found) => found,
                Err((found, stopped)) => {
                    *cover = Some(found);
                    return Err(stopped);
                }
            });
        }
        if bound > limit(cover) {
            return Ok(Work::Done);
        }
    }
    // More devices of a kind than the best cover leaves room for are out.
    let room = limit(cover) - relaxed.bound;
    for (counts, &excess) in node.task.counts.iter_mut().zip(&relaxed.excess) {
        if excess > 1e-9 && room.is_finite() {
            let more = (room / excess * (1.0 + 1e-9)).floor().clamp(0.0, 1e6) as u32;
            counts.1 = counts.1.min(counts.0 + more);
        }
    }
    let mut parts = vec![0.0; node.task.counts.len()];
    for &(pattern, part) in &relaxed.used {
        let seat = &master.seats[master.patterns[pattern as usize].seat as usize];
        parts[seat.kind] += part;
    }
    let price = |kind: usize| {
        let seats = master.seats.iter().filter(|seat| seat.kind == kind).map(|seat| seat.price);
        seats.fold(f64::INFINITY, f64::min)
    };
    // The kind whose number is furthest from whole, in money.
    let torn = |kind: usize| {
        let part = parts[kind] - parts[kind].floor();
        part.min(1.0 - part) * price(kind)
    };
    let kinds = || (0..parts.len()).filter(|&kind| node.task.counts[kind].0 < node.task.counts[kind].1);
    let fractional = kinds().filter(|&kind| (parts[kind] - parts[kind].round()).abs() > 1e-4);
    let child = |kind: usize, counts: (u32, u32)| {
        let mut task = node.task.clone();
        task.counts[kind] = counts;
        Node { task, weights: relaxed.weights.clone() }
    };
    if let Some(kind) = fractional.max_by(|&a, &b| torn(a).total_cmp(&torn(b)).then(b.cmp(&a))) {
        let (low, high) = node.task.counts[kind];
        let down = (parts[kind].floor() as u32).clamp(low, high - 1);
        return Ok(Work::Children(bound, vec![child(kind, (low, down)), child(kind, (down + 1, high))]));
    }
    // All numbers are whole: where an item goes.
    let mut places: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for &(pattern, part) in &relaxed.used {
        let pattern = &master.patterns[pattern as usize];
        let kind = master.seats[pattern.seat as usize].kind;
        for item in pattern.set.iter().filter(|&item| node.task.demand[item] == 1) {
            *places.entry((item, kind)).or_default() += part;
        }
    }
    let torn = |&(&(item, _), &part): &(&(usize, usize), &f64)| part.min(1.0 - part) * relaxed.weights.worth[item];
    let split = places.iter().filter(|(_, part)| (0.01..0.99).contains(*part));
    if let Some((&(item, kind), _)) = split.max_by(|a, b| torn(a).total_cmp(&torn(b)).then(b.0.cmp(a.0))) {
        let (mut here, mut elsewhere) = (node.task.clone(), node.task.clone());
        for (other, allowed) in here.allowed.iter_mut().enumerate() {
            if other != kind {
                *allowed = allowed.without(item);
            }
        }
        elsewhere.allowed[kind] = elsewhere.allowed[kind].without(item);
        let child = |task| Node { task, weights: relaxed.weights.clone() };
        return Ok(Work::Children(bound, vec![child(elsewhere), child(here)]));
    }
    // Settle one number after the other.
    if let Some(kind) = kinds().max_by(|&a, &b| (parts[a] * price(a)).total_cmp(&(parts[b] * price(b))).then(b.cmp(&a)))
    {
        let (low, high) = node.task.counts[kind];
        let here = (parts[kind].round() as u32).clamp(low, high);
        let mut children = vec![child(kind, (here, here))];
        if here > low {
            children.push(child(kind, (low, here - 1)));
        }
        if here < high {
            children.push(child(kind, (here + 1, high)));
        }
        return Ok(Work::Children(bound, children));
    }
    Ok(Work::Unsettled(bound))
}
