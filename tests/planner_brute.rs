//! `plan` against brute force: every joint choice of the candidate table, judged by the rules of the table alone.
//!
//! Random small catalogs of made-up devices and random scenarios on them. The table is read as a program outside would read
//! it: text by column name.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::Random;
use edgemem::candidates::{self, Options};
use edgemem::catalog::Catalog;
use edgemem::planner;
use edgemem::report;
use edgemem::scenario::{self, Document, Scenario};
use edgemem::solve::{SearchLimits, Status};
use serde_json::json;

/// Catalogs, and scenarios on each.
const CATALOGS: u64 = 8;
const SCENARIOS: u64 = 64;
/// Devices of a catalog; a scenario is allowed a few of them.
const DEVICES: u64 = 24;
const WHOLE: u128 = 1_000_000;
/// A cent where energy counts: milliwatts in millionths of load, thousandths of years and hours, millionths of dollars. Plans
/// are compared before the sum is rounded to the cent.
const TCO_CENT: u128 = 10u128.pow(24);

fn device(r: &mut Random, id: &str) -> serde_json::Value {
    let (silicon, cuda) = r.pick(&[("jetson-orin", true), ("nvidia-ada", true), ("rk3588", false), ("test", true)]);
    let gib = r.pick(&[2, 3, 4, 6, 8, 12, 16]);
    let visible = gib * 1024 * 95 / 100;
    let memory = if r.chance(30) {
        json!({ "kind": "discrete", "type": "GDDR6", "installed_mib": gib * 1024, "visible_mib": visible,
            "reserved_mib": r.pick(&[0, 300]), "host_visible_mib": r.pick(&[1500, 4000, 16_000]) })
    } else {
        json!({ "kind": "unified", "type": "LPDDR5", "installed_mib": gib * 1024, "visible_mib": visible })
    };
    let watts = r.pick(&[10, 15, 15, 25, 40]);
    let mut value = json!({
        "id": id, "name": id, "vendor": "Test", "class": "sbc", "silicon": silicon, "availability": "offered",
        "memory": memory, "os_image": "ubuntu-server", "bandwidth_gb_s": r.pick(&[30, 60, 100, 200]),
        "compute": { "fp16_tflops": r.pick(&[2, 10, 40]), "fp32_tflops": 1.5, "int8_tops": r.pick(&[20, 80]) },
        "full_w": watts,
        "runtimes": if cuda { json!(["llama.cpp-cuda", "tensorrt", "onnxruntime-cuda", "whisper.cpp-cuda"]) }
            else { json!(["llama.cpp-cpu", "onnxruntime-cpu", "whisper.cpp-cpu"]) },
    });
    if r.chance(80) {
        value["idle_w"] = json!(r.pick(&[2, 3, 5]));
    }
    if r.chance(50) {
        value["modes"] = json!([
            { "id": "full", "default": true, "full_w": watts },
            { "id": "low", "full_w": watts / 2, "bandwidth_gb_s": 25, "compute": { "fp16_tflops": 1.5, "int8_tops": 10 } },
        ]);
    }
    let usd = r.pick(&[100, 150, 150, 200, 250, 400]);
    let mut prices = vec![json!({ "usd": usd, "kind": "MSRP", "as_of": "2026-01", "source": "test" })];
    if r.chance(50) {
        let from = r.pick(&[2, 5, 10]);
        prices.push(
            json!({ "usd": usd * 4 / 5, "min_quantity": from, "kind": "MSRP", "as_of": "2026-01", "source": "test" }),
        );
    }
    if !r.chance(5) {
        value["prices"] = json!(prices);
    }
    value
}

