//! Working with a model that came out of a file.

use std::sync::Arc;

use edgemem::catalog::Catalog;
use edgemem::domain::{KvPair, KvType, Model};
use edgemem::memory::{Demand, Weights};
use edgemem::planner::budget::{self, Question, mode_of};
use edgemem::scenario::FlashChoice;
use edgemem::units::Share;

use super::Random;

/// Asks everything about a model that came out of a file.
pub fn use_model(model: Model, catalog: &Catalog, r: &mut Random) {
    let model = Arc::new(model);
    let contexts = [1, 255, 4096, 1 << 20, 1 << 28];
    for (device, runtime, format) in [
        ("raspberry-pi-5-8gb", "llama.cpp-cpu", "q4_k_m"),
        ("rtx-5090", "llama.cpp-cuda", "iq3_xxs"),
        ("rtx-5090", "vllm", "fp8"),
        ("jetson-agx-thor-devkit", "pytorch-cuda", "bf16"),
        ("orange-pi-5-plus-16gb", "rkllm", "w8a8"),
    ] {
        let (device, modes) = catalog.device(device).unwrap();
        let format = catalog.format(format).unwrap();
        let Ok(weights) = Weights::of(&model, format) else { continue };
        let context = r.pick(&contexts);
        let demand = Demand {
            context,
            prompt: context,
            streams: r.pick(&[1, 3, 65_536]),
            images: r.pick(&[0, 1, 100_000]),
            kv_unified: r.chance(50),
            swa_full: r.chance(20),
            ..Demand::default()
        };
        let kv = r.pick(&[KvType::F16, KvType::Q8_0, KvType::F32]);
        let question = Question {
            model: Arc::clone(&model),
            weights,
            device,
            mode: mode_of(device, None, modes).unwrap(),
            runtime: catalog.runtime_by_id(runtime).unwrap(),
            format,
            kv: KvPair { k: kv, v: kv },
            flash_attention: r.pick(&[FlashChoice::Auto, FlashChoice::Off]),
            demand,
            headroom: Share(250_000),
            confidence: Share(900_000),
        };
        // An error is an answer, too.
        if let Ok(answer) = budget::answer(&question, catalog) {
            assert!(answer.pools.iter().all(|p| p.required >= p.steady));
        }
    }
}
