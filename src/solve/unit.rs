//! A site class made ready for the search: workloads that must be together become one item, each host a machine with
//! what it can hold, and each item on each machine a short list of choices.

use std::collections::BTreeMap;

use super::answer::{MAX_ITEMS, MAX_POOLS};
use super::front;
use super::judge::ordered;
use super::keys::{Demerits, Keys};
use super::problem::{Candidate, Objective, Problem, Site, required};
use super::set::Set;
use crate::units::{Bytes, PPM};

/// Bytes by pool; what a host lacks is zero.
pub(super) type Room = [u64; MAX_POOLS];

/// Workloads that are hosted by exactly the same devices.
#[derive(Debug)]
pub(super) struct Item {
    /// Indices in the site class, ascending.
    pub(super) members: Vec<usize>,
    /// Copies, each on a device of its own.
    pub(super) copies: usize,
    /// Items that no device may host beside this one.
    pub(super) apart: Set,
}

/// One way to run an item on a machine.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// Memory with the framework counted once per process.
    pub(super) mem: Room,
    /// Load in millionths.
    pub(super) load: u64,
    /// Most load on the whole device under which the latency targets hold, at most the problem's largest load.
    pub(super) cap: u64,
    /// Summed over the members.
    pub(super) demerits: Demerits,
    /// Candidate of each member.
    pub(super) picks: Vec<usize>,
    /// Rank of each member's configuration among those of its workload.
    pub(super) ranks: Vec<u32>,
}

/// A host as this site class sees it.
#[derive(Debug)]
pub(super) struct Machine {
    /// Index into the problem's hosts.
    pub(super) host: usize,
    /// Draw in milliwatts, for the unit's limit.
    pub(super) power: u64,
    /// Steady memory left by the system under which the headroom still fits.
    pub(super) room: Room,
    /// Pools.
    pub(super) pools: usize,
    /// What the machine adds by being there, memory included.
    pub(super) base: Keys,
    /// Objective per millionth of load.
    pub(super) per_load: i128,
    /// By item: all choices that no other beats, and those that matter when only feasibility is asked.
    pub(super) choices: Vec<Vec<Choice>>,
    /// As `choices`, demerits and order aside.
    pub(super) lean: Vec<Vec<Choice>>,
    /// Items with at least one choice.
    pub(super) able: Set,
}

/// The machines of one SKU.
#[derive(Debug)]
pub(super) struct Kind {
    /// Index into the problem's SKUs.
    pub(super) sku: usize,
    /// Indices into [`Unit::machines`], in order of mode.
    pub(super) modes: Vec<usize>,
    /// The modes that no other mode of this SKU beats when quality and ties do not count.
    pub(super) strong: Vec<usize>,
    /// Items that any mode can host.
    pub(super) able: Set,
}

/// A site class made ready.
#[derive(Debug)]
pub(super) struct Unit<'p> {
    pub(super) problem: &'p Problem,
    pub(super) site: &'p Site,
    /// Most devices that can be of use.
    pub(super) slots: usize,
    pub(super) items: Vec<Item>,
    pub(super) machines: Vec<Machine>,
    /// SKUs in order of id, those without a usable machine left out.
    pub(super) kinds: Vec<Kind>,
}

/// Why a site class cannot be made ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unready {
    /// No plan exists, whatever is bought.
    Contradiction,
    /// More items or pools than the search is built for.
    TooLarge,
}

impl<'p> Unit<'p> {
    /// Makes a site class ready.
    pub(super) fn new(problem: &'p Problem, site: &'p Site) -> Result<Self, Unready> {
        let items = items(site)?;
        let copies: usize = items.iter().map(|item| item.copies).sum();
        let slots = copies.min(site.max_devices as usize);
        if items.iter().any(|item| item.copies > slots) {
            return Err(Unready::Contradiction);
        }
        if problem.hosts.iter().any(|host| host.pools.len() > MAX_POOLS) {
            return Err(Unready::TooLarge);
        }
        let mut unit = Self { problem, site, slots, items, machines: Vec::new(), kinds: Vec::new() };
        unit.add_machines();
        Ok(unit)
    }

