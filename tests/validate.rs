//! `edgemem validate`: logs of a device beside the estimate, and what was measured back into plans.
#![expect(clippy::unwrap_used, reason = "a test may stop where its world is broken")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use edgemem::readers::logs::{FORMS, Part, parse};

const SCENARIO: &str = "\
allow: { devices: [raspberry-pi-5-16gb] }
workloads:
  - name: chat
    model: Qwen/Qwen2.5-0.5B-Instruct
    context: 1024
    weights: q8_0
    runtimes: llama.cpp
";

/// The shape of what llama.cpp prints with `-lv 4`.
fn llama_log(kv_mib: f64, tokens_per_second: f64) -> String {
    format!(
        "load_tensors:   CPU_Mapped model buffer size =   500.00 MiB\n\
         llama_context: n_seq_max             = 1\n\
         llama_context: n_ctx                 = 1024\n\
         llama_context:        CPU  output buffer size =     0.58 MiB\n\
         llama_kv_cache:        CPU KV buffer size =    {kv_mib:.2} MiB\n\
         sched_reserve:        CPU compute buffer size =    20.00 MiB\n\
         common_perf_print:        eval time =     467.08 ms /     10 runs   (   46.71 ms per token,  {tokens_per_second:.2} tokens per second)\n"
    )
}

fn edgemem(folder: &Path, arguments: &[&str]) -> std::process::Output {
    Command::cargo_bin("edgemem").unwrap().current_dir(folder).args(arguments).output().unwrap()
}

fn folder(log: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("chat.yaml"), SCENARIO).unwrap();
    fs::write(folder.path().join("run.log"), log).unwrap();
    folder
}

