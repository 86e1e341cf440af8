//! Lines that start what was planned: every engine has one, it names the model in the planned format, tells no flag that the
//! engine's documentation has not, and a shell takes every word as it is.
#![expect(clippy::unwrap_used, reason = "a test may stop where its world is broken")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command as Process, Output};
use std::sync::Arc;
use std::time::Duration;

use assert_cmd::Command;
use edgemem::catalog::Catalog;
use edgemem::domain::{FlashSupport, Format, KvPair, KvType, Model, Runtime, Task};
use edgemem::memory::{PoolUse, Settings};
use edgemem::planner;
use edgemem::planner::launch::{self, Configuration, Launch, Origin, flags};
use edgemem::scenario::{Document, resolve};
use edgemem::solve::SearchLimits;
use edgemem::units::Bytes;

fn catalog() -> Catalog {
    Catalog::shipped().unwrap()
}

/// A configuration in the middle of what the planner asks for.
fn configuration<'a>(
    catalog: &'a Catalog,
    runtime: &'a Runtime,
    model: &'a Model,
    format: &'a Format,
) -> Configuration<'a> {
    let device = catalog.devices().find(|d| d.runtimes.contains(&runtime.id)).unwrap_or_else(|| catalog.device_at(0));
    let language = model.language().is_some();
    let llama = matches!(runtime.engine_id.as_str(), "llama.cpp" | "ollama");
    Configuration {
        device,
        mode: device.default_mode(),
        runtime,
        model,
        model_name: &model.id,
        format,
        kv: language.then_some(KvPair { k: KvType::Fp8, v: KvType::Fp8 }),
        flash_attention: (language && runtime.flash_attention == FlashSupport::Optional).then_some(true),
        context: 8192,
        streams: 3,
        prompt: 2048,
        images: u32::from(model.task == Task::VisionLanguage),
        batch: 2048,
        micro_batch: 512,
        settings: llama.then_some(Settings {
            batch: 2048,
            micro_batch: 512,
            prompt_cache: Bytes::mib(256),
            checkpoints: 2,
        }),
        used: Some(PoolUse { weights: Bytes::mib(4000), kv_cache: Bytes::mib(500), ..PoolUse::default() }),
        card: 0,
    }
}

/// Every command of a launch: settings, files, start, what follows.
fn commands(launch: &Launch) -> Vec<&launch::Command> {
    let files = launch.files.iter().flat_map(|f| match &f.origin {
        Origin::Made(steps) => steps.iter().collect(),
        _ => Vec::new(),
    });
    launch.setup.iter().chain(files).chain([&launch.start]).chain(&launch.then).collect()
}

/// Holds every command to the table of programs.
fn check(launch: &Launch, what: &str) {
    for command in commands(launch) {
        let line = command.line();
        let program = flags::program(command).unwrap_or_else(|| panic!("{what}: {line}: not in the table"));
        // Values of flags may begin with `-` only as numbers do; tools that are told `key=value` have no other flags.
        let keyed = program.words.first() == Some(&"yolo");
        for word in command.arguments.iter().skip(program.words.len() - 1) {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let flag = key.starts_with('-') && !key[1..].starts_with(|c: char| c.is_ascii_digit());
            if flag || (keyed && !value.is_empty()) {
                assert!(program.flags.contains(&key), "{what}: {line}: `{key}` is not documented");
            }
        }
        for (name, _) in &command.environment {
            assert!(program.variables.contains(&name.as_str()), "{what}: {line}: `{name}` is not documented");
        }
        assert!(
            program.documentation.starts_with("https://") || program.words == [flags::APPLICATION],
            "{what}: {line}"
        );
    }
}

#[test]
fn every_engine_has_a_line_for_every_format_and_kind_of_model_with_documented_flags_only() {
    let catalog = catalog();
    let models: Vec<Model> = catalog.model_entries().map(|m| catalog.model(&m.id).unwrap()).collect();
    let (mut lines, mut engines) = (0, BTreeSet::new());
    for runtime in catalog.runtimes() {
        for format in catalog.formats().filter(|f| runtime.formats.contains(&f.id)) {
            // Every fifth model, others for each engine and format: each stands with many.
            let chosen = models.iter().skip(lines % 5).step_by(5);
            for model in chosen.filter(|m| runtime.tasks.contains(&m.task)) {
                let what = format!("{} {} {}", runtime.id, format.id, model.id);
                let configuration = configuration(&catalog, runtime, model, format);
                let launch = launch::launch(&configuration).unwrap_or_else(|| panic!("{what}: no line"));
                check(&launch, &what);
                assert!(launch.documentation.is_some(), "{what}");
                engines.insert(&runtime.engine_id);
                lines += 1;
            }
        }
    }
    assert!(engines.len() > 30 && lines > 10_000, "{} engines, {lines} lines", engines.len());
}

