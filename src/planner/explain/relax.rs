//! The smallest changes that open a plan, each planned again.

use super::ask::{Asker, Found, Verdict};
use super::knobs::{Change, Gauge, Knob};
use super::number::Grid;
use crate::figures::with_separators;
use crate::scenario::{Document, Path};
use crate::yaml::{Node, Value};

/// A change of fewer steps than this is looked for on a finer grid: rounding would make it noticeably larger than needed.
const COARSE: i64 = 20;
/// Pairs that are worked out to the smallest change.
const PAIRS: usize = 6;
/// Pairs that are tried at all.
const TRIED_PAIRS: usize = 1500;

/// A knob turned as little as opens a plan.
#[derive(Debug, Clone)]
pub(super) struct Turned {
    pub(super) path: Path,
    pub(super) value: Node,
    pub(super) text: String,
}

/// A set of changes and the plan that they open.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    pub(super) turned: Vec<Turned>,
    pub(super) found: Found,
}

/// All single changes that open a plan, cheapest plans first; when there are none, the cheapest pairs; when there are none
/// either, one set of changes from which none can be left out.
pub(super) fn openings(asker: &Asker<'_>, doc: &Document, knobs: &[Knob], cores: &[Document]) -> Vec<Opening> {
    let mut found: Vec<Opening> = (0..knobs.len())
        .filter_map(|k| {
            let (turned, found) = smallest(asker, doc, knobs, k)?;
            Some(Opening { turned: vec![turned], found })
        })
        .collect();
    if found.is_empty() {
        found = pairs(asker, doc, knobs, cores);
    }
    if found.is_empty() {
        found.extend(many(asker, doc, knobs));
    }
    found.sort_by_key(|o| o.found.value);
    found
}

/// A document with a knob turned as far as it goes.
fn loosest(doc: &Document, knob: &Knob) -> Option<Document> {
    let value = match &knob.change {
        Change::Value(node) => node.clone(),
        Change::Number { old, grid, finest, loosest, .. } => {
            let grid = if grid.percent { *grid } else { Grid { decimals: *finest, ..*grid } };
            let steps = ends(grid, *old, *loosest).1;
            grid.node(steps)
        }
    };
    doc.with(&knob.path, value).ok()
}

/// Where a number is and how far it may go, in steps of the grid; a rate never goes to nothing.
fn ends(grid: Grid, old: f64, loosest: f64) -> (i64, i64) {
    let exact = loosest * grid.per_unit();
    // Rounded inwards: never further than the loosest.
    let to = if loosest < old { (exact - 1e-6).ceil() } else { (exact + 1e-6).floor() } as i64;
    (grid.steps(old), if loosest == 0.0 { to.max(1) } else { to })
}

/// The smallest turn of one knob that opens a plan.
pub(super) fn smallest(asker: &Asker<'_>, doc: &Document, knobs: &[Knob], k: usize) -> Option<(Turned, Found)> {
    let knob = &knobs[k];
    match &knob.change {
        Change::Value(node) => {
            let found = asker.ask_as_is(&doc.with(&knob.path, node.clone()).ok()?).found()?;
            Some((Turned { path: knob.path.clone(), value: node.clone(), text: knob.text.clone() }, found))
        }
        Change::Number { old, grid, finest, loosest, gauge } => {
            let mut grid = *grid;
            let search = Search { asker, doc, knob, gauge };
            // A rate may have to go to a part of its last decimal: first whether any rate at all would do.
            let rate = *loosest == 0.0 && !grid.percent && grid.decimals < *finest;
            if rate {
                let fine = Grid { decimals: *finest, ..grid };
                search.at(fine, ends(fine, *old, *loosest).1).found()?;
            }
            loop {
                let (from, to) = ends(grid, *old, *loosest);
                let up = loosest > old;
                let room = if up { to > from } else { to < from };
                if room && let Verdict::Found(found) = search.at(grid, to) {
                    let (grid, steps, found) = search.nearest(grid, from, to, found, *finest)?;
                    let shown = grid.shown(steps);
                    let shown = match gauge {
                        Gauge::Price | Gauge::Power => with_separators(&shown),
                        Gauge::Search => shown,
                    };
                    let text = knob.text.replace("{}", &shown);
                    return Some((Turned { path: knob.path.clone(), value: grid.node(steps), text }, found));
                }
                // A grid with hardly a point between the number and nothing is too coarse to tell.
                if grid.percent || grid.decimals >= *finest || (!rate && (to - from).abs() > 5) {
                    return None;
                }
                grid.decimals += 1;
            }
        }
    }
}

