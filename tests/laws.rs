//! Laws that hold whatever the figures: more asked for never needs less, fewer bits never more, a better device never loses,
//! and every command says the same about one configuration.

use std::sync::{Arc, OnceLock};

use edgemem::candidates::{self, Options};
use edgemem::catalog::Catalog;
use edgemem::domain::{Device, FlashSupport, Format, KvPair, KvType, Runtime, Task};
use edgemem::memory::{Demand, Weights};
use edgemem::planner::budget::{self, Answer, Question};
use edgemem::planner::{self, limits};
use edgemem::scenario::{self, Document, FlashChoice, Scenario};
use edgemem::solve::SearchLimits;
use edgemem::units::Share;
use proptest::prelude::*;

fn shipped() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::shipped().unwrap())
}

/// Every language model that decodes, with what can be asked of it.
fn models() -> &'static Vec<String> {
    static MODELS: OnceLock<Vec<String>> = OnceLock::new();
    MODELS
        .get_or_init(|| shipped().model_entries().filter(|m| m.task == Task::Language).map(|m| m.id.clone()).collect())
}

/// Devices and the runtimes that run language models on them.
fn hosts() -> &'static Vec<(&'static Device, &'static Runtime)> {
    static HOSTS: OnceLock<Vec<(&'static Device, &'static Runtime)>> = OnceLock::new();
    HOSTS.get_or_init(|| {
        let on = |d: &'static Device| d.runtimes.iter().filter_map(move |r| Some((d, shipped().runtime_by_id(r)?)));
        shipped().devices().flat_map(on).filter(|(_, r)| r.tasks.contains(&Task::Language)).collect()
    })
}

/// A configuration without its demand.
#[derive(Debug, Clone, Copy)]
struct Setting {
    model: &'static str,
    device: &'static Device,
    runtime: &'static Runtime,
    format: &'static Format,
    kv: KvPair,
    flash: FlashChoice,
}

impl Setting {
    fn ask(&self, context: u64, streams: u32) -> Option<Answer> {
        let model = Arc::new(shipped().model(self.model).unwrap());
        let question = Question {
            weights: Weights::of(&model, self.format).ok()?,
            model,
            device: self.device,
            mode: self.device.default_mode().unwrap(),
            runtime: self.runtime,
            format: self.format,
            kv: self.kv,
            flash_attention: self.flash,
            demand: Demand { context, streams, prompt: (context / 2).max(1), ..Demand::default() },
            headroom: Share(250_000),
            confidence: Share(900_000),
        };
        budget::answer(&question, shipped()).ok()
    }
}

fn setting() -> impl Strategy<Value = Setting> {
    (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<[u8; 3]>())
        .prop_map(|(model, host, format, [k, v, flash])| {
            let (device, runtime) = *host.get(hosts());
            let formats: Vec<&Format> = shipped().formats().filter(|f| runtime.formats.contains(&f.id)).collect();
            let format = *format.get(&formats);
            let kvs: Vec<KvType> =
                KvType::ALL.into_iter().filter(|t| runtime.kv_types.iter().any(|id| id == t.id())).collect();
            let pick = |n: u8| kvs.get(n as usize % kvs.len().max(1)).copied().unwrap_or(KvType::F16);
            let flash = match (runtime.flash_attention, flash % 2) {
                (FlashSupport::Optional, 0) => FlashChoice::Off,
                _ => FlashChoice::Auto,
            };
            Setting {
                model: model.get(models()).as_str(),
                device,
                runtime,
                format,
                kv: KvPair { k: pick(k), v: pick(v) },
                flash,
            }
        })
}

/// Contexts where things change: cell padding, windows, micro-batches, and anything between.
fn context() -> impl Strategy<Value = u64> {
    prop_oneof![1u64..3000, 3000u64..200_000, (5u32..17).prop_map(|p| 1 << p), (5u32..17).prop_map(|p| (1 << p) + 1)]
}

