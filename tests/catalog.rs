//! The shipped catalogs as a whole: they load, they are complete, and their names lead where they should.

use edgemem::catalog::Catalog;
use edgemem::domain::{Availability, DeviceClass, MemoryKind, Task};
use edgemem::planner::budget::mode_of;

#[test]
fn the_shipped_catalogs_load() {
    let catalog = Catalog::shipped().unwrap();
    assert!(catalog.devices().count() >= 140);
    assert!(catalog.runtimes().count() >= 12);
    assert!(catalog.os_images().count() >= 10);
    assert!(catalog.formats().count() >= 40);
}

#[test]
fn a_super_id_is_the_module_in_the_modes_of_its_firmware() {
    let catalog = Catalog::shipped().unwrap();
    for (id, mode, expected) in [
        ("jetson-orin-nx-16gb", None, "15W"),
        ("jetson-orin-nx-16gb", Some("40W"), "40W"),
        ("jetson-orin-nx-16gb-super", None, "40W"),
        ("jetson-orin-nx-16gb-super", Some("maxn_super"), "MAXN_SUPER"),
        ("jetson-orin-nano-8gb", Some("15w"), "15W"),
        ("jetson-orin-nano-8gb-super", None, "25W"),
        ("jetson-agx-orin-64gb", None, "30W"),
    ] {
        let (device, of_alias) = catalog.device(id).unwrap();
        assert_eq!(mode_of(device, mode, of_alias).unwrap().id, expected, "{id} asked with {mode:?}");
        assert_eq!(device.id, id.trim_end_matches("-super"));
    }
    let (device, of_alias) = catalog.device("jetson-orin-nx-16gb-super").unwrap();
    assert!(mode_of(device, Some("MAXN"), of_alias).is_err(), "the firmware of the alias has no such mode");
}

/// A text model of the last years reads thousands of tokens; a few hundred is what one port to another chip was compiled
/// for. Encoders of the BERT kind are the exception: 512 is theirs.
#[test]
fn contexts_are_those_of_the_published_model_not_of_a_port() {
    let catalog = Catalog::shipped().unwrap();
    for (id, tokens) in [
        ("mistralai/Mistral-7B-Instruct-v0.2", 32768), // huggingface.co config.json: max_position_embeddings
        ("THUDM/glm-4-9b-chat", 131_072),              // config.json: seq_length
        ("OpenGVLab/InternVL2-4B", 131_072),           // config.json: llm_config, Phi-3-mini-128k
        ("LargeWorldModel/LWM-Text-Chat-1M", 1_048_576),
        ("microsoft/Phi-3.5-mini-instruct", 131_072),
        ("BAAI/bge-m3", 8192), // 8194 positions, of which the first two are the padding's
    ] {
        let model = catalog.model(id).unwrap();
        assert_eq!(model.language().unwrap().spec.max_context, Some(tokens), "{id}");
    }
    for model in catalog.model_entries().map(|entry| catalog.model(&entry.id).unwrap()) {
        let Some(architecture) = model.language() else { continue };
        if matches!(model.task, Task::Language | Task::VisionLanguage) {
            assert!(architecture.spec.max_context.is_none_or(|tokens| tokens >= 2048), "{}", model.id);
        }
    }
}

#[test]
fn whatever_has_a_processor_runs_llama_cpp_on_it() {
    let catalog = Catalog::shipped().unwrap();
    let computers = |device: &&edgemem::domain::Device| {
        device.memory_kind == MemoryKind::Unified && device.class != DeviceClass::Accelerator
    };
    for device in catalog.devices().filter(computers) {
        assert!(device.runtimes.iter().any(|id| id == "llama.cpp-cpu"), "{}", device.id);
    }
}

/// What is sold only inside another product, or no longer, is planned with only where a scenario names it.
#[test]
fn what_is_not_sold_is_not_offered() {
    let catalog = Catalog::shipped().unwrap();
    for id in ["tenstorrent-p300c", "radxa-rock-5-itx-plus-32gb", "snapdragon-x-elite-devkit-32gb"] {
        assert_eq!(catalog.device(id).unwrap().0.availability, Availability::NamedOnly, "{id}");
    }
}

/// Draw at the wall, not the limit of the chip (geerlingguy/sbc-reviews, geerlingguy/ai-benchmarks; makers' figures of
/// whole machines): a supply chosen by the chip's limit is too small.
#[test]
fn draws_are_those_of_the_whole_machine() {
    let catalog = Catalog::shipped().unwrap();
    for (id, watts) in [
        ("raspberry-pi-5-8gb", 13.9),
        ("gmktec-evo-x2-128gb", 160.0),
        ("intel-n100-mini-16gb", 25.0),
        ("mac-mini-m4pro-24gb", 140.0),
    ] {
        let (device, _) = catalog.device(id).unwrap();
        assert_eq!(device.default_mode().and_then(|mode| mode.power).map(|draw| draw.watts()), Some(watts), "{id}");
    }
}

/// Engines made for any processor stand on every device of which the catalog knows that its processor runs one of them.
/// Ollama bundles llama.cpp for x86-64 and 64-bit Arm (https://docs.ollama.com/linux); OpenVINO's CPU plugin supports
/// every Intel processor whose GPU its other plugin runs on (https://docs.openvino.ai, supported devices).
#[test]
fn engines_for_any_processor_are_not_kept_from_some() {
    let catalog = Catalog::shipped().unwrap();
    let mut processors = 0;
    for device in catalog.devices() {
        let has = |id: &str| device.runtimes.iter().any(|r| r == id);
        assert_eq!(has("llama.cpp-cpu"), has("ollama-cpu"), "{}: llama.cpp and Ollama", device.id);
        let intel_with_processor = has("openvino-gpu") && has("llama.cpp-cpu");
        assert!(!intel_with_processor || has("openvino-cpu"), "{}: OpenVINO", device.id);
        processors += usize::from(has("ollama-cpu"));
    }
    assert!(processors > 80, "{processors} devices");
}

/// TIDL runs fixed point of 8 or 16 bits on the chip, floats in its emulation on a PC only
/// (https://github.com/TexasInstruments/edgeai-tidl-tools/blob/master/docs/tidl_fsg_quantization.md).
#[test]
fn a_chip_without_floats_is_offered_none() {
    let catalog = Catalog::shipped().unwrap();
    let tidl = catalog.runtime_by_id("onnxruntime-tidl").unwrap();
    let loads = |format: &str| tidl.loads(catalog.format(format).unwrap());
    assert!(loads("int8") && loads("w8a16"));
    assert!(!loads("f16") && !loads("f32"));
}

/// The list of models that TensorRT Edge-LLM supports has no text encoder, and its program writes text: a search box on a
/// Jetson is no work for it (https://nvidia.github.io/TensorRT-Edge-LLM/0.9.1/user_guide/getting_started/supported-models.html).
#[test]
fn an_engine_without_encoders_is_offered_none() {
    let catalog = Catalog::shipped().unwrap();
    let tasks = &catalog.runtime_by_id("tensorrt-edge-llm").unwrap().tasks;
    assert!(tasks.contains(&Task::Language) && tasks.contains(&Task::VisionLanguage));
    assert!(!tasks.contains(&Task::Embedding) && !tasks.contains(&Task::Reranker));
}