struct Search<'s, 'a> {
    asker: &'s Asker<'a>,
    doc: &'s Document,
    knob: &'s Knob,
    gauge: &'s Gauge,
}

impl Search<'_, '_> {
    fn at(&self, grid: Grid, steps: i64) -> Verdict {
        self.doc.with(&self.knob.path, grid.node(steps)).map_or(Verdict::Invalid, |d| self.asker.ask_as_is(&d))
    }

    /// The point nearest to `from` that opens a plan, given that `to` does; nothing when the time runs out.
    fn nearest(
        &self,
        mut grid: Grid,
        mut from: i64,
        mut to: i64,
        mut found: Found,
        finest: u32,
    ) -> Option<(Grid, i64, Found)> {
        let mut shut = from;
        // What the plan costs or draws is a limit that it keeps: mostly the smallest one already.
        if let Some(figure) = self.figure(&found) {
            let enough = (figure * grid.per_unit() - 1e-6).ceil() as i64;
            for guess in [enough, enough - 1] {
                if guess > shut && guess < to {
                    match self.at(grid, guess) {
                        Verdict::Found(better) => (to, found) = (guess, better),
                        Verdict::Impossible | Verdict::Invalid => shut = guess,
                        Verdict::Unknown => return None,
                    }
                }
            }
        }
        loop {
            while (to - shut).abs() > 1 {
                let middle = shut + (to - shut) / 2;
                match self.at(grid, middle) {
                    Verdict::Found(better) => (to, found) = (middle, better),
                    Verdict::Impossible | Verdict::Invalid => shut = middle,
                    Verdict::Unknown => return None,
                }
            }
            if grid.decimals == 0 || grid.percent || grid.decimals >= finest || (to - from).abs() >= COARSE {
                return Some((grid, to, found));
            }
            grid.decimals += 1;
            (from, shut, to) = (from * 10, shut * 10, to * 10);
        }
    }

    fn figure(&self, found: &Found) -> Option<f64> {
        let units = found.units.iter().filter(|u| self.knob.site.as_ref().is_none_or(|s| *s == u.site));
        match self.gauge {
            Gauge::Price => units.map(|u| u.price.usd()).reduce(f64::max),
            Gauge::Power => {
                units.map(|u| u.power.map(|p| p.watts())).collect::<Option<Vec<_>>>()?.into_iter().reduce(f64::max)
            }
            Gauge::Search => None,
        }
    }
}

/// The pairs whose plans are cheapest.
fn pairs(asker: &Asker<'_>, doc: &Document, knobs: &[Knob], cores: &[Document]) -> Vec<Opening> {
    let opens = |core: &Document, knob: &Knob| {
        // What the conflict does not even hold (another workload) cannot open it.
        let held = core.get(&knob.path).is_some() || !knob.path.0.iter().any(|s| s == "workloads");
        held && loosest(core, knob).is_some_and(|d| matches!(asker.ask(&d), Verdict::Found(_)))
    };
    let masks: Vec<Vec<bool>> = knobs.iter().map(|knob| cores.iter().map(|core| opens(core, knob)).collect()).collect();
    // Try pairs that each resolve one of the conflicts first; then all others.
    let covering = |i: usize, j: usize| masks[i].iter().zip(&masks[j]).all(|(a, b)| *a || *b);
    let mut open = Vec::new();
    for wanted in [true, false] {
        let all = (0..knobs.len()).flat_map(|i| (i + 1..knobs.len()).map(move |j| (i, j)));
        let worth = all.filter(|&(i, j)| knobs[i].path != knobs[j].path && covering(i, j) == wanted);
        for (i, j) in worth.take(TRIED_PAIRS) {
            let both = loosest(doc, &knobs[i]).and_then(|d| loosest(&d, &knobs[j]));
            if let Some(Verdict::Found(found)) = both.map(|d| asker.ask_as_is(&d)) {
                open.push((found.value, i, j));
            }
        }
        if !open.is_empty() {
            break;
        }
    }
    open.sort_unstable();
    open.into_iter().take(PAIRS).filter_map(|(_, i, j)| tighten(asker, doc, knobs, &[i, j])).collect()
}

