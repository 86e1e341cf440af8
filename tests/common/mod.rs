//! Seeded random problems for the tests of the solver.
#![allow(dead_code, unreachable_pub)] // every test file uses its own part

use edgemem::solve::{Candidate, Configuration, Host, Objective, PoolRoom, Problem, Site, Sku, Workload};
use edgemem::units::{Bytes, Micros, Milliwatts, Money, Share};

/// A small deterministic generator (splitmix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from a range, both ends included.
    pub fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.bits() % (high - low + 1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.range(1, 100) <= percent
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.range(0, from.len() as u64 - 1) as usize]
    }
}

/// How large a random problem is.
#[derive(Clone, Copy)]
pub struct Size {
    pub skus: usize,
    pub modes: u64,
    pub sites: usize,
    pub workloads: usize,
    pub configurations: u64,
    pub devices: u32,
}

/// A problem with every feature somewhere; coarse figures, so that ties are common.
pub fn coarse(r: &mut Random, size: Size) -> Problem {
    let skus: Vec<Sku> = (0..size.skus).map(|n| sku(r, n)).collect();
    let mut hosts = Vec::new();
    for sku in 0..skus.len() {
        let pools = if r.chance(25) { 2 } else { 1 };
        let capacity: Vec<u64> = (0..pools).map(|_| r.pick(&[40, 60, 80, 120])).collect();
        let unknown = r.chance(10);
        for mode in 0..r.range(1, size.modes) {
            let power = r.pick(&[5, 10, 10, 15, 20, 30]) * 1000;
            hosts.push(Host {
                sku,
                mode: format!("m{mode}"),
                power: (!unknown).then_some(Milliwatts(power)),
                idle: r.chance(70).then(|| Milliwatts(r.pick(&[1000, 2000, 5000, 40_000]))),
                pools: capacity
                    .iter()
                    .enumerate()
                    .map(|(i, &c)| PoolRoom {
                        name: if pools == 1 { "unified" } else { ["vram", "host"][i] },
                        capacity: Bytes(c),
                        os: Bytes(r.pick(&[0, 3, 10])),
                    })
                    .collect(),
            });
        }
    }
    let mut number = 0;
    let sites = (0..size.sites).map(|n| site(r, n, &hosts, size, &mut number)).collect();
    Problem {
        objective: match r.range(0, 9) {
            0..6 => Objective::Capex,
            6..8 => Objective::Tco {
                microusd_per_kwh: r.pick(&[120_000, 200_000]),
                millihours: r.pick(&[8_760_000, 26_280_000]),
            },
            _ => Objective::Power,
        },
        headroom: Share(r.pick(&[0, 100_000, 250_000, 333_333])),
        max_load: Share(r.pick(&[900_000, 900_000, 600_000, 1_000_000])),
        spares: Share(if r.chance(30) { r.pick(&[20_000, 50_000, 100_000]) } else { 0 }),
        max_skus: r.chance(30).then(|| r.range(1, 3) as u32),
        skus,
        hosts,
        sites,
    }
}

fn sku(r: &mut Random, number: usize) -> Sku {
    let mut price = r.pick(&[10_000, 20_000, 20_000, 25_000, 30_000, 50_000]);
    let mut from = if r.chance(10) { r.pick(&[2, 5]) } else { 1 };
    let mut prices = vec![(from, Money(price))];
    if r.chance(35) {
        for _ in 0..r.range(1, 2) {
            from = from * r.pick(&[2, 5, 10]) + r.pick(&[0, 1]);
            price = price * r.pick(&[6, 8, 9]) / 10;
            prices.push((from, Money(price)));
        }
    }
    Sku { id: format!("sku-{}", (number * 7) % 10), prices }
}

fn site(r: &mut Random, number: usize, hosts: &[Host], size: Size, candidate: &mut u32) -> Site {
    let count = r.range(1, size.workloads as u64) as usize;
    let mut workloads: Vec<Workload> = (0..count).map(|n| workload(r, n, hosts, size, candidate)).collect();
    if count > 1 && r.chance(25) {
        let a = r.range(0, count as u64 - 1) as usize;
        let b = (a + 1) % count;
        workloads[a].apart.push(b);
        workloads[b].apart.push(a);
    }
    if count > 1 && r.chance(20) {
        let a = r.range(0, count as u64 - 1) as usize;
        let b = (a + count - 1) % count;
        if a != b {
            workloads[a].together.push(b);
            workloads[b].together.push(a);
            workloads[b].copies = workloads[a].copies;
        }
    }
    if count > 1 && r.chance(20) {
        workloads[0].process = Some(1);
        workloads[count - 1].process = Some(1);
        workloads[count - 1].copies = workloads[0].copies;
    }
    Site {
        name: format!("site-{number}"),
        count: r.pick(&[1, 1, 2, 3, 10]),
        max_devices: r.range(1, u64::from(size.devices)) as u32,
        price_limit: r.chance(25).then(|| Money(r.pick(&[20_000, 30_000, 50_000, 70_000]))),
        power_limit: r.chance(20).then(|| Milliwatts(r.pick(&[10_000, 20_000, 35_000]))),
        workloads,
    }
}

fn workload(r: &mut Random, number: usize, hosts: &[Host], size: Size, candidate: &mut u32) -> Workload {
    let mut candidates = Vec::new();
    let (memory, load) = (r.pick(&[5, 10, 15, 20]), r.pick(&[50_000, 100_000, 200_000, 300_000]));
    let latency = r.chance(25);
    for (host, facts) in hosts.iter().enumerate() {
        if r.chance(15) {
            continue;
        }
        for configuration in 0..r.range(1, size.configurations) {
            let (grow, lose) = [(4, 0), (3, 10_000), (2, 10_000), (2, 30_000)][configuration as usize % 4];
            let load = if r.chance(15) { 0 } else { load * r.pick(&[1, 1, 2]) * grow / 4 };
            *candidate += 1;
            candidates.push(Candidate {
                number: *candidate,
                host,
                memory: facts
                    .pools
                    .iter()
                    .enumerate()
                    .map(|(i, _)| Bytes(if i == 0 { memory * grow / 2 } else { memory / 5 }))
                    .collect(),
                framework: facts.pools.iter().map(|_| Bytes(r.pick(&[0, 2, 5]))).collect(),
                load: Share(load),
                latency: latency.then(|| (Micros(r.pick(&[10, 33, 50])), Micros(r.pick(&[50, 60, 100])))),
                quality_loss: Share(lose),
                configuration: Configuration {
                    runtime: r.pick(&["ort", "trt"]).to_owned(),
                    weights: format!("w{}", configuration % 4),
                    kv_k: "f16".to_owned(),
                    kv_v: "f16".to_owned(),
                    flash_attention: Some(r.chance(50)),
                    micro_batch: None,
                },
            });
        }
    }
    Workload {
        name: format!("w{number}"),
        copies: if r.chance(15) { 2 } else { 1 },
        process: None,
        apart: Vec::new(),
        together: Vec::new(),
        candidates,
    }
}