/// Pool by pool no less.
fn no_less(more: &Answer, less: &Answer) -> bool {
    more.pools.iter().zip(&less.pools).all(|(m, l)| m.required >= l.required && m.capacity == l.capacity)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn more_context_never_needs_less(setting in setting(), context in context(), more in 1u64..5000, streams in 1u32..9) {
        if let (Some(less), Some(more)) = (setting.ask(context, streams), setting.ask(context + more, streams)) {
            prop_assert!(no_less(&more, &less), "{:#?}\nthan\n{:#?}", more.pools, less.pools);
        }
    }

    #[test]
    fn more_streams_never_need_less(setting in setting(), context in context(), streams in 1u32..33, more in 1u32..9) {
        if let (Some(less), Some(more)) = (setting.ask(context, streams), setting.ask(context, streams + more)) {
            prop_assert!(no_less(&more, &less), "{:#?}\nthan\n{:#?}", more.pools, less.pools);
        }
    }

    #[test]
    fn fewer_bits_never_need_more(setting in setting(), context in context(), streams in 1u32..5) {
        // From many bits to few, within what the runtime loads. Only formats of one kind have an order: a 4-bit GPU format
        // keeps embeddings in 16 bits, a GGUF file does not; and q2_k gives some tensors more bits than q3_k_s, which shows
        // where a model's rows are no multiple of the block.
        let chains: [&[&str]; 3] = [
            &["f32", "f16", "q8_0", "q6_k", "q5_k_m", "q5_k_s", "q4_k_s", "q3_k_s"],
            &["q5_1", "q5_0", "q4_1", "q4_0"],
            &["q3_k_l", "q3_k_m", "q3_k_s"],
        ];
        for chain in chains {
            let mut last: Option<(&str, Answer)> = None;
            // Ollama's library keeps some tensors of its mixes of four bits in 6, 8 or 16: more than five bits take elsewhere.
            let own = |id: &str| setting.runtime.engine_id == "ollama" && id == "q4_k_s";
            for id in chain.iter().filter(|id| setting.runtime.formats.iter().any(|f| f == *id) && !own(id)) {
                let format = shipped().format(id).unwrap();
                let Some(answer) = (Setting { format, ..setting }).ask(context, streams) else { continue };
                if let Some((more_bits, last)) = &last {
                    prop_assert!(no_less(last, &answer), "{id} needs more than {more_bits}");
                }
                last = Some((id, answer));
            }
        }
        let mut last: Option<(KvType, Answer)> = None;
        for kv in [KvType::F32, KvType::F16, KvType::Q8_0, KvType::Q5_1, KvType::Q5_0, KvType::Q4_1, KvType::Q4_0] {
            if !setting.runtime.kv_types.iter().any(|id| id == kv.id()) {
                continue;
            }
            let Some(answer) = (Setting { kv: KvPair { k: kv, v: kv }, ..setting }).ask(context, streams) else { continue };
            let cache = |a: &Answer| a.pools.iter().map(|p| p.used.kv_cache.0).sum::<u64>();
            if let Some((more_bits, last)) = &last {
                prop_assert!(cache(last) >= cache(&answer), "a cache in {kv} needs more than in {more_bits}");
            }
            last = Some((kv, answer));
        }
    }
}

fn resolve(catalog: &Catalog, text: &str) -> Scenario {
    let document = Document::parse("test.yaml", text).unwrap();
    scenario::resolve(&document, catalog, &|name| catalog.model(name).map(Arc::new)).unwrap_or_else(|e| panic!("{e}"))
}