/// Every scenario in the box: each planned workload has a line, and each line is documented.
#[test]
fn the_shipped_scenarios_are_planned_with_documented_lines() {
    let catalog = catalog();
    let mut workloads = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        let document = Document::parse("scenario.yaml", &fs::read_to_string(&path).unwrap()).unwrap();
        let scenario = resolve(&document, &catalog, &|name| catalog.model(name).map(Arc::new)).unwrap();
        let limits = SearchLimits { time: Some(Duration::from_secs(5)), ..SearchLimits::default() };
        let plan = planner::plan(&scenario, &catalog, 0, &limits, &mut |_| {});
        for planned in plan.sites.iter().flat_map(|s| &s.devices).flat_map(|d| &d.workloads) {
            let what = format!("{} {}", path.display(), planned.workload.name);
            check(planned.launch.as_ref().unwrap_or_else(|| panic!("{what}: no line")), &what);
            workloads += 1;
        }
    }
    assert!(workloads > 10, "{workloads} workloads planned");
}

/// Where weights are quantised the line says so, by the name of a file made for it or by a flag that quantises.
#[test]
fn every_line_names_the_model_as_it_was_planned() {
    let catalog = catalog();
    let model = catalog.model("Qwen/Qwen3-8B").unwrap();
    for (runtime, format, named) in [
        ("llama.cpp-cuda", "q4_k_m", "Qwen3-8B-Q4_K_M.gguf"),
        ("ollama-cuda", "q4_k_m", "qwen3-8b-q4_k_m"),
        ("vllm", "int4-awq", "./Qwen3-8B-int4-awq"),
        ("vllm", "fp8", "--quantization fp8"),
        ("vllm", "nf4", "--quantization bitsandbytes"),
        ("vllm", "bf16", "vllm serve Qwen/Qwen3-8B --dtype bfloat16"),
        ("sglang", "int4-gptq", "./Qwen3-8B-int4-gptq"),
        ("tensorrt-llm", "nvfp4", "./Qwen3-8B-nvfp4"),
        ("tensorrt-edge-llm", "int4-awq", "./Qwen3-8B-int4-awq-engine"),
        ("mlx", "mlx-4bit", "./Qwen3-8B-mlx-4bit"),
        ("mlc-llm-cuda", "q4f16_1", "./Qwen3-8B-q4f16_1-MLC"),
        ("openvino-genai", "int4", "./Qwen3-8B-int4-ov"),
        ("onnxruntime-cuda", "int4", "./Qwen3-8B-int4-onnx"),
        ("pytorch-cuda", "nf4", "--quantization bnb-4bit"),
        ("rkllm", "w8a8", "./Qwen3-8B-w8a8.rkllm"),
    ] {
        let (runtime, format) = (catalog.runtime_by_id(runtime).unwrap(), catalog.format(format).unwrap());
        let launch = launch::launch(&configuration(&catalog, runtime, &model, format)).unwrap();
        let lines: Vec<String> = std::iter::once(&launch.start).chain(&launch.then).map(|c| c.line()).collect();
        assert!(lines.join("\n").contains(named), "{}: {lines:?} does not name {named}", runtime.id);
    }
    // What its makers published in the planned format is taken as it is.
    let published = catalog.model("openai/gpt-oss-20b").unwrap();
    let (vllm, mxfp4) = (catalog.runtime_by_id("vllm").unwrap(), catalog.format("mxfp4").unwrap());
    let launch = launch::launch(&configuration(&catalog, vllm, &published, mxfp4)).unwrap();
    assert!(launch.start.line().starts_with("vllm serve openai/gpt-oss-20b "), "{}", launch.start.line());
}