fn workload(r: &mut Random, number: usize, process: bool) -> serde_json::Value {
    let mut value = match r.range(0, 4) {
        0 => json!({ "model": r.pick(&["ultralytics/YOLO11n", "ultralytics/YOLO11s"]),
            "targets": { "inferences_s": r.pick(&[1, 5, 15]), "latency_s": r.pick(&[0.1, 0.5, 2.0]) } }),
        1 => json!({ "model": r.pick(&["openai/whisper-tiny", "openai/whisper-base"]),
            "targets": { "realtime_factor": r.pick(&[0.3, 0.8]) } }),
        _ => {
            let mut value = json!({
                "model": r.pick(&["Qwen/Qwen3-0.6B", "Qwen/Qwen3-1.7B", "Qwen/Qwen3-4B", "meta-llama/Llama-3.2-1B"]),
                "context": r.pick(&[1024, 4096, 10_000]), "streams": r.pick(&[1, 1, 2, 4]),
                "weights": r.pick(&[&["q4_k_m"] as &[&str], &["q4_k_m", "q8_0"], &["q4_0", "q5_k_m", "q6_k"]]),
                "runtimes": "llama.cpp",
            });
            if r.chance(60) {
                value["targets"] = json!({ "decode_tok_s": r.pick(&[1, 3, 8]), "ttft_s": r.pick(&[3, 20, 60]) });
            }
            if r.chance(40) {
                value["kv_cache"] = json!(["f16", "q8_0"]);
            }
            if process {
                value["process"] = json!("shared");
            }
            value
        }
    };
    value["name"] = json!(format!("w{number}"));
    if r.chance(50) {
        value["duty"] = json!(r.pick(&[0.1, 0.3, 0.5]));
    }
    value
}

fn site(r: &mut Random) -> serde_json::Value {
    let process = r.chance(30);
    let workloads: Vec<_> = (0..r.range(1, 3) as usize).map(|n| workload(r, n, process)).collect();
    json!({ "workloads": workloads, "count": r.pick(&[1, 2, 4, 7]) })
}

fn scenario_text(r: &mut Random) -> String {
    let devices: Vec<String> = (0..r.range(2, 6)).map(|_| format!("d{}", r.range(0, DEVICES - 1))).collect();
    let devices: std::collections::BTreeSet<_> = devices.into_iter().collect();
    let mut value = json!({
        "allow": { "devices": devices }, "headroom": r.pick(&[0.0, 0.1, 0.25, 0.333_333]),
        "max_load": r.pick(&[0.9, 0.6, 1.0]), "objective": "capex",
    });
    if r.chance(25) {
        let (mut a, mut b) = (site(r), site(r));
        (a["name"], b["name"]) = (json!("a"), json!("b"));
        value["sites"] = json!([a, b]);
        value["objective"] = json!(r.pick(&["capex", "power"]));
    } else {
        let one = site(r);
        value["workloads"] = one["workloads"].clone();
        value["count"] = one["count"].clone();
        value["objective"] = json!(r.pick(&["capex", "capex", "tco", "power"]));
    }
    if r.chance(20) {
        value["limits"] = json!({ "price_usd": r.pick(&[120, 200, 300]) });
    } else if r.chance(20) {
        value["limits"] = json!({ "power_w": r.pick(&[8, 15, 30]) });
    }
    if r.chance(30) {
        value["fleet"] = json!({ "spares": r.pick(&[0.05, 0.5]) });
    }
    if r.chance(15) {
        value["fleet"]["max_skus"] = json!(1);
    }
    value.to_string()
}

/// A candidate as the table has it.
#[derive(Debug, Clone)]
struct Row {
    workload: usize,
    number: u64,
    runtime: String,
    load: u128,
    latency: Option<(u128, u128)>,
    quality: u128,
    doubts: u128,
    slowness: u128,
    /// Own and framework bytes by pool.
    pools: Vec<(u128, u128)>,
}

/// A device in a mode as the table has it.
#[derive(Debug, Clone, Default)]
struct Host {
    device: String,
    breaks: Vec<(u64, u128)>,
    power: Option<u128>,
    idle: Option<u128>,
    /// Operating system and capacity by pool.
    pools: Vec<(u128, u128)>,
    rows: Vec<Row>,
}

/// A decimal number as an integer of its last place.
fn scaled(text: &str, decimals: usize) -> u128 {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{rest:0<decimals$}").parse().unwrap_or_else(|_| panic!("`{text}`"))
}