/// Turns each knob of a set that opens a plan at its loosest back as far as it goes, one after the other.
fn tighten(asker: &Asker<'_>, doc: &Document, knobs: &[Knob], set: &[usize]) -> Option<Opening> {
    let with_all = |turned: &[Turned], loose: &[usize]| {
        // Always from the document as written: a workload that was dropped takes more along than its own key.
        let turned = turned.iter().try_fold(doc.clone(), |d, t| d.with(&t.path, t.value.clone()).ok())?;
        loose.iter().try_fold(turned, |d, &k| loosest(&d, &knobs[k]))
    };
    let mut turned: Vec<Turned> = Vec::new();
    let mut found = asker.ask_as_is(&with_all(&turned, set)?).found()?;
    for (i, &k) in set.iter().enumerate() {
        let without = with_all(&turned, &set[i + 1..])?;
        match asker.ask_as_is(&without) {
            // Not needed any more.
            Verdict::Found(better) => found = better,
            _ => {
                let (turn, better) = smallest(asker, &without, knobs, k)?;
                found = better;
                turned.push(turn);
            }
        }
    }
    Some(Opening { turned, found })
}

/// One set of changes from which none can be left out: everything loosened, then taken back one by one.
fn many(asker: &Asker<'_>, doc: &Document, knobs: &[Knob]) -> Option<Opening> {
    // Several knobs that add to the same list (another class of devices, another format) are turned together.
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (k, knob) in knobs.iter().enumerate() {
        match groups.iter_mut().find(|g| together(&knobs[g[0]], knob)) {
            Some(group) => group.push(k),
            None => groups.push(vec![k]),
        }
    }
    let opens = |set: &[Vec<usize>]| {
        let knobs = set.iter().map(|group| merged(knobs, group));
        let open = knobs.into_iter().try_fold(doc.clone(), |d, knob| loosest(&d, &knob));
        open.is_some_and(|d| matches!(asker.ask_as_is(&d), Verdict::Found(_)))
    };
    let (dropped, mut set): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| knobs[group[0]].gives_up);
    // As few workloads as possible are given up: those without which the rest can be had.
    let mut dropped = dropped.into_iter();
    while !opens(&set) {
        set.push(dropped.next()?);
    }
    let mut i = set.len();
    while i > 0 {
        i -= 1;
        let mut fewer = set.clone();
        fewer.remove(i);
        if opens(&fewer) {
            set = fewer;
        }
    }
    for i in 0..set.len() {
        let mut part = set[i].len();
        while part > 0 && set[i].len() > 1 {
            part -= 1;
            let mut fewer = set.clone();
            fewer[i].remove(part);
            if opens(&fewer) {
                set = fewer;
            }
        }
    }
    let knobs: Vec<Knob> = set.iter().map(|group| merged(knobs, group)).collect();
    tighten(asker, doc, &knobs, &(0..knobs.len()).collect::<Vec<_>>())
}

/// Whether both knobs lengthen the same list.
fn together(a: &Knob, b: &Knob) -> bool {
    let list = |knob: &Knob| matches!(&knob.change, Change::Value(node) if matches!(node.value, Value::List(_)));
    a.path == b.path && list(a) && list(b)
}

/// One knob that does what all of a group do.
fn merged(knobs: &[Knob], group: &[usize]) -> Knob {
    let mut knob = knobs[group[0]].clone();
    for &other in &group[1..] {
        if let (Change::Value(all), Change::Value(more)) = (&mut knob.change, &knobs[other].change)
            && let (Value::List(all), Value::List(more)) = (&mut all.value, &more.value)
        {
            let new = more.iter().filter(|m| !all.iter().any(|a| a.value == m.value));
            let new: Vec<Node> = new.cloned().collect();
            all.extend(new);
        }
        knob.text = format!("{}, and {}", knob.text, knobs[other].text);
    }
    knob
}