#[test]
fn cache_checkpoints_and_micro_batch_of_llama_server_are_told() {
    let catalog = catalog();
    let runtime = catalog.runtime_by_id("llama.cpp-cuda").unwrap();
    let format = catalog.format("f16").unwrap();
    let model = catalog.model("BAAI/bge-m3").unwrap();
    let mut encoder = configuration(&catalog, runtime, &model, format);
    encoder.prompt = 8000;
    let line = launch::launch(&encoder).unwrap().start.line();
    for part in [" --embeddings", " -ub 8000", " -b 8000", " --cache-ram 256", " --ctx-checkpoints 2"] {
        assert!(line.contains(part), "{line} lacks{part}");
    }
    let model = catalog.model("BAAI/bge-reranker-base").unwrap();
    let line = launch::launch(&configuration(&catalog, runtime, &model, format)).unwrap().start.line();
    assert!(line.contains(" --reranking"), "{line}");
    // Ollama ignores the types of the cache without flash attention.
    let ollama = catalog.runtime_by_id("ollama-cuda").unwrap();
    let model = catalog.model("Qwen/Qwen3-8B").unwrap();
    let mut quantised = configuration(&catalog, ollama, &model, catalog.format("q4_k_m").unwrap());
    quantised.kv = Some(KvPair { k: KvType::from_id("q8_0").unwrap(), v: KvType::from_id("q8_0").unwrap() });
    quantised.flash_attention = Some(true);
    let line = launch::launch(&quantised).unwrap().start.line();
    assert!(line.contains("OLLAMA_FLASH_ATTENTION=1 OLLAMA_KV_CACHE_TYPE=q8_0"), "{line}");
    quantised.flash_attention = Some(false);
    assert!(!launch::launch(&quantised).unwrap().start.line().contains("KV_CACHE_TYPE"));
}

/// Numbers of NVIDIA's `nvpmodel_*.conf`: 0 is without limits, but on the Orin Nano, where it is the lowest that all have.
#[test]
fn the_power_mode_of_a_jetson_is_set_by_its_number() {
    let catalog = catalog();
    let runtime = catalog.runtime_by_id("llama.cpp-cuda").unwrap();
    let model = catalog.model("Qwen/Qwen3-8B").unwrap();
    for (device, mode, number) in [
        ("jetson-orin-nano-super-devkit", "15W", "0"),
        ("jetson-orin-nano-super-devkit", "25W", "1"),
        ("jetson-orin-nano-super-devkit", "MAXN_SUPER", "2"),
        ("jetson-orin-nx-16gb", "MAXN_SUPER", "0"),
        ("jetson-orin-nx-16gb", "25W", "3"),
        ("jetson-orin-nx-16gb", "40W", "4"),
        ("jetson-orin-nx-8gb", "20W", "3"),
        ("jetson-agx-orin-64gb", "50W", "3"),
        ("jetson-agx-orin-64gb", "30W", "2"),
        ("jetson-agx-thor-devkit", "120W", "1"),
    ] {
        let mut asked = configuration(&catalog, runtime, &model, catalog.format("q4_k_m").unwrap());
        asked.device = catalog.device(device).unwrap().0;
        asked.mode = asked.device.modes.iter().find(|m| m.id == mode);
        let setup: Vec<String> = launch::launch(&asked).unwrap().setup.iter().map(|c| c.line()).collect();
        assert_eq!(setup, [format!("sudo nvpmodel -m {number}")], "{device} {mode}");
    }
}

fn edgemem(folder: &Path, arguments: &[&str]) -> Output {
    Command::cargo_bin("edgemem").unwrap().current_dir(folder).args(arguments).output().unwrap()
}

/// Names that would start a program, or split, where a shell is given them as they are.
const HOSTILE: [&str; 14] = [
    "a;touch pwned;",
    "$(touch pwned)",
    "`touch pwned`",
    "a b  c",
    "it's",
    "say \"touch pwned\"",
    "a&touch pwned&",
    "a|touch pwned",
    "a>pwned",
    "{a,b}*?[c]",
    "back\\slash\\",
    "line\ntouch pwned",
    "~root",
    "#comment",
];