/// The hosts of a site class, from the table alone.
fn hosts(table: &[BTreeMap<String, String>], site: &str, workloads: &[String]) -> Vec<Host> {
    let mut hosts: BTreeMap<(String, String), Host> = BTreeMap::new();
    for row in table.iter().filter(|r| r["site"] == site && r["allowed"] == "true") {
        let known = |column: &str, decimals| Some(&row[column]).filter(|t| !t.is_empty()).map(|t| scaled(t, decimals));
        let host = hosts.entry((row["device"].clone(), row["mode"].clone())).or_default();
        host.device.clone_from(&row["device"]);
        host.power = known("power_w", 3);
        host.idle = known("idle_w", 3);
        host.breaks = row["price_breaks"]
            .split(';')
            .filter_map(|b| b.split_once(':'))
            .map(|(from, price)| (from.parse().unwrap(), scaled(price, 2)))
            .collect();
        let number = scaled(&row["candidate"], 0) as u64;
        let bytes = |column: &str| scaled(&row[column], 0);
        let own = bytes("weights_bytes") + bytes("kv_cache_bytes") + bytes("activation_bytes");
        let pool = match host.rows.iter_mut().find(|r| r.number == number) {
            Some(known) => {
                known.pools.push((own, bytes("framework_bytes")));
                known.pools.len()
            }
            None => {
                host.rows.push(Row {
                    workload: workloads.iter().position(|w| *w == row["workload"]).unwrap(),
                    number,
                    runtime: row["runtime"].clone(),
                    load: scaled(&row["load"], 6),
                    latency: known("latency_target_s", 6).map(|t| (known("latency_alone_s", 6).unwrap(), t)),
                    quality: scaled(&row["quality_loss"], 6),
                    doubts: scaled(&row["doubts"], 0),
                    slowness: scaled(&row["slowness"], 0),
                    pools: vec![(own, bytes("framework_bytes"))],
                });
                1
            }
        };
        if host.pools.len() < pool {
            host.pools.push((bytes("os_bytes"), bytes("capacity_bytes")));
        }
    }
    hosts.into_values().collect()
}

/// What a joint choice on one host comes to: everything but its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Merit {
    load: u128,
    quality: u128,
    doubts: u128,
    slowness: u128,
    free: u128,
}

/// Every joint choice of a host that is feasible.
fn joint_choices(host: &Host, scenario: &Scenario, site: usize) -> Vec<Merit> {
    let workloads = &scenario.sites[site].workloads;
    let mut found = Vec::new();
    let mut chosen: Vec<&Row> = Vec::new();
    descend(host, scenario, workloads, &mut chosen, &mut found);
    found.sort();
    found.dedup();
    found
}

fn descend<'h>(
    host: &'h Host,
    scenario: &Scenario,
    workloads: &[scenario::Workload],
    chosen: &mut Vec<&'h Row>,
    found: &mut Vec<Merit>,
) {
    if chosen.len() == workloads.len() {
        found.extend(judge(host, scenario, workloads, chosen));
        return;
    }
    let next = chosen.len();
    for row in host.rows.iter().filter(|r| r.workload == next) {
        chosen.push(row);
        descend(host, scenario, workloads, chosen, found);
        chosen.pop();
    }
}

fn judge(host: &Host, scenario: &Scenario, workloads: &[scenario::Workload], chosen: &[&Row]) -> Option<Merit> {
    let load: u128 = chosen.iter().map(|r| r.load).sum();
    if load > u128::from(scenario.max_load.0) {
        return None;
    }
    for row in chosen {
        if let Some((alone, target)) = row.latency
            && alone * WHOLE > target * WHOLE.saturating_sub(load - row.load)
        {
            return None;
        }
    }
    let shares = |w: usize| workloads[w].process.is_some();
    let sharing: Vec<_> = chosen.iter().filter(|r| shares(r.workload)).collect();
    if sharing.windows(2).any(|pair| pair[0].runtime != pair[1].runtime) {
        return None;
    }
    let mut free = 0;
    for (p, &(os, capacity)) in host.pools.iter().enumerate() {
        let own: u128 = chosen.iter().map(|r| r.pools[p].0).sum();
        let alone: u128 = chosen.iter().filter(|r| !shares(r.workload)).map(|r| r.pools[p].1).sum();
        let together = sharing.iter().map(|r| r.pools[p].1).max().unwrap_or(0);
        let required = ((os + own + alone + together) * (WHOLE + u128::from(scenario.headroom.0))).div_ceil(WHOLE);
        free += capacity.checked_sub(required)?;
    }
    let sum = |of: fn(&Row) -> u128| chosen.iter().map(|r| of(r)).sum();
    Some(Merit { load, quality: sum(|r| r.quality), doubts: sum(|r| r.doubts), slowness: sum(|r| r.slowness), free })
}