    /// Every machine that could take part in some plan.
    fn add_machines(&mut self) {
        let (problem, site) = (self.problem, self.site);
        let mut ranks = Vec::new();
        let mut by_host: Vec<Vec<Vec<usize>>> = vec![vec![Vec::new(); site.workloads.len()]; problem.hosts.len()];
        for (workload, facts) in site.workloads.iter().enumerate() {
            let mut sorted: Vec<_> = facts.candidates.iter().map(|candidate| &candidate.configuration).collect();
            sorted.sort();
            sorted.dedup();
            let rank = |c: &Candidate| sorted.binary_search(&&c.configuration).unwrap_or(sorted.len()) as u32;
            ranks.push(facts.candidates.iter().map(rank).collect::<Vec<u32>>());
            for (index, candidate) in facts.candidates.iter().enumerate() {
                if let Some(host) = by_host.get_mut(candidate.host) {
                    host[workload].push(index);
                }
            }
        }
        let mut kinds: BTreeMap<(&str, usize), Vec<usize>> = BTreeMap::new();
        for (host, by_workload) in by_host.iter().enumerate() {
            if let Some(machine) = self.machine(host, by_workload, &ranks) {
                let sku = problem.hosts[host].sku;
                kinds.entry((problem.skus[sku].id.as_str(), sku)).or_default().push(self.machines.len());
                self.machines.push(machine);
            }
        }
        for ((_, sku), mut modes) in kinds {
            modes.sort_by_key(|&m| (&problem.hosts[self.machines[m].host].mode, self.machines[m].host));
            let strong = self.strong(&modes);
            let able = modes.iter().fold(Set::EMPTY, |set, &m| set.union(self.machines[m].able));
            self.kinds.push(Kind { sku, modes, strong, able });
        }
    }

    /// A host with its choices, unless it can never be part of a plan.
    fn machine(&self, index: usize, by_workload: &[Vec<usize>], ranks: &[Vec<u32>]) -> Option<Machine> {
        let (problem, site) = (self.problem, self.site);
        let host = &problem.hosts[index];
        if host.power.is_none() && (problem.objective != Objective::Capex || site.power_limit.is_some()) {
            return None;
        }
        if site.power_limit.is_some_and(|limit| host.power.is_some_and(|power| power > limit)) {
            return None;
        }
        let cheapest = self.cheapest(host.sku)?;
        if site.price_limit.is_some_and(|limit| cheapest > limit.0) {
            return None;
        }
        let whole = u128::from(PPM);
        let mut room = [0; MAX_POOLS];
        let mut base = Keys::of_host(problem, host, site.count);
        for (left, pool) in room.iter_mut().zip(&host.pools) {
            let most = u128::from(pool.capacity.0) * whole / (whole + u128::from(problem.headroom.0));
            *left = u64::try_from(most).unwrap_or(u64::MAX).checked_sub(pool.os.0)?;
            let needed = required(pool.os, problem.headroom);
            base.taken += (i128::from(needed.0) - i128::from(pool.capacity.0)) * i128::from(site.count);
        }
        let loaded = Keys::of_load(problem, host, 1, site.count);
        let mut machine = Machine {
            host: index,
            power: host.power.map_or(0, |power| power.0),
            room,
            pools: host.pools.len(),
            base,
            per_load: loaded.objective,
            choices: Vec::new(),
            lean: Vec::new(),
            able: Set::EMPTY,
        };
        for (number, item) in self.items.iter().enumerate() {
            let all = self.joint(&machine, item, by_workload, ranks);
            let lean = front::undominated(all.clone(), front::lean);
            let choices = front::undominated(all, front::full);
            if !choices.is_empty() {
                machine.able = machine.able.with(number);
            }
            machine.choices.push(choices);
            machine.lean.push(lean);
        }
        (machine.able != Set::EMPTY).then_some(machine)
    }

    /// Whether running the devices is part of the objective.
    pub(super) fn running(&self) -> bool {
        self.problem.objective != Objective::Capex
    }

    /// The lowest price of one under any quantity that the problem can reach.
    pub(super) fn cheapest(&self, sku: usize) -> Option<u64> {
        let pieces = self
            .problem
            .sites
            .iter()
            .fold(0_u64, |sum, site| sum.saturating_add(site.count.saturating_mul(u64::from(site.max_devices))));
        let facts = self.problem.skus.get(sku)?;
        let most = ordered(self.problem, sku, pieces);
        let prices = facts.prices.iter();
        prices.filter(|(from, _)| *from <= most).map(|(_, price)| price.0).min()
    }