/// A device of the catalog under another id, with figures multiplied.
fn variant(id: &str, of: &str, price: u64, better: [u64; 3]) -> serde_json::Value {
    let entry = shipped().device_entries().find(|d| d.id == of).unwrap();
    let mut value = serde_json::to_value(entry).unwrap();
    let percent = |value: &mut serde_json::Value, p: u64| {
        if let Some(n) = value.as_u64() {
            *value = (n * p / 100).into();
        } else if let Some(x) = value.as_f64() {
            *value = (x * p as f64 / 100.0).into();
        }
    };
    value["id"] = id.into();
    value["aliases"] = serde_json::json!([]);
    value["accessories"] = serde_json::json!([]);
    value["prices"] = serde_json::json!([{ "usd": price, "kind": "MSRP", "as_of": "2026-01", "source": "test" }]);
    value["provenance"] = serde_json::json!({});
    // Settings give amounts of their own, which the scaled memory may not have room for.
    value["memory"].as_object_mut().unwrap().remove("settings");
    for key in ["installed_mib", "visible_mib", "accelerator_mib", "host_visible_mib"] {
        percent(&mut value["memory"][key], better[0]);
        if value["memory"][key].is_null() {
            value["memory"].as_object_mut().unwrap().remove(key);
        }
    }
    let faster = |mode: &mut serde_json::Value| {
        if let Some(mode) = mode.as_object_mut() {
            if let Some(bandwidth) = mode.get_mut("bandwidth_gb_s") {
                percent(bandwidth, better[1]);
            }
            if let Some(rates) = mode.get_mut("compute").and_then(|c| c.as_object_mut()) {
                rates.values_mut().for_each(|rate| percent(rate, better[2]));
            }
        }
    };
    faster(&mut value);
    value.get_mut("modes").and_then(|m| m.as_array_mut()).into_iter().flatten().for_each(faster);
    value
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_device_that_beats_another_in_everything_never_loses_to_it(
        of in prop::sample::select(vec![
            "jetson-orin-nx-16gb", "jetson-orin-nano-8gb", "jetson-agx-orin-64gb", "raspberry-pi-5-16gb",
            "orange-pi-5-plus-16gb", "rtx-4090", "mac-mini-m4-16gb", "framework-desktop-64gb",
        ]),
        memory in 100u64..200, bandwidth in 100u64..300, compute in 100u64..300, cheaper in 1u64..100,
        model in prop::sample::select(vec!["Qwen/Qwen3-0.6B", "Qwen/Qwen3-4B", "meta-llama/Llama-3.1-8B"]),
        target in 1u64..30, streams in 1u32..4,
    ) {
        let devices = [
            variant("worse", of, 500, [100, 100, 100]),
            variant("better", of, 500 - cheaper, [memory, bandwidth, compute]),
        ];
        let overlay = serde_json::json!({ "devices": devices }).to_string();
        let catalog = Catalog::with_overlays(&[("test.yaml".to_owned(), overlay)]).unwrap();
        let text = |devices: &str| format!(
            "allow: {{ devices: [{devices}], unverified: true }}\nworkloads: [{{ name: a, model: {model}, context: 4096, \
             streams: {streams}, targets: {{ decode_tok_s: {target} }} }}]\n"
        );
        let plan = |devices: &str| {
            let scenario = resolve(&catalog, &text(devices));
            let plan = planner::plan(&scenario, &catalog, 0, &SearchLimits::default(), &mut |_| {});
            (plan.value, plan.sites.first().map(|s| s.devices[0].device.id.clone()))
        };
        let ((worse, _), (better, _), (both, chosen)) = (plan("worse"), plan("better"), plan("worse, better"));
        prop_assert!(worse.is_none() || better.is_some_and(|b| b < worse.unwrap()), "{worse:?} against {better:?}");
        prop_assert_eq!(both, better);
        prop_assert!(chosen.is_none() || chosen.as_deref() == Some("better"));
    }
}