/// Objective, capex, quality, doubts, power, slowness and (negated by order) free memory of the best plan.
type Key = (u128, u128, u128, u128, u128, u128, std::cmp::Reverse<u128>);

fn brute(scenario: &Scenario, hosts: &[Vec<Host>]) -> Option<Key> {
    let options: Vec<Vec<(&Host, Merit)>> = hosts
        .iter()
        .enumerate()
        .map(|(s, hosts)| {
            hosts.iter().flat_map(|h| joint_choices(h, scenario, s).into_iter().map(move |m| (h, m))).collect()
        })
        .collect();
    // Where neither load nor another site changes the objective, the rest of a host's choices cannot win.
    let options: Vec<Vec<_>> = options
        .into_iter()
        .map(|list| {
            if scenario.objective == scenario::ObjectiveKind::Tco {
                return list;
            }
            let best = |(h, m): &(&Host, Merit)| {
                !list.iter().any(|(g, n)| {
                    std::ptr::eq(*g, *h)
                        && (n.quality, n.doubts, n.slowness, std::cmp::Reverse(n.free))
                            < (m.quality, m.doubts, m.slowness, std::cmp::Reverse(m.free))
                })
            };
            list.iter().filter(|o| best(o)).copied().collect()
        })
        .collect();
    let mut best: Option<Key> = None;
    let mut picked = Vec::new();
    combine(scenario, &options, &mut picked, &mut best);
    best.map(|mut key| {
        if scenario.objective == scenario::ObjectiveKind::Tco {
            key.0 = (key.0 + TCO_CENT / 2) / TCO_CENT;
        }
        key
    })
}

