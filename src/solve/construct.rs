//! A good unit to start from: devices filled by worth per price, then torn down in part and rebuilt.

use super::set::Set;
use super::unit::{Choice, Room, Unit};
use super::value::Values;
use super::watch::{Stopped, Watch};

/// Tries at rebuilding without a better unit before it is taken, for each item.
const PATIENCE: usize = 8;

/// A machine with what it hosts.
#[derive(Debug, Clone)]
pub(super) struct Device<'u> {
    pub(super) machine: usize,
    pub(super) hosted: Vec<(usize, &'u Choice)>,
}

/// Builds units.
pub(super) struct Builder<'b, 'u> {
    unit: &'u Unit<'u>,
    /// What one device costs in the unit of the search, by machine.
    prices: Vec<Option<i128>>,
    values: &'b Values,
    /// Worth of items, changed a little from try to try.
    worth: Vec<f64>,
    random: u64,
}

impl<'b, 'u> Builder<'b, 'u> {
    /// `prices` is what one device of each kind costs at least.
    pub(super) fn new(unit: &'u Unit<'u>, prices: &[Option<i128>], values: &'b Values) -> Self {
        let mut by_machine = vec![None; unit.machines.len()];
        for (kind, price) in unit.kinds.iter().zip(prices) {
            for &mode in if unit.running() { &kind.modes } else { &kind.strong } {
                let running = if unit.running() { unit.machines[mode].base.objective } else { 0 };
                by_machine[mode] = price.map(|price| price + running);
            }
        }
        Self { unit, prices: by_machine, values, worth: Vec::new(), random: 0x2545_F491_4F6C_DD1D }
    }

    /// The best unit found. Nothing when no try fits the limits of the unit.
    pub(super) fn build(&mut self, watch: &mut Watch) -> Result<Option<Vec<Device<'u>>>, Stopped> {
        let mut best: Option<(i128, Vec<Device<'u>>)> = None;
        let mut idle = 0;
        while idle < PATIENCE * self.unit.items.len() {
            watch.step(self.unit.items.len() as u64)?;
            self.worth = self.values.items.iter().map(|&worth| worth as f64).collect();
            let kept = match &best {
                Some((_, devices)) => self.torn(devices),
                None => Vec::new(),
            };
            if idle > 0 || best.is_some() {
                for item in 0..self.worth.len() {
                    self.worth[item] *= 0.7 + 0.6 * self.chance();
                }
            }
            let built = self.filled(kept).map(|devices| self.cheaper(devices));
            let cost = built.as_ref().map(|devices| self.cost(devices));
            match (built, cost) {
                (Some(devices), Some(cost)) if best.as_ref().is_none_or(|(known, _)| cost < *known) => {
                    best = Some((cost, devices));
                    idle = 0;
                }
                _ => idle += 1,
            }
        }
        Ok(best.map(|(_, devices)| devices))
    }