/// `budget`, `candidates`, `plan` and `limits` about one configuration.
#[test]
fn all_commands_agree_to_the_byte() {
    let catalog = shipped();
    let mut compared = 0;
    for (device, runtime, format, kv, model, context, streams) in [
        ("jetson-orin-nx-16gb", "llama.cpp", "q4_k_m", "q8_0", "meta-llama/Llama-3.1-8B", 6000, 3),
        ("jetson-agx-orin-64gb", "vllm", "int4-awq", "f16", "Qwen/Qwen3-8B", 8192, 2),
        ("rtx-4090", "llama.cpp", "q8_0", "f16", "google/gemma-3-4b-it", 5000, 2),
        ("mac-mini-m4-16gb", "mlx", "mlx-4bit", "f16", "Qwen/Qwen3-4B", 4096, 1),
        ("raspberry-pi-5-16gb", "llama.cpp", "q4_0", "q8_0", "Qwen/Qwen3-0.6B", 2049, 2),
        ("orange-pi-5-plus-16gb", "rkllm", "w8a8", "f16", "Qwen/Qwen3-1.7B", 4096, 1),
    ] {
        let Ok((entry, _)) = catalog.device(device) else { panic!("{device}") };
        let loads = |r: &&Runtime| r.formats.iter().any(|f| f == format) && entry.runtimes.contains(&r.id);
        if !catalog.runtime(runtime).unwrap().iter().any(loads) {
            continue;
        }
        let text = format!(
            "headroom: 30%\nallow: {{ devices: [{device}], unverified: true }}\nworkloads: [{{ name: a, model: {model}, context: \
             {context}, streams: {streams}, runtimes: {runtime}, weights: {format}, kv_cache: {kv} }}]\n"
        );
        let scenario = resolve(catalog, &text);
        let generated = candidates::generate(&scenario, catalog, Options { all: true, ..Options::default() });
        for candidate in &generated.candidates {
            let workload = &scenario.sites[0].workloads[0];
            let question = Question {
                model: Arc::clone(&workload.model),
                weights: Weights::of(&workload.model, candidate.format).unwrap(),
                device: candidate.device,
                mode: candidate.mode,
                runtime: candidate.runtime,
                format: candidate.format,
                kv: candidate.kv.unwrap(),
                flash_attention: FlashChoice::Auto,
                demand: Demand {
                    context,
                    streams,
                    prompt: workload.prompt,
                    checkpoints: Demand::CHECKPOINTS,
                    ..Demand::default()
                },
                headroom: scenario.headroom,
                confidence: scenario.confidence,
            };
            let answer = budget::answer(&question, catalog).unwrap();
            let footprint = candidate.footprint.unwrap();
            for pool in &answer.pools {
                assert_eq!(pool.used, footprint.pool(pool.name), "{device}: budget and candidates");
            }
            assert_eq!(answer.speed.ok(), candidate.speed, "{device}: speed of budget and candidates");
            compared += 1;
        }
        let plan = planner::plan(&scenario, catalog, 0, &SearchLimits::default(), &mut |_| {});
        if let Some(planned) = plan.sites.first().map(|s| &s.devices[0]) {
            let candidate = &planned.workloads[0].candidate;
            let same = generated.candidates.iter().find(|c| {
                c.mode.id == candidate.mode.id
                    && c.runtime.id == candidate.runtime.id
                    && c.format.id == candidate.format.id
            });
            assert_eq!(same.unwrap().footprint, candidate.footprint, "{device}: candidates and plan");
            for (pool, used) in planned.pools.iter().zip(&planned.device.pools) {
                let steady = used.os + candidate.footprint.unwrap().pool(used.name).total();
                assert_eq!(pool.steady, steady, "{device}: plan");
            }
        }
        // The largest context fits by `budget`, and one token more does not, unless the model ends there.
        for limit in limits::limits(&scenario, catalog, false) {
            let at = |context: u64| {
                let text = text.replace(
                    &format!("context: {}", scenario.sites[0].workloads[0].context),
                    &format!("context: {context}"),
                );
                let scenario = resolve(catalog, &text);
                let generated = candidates::generate(&scenario, catalog, Options { all: true, ..Options::default() });
                let refused = |c: &&candidates::Candidate<'_>| {
                    c.mode.id == limit.mode.id && c.runtime.id == limit.choice.runtime.id
                };
                let found = generated.candidates.iter().find(refused).unwrap();
                !matches!(found.refusal, Some(candidates::Refusal::Memory { .. }))
            };
            if limit.context.max > 0 {
                assert!(at(limit.context.max), "{device}: {} tokens fit", limit.context.max);
            }
            if let limits::Binds::Memory(_) = limit.context.binds {
                assert!(!at(limit.context.max + 1), "{device}: one more than {} does not", limit.context.max);
            }
        }
    }
    assert!(compared >= 4, "only {compared} candidates were compared: the catalog's ids have changed");
}