fn json(output: &std::process::Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_part_measured_above_its_estimate_is_named() {
    // 24 layers x 2 heads x 64 wide, keys and values, 2 bytes: 12 KiB a token.
    for (kv_mib, holds) in [(12.0, true), (13.0, false)] {
        let folder = folder(&llama_log(kv_mib, 9.0));
        let output = edgemem(folder.path(), &["validate", "chat.yaml", "--log", "run.log", "--format", "json"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer = json(&output);
        let cache = answer["parts"].as_array().unwrap().iter().find(|p| p["part"] == "kv_cache").unwrap();
        assert_eq!(cache["estimated_bytes"], 12 * 1024 * 1024);
        assert_eq!(cache["measured_bytes"].as_f64(), Some(kv_mib * 1024.0 * 1024.0));
        assert_eq!(answer["holds"], holds, "{answer:#}");
        assert!(answer["not_in_log"].as_array().unwrap().iter().any(|p| p == "process"));
    }
}

#[test]
fn a_quiet_log_says_which_flag_is_missing() {
    let folder = folder("0.00 I llama_completion: llama backend init\n");
    let output = edgemem(folder.path(), &["validate", "chat.yaml", "--log", "run.log"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("-lv 4") && text.contains("run.log"), "{text}");
}

#[test]
fn a_log_in_which_nothing_is_known_is_refused_by_name_with_the_forms() {
    let folder = folder("Dear colleague,\nthe server was restarted at ten.\n");
    let output = edgemem(folder.path(), &["validate", "chat.yaml", "--log", "run.log", "--write-overlay", "o.yaml"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("run.log"), "{text}");
    for form in FORMS {
        assert!(text.contains(form.source), "{} is not listed: {text}", form.source);
    }
    assert!(!folder.path().join("o.yaml").exists());
    // Of several logs each must say something.
    fs::write(folder.path().join("good.log"), llama_log(12.0, 9.0)).unwrap();
    let both = edgemem(folder.path(), &["validate", "chat.yaml", "--log", "good.log", "--log", "run.log"]);
    assert_eq!(both.status.code(), Some(1));
}

#[test]
fn numbers_that_cannot_be_are_refused_at_their_line() {
    for line in [
        "RAM 16180/900MB (lfb 1x4MB)",
        "load_tensors: CUDA0 model buffer size = -12.00 MiB",
        "Peak memory: 1e300 GB",
        "INFO Model loading took nan GiB memory and 3 seconds",
        "VmHWM:  99999999999999999999 kB",
    ] {
        let folder = folder(&format!("started\n{line}\n"));
        let output = edgemem(folder.path(), &["validate", "chat.yaml", "--log", "run.log"]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(text.contains("run.log:2"), "{line}: {text}");
    }
}

/// The forms in which each program prints its sizes (the files and threads that print them are named in `readers/logs/`),
/// with figures made up.
#[test]
fn every_program_is_read_in_its_own_form() {
    type Found<'t> = &'t [(Part, f64)];
    const MIB: f64 = 1_048_576.0;
    const GIB: f64 = 1_073_741_824.0;
    let cases: &[(&str, &str, Found)] = &[
        (
            "llama.cpp",
            "\u{1b}[34m0.5\u{1b}[0m I sched_reserve:      CUDA0 compute buffer size =   495.00 MiB\u{1b}[0m\n",
            &[(Part::Compute, 495.0 * MIB)],
        ),
        (
            "llama.cpp",
            "llama_memory_breakdown_print: | memory breakdown [MiB] | total   free     self   model   context   compute    unaccounted |\n\
             llama_memory_breakdown_print: |   - CUDA0 (RTX 4090)   | 24080 = 1000 + (9000 =  8000 +     700 +     300) +        9 |\n\
             llama_memory_breakdown_print: |   - Host               |                  500 =   400 +       0 +     100               |\n\
             llama_memory_breakdown_print: | memory breakdown [MiB] | total   free     self   model   context   compute    unaccounted |\n\
             llama_memory_breakdown_print: |   - CUDA0 (RTX 4090)   | 24080 = 1000 + (9100 =  8000 +     800 +     300) +        9 |\n\
             llama_memory_breakdown_print: |   - CUDA1 (RTX 4090)   | 24080 = 9000 + (1110 =  1000 +     100 +      10) +        9 |\n\
             llama_memory_breakdown_print: |   - Host               |                  500 =   400 +       0 +     100               |\n",
            &[(Part::Weights, 9400.0 * MIB), (Part::Context, 900.0 * MIB), (Part::Compute, 410.0 * MIB)],
        ),
        (
            "ollama",
            "time=2026-03-01T10:00:00.000Z level=INFO source=device.go:240 msg=\"model weights\" device=CUDA0 size=\"4.5 GiB\"\n\
             time=2026-03-01T10:00:00.000Z level=INFO source=device.go:245 msg=\"model weights\" device=CPU size=\"512.0 MiB\"\n\
             time=2026-03-01T10:00:00.000Z level=INFO source=device.go:251 msg=\"kv cache\" device=CUDA0 size=\"9.0 GiB\"\n\
             time=2026-03-01T10:00:01.000Z level=INFO source=device.go:251 msg=\"kv cache\" device=CUDA0 size=\"1.0 GiB\"\n\
             time=2026-03-01T10:00:01.000Z level=INFO source=device.go:262 msg=\"compute graph\" device=CUDA0 size=\"256.0 MiB\"\n",
            &[(Part::Weights, 5.0 * GIB), (Part::KvCache, GIB), (Part::Compute, 0.25 * GIB)],
        ),
        (
            "ollama",
            "level=INFO source=server.go:138 msg=offload library=cuda layers.model=33 memory.required.full=\"6.2 GiB\" memory.required.kv=\"1.0 GiB\" memory.weights.total=\"4.5 GiB\" memory.graph.full=\"512.0 MiB\"\n",
            &[(Part::Weights, 4.5 * GIB), (Part::KvCache, GIB), (Part::Compute, 0.5 * GIB)],
        ),
        (
            "vllm",
            "(EngineCore pid=1) INFO 11-01 10:00:00 [gpu_model_runner.py:4879] Model loading took 12.5 GiB memory and 30 seconds\n\
             (EngineCore pid=1) INFO 11-01 10:00:10 [gpu_worker.py:436] Available KV cache memory: 4.25 GiB\n\
             (EngineCore pid=1) INFO 11-01 10:00:11 [gpu_model_runner.py:5000] Graph capturing finished in 5 secs, took 0.50 GiB\n\
             (EngineCore pid=1) INFO 11-01 10:00:12 [gpu_worker.py:500] Free memory on device (23.1/23.6 GiB) on startup. Desired GPU memory utilization is (0.9, 21.2 GiB). Actual usage is 12.5 GiB for weight, 1.25 GiB for peak activation, 0.2 GiB for non-torch memory, and 0.50 GiB for CUDAGraph memory.\n",
            &[(Part::Weights, 12.5 * GIB), (Part::KvCache, 4.25 * GIB), (Part::Compute, 1.75 * GIB)],
        ),
        (
            "vllm",
            "INFO 01-14 12:36:51 model_runner.py:1099] Loading model weights took 7.5 GB\n\
             INFO 01-14 12:36:52 worker.py:240] model weights take 7.50GiB; non_torch_memory takes 0.20GiB; PyTorch activation peak memory takes 0.25GiB; the rest of the memory reserved for KV Cache is 2.00GiB.\n",
            &[(Part::Weights, 7.5 * GIB), (Part::KvCache, 2.0 * GIB), (Part::Compute, 0.25 * GIB)],
        ),
        (
            "vllm",
            "(Worker_TP0 pid=447) INFO 08-14 14:07:22 [gpu_model_runner.py:1] Model loading took 6.0 GiB and 3.1 seconds\n\
             (Worker_TP1 pid=448) INFO 08-14 14:07:22 [gpu_model_runner.py:1] Model loading took 6.0 GiB and 3.1 seconds\n",
            &[(Part::Weights, 12.0 * GIB)],
        ),
        (
            "sglang",
            "[2026-01-01 10:00:00] Load weight end. type=Qwen3ForCausalLM, dtype=torch.bfloat16, avail mem=6.50 GB, mem usage=15.25 GB.\n\
             [2026-01-01 10:00:01] KV Cache is allocated. #tokens: 30000, K size: 2.00 GB, V size: 2.00 GB\n",
            &[(Part::Weights, 15.25 * GIB), (Part::KvCache, 4.0 * GIB)],
        ),
        (
            "tensorrt-llm",
            "[TensorRT-LLM][INFO] Loaded engine size: 7000 MiB\n\
             [TensorRT-LLM][INFO] [MemUsageChange] TensorRT-managed allocation in engine deserialization: CPU +0, GPU +6990, now: CPU 0, GPU 6990 (MiB)\n\
             [TensorRT-LLM][INFO] [MemUsageChange] Allocated 300.50 MiB for execution context memory.\n\
             [TensorRT-LLM][INFO] [MemUsageChange] Allocated 300.50 MiB for execution context memory.\n\
             [TensorRT-LLM][INFO] [MemUsageChange] Allocated 12.50 GiB for max tokens in paged KV cache (102400).\n",
            &[(Part::Weights, 7000.0 * MIB), (Part::Compute, 300.5 * MIB), (Part::KvCache, 12.5 * GIB)],
        ),
        (
            "tensorrt-llm",
            "[07/24/2025-08:13:02] [TRT-LLM] [I] Rank 0 uses 8.50 GB for model weights.\n\
             [TensorRT-LLM][INFO] Allocate 1073741824 bytes for k/v cache. \n",
            &[(Part::Weights, 8.5 * GIB), (Part::KvCache, GIB)],
        ),
        (
            "tensorrt-llm",
            "[TRT-LLM] [I] Memory used after loading model weights (inside torch) in memory usage profiling: 15.25 GiB\n\
             [TRT-LLM] [I] Peak memory during memory usage profiling (torch + non-torch): 16.50 GiB, available KV cache memory when calculating max tokens: 60.50 GiB, fraction is set 0.9\n\
             [TensorRT-LLM][INFO] [MemUsageChange] Allocated 60.25 GiB for max tokens in paged KV cache (500000).\n",
            &[(Part::Weights, 15.25 * GIB), (Part::KvCache, 60.5 * GIB)],
        ),
        (
            "mlx",
            "Prompt: 8000 tokens, 230.500 tokens-per-sec\nGeneration: 256 tokens, 24.000 tokens-per-sec\nPeak memory: 5.500 GB\n",
            &[(Part::Allocated, 5.5e9)],
        ),
        (
            "tegrastats",
            "RAM 690/7607MB (lfb 1x4MB) SWAP 10/3803MB (cached 0MB) CPU [2%@729]\n\
             RAM 7480/7607MB (lfb 1x1MB) SWAP 2100/3803MB (cached 100MB) CPU [12%@729]\n",
            &[(Part::Before, 700.0 * MIB), (Part::InUse, 9480.0 * MIB)],
        ),
        (
            "footprint",
            "llama-server [100]: 64-bit    Footprint: 6400 MB (16384 bytes per page)\n    phys_footprint: 6400 MB\n    phys_footprint_peak: 6500 MB\n\
             ollama [90]: 64-bit    Footprint: 64 MB (16384 bytes per page)\n    phys_footprint: 64 MB\n",
            &[(Part::Process, 6564.0 * MIB)],
        ),
        (
            "vmmap",
            "Physical footprint:         6.0G\nPhysical footprint (peak):  6.5G\n",
            &[(Part::Process, 6.5 * GIB)],
        ),
        (
            "time",
            "        2147483648  maximum resident set size\n        3221225472  peak memory footprint\n",
            &[(Part::Process, 3.0 * GIB)],
        ),
    ];
    for (source, log, parts) in cases {
        let observed = parse(log);
        assert!(observed.sources.contains(source), "{source}: {log}");
        assert_eq!(observed.unbelievable, None, "{log}");
        for (part, bytes) in *parts {
            let read = observed.sum(*part).unwrap_or_else(|| panic!("{}: no {}", source, part.id())).0 as f64;
            assert!((read - bytes).abs() <= 8.0, "{source} {}: {read} for {bytes}", part.id());
        }
    }
    for form in FORMS {
        let observed = parse(form.line);
        assert!(observed.sources.contains(&form.source), "{} does not know its own line", form.source);
    }
}

/// A recorder that was started when the model was loaded knows nothing of the operating system alone.
#[test]
fn a_log_that_begins_with_the_model_loaded_never_tells_the_systems_share() {
    let log = "RAM 6700/16180MB (lfb 1x4MB) SWAP 0/8090MB (cached 0MB)\nRAM 6720/16180MB (lfb 1x4MB) SWAP 0/8090MB (cached 0MB)\n";
    let folder = folder(log);
    let output = edgemem(folder.path(), &["validate", "chat.yaml", "--log", "run.log", "--format", "json"]);
    let answer = json(&output);
    let before = answer["parts"].as_array().unwrap().iter().find(|p| p["part"] == "before").unwrap();
    assert!(before["measured_bytes"].is_null(), "{answer:#}");
    assert!(answer["notes"].to_string().contains("before the workload is loaded"), "{answer:#}");
    let overlay = edgemem(folder.path(), &["validate", "chat.yaml", "--log", "run.log", "--write-overlay", "o.yaml"]);
    assert_eq!(overlay.status.code(), Some(1));
    assert!(!folder.path().join("o.yaml").exists());
}

#[test]
fn what_was_swapped_out_counts_as_in_use_and_is_told() {
    let log = "RAM 690/16180MB SWAP 0/3803MB (cached 0MB)\nRAM 1000/16180MB SWAP 15900/20000MB (cached 0MB)\n";
    let folder = folder(log);
    let output = edgemem(folder.path(), &["validate", "chat.yaml", "--log", "run.log", "--format", "json"]);
    let answer = json(&output);
    assert_eq!(answer["holds"], false, "{answer:#}");
    assert!(answer["notes"].to_string().contains("swapped"), "{answer:#}");
}

#[test]
fn what_was_measured_changes_the_next_plan() {
    let tegrastats = "RAM 900/16180MB (lfb 1x4MB)\nRAM 2000/16180MB (lfb 1x4MB)\n";
    let folder = folder(&format!("{}{tegrastats}", llama_log(12.0, 3.0)));
    let limits = |extra: &[&str]| {
        let mut arguments = vec!["candidates", "chat.yaml", "--all", "--format", "json"];
        arguments.extend(extra);
        let output = edgemem(folder.path(), &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let row = json(&output)[0].clone();
        (row["os_bytes"].as_u64().unwrap(), row["decode_tok_s"].as_f64().unwrap())
    };
    let before = limits(&[]);
    let written =
        edgemem(folder.path(), &["validate", "chat.yaml", "--log", "run.log", "--write-overlay", "measured.yaml"]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let after = limits(&["--catalog", "measured.yaml"]);
    assert_eq!(after.0, 900 << 20);
    assert!(before.0 != after.0);
    assert!(after.1 < before.1, "a slower measurement must lower the estimate: {before:?} to {after:?}");
}