fn combine<'h>(
    scenario: &Scenario,
    options: &[Vec<(&'h Host, Merit)>],
    picked: &mut Vec<(&'h Host, Merit)>,
    best: &mut Option<Key>,
) {
    if picked.len() == options.len() {
        if let Some(key) = price(scenario, picked)
            && best.is_none_or(|b| key < b)
        {
            *best = Some(key);
        }
        return;
    }
    for &option in &options[picked.len()] {
        picked.push(option);
        combine(scenario, options, picked, best);
        picked.pop();
    }
}

fn price(scenario: &Scenario, picked: &[(&Host, Merit)]) -> Option<Key> {
    let mut quantities: BTreeMap<&str, u64> = BTreeMap::new();
    for (site, (host, _)) in scenario.sites.iter().zip(picked) {
        *quantities.entry(&host.device).or_default() += site.count;
    }
    if scenario.fleet.max_skus.is_some_and(|max| quantities.len() > max as usize) {
        return None;
    }
    let bought = |device: &str| {
        let quantity = quantities[device];
        quantity + (u128::from(quantity) * u128::from(scenario.fleet.spares.0)).div_ceil(WHOLE) as u64
    };
    let paid = |host: &Host| {
        let quantity = bought(&host.device);
        host.breaks.iter().rev().find(|(from, _)| *from <= quantity).map(|(_, price)| *price)
    };
    let (mut capex, mut power, mut free, mut energy) = (0u128, 0u128, 0u128, 0u128);
    let (mut quality, mut doubts, mut slowness) = (0u128, 0u128, 0u128);
    let mut counted = std::collections::BTreeSet::new();
    for (site, (host, merit)) in scenario.sites.iter().zip(picked) {
        let one = paid(host)?;
        if site.limits.price.is_some_and(|limit| one > u128::from(limit.0)) {
            return None;
        }
        if let Some(limit) = site.limits.power
            && host.power? > u128::from(limit.0)
        {
            return None;
        }
        if counted.insert(&host.device) {
            capex += one * u128::from(bought(&host.device));
        }
        let count = u128::from(site.count);
        quality += count * merit.quality;
        doubts += count * merit.doubts;
        slowness += count * merit.slowness;
        power += count * host.power.unwrap_or(u128::from(u32::MAX));
        free += count * merit.free;
        if scenario.objective == scenario::ObjectiveKind::Tco {
            // Without a figure for rest a device always draws all.
            let full = host.power?;
            let idle = host.idle.map_or(full, |idle| idle.min(full));
            energy += count * (idle * WHOLE + (full - idle) * merit.load);
        }
    }
    let objective = match scenario.objective {
        scenario::ObjectiveKind::Capex => capex,
        scenario::ObjectiveKind::Power => power,
        scenario::ObjectiveKind::Tco => {
            let h = scenario.horizon;
            let hours = 365 * u128::from(h.milliyears) * u128::from(h.millihours_per_day);
            capex * TCO_CENT + energy * hours * u128::from(h.microusd_per_kwh) * 100
        }
    };
    Some((objective, capex, quality, doubts, power, slowness, std::cmp::Reverse(free)))
}

fn resolve(catalog: &Catalog, text: &str) -> Scenario {
    let document = Document::parse("test.yaml", text).unwrap();
    scenario::resolve(&document, catalog, &|name| catalog.model(name).map(Arc::new)).unwrap_or_else(|e| panic!("{e}"))
}

/// The same figures of the plan.
fn of_plan(plan: &planner::Plan<'_>) -> Option<Key> {
    let value = plan.value?;
    let unit = if plan.objective == scenario::ObjectiveKind::Power { 1000.0 } else { 100.0 };
    let capex = plan.order.iter().map(|line| u128::from(line.total.0)).sum();
    let (mut quality, mut doubts, mut power, mut slowness, mut free) = (0, 0, 0, 0, 0);
    for site in &plan.sites {
        let count = u128::from(site.count);
        for device in &site.devices {
            for candidate in device.workloads.iter().map(|w| &w.candidate) {
                quality += count * u128::from(candidate.quality_loss.0);
                doubts += count * u128::from(candidate.doubts());
                slowness += count * u128::from(candidate.slowness());
            }
            power += count * device.mode.power.map_or(u128::from(u32::MAX), |p| u128::from(p.0));
            free += count * device.pools.iter().map(|p| u128::from(p.free().0)).sum::<u128>();
        }
    }
    Some(((value * unit).round() as u128, capex, quality, doubts, power, slowness, std::cmp::Reverse(free)))
}

#[test]
fn the_plan_is_the_best_of_all_joint_choices() {
    let (mut cases, mut feasible, mut two_sites, mut several) = (0, 0, 0, 0);
    for seed in 0..CATALOGS {
        let mut r = Random::new(seed);
        let devices: Vec<_> = (0..DEVICES).map(|n| device(&mut r, &format!("d{n}"))).collect();
        let overlay = json!({ "devices": devices }).to_string();
        let catalog = Catalog::with_overlays(&[("random.yaml".to_owned(), overlay)]).unwrap_or_else(|e| panic!("{e}"));
        for number in 0..SCENARIOS {
            let text = scenario_text(&mut r);
            let scenario = resolve(&catalog, &text);
            let generated = candidates::generate(&scenario, &catalog, Options { all: true, ..Options::default() });
            let csv = report::candidates(&scenario, &generated).csv();
            let mut reader = csv::Reader::from_reader(csv.as_bytes());
            let table: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
            let hosts: Vec<Vec<Host>> = scenario
                .sites
                .iter()
                .map(|s| hosts(&table, &s.name, &s.workloads.iter().map(|w| w.name.clone()).collect::<Vec<_>>()))
                .collect();
            let expected = brute(&scenario, &hosts);
            let plan = planner::plan(&scenario, &catalog, 0, &SearchLimits::default(), &mut |_| {});
            assert_eq!(of_plan(&plan), expected, "catalog {seed}, scenario {number}: {text}");
            assert_eq!(plan.status == Status::Infeasible, expected.is_none(), "catalog {seed}, scenario {number}");
            cases += 1;
            feasible += u32::from(expected.is_some());
            two_sites += u32::from(expected.is_some() && scenario.sites.len() > 1);
            several += u32::from(expected.is_some() && scenario.sites[0].workloads.len() > 1);
        }
    }
    assert!(cases >= 500);
    // The cases must be worth their time: some half have a plan, many of those several workloads or site classes.
    assert!(
        feasible > 200 && two_sites > 30 && several > 100,
        "{feasible} feasible, {two_sites} sites, {several} several"
    );
}
