//! Seeded random problems for the tests of the solver, and what several tests and the fuzz targets do alike.
#![allow(dead_code, unreachable_pub)] // every test file uses its own part

pub mod brute;
pub mod models;

use edgemem::solve::{Candidate, Configuration, Host, Objective, PoolRoom, Problem, Site, Sku, Workload};
use edgemem::units::{Bytes, Micros, Milliwatts, Money, Share};

/// A small deterministic generator (splitmix64), after the bytes that it was given, if any.
pub struct Random {
    state: u64,
    bytes: std::vec::IntoIter<u8>,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        let state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
        Self { state, bytes: Vec::new().into_iter() }
    }

    /// Draws each choice from one of these bytes as long as there are any, so that a fuzzer steers them.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self { bytes: Vec::from(bytes).into_iter(), ..Self::new(0) }
    }

    pub fn bits(&mut self) -> u64 {
        if let Some(byte) = self.bytes.next() {
            return u64::from(byte);
        }
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
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
                changed: (mode / 2) as u32,
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
    let multiple = if r.chance(20) { r.pick(&[2, 3, 5, 10, 12]) } else { 1 };
    Sku { id: format!("sku-{}", (number * 7) % 10), prices, multiple }
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
                doubts: u32::from(candidate.is_multiple_of(3)),
                slowness: *candidate * 7 % 5,
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

/// A problem in the proportions of a real catalog: devices from small boards to graphics cards, workloads from detectors
/// to language models in several formats.
pub fn realistic(r: &mut Random, size: Size) -> Problem {
    const GIB: u64 = 1 << 30;
    struct Device {
        memory: Vec<u64>,
        speed: u64,
        power: u64,
    }
    let mut skus = Vec::new();
    let mut devices = Vec::new();
    for number in 0..size.skus {
        let (memory, speed, power, price) = match r.range(0, 9) {
            0..3 => (vec![r.pick(&[2, 4, 8, 16])], r.range(8, 20), r.range(6, 15), r.range(50, 250)),
            3..6 => (vec![r.pick(&[4, 8, 16, 32, 64])], r.range(50, 220), r.range(10, 60), r.range(250, 2000)),
            6..8 => (vec![r.pick(&[16, 32, 64, 96, 128])], r.range(40, 260), r.range(35, 150), r.range(300, 3000)),
            _ => (
                vec![r.pick(&[8, 12, 16, 24, 32]), r.pick(&[16, 32, 64])],
                r.range(250, 1000),
                r.range(150, 600),
                r.range(700, 4000),
            ),
        };
        let price = (price / 10 * 10 + 9) * 100;
        skus.push(Sku { id: format!("device-{number:03}"), prices: vec![(1, Money(price))], multiple: 1 });
        devices.push(Device { memory, speed, power });
    }
    let mut hosts = Vec::new();
    let mut speeds = Vec::new();
    for (sku, device) in devices.iter().enumerate() {
        let modes = r.range(1, size.modes);
        for mode in 0..modes {
            let power = device.power * 1000 * (mode + 1) / modes;
            hosts.push(Host {
                sku,
                mode: format!("{}W", power / 1000),
                changed: 0,
                power: Some(Milliwatts(power)),
                idle: Some(Milliwatts(device.power * 200)),
                pools: device
                    .memory
                    .iter()
                    .enumerate()
                    .map(|(i, &gib)| PoolRoom {
                        name: if device.memory.len() == 1 { "unified" } else { ["vram", "host"][i] },
                        capacity: Bytes(gib * GIB * 94 / 100),
                        os: Bytes(if i + 1 == device.memory.len() { 700 << 20 } else { 200 << 20 }),
                    })
                    .collect(),
            });
            speeds.push(device.speed * (60 + 40 * (mode + 1) / modes) / 100);
        }
    }
    let mut number = 0;
    let sites = (0..size.sites)
        .map(|n| Site {
            name: format!("site-{n}"),
            count: r.pick(&[1, 3, 10, 40, 150]),
            max_devices: size.devices,
            price_limit: None,
            power_limit: None,
            workloads: (0..size.workloads)
                .map(|n| realistic_workload(r, n, &hosts, &speeds, size.configurations, &mut number))
                .collect(),
        })
        .collect();
    Problem {
        objective: Objective::Capex,
        headroom: Share(250_000),
        max_load: Share(900_000),
        spares: Share(0),
        max_skus: None,
        skus,
        hosts,
        sites,
    }
}

fn realistic_workload(
    r: &mut Random,
    number: usize,
    hosts: &[Host],
    speeds: &[u64],
    configurations: u64,
    candidate: &mut u32,
) -> Workload {
    const MIB: u64 = 1 << 20;
    // (bits per weight in tenths, loss) from the heaviest format down
    let formats = [(160, 0), (85, 400), (66, 4_000), (57, 9_000), (49, 18_000), (39, 45_000)];
    let language = r.chance(45);
    let millions = if language {
        r.pick(&[360, 500, 1200, 1700, 2600, 3200, 3800, 7600, 8000])
    } else {
        r.pick(&[3, 10, 20, 26, 74, 244, 800])
    };
    // What a second of work takes of a device of speed 1 (GB/s), in millionths.
    let rate = if language { r.range(2, 12) } else { r.pick(&[1, 2, 5, 10, 15, 30]) * 40 };
    let duty = r.pick(&[5, 10, 25, 30, 50, 100]);
    let extra = r.range(50, 900);
    let framework = r.range(80, 500);
    let mut candidates = Vec::new();
    for (host, facts) in hosts.iter().enumerate() {
        for (format, (bits, loss)) in
            formats.iter().enumerate().take(if language { configurations as usize } else { 2 })
        {
            let weights = millions * bits / 80; // MB
            let work = rate * weights * 1000 / speeds[host] * duty / 100;
            let memory = weights + extra;
            let need = (memory + framework) * MIB * 5 / 4;
            if facts.pools[0].capacity.0 < need + facts.pools[0].os.0 * 5 / 4
                || work > 900_000
                || rate * weights * 1000 / speeds[host] > 1_000_000
            {
                continue;
            }
            *candidate += 1;
            candidates.push(Candidate {
                number: *candidate,
                host,
                memory: facts
                    .pools
                    .iter()
                    .enumerate()
                    .map(|(i, _)| Bytes(if i == 0 { memory * MIB } else { 150 * MIB }))
                    .collect(),
                framework: facts.pools.iter().map(|_| Bytes(framework * MIB)).collect(),
                load: Share(work),
                latency: None,
                quality_loss: Share(*loss),
                doubts: u32::from(work > 700_000),
                slowness: (work / 1000) as u32,
                configuration: Configuration {
                    runtime: "llama.cpp".to_owned(),
                    weights: format!("f{format}"),
                    kv_k: "f16".to_owned(),
                    kv_v: "f16".to_owned(),
                    flash_attention: Some(true),
                    micro_batch: Some(512),
                },
            });
        }
    }
    Workload {
        name: format!("w{number}"),
        copies: 1,
        process: None,
        apart: Vec::new(),
        together: Vec::new(),
        candidates,
    }
}