/// Runs a line as a shell would, with every program replaced by one that prints its arguments.
fn words(folder: &Path, program: &str, line: &str) -> Vec<String> {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).unwrap();
    let path = bin.join(program);
    fs::write(&path, "#!/bin/sh\nprintf '%s\\0' \"$@\"\n").unwrap();
    Process::new("chmod").arg("+x").arg(&path).status().unwrap();
    let paths = format!("{}:/usr/bin:/bin", bin.display());
    let output = Process::new("sh").args(["-c", line]).env("PATH", paths).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(!folder.join("pwned").exists(), "{line} started something else");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn a_shell_gives_every_program_the_name_as_one_word_and_starts_nothing_else() {
    let catalog = catalog();
    let folder = tempfile::tempdir().unwrap();
    for hostile in HOSTILE {
        let mut model = catalog.model("Qwen/Qwen3-8B").unwrap();
        model.id = format!("org/{hostile}");
        for (runtime, format) in [
            ("llama.cpp-cuda", "q4_k_m"),
            ("vllm", "bf16"),
            ("sglang", "int4-awq"),
            ("mlx", "mlx-4bit"),
            ("mlc-llm-cuda", "q4f16_1"),
            ("tensorrt-llm", "fp8"),
        ] {
            let (runtime, format) = (catalog.runtime_by_id(runtime).unwrap(), catalog.format(format).unwrap());
            let launch = launch::launch(&configuration(&catalog, runtime, &model, format)).unwrap();
            for command in commands(&launch).into_iter().filter(|c| !c.program.contains('/')) {
                assert_eq!(words(folder.path(), &command.program, &command.line()), command.arguments);
            }
        }
    }
}

/// The whole way: a model file with a hostile name, through the program, in every form.
#[test]
fn names_of_files_are_quoted_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = "models:\n  - id: \"org/a;touch pwned;\"\n    task: language\n    parameters: 494032768\n    architecture: { family: qwen2, layers: 24, hidden: 896, vocab: 151936, max_context: 32768, heads: 14, kv_heads: 2, head_dim: 64, ffn: 4864, qkv_bias: true, tied_embeddings: true }\n    provenance: { sources: { spec: example }, as_of: \"2026-01-01\" }\n";
    let scenario = "allow: { devices: [raspberry-pi-5-16gb], unverified: true }\nworkloads:\n  - { name: talk, model: \"org/a;touch pwned;\", context: 1024, weights: q8_0, runtimes: llama.cpp }\n";
    fs::write(folder.path().join("models.yaml"), catalog).unwrap();
    fs::write(folder.path().join("s.yaml"), scenario).unwrap();
    for form in ["json", "table", "markdown", "html"] {
        let output = edgemem(folder.path(), &["plan", "s.yaml", "--catalog", "models.yaml", "--format", form]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{form}: {text}{}", String::from_utf8_lossy(&output.stderr));
        for (at, _) in text.match_indices("-m ") {
            let rest = &text[at + 3..];
            assert!(!rest.starts_with("a;touch"), "{form}: {}", &rest[..40.min(rest.len())]);
        }
        if form == "json" {
            let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
            let workload = &answer["sites"][0]["devices"][0]["workloads"][0];
            let run = workload["run"].as_str().unwrap();
            let found = words(folder.path(), "llama-server", run);
            assert_eq!(found[..2], ["-m".to_owned(), "a;touch pwned;-Q8_0.gguf".to_owned()], "{run}");
            assert_eq!(workload["launch"]["start"]["program"], "llama-server");
            assert_eq!(workload["launch"]["start"]["line"], run);
        }
    }
}

/// The last step of the checklist looks for the process of the engine that was asked about, with the tool of its platform.
#[test]
fn the_checklist_names_the_engines_own_process() {
    let folder = tempfile::tempdir().unwrap();
    for (device, runtime, weights, wanted) in [
        ("mac-mini-m4-16gb", "mlx", "mlx-4bit", vec!["footprint -p", "mlx_lm.server"]),
        ("mac-mini-m4-16gb", "llama.cpp-metal", "q4_k_m", vec!["footprint -p", "llama-server", "-lv 4"]),
        ("rtx-3090", "ollama-cuda", "q4_k_m", vec!["ollama serve", "nvidia-smi"]),
        ("rtx-3090", "vllm", "int4-awq", vec!["vllm serve", "nvidia-smi"]),
        ("raspberry-pi-5-16gb", "ollama-cpu", "q4_k_m", vec!["pgrep -nf ollama", "VmHWM"]),
        ("jetson-orin-nx-16gb", "llama.cpp-cuda", "q4_k_m", vec!["sudo nvpmodel -m 2", "tegrastats"]),
    ] {
        let arguments =
            ["budget", "--model", "Qwen/Qwen3-8B", "--device", device, "--runtime", runtime, "--weights", weights];
        let output = edgemem(folder.path(), &arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for part in wanted {
            assert!(text.contains(part), "{device} {runtime}: no `{part}` in {text}");
        }
        assert!(runtime.starts_with("llama.cpp") || !text.contains("llama-server"), "{runtime}: {text}");
    }
}
