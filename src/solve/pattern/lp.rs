//! The linear program behind the pattern bound: cover every item at the least cost with whole or fractional patterns.
//!
//! A revised simplex over a growing list of columns, in floating point: what comes out of it is only ever a proposal
//! (weights whose bound is worked out afresh, columns that are checked in integers), so rounding errors cannot make a plan wrong.

/// Reduced costs above this count as not negative.
const TOLERANCE: f64 = 1e-9;

/// Pivots until the inverse of the basis is worked out afresh.
const REFRESH: u32 = 60;

/// Columns on the short list of a step.
const SHORT: usize = 48;

/// A column: its cost and its entries by row.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) cost: f64,
    pub(super) entries: Vec<(u32, f64)>,
}

/// An optimum of the program over the columns given.
#[derive(Debug, Clone)]
pub(super) struct Optimum {
    pub(super) value: f64,
    /// By row.
    pub(super) duals: Vec<f64>,
    /// Columns in use with how much of them.
    pub(super) used: Vec<(u32, f64)>,
    /// Rows that are not covered, by help.
    pub(super) missing: Vec<u32>,
    pub(super) pivots: u64,
}

/// What stands in the basis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Basic {
    Column(u32),
    /// What a row has too much.
    Surplus(u32),
    /// What a row lacks, at a high cost.
    Missing(u32),
}

/// The program `min cost x, entries x >= rows, x >= 0`.
#[derive(Debug)]
pub(super) struct Program {
    rows: Vec<f64>,
    /// By row, what one piece missing costs.
    missing: Vec<f64>,
    basis: Vec<Basic>,
    inverse: Vec<f64>,
    levels: Vec<f64>,
    pivots: u32,
}

impl Program {
    /// A program without columns; rows may be negative (at most so much).
    pub(super) fn new(rows: &[f64], missing: Vec<f64>) -> Self {
        let size = rows.len();
        // Many optima of such programs are degenerate: a little more in each row keeps the steps above zero.
        let rows: Vec<f64> = rows
            .iter()
            .enumerate()
            .map(|(row, &right)| right + 1e-7 * (1.0 + (row * 7919 % 101) as f64 / 101.0) * right.abs())
            .collect();
        let basis = rows
            .iter()
            .enumerate()
            .map(|(row, &right)| if right > 0.0 { Basic::Missing(row as u32) } else { Basic::Surplus(row as u32) });
        let mut inverse = vec![0.0; size * size];
        for (row, &right) in rows.iter().enumerate() {
            inverse[row * size + row] = if right > 0.0 { 1.0 } else { -1.0 };
        }
        let levels = rows.iter().map(|right| right.abs()).collect();
        Self { basis: basis.collect(), rows, missing, inverse, levels, pivots: 0 }
    }

    fn cost(&self, basic: Basic, columns: &[Column]) -> f64 {
        match basic {
            Basic::Column(column) => columns[column as usize].cost,
            Basic::Surplus(_) => 0.0,
            Basic::Missing(row) => self.missing[row as usize],
        }
    }

    fn duals(&self, columns: &[Column]) -> Vec<f64> {
        let size = self.rows.len();
        let mut duals = vec![0.0; size];
        for (position, &basic) in self.basis.iter().enumerate() {
            let cost = self.cost(basic, columns);
            if cost != 0.0 {
                let line = &self.inverse[position * size..(position + 1) * size];
                duals.iter_mut().zip(line).for_each(|(dual, part)| *dual += cost * part);
            }
        }
        duals
    }

    /// Makes what is missing in a row dearer.
    pub(super) fn press(&mut self, row: u32, times: f64, least: f64) {
        let missing = &mut self.missing[row as usize];
        *missing = (*missing * times).max(least);
    }

    /// The optimum over these columns, from the basis of the last call; columns may only have been added since.
    pub(super) fn solve(&mut self, columns: &[Column]) -> Optimum {
        let size = self.rows.len();
        let most = 40 * size as u64 + 400;
        let mut pivots = 0;
        let mut duals = self.duals(columns);
        let mut short: Vec<(f64, u32)> = Vec::new();
        let reduced = |number: u32, duals: &[f64]| {
            let column = &columns[number as usize];
            let worth: f64 = column.entries.iter().map(|&(row, part)| duals[row as usize] * part).sum();
            (column.cost - worth, -TOLERANCE * (1.0 + column.cost))
        };
        while pivots < most {
            let mut entering: Option<(f64, Basic)> = None;
            for (row, &dual) in duals.iter().enumerate() {
                if dual < entering.map_or(-TOLERANCE, |(least, _)| least) {
                    entering = Some((dual, Basic::Surplus(row as u32)));
                }
            }
            // A short list of good columns saves looking at all of them in every step.
            for whole in [false, true] {
                if whole {
                    short.clear();
                    for number in 0..columns.len() as u32 {
                        let (cost, limit) = reduced(number, &duals);
                        if cost < limit {
                            short.push((cost, number));
                        }
                    }
                    short.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                    short.truncate(SHORT);
                }
                for (_, number) in &short {
                    let (cost, limit) = reduced(*number, &duals);
                    if cost < entering.map_or(limit, |(least, _)| least) && cost < limit {
                        entering = Some((cost, Basic::Column(*number)));
                    }
                }
                if entering.is_some() {
                    break;
                }
            }
            let Some((_, entering)) = entering else { break };
            if !self.enter(entering, columns) {
                break;
            }
            pivots += 1;
            duals = self.duals(columns);
        }
        let mut used = Vec::new();
        let (mut value, mut missing) = (0.0, Vec::new());
        for (&basic, &level) in self.basis.iter().zip(&self.levels) {
            value += self.cost(basic, columns) * level;
            match basic {
                Basic::Column(column) if level > 1e-7 => used.push((column, level)),
                Basic::Missing(row) if level > 1e-6 => missing.push(row),
                _ => {}
            }
        }
        duals.iter_mut().for_each(|dual| *dual = dual.max(0.0));
        Optimum { value, duals, used, missing, pivots }
    }

