//! llama.cpp, Ollama, which runs its server, and whisper.cpp.

use super::{Command, Configuration, File, Launch, Origin, files};
use crate::domain::{Backend, KvType, Task};

/// Layers to place on the accelerator: all that any model has, the output layer included.
const ALL_LAYERS: u32 = 99;

/// `llama-server` (tools/server/README.md).
pub(super) fn llama_server(c: &Configuration<'_>) -> Launch {
    let mut needed = files::gguf(c);
    let mut start = Command::new("llama-server").flag("-m", files::gguf_name(c));
    if c.images > 0 {
        let projector = files::projector(c);
        start = start.flag("--mmproj", &projector.path);
        needed.push(projector);
    }
    start = start.flag("-c", c.total_context()).flag("-np", c.streams);
    if let Some(kv) = c.kv {
        start = start.flag("-ctk", kv.k.id()).flag("-ctv", kv.v.id());
    }
    if let Some(flash) = c.flash_attention {
        start = start.flag("-fa", if flash { "on" } else { "off" });
    }
    start = match c.model.task {
        Task::Embedding => start.arg("--embeddings"),
        Task::Reranker => start.arg("--reranking"),
        _ => start,
    };
    let encodes = matches!(c.model.task, Task::Embedding | Task::Reranker);
    // An input that is encoded must fit into one micro-batch.
    let input = u32::try_from(c.prompt).unwrap_or(u32::MAX);
    let micro_batch = if encodes { c.micro_batch.max(input) } else { c.micro_batch };
    start = start.flag("-b", c.batch.max(micro_batch)).flag("-ub", micro_batch);
    if let Some(settings) = c.settings {
        start =
            start.flag("--cache-ram", settings.prompt_cache.0 >> 20).flag("--ctx-checkpoints", settings.checkpoints);
    }
    if c.runtime.backend != Backend::Cpu {
        let layers = c.model.language().map_or(0, |a| a.layers.len() as u32 + 1);
        start = start.flag("-ngl", layers.max(ALL_LAYERS));
    }
    Launch::serving(start, needed)
}

/// `ollama serve` (docs/faq.mdx, envconfig/config.go), which hands its environment on to llama-server, and the model made
/// known to it (docs/import.mdx).
pub(super) fn ollama(c: &Configuration<'_>) -> Launch {
    let mut start =
        Command::new("ollama").env("OLLAMA_CONTEXT_LENGTH", c.context).env("OLLAMA_NUM_PARALLEL", c.streams);
    if let Some(flash) = c.flash_attention {
        // Without it the types of the cache are ignored in silence.
        start = start.env("OLLAMA_FLASH_ATTENTION", u8::from(flash));
    }
    if let Some(kv) = c.kv.filter(|_| c.flash_attention != Some(false)) {
        start = start.env("OLLAMA_KV_CACHE_TYPE", kv.k.id());
    }
    if let Some(settings) = c.settings {
        start = start
            .env("LLAMA_ARG_CACHE_RAM", settings.prompt_cache.0 >> 20)
            .env("LLAMA_ARG_CTX_CHECKPOINTS", settings.checkpoints);
    }
    let gguf = files::gguf_name(c);
    let path = if gguf.starts_with('/') || gguf.starts_with("./") { gguf } else { format!("./{gguf}") };
    let mut needed = files::gguf(c);
    let name = ollama_name(c);
    let modelfile = format!("{name}.Modelfile");
    needed.push(File { path: modelfile.clone(), origin: Origin::Written(format!("FROM {path}\n")) });
    let mut launch = Launch::serving(start.arg("serve"), needed);
    launch.then = vec![
        Command::new("ollama").arg("create").arg(&name).flag("-f", &modelfile),
        Command::new("ollama").arg("run").arg(&name),
    ];
    launch
}

/// A name that Ollama takes: small letters, digits, a few marks.
fn ollama_name(c: &Configuration<'_>) -> String {
    let name = format!("{}-{}", files::name(c), c.format.id).to_lowercase();
    let kept: String =
        name.chars().map(|ch| if ch.is_ascii_alphanumeric() || "-_.".contains(ch) { ch } else { '-' }).collect();
    kept.trim_start_matches(['-', '_', '.']).to_owned()
}

/// `whisper-server` (examples/server/README.md) with the project's own converted files.
pub(super) fn whisper(c: &Configuration<'_>) -> Launch {
    let name = files::name(c);
    let size = name.strip_prefix("whisper-").unwrap_or(&name).to_owned();
    let whole = format!("ggml-{size}.bin");
    let fetch = Command::new("sh").arg("./models/download-ggml-model.sh").operand(&size).arg(".");
    let mut needed = Vec::new();
    let file = match c.format.id.as_str() {
        "f16" => {
            needed.push(File { path: whole.clone(), origin: Origin::Made(vec![fetch]) });
            whole
        }
        "f32" => {
            let file = format!("ggml-{size}-f32.bin");
            needed.push(File {
                path: file.clone(),
                origin: Origin::Tool {
                    name: "convert-h5-to-ggml.py with its use of 16 bits switched off",
                    documentation: "https://github.com/ggml-org/whisper.cpp/blob/master/models/README.md",
                },
            });
            file
        }
        format => {
            let file = format!("ggml-{size}-{format}.bin");
            let quantize = Command::new("./build/bin/quantize").operand(&whole).operand(&file).arg(format);
            needed.push(File { path: whole, origin: Origin::Made(vec![fetch]) });
            needed.push(File { path: file.clone(), origin: Origin::Made(vec![quantize]) });
            file
        }
    };
    let mut start = Command::new("whisper-server").flag("-m", file);
    if c.runtime.backend == Backend::Cpu {
        start = start.arg("-ng");
    }
    Launch::serving(start, needed)
}

/// How vLLM and SGLang are told the cache's type: by its name, or to take the model's own.
pub(super) fn cache_type(c: &Configuration<'_>) -> &'static str {
    if c.kv.is_some_and(|p| p.k == KvType::Fp8) { "fp8" } else { "auto" }
}
