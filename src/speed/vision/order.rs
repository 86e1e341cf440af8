//! Speeds that do not contradict each other: on one device, in one mode, with one engine, fewer bits are never slower and a
//! larger network of a family is never faster.
//!
//! Effects are fitted one by one, from measurements that lie far apart: six small networks may say that 16 bits suit a chip,
//! and forty others what 8 bits cost on it. Put together they can order two estimates against the arithmetic. The estimates of
//! a family, in the formats that the engine runs, are therefore projected onto the order that they must keep, median and
//! bounds each by themselves (isotonic regression on a partial order; in place of least squares the geometric mean of its two
//! monotone envelopes, the largest of all that must be no slower and the least of all that must be no faster, which is
//! monotone too and needs no search). What was measured goes first and binds the rest: a measurement moves only where it
//! contradicts another one.

use std::collections::BTreeMap;

use super::parts::{Part, parts};
use crate::domain::{Network, Task};

/// Networks of one design and task, of the whole catalog.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Families(BTreeMap<(String, Task), Vec<Member>>);

/// A network of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Catalog id.
    pub id: String,
    /// Parameters.
    pub parameters: u64,
    /// What it consists of.
    pub network: Network,
}

impl Families {
    /// Sorts networks into their families; those of no family stand alone.
    pub fn of(networks: impl Iterator<Item = (Task, Member)>) -> Self {
        let mut families: BTreeMap<_, Vec<Member>> = BTreeMap::new();
        for (task, member) in networks {
            if let Some(family) = &member.network.family {
                families.entry((family.clone(), task)).or_default().push(member);
            }
        }
        Self(families)
    }

    /// The networks of a family.
    pub fn members(&self, family: &str, task: Task) -> &[Member] {
        self.0.get(&(family.to_owned(), task)).map_or(&[], Vec::as_slice)
    }
}

/// The work of a network, part by part.
#[derive(Debug, Clone, PartialEq)]
pub struct Size(Vec<Part>);

impl Size {
    /// Of a network.
    #[must_use]
    pub fn of(network: &Network, parameters: u64) -> Self {
        Self(parts(network, parameters))
    }

    /// Whether no part has more to do than the same part of the other.
    fn within(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(a, b)| {
                a.name == b.name && a.runs <= b.runs && a.operations <= b.operations && a.weights <= b.weights
            })
    }
}

/// Median, favourable and unfavourable bound of a time, in seconds.
pub type Times = [f64; 3];

/// An estimate by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The network.
    pub size: Size,
    /// Place of the format in the order of formats, the fastest first.
    pub format: u8,
    /// It is a measurement.
    pub measured: bool,
    /// The time by itself.
    pub times: Times,
}

impl Estimate {
    fn within(&self, other: &Self) -> bool {
        self.format <= other.format && self.size.within(&other.size)
    }
}

/// The times of one of the estimates once all keep the order.
#[must_use]
pub fn in_order(all: &[Estimate], asked: usize) -> Times {
    let Some(estimate) = all.get(asked) else { return [f64::NAN; 3] };
    std::array::from_fn(|curve| {
        let raw = |i: usize| all[i].times[curve];
        let measured: Vec<usize> = (0..all.len()).filter(|&i| all[i].measured).collect();
        if estimate.measured {
            return between(all, &measured, raw, asked);
        }
        let settled: Vec<(usize, f64)> = measured.iter().map(|&i| (i, between(all, &measured, raw, i))).collect();
        let rest: Vec<usize> = (0..all.len()).filter(|&i| !all[i].measured).collect();
        let clamped: Vec<f64> = (0..all.len())
            .map(|i| {
                let above = settled.iter().filter(|(j, _)| all[*j].within(&all[i])).map(|s| s.1);
                let below = settled.iter().filter(|(j, _)| all[i].within(&all[*j])).map(|s| s.1);
                raw(i).max(above.fold(0.0, f64::max)).min(below.fold(f64::INFINITY, f64::min))
            })
            .collect();
        between(all, &rest, |i| clamped[i], asked)
    })
}

/// Geometric mean of the largest time that must be no longer and the least that must be no shorter, itself included.
fn between(all: &[Estimate], among: &[usize], time: impl Fn(usize) -> f64, i: usize) -> f64 {
    let least = among.iter().filter(|&&j| all[j].within(&all[i])).map(|&j| time(j)).fold(0.0, f64::max);
    let most = among.iter().filter(|&&j| all[i].within(&all[j])).map(|&j| time(j)).fold(f64::INFINITY, f64::min);
    (least * most).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(giga_ops: f64, format: u8, measured: bool, time: f64) -> Estimate {
        let network = Network { giga_ops: Some(giga_ops), ..Network::default() };
        Estimate { size: Size::of(&network, 1), format, measured, times: [time, time / 2.0, time * 2.0] }
    }

    #[test]
    fn what_is_in_order_stays() {
        let all = [estimate(1.0, 0, false, 1.0), estimate(2.0, 0, false, 3.0), estimate(2.0, 1, true, 4.0)];
        for i in 0..all.len() {
            assert_eq!(in_order(&all, i), all[i].times);
        }
    }

    #[test]
    fn a_measurement_binds_what_was_not_measured() {
        let all = [estimate(1.0, 0, true, 4.0), estimate(1.0, 1, false, 1.0), estimate(2.0, 0, false, 3.0)];
        assert_eq!(in_order(&all, 0)[0], 4.0);
        assert_eq!(in_order(&all, 1)[0], 4.0);
        assert_eq!(in_order(&all, 2)[0], 4.0);
    }

    #[test]
    fn two_of_a_kind_meet_in_the_middle() {
        let all = [estimate(1.0, 0, false, 4.0), estimate(2.0, 0, false, 1.0)];
        assert_eq!(in_order(&all, 0)[0], 2.0);
        assert_eq!(in_order(&all, 1)[0], 2.0);
    }
}