    fn entries(basic: Basic, columns: &[Column]) -> Vec<(u32, f64)> {
        match basic {
            Basic::Column(column) => columns[column as usize].entries.clone(),
            Basic::Surplus(row) => vec![(row, -1.0)],
            Basic::Missing(row) => vec![(row, 1.0)],
        }
    }

    /// Takes a column into the basis; false when nothing limits it or the basis is too badly conditioned.
    fn enter(&mut self, entering: Basic, columns: &[Column]) -> bool {
        let size = self.rows.len();
        let entries = Self::entries(entering, columns);
        let mut direction = vec![0.0; size];
        for (position, part) in direction.iter_mut().enumerate() {
            let line = &self.inverse[position * size..(position + 1) * size];
            *part = entries.iter().map(|&(row, value)| line[row as usize] * value).sum();
        }
        let mut leaving: Option<(f64, usize)> = None;
        for (position, (&part, &level)) in direction.iter().zip(&self.levels).enumerate() {
            if part <= 1e-9 {
                continue;
            }
            let ratio = level.max(0.0) / part;
            let better = match leaving {
                None => true,
                Some((least, other)) => ratio < least - 1e-12 || ratio <= least + 1e-12 && part > direction[other],
            };
            if better {
                leaving = Some((ratio, position));
            }
        }
        let Some((ratio, leaving)) = leaving else { return false };
        let pivot = direction[leaving];
        for (position, level) in self.levels.iter_mut().enumerate() {
            *level = if position == leaving { ratio } else { *level - ratio * direction[position] };
        }
        let line: Vec<f64> =
            self.inverse[leaving * size..(leaving + 1) * size].iter().map(|part| part / pivot).collect();
        for (position, &part) in direction.iter().enumerate() {
            if position != leaving && part != 0.0 {
                let other = &mut self.inverse[position * size..(position + 1) * size];
                other.iter_mut().zip(&line).for_each(|(value, step)| *value -= part * step);
            }
        }
        self.inverse[leaving * size..(leaving + 1) * size].copy_from_slice(&line);
        self.basis[leaving] = entering;
        self.pivots += 1;
        if self.pivots.is_multiple_of(REFRESH) { self.refresh(columns) } else { true }
    }

    /// Works the inverse out afresh; false when the basis has lost its rank.
    fn refresh(&mut self, columns: &[Column]) -> bool {
        let size = self.rows.len();
        let width = 2 * size;
        let mut table = vec![0.0; size * width];
        for (position, &basic) in self.basis.iter().enumerate() {
            for (row, value) in Self::entries(basic, columns) {
                table[row as usize * width + position] = value;
            }
        }
        for row in 0..size {
            table[row * width + size + row] = 1.0;
        }
        for pivot in 0..size {
            let best = (pivot..size).max_by(|&a, &b| {
                table[a * width + pivot].abs().total_cmp(&table[b * width + pivot].abs()).then(b.cmp(&a))
            });
            let Some(best) = best.filter(|&best| table[best * width + pivot].abs() > 1e-11) else { return false };
            if best != pivot {
                for place in 0..width {
                    table.swap(best * width + place, pivot * width + place);
                }
            }
            let head = table[pivot * width + pivot];
            let line: Vec<f64> = table[pivot * width..(pivot + 1) * width].iter().map(|v| v / head).collect();
            for row in 0..size {
                let part = table[row * width + pivot];
                if row != pivot && part != 0.0 {
                    let other = &mut table[row * width..(row + 1) * width];
                    other.iter_mut().zip(&line).for_each(|(value, step)| *value -= part * step);
                }
            }
            table[pivot * width..(pivot + 1) * width].copy_from_slice(&line);
        }
        for row in 0..size {
            let from = row * width + size;
            self.inverse[row * size..(row + 1) * size].copy_from_slice(&table[from..from + size]);
        }
        for (position, level) in self.levels.iter_mut().enumerate() {
            let line = &self.inverse[position * size..(position + 1) * size];
            *level = line.iter().zip(&self.rows).map(|(a, b)| a * b).sum();
        }
        true
    }
}