    /// A number from 0 to 1, the same in every run.
    fn chance(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn cost(&self, devices: &[Device]) -> i128 {
        let cost = |device: &Device| {
            let machine = &self.unit.machines[device.machine];
            let load: u64 = device.hosted.iter().map(|(_, choice)| choice.load).sum();
            self.prices[device.machine].unwrap_or(0)
                + if self.unit.running() { machine.per_load * i128::from(load) } else { 0 }
        };
        devices.iter().map(cost).sum()
    }

    /// Some of the devices, the others removed.
    fn torn(&mut self, devices: &[Device<'u>]) -> Vec<Device<'u>> {
        let share = 0.15 + 0.6 * self.chance();
        let mut kept: Vec<Device> = devices.to_vec();
        kept.retain(|_| self.chance() > share);
        kept
    }

    /// Adds devices until everything is hosted; nothing when the limits of the unit do not allow it.
    fn filled(&mut self, mut devices: Vec<Device<'u>>) -> Option<Vec<Device<'u>>> {
        let unit = self.unit;
        let mut left: Vec<usize> = unit.items.iter().map(|item| item.copies).collect();
        for device in &devices {
            device.hosted.iter().for_each(|&(item, _)| left[item] -= 1);
        }
        // Room in what is kept comes first.
        for device in &mut devices {
            let more = self.fill(device.machine, &device.hosted, &left);
            more.iter().for_each(|&(item, _)| left[item] -= 1);
            device.hosted.extend(more);
        }
        while left.iter().any(|&copies| copies > 0) {
            if devices.len() >= unit.slots {
                return None;
            }
            let mut best: Option<(f64, Device)> = None;
            for machine in 0..unit.machines.len() {
                let Some(price) = self.prices[machine] else { continue };
                let hosted = self.fill(machine, &[], &left);
                if hosted.is_empty() || !self.within(&devices, machine) {
                    continue;
                }
                let own = |choice: &Choice| unit.machines[machine].per_load as f64 * choice.load as f64;
                let own: f64 = if unit.running() { hosted.iter().map(|(_, choice)| own(choice)).sum() } else { 0.0 };
                let worth: f64 = hosted.iter().map(|&(item, _)| self.worth[item]).sum();
                let ratio = worth.max(1.0) / (price as f64 + own).max(1.0) * (0.9 + 0.2 * self.chance());
                if best.as_ref().is_none_or(|(known, _)| ratio > *known) {
                    best = Some((ratio, Device { machine, hosted }));
                }
            }
            let (_, device) = best?;
            device.hosted.iter().for_each(|&(item, _)| left[item] -= 1);
            devices.push(device);
        }
        devices.retain(|device| !device.hosted.is_empty());
        Some(devices)
    }

    /// Whether the unit stays within its power with one more machine.
    fn within(&self, devices: &[Device], machine: usize) -> bool {
        let power: u64 = devices.iter().map(|device| self.unit.machines[device.machine].power).sum();
        let power = power + self.unit.machines[machine].power;
        self.unit.site.power_limit.is_none_or(|limit| power <= limit.0)
    }

    /// What a machine can take of the items left beside what it hosts, greedily by worth over what it takes.
    fn fill(&mut self, machine: usize, hosted: &[(usize, &'u Choice)], left: &[usize]) -> Vec<(usize, &'u Choice)> {
        let unit = self.unit;
        let facts = &unit.machines[machine];
        let mut mem: Room = facts.room;
        let (mut load, mut cap) = (0_u64, unit.problem.max_load.0);
        let mut set = Set::EMPTY;
        for (item, choice) in hosted {
            mem.iter_mut().zip(&choice.mem).for_each(|(room, taken)| *room -= taken);
            load += choice.load;
            cap = cap.min(choice.cap);
            set = set.with(*item);
        }
        let mix = self.chance();
        let size = |choice: &Choice| {
            let memory: f64 = (0..facts.pools).map(|p| choice.mem[p] as f64 / facts.room[p].max(1) as f64).sum();
            mix * memory + (1.0 - mix) * choice.load as f64 / unit.problem.max_load.0.max(1) as f64
        };
        let mut ranked: Vec<(f64, usize, &'u Choice)> = Vec::new();
        for item in facts.able.iter().filter(|&item| left[item] > 0 && !set.contains(item)) {
            let least = facts.lean[item].iter().map(|choice| (size(choice), choice)).min_by(|a, b| a.0.total_cmp(&b.0));
            ranked.extend(least.map(|(size, choice)| (self.worth[item] / size.max(1e-9), item, choice)));
        }
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut added = Vec::new();
        for (_, item, choice) in ranked {
            let fits = choice.mem.iter().zip(&mem).all(|(taken, room)| taken <= room);
            if fits && load + choice.load <= cap.min(choice.cap) && !unit.items[item].apart.meets(set) {
                mem.iter_mut().zip(&choice.mem).for_each(|(room, taken)| *room -= taken);
                load += choice.load;
                cap = cap.min(choice.cap);
                set = set.with(item);
                added.push((item, choice));
            }
        }
        added
    }

    /// Moves what each device hosts to the cheapest machine that takes all of it.
    fn cheaper(&mut self, mut devices: Vec<Device<'u>>) -> Vec<Device<'u>> {
        for position in 0..devices.len() {
            let mut left = vec![0; self.unit.items.len()];
            devices[position].hosted.iter().for_each(|&(item, _)| left[item] = 1);
            let mut best = self.cost(&devices[position..=position]);
            let others: Vec<Device> =
                devices.iter().enumerate().filter(|(other, _)| *other != position).map(|(_, d)| d.clone()).collect();
            for machine in 0..self.unit.machines.len() {
                if self.prices[machine].is_none_or(|price| price >= best) || !self.within(&others, machine) {
                    continue;
                }
                let hosted = self.fill(machine, &[], &left);
                if hosted.len() == devices[position].hosted.len() {
                    let moved = Device { machine, hosted };
                    let cost = self.cost(std::slice::from_ref(&moved));
                    if cost < best {
                        best = cost;
                        devices[position] = moved;
                    }
                }
            }
        }
        devices
    }
}