    /// Every joint choice of an item's members that fits alone.
    fn joint(&self, machine: &Machine, item: &Item, by_workload: &[Vec<usize>], ranks: &[Vec<u32>]) -> Vec<Choice> {
        let max_load = self.problem.max_load.0;
        let mut partial = vec![Partial {
            choice: Choice {
                mem: [0; MAX_POOLS],
                load: 0,
                cap: max_load,
                demerits: Demerits::default(),
                picks: Vec::new(),
                ranks: Vec::new(),
            },
            processes: BTreeMap::new(),
        }];
        for &member in &item.members {
            let workload = &self.site.workloads[member];
            let mut next = Vec::new();
            for before in &partial {
                for &index in &by_workload[member] {
                    let candidate = &workload.candidates[index];
                    let rank = ranks[member][index];
                    let grown = before.with(candidate, workload.process, (index, rank), max_load);
                    next.extend(grown.filter(|p| p.fits(machine)));
                }
            }
            partial = thinned(next);
        }
        partial.into_iter().map(|p| p.choice).collect()
    }

    /// The modes that matter when only feasibility is asked: one that another mode of the SKU beats in every item and in
    /// draw adds nothing.
    fn strong(&self, modes: &[usize]) -> Vec<usize> {
        let mut kept: Vec<usize> = Vec::new();
        let covers = |a: usize, b: usize| {
            let (a, b) = (&self.machines[a], &self.machines[b]);
            let power = self.site.power_limit.is_none() || a.power <= b.power;
            power
                && a.pools == b.pools
                && a.room.iter().zip(&b.room).all(|(a, b)| a >= b)
                && a.lean.iter().zip(&b.lean).all(|(a, b)| b.iter().all(|y| a.iter().any(|x| front::lean(x, y))))
        };
        for (position, &mode) in modes.iter().enumerate() {
            let beaten = modes
                .iter()
                .enumerate()
                .any(|(other, &m)| m != mode && covers(m, mode) && (other < position || !covers(mode, m)));
            if !beaten {
                kept.push(mode);
            }
        }
        kept
    }

    /// The keys of a bin: the machine with these sums of what it hosts.
    pub(super) fn bin_keys(&self, machine: &Machine, mem: &Room, load: u64, demerits: Demerits) -> Keys {
        let host = &self.problem.hosts[machine.host];
        let count = i128::from(self.site.count);
        let mut keys = machine.base + Keys::of_demerits(demerits, self.site.count);
        keys.objective += machine.per_load * i128::from(load);
        keys.taken = 0;
        for (pool, taken) in host.pools.iter().zip(mem) {
            let needed = required(pool.os + Bytes(*taken), self.problem.headroom);
            keys.taken += (i128::from(needed.0) - i128::from(pool.capacity.0)) * count;
        }
        keys
    }

    /// A lower bound of what a choice adds to the keys of any bin on this machine.
    pub(super) fn least_added(&self, machine: &Machine, choice: &Choice) -> Keys {
        let count = i128::from(self.site.count);
        let scale = i128::from(PPM) + i128::from(self.problem.headroom.0);
        let taken: i128 = choice.mem.iter().map(|&bytes| i128::from(bytes) * scale / i128::from(PPM)).sum();
        Keys {
            objective: machine.per_load * i128::from(choice.load),
            taken: taken * count,
            ..Keys::of_demerits(choice.demerits, self.site.count)
        }
    }
}

/// Runtime and largest framework part of each process.
type Processes = BTreeMap<u32, (String, Room)>;

/// A joint choice being built, with the processes that later members may join.
#[derive(Debug, Clone)]
struct Partial {
    choice: Choice,
    processes: Processes,
}

impl Partial {
    /// With one more member; nothing when the process already runs another runtime or a latency cannot hold.
    fn with(
        &self,
        candidate: &Candidate,
        process: Option<u32>,
        (index, rank): (usize, u32),
        max_load: u64,
    ) -> Option<Self> {
        let mut next = self.clone();
        let choice = &mut next.choice;
        for (sum, bytes) in choice.mem.iter_mut().zip(&candidate.memory) {
            *sum = sum.saturating_add(bytes.0);
        }
        let mut framework = [0; MAX_POOLS];
        for (part, bytes) in framework.iter_mut().zip(&candidate.framework) {
            *part = bytes.0;
        }
        match process {
            None => choice.mem.iter_mut().zip(framework).for_each(|(sum, part)| *sum = sum.saturating_add(part)),
            Some(process) => {
                let runtime = &candidate.configuration.runtime;
                let (known, largest) =
                    next.processes.entry(process).or_insert_with(|| (runtime.clone(), [0; MAX_POOLS]));
                if known != runtime {
                    return None;
                }
                for ((sum, largest), part) in choice.mem.iter_mut().zip(largest).zip(framework) {
                    *sum = sum.saturating_add(part.saturating_sub(*largest));
                    *largest = part.max(*largest);
                }
            }
        }
        choice.load = choice.load.saturating_add(candidate.load.0);
        if let Some((alone, target)) = candidate.latency {
            // alone / (1 - others) <= target  <=>  others <= 1 - ceil(alone / target), in millionths.
            let share = (u128::from(alone.0) * u128::from(PPM)).div_ceil(u128::from(target.0.max(1)));
            let others = u64::try_from(u128::from(PPM).checked_sub(share)?).ok()?;
            choice.cap = choice.cap.min(others.saturating_add(candidate.load.0)).min(max_load);
        }
        choice.demerits += Demerits::of(candidate);
        choice.picks.push(index);
        choice.ranks.push(rank);
        (choice.load <= choice.cap).then_some(next)
    }

    fn fits(&self, machine: &Machine) -> bool {
        self.choice.mem.iter().zip(&machine.room).all(|(mem, room)| mem <= room)
    }
}

/// Leaves out what can never be part of the best plan: with equal processes, what another joint choice beats.
fn thinned(partial: Vec<Partial>) -> Vec<Partial> {
    let mut groups: Vec<(Processes, Vec<Choice>)> = Vec::new();
    for p in partial {
        match groups.iter_mut().find(|(processes, _)| *processes == p.processes) {
            Some((_, choices)) => choices.push(p.choice),
            None => groups.push((p.processes, vec![p.choice])),
        }
    }
    let keep = |(processes, choices): (Processes, Vec<Choice>)| {
        // Both orders: what either of them needs stays.
        front::undominated(choices, front::full)
            .into_iter()
            .map(move |choice| Partial { choice, processes: processes.clone() })
    };
    groups.into_iter().flat_map(keep).collect()
}

/// Joins the workloads that must be together into items.
fn items(site: &Site) -> Result<Vec<Item>, Unready> {
    let count = site.workloads.len();
    let mut group: Vec<usize> = (0..count).collect();
    for (a, workload) in site.workloads.iter().enumerate() {
        for b in 0..count {
            let one_process = workload.process.is_some() && workload.process == site.workloads[b].process;
            if one_process || workload.together.contains(&b) {
                let (from, to) = (group[a].max(group[b]), group[a].min(group[b]));
                group.iter_mut().filter(|g| **g == from).for_each(|g| *g = to);
            }
        }
    }
    let mut leaders: Vec<usize> = group.clone();
    leaders.sort_unstable();
    leaders.dedup();
    if leaders.len() > MAX_ITEMS {
        return Err(Unready::TooLarge);
    }
    let mut items = Vec::new();
    for &leader in &leaders {
        let members: Vec<usize> = (0..count).filter(|&w| group[w] == leader).collect();
        let copies = site.workloads[leader].copies;
        let mut apart = Set::EMPTY;
        for &member in &members {
            if site.workloads[member].copies != copies {
                return Err(Unready::Contradiction);
            }
            for &other in site.workloads[member].apart.iter().filter(|&&other| other != member) {
                let Some(number) = group.get(other).and_then(|g| leaders.iter().position(|l| l == g)) else { continue };
                if group[other] == leader && copies > 0 {
                    return Err(Unready::Contradiction);
                }
                apart = apart.with(number);
            }
        }
        items.push(Item { members, copies: copies as usize, apart });
    }
    let mirrored: Vec<(usize, usize)> =
        items.iter().enumerate().flat_map(|(a, item)| item.apart.iter().map(move |b| (a, b))).collect();
    for (a, b) in mirrored {
        items[b].apart = items[b].apart.with(a);
    }
    Ok(items)
}
