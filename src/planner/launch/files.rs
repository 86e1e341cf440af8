//! What the files of a model are called, and the commands that make them from what its publisher offers.

use super::{Command, Configuration, File, Origin};

/// The file of the scenario that holds the weights themselves.
fn given<'a>(c: &Configuration<'a>) -> Option<&'a str> {
    c.model_name.to_ascii_lowercase().ends_with(".gguf").then_some(c.model_name)
}

/// What tools that read published checkpoints are given: the model's name at its publisher, or the folder of the file that
/// the scenario names.
pub(super) fn checkpoint(c: &Configuration<'_>) -> String {
    let lower = c.model_name.to_ascii_lowercase();
    if lower.ends_with(".gguf") {
        return c.model_name.to_owned();
    }
    if lower.ends_with(".json") || lower.ends_with(".safetensors") {
        return match c.model_name.rsplit_once('/') {
            Some(("", _)) => "/".to_owned(),
            Some((folder, _)) => folder.to_owned(),
            None => ".".to_owned(),
        };
    }
    c.model.id.clone()
}

/// The last part of the checkpoint's name: what files made from it are called by.
pub(super) fn name(c: &Configuration<'_>) -> String {
    let checkpoint = checkpoint(c);
    let last = checkpoint.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let stem = last.strip_suffix(".gguf").unwrap_or(last);
    if stem.is_empty() || stem == "." || stem == ".." { "model".to_owned() } else { stem.to_owned() }
}

/// Whether the checkpoint's own files are in the planned format.
pub(super) fn as_published(c: &Configuration<'_>) -> bool {
    let format = c.format.id.as_str();
    c.model.native_format.as_deref() == Some(format) || c.model.stored.as_ref().is_some_and(|s| s.format == format)
}

/// A path in the folder at hand of a name made for this plan.
pub(super) fn here(name: &str) -> String {
    format!("./{name}")
}

/// `./Qwen3-8B-int4-awq`: a folder or file of the model in the planned format.
pub(super) fn planned(c: &Configuration<'_>, ending: &str) -> String {
    here(&format!("{}-{}{ending}", name(c), c.format.id))
}

/// The usual name of a GGUF file of this format; a path stays as it is.
pub(super) fn gguf_name(c: &Configuration<'_>) -> String {
    given(c).map_or_else(|| format!("{}-{}.gguf", name(c), gguf_type(c)), str::to_owned)
}

fn gguf_type(c: &Configuration<'_>) -> String {
    c.format.id.to_uppercase()
}

/// The folder with the publisher's files, fetched where it is none of the scenario's.
pub(super) fn source(c: &Configuration<'_>) -> (String, Vec<File>) {
    let checkpoint = checkpoint(c);
    if checkpoint != c.model.id || std::path::Path::new(c.model_name).extension().is_some_and(|e| e == "json") {
        return (checkpoint, Vec::new());
    }
    let folder = name(c);
    let fetch = Command::new("hf").arg("download").operand(&checkpoint).flag("--local-dir", here(&folder));
    (here(&folder), vec![File { path: here(&folder), origin: Origin::Made(vec![fetch]) }])
}

/// The GGUF file and those it is made from.
pub(super) fn gguf(c: &Configuration<'_>) -> Vec<File> {
    /// Types that the converter writes itself.
    const CONVERTED: [&str; 6] = ["f32", "f16", "bf16", "q8_0", "tq1_0", "tq2_0"];
    /// Types that llama-quantize makes only with an importance matrix.
    const WITH_MATRIX: [&str; 7] = ["iq2_xxs", "iq2_xs", "iq2_s", "iq1_s", "iq1_m", "q2_k_s", "iq2_m"];
    let path = gguf_name(c);
    if given(c).is_some() {
        return vec![File { path, origin: Origin::Given }];
    }
    let (folder, mut files) = source(c);
    let format = c.format.id.as_str();
    let convert =
        |outfile: &str| Command::new("python").arg("convert_hf_to_gguf.py").operand(&folder).flag("--outfile", outfile);
    if as_published(c) {
        files.push(File { origin: Origin::Made(vec![convert(&path)]), path });
        return files;
    }
    if CONVERTED.contains(&format) {
        files.push(File { origin: Origin::Made(vec![convert(&path).flag("--outtype", format)]), path });
        return files;
    }
    let whole = format!("{}-F16.gguf", name(c));
    files.push(File { origin: Origin::Made(vec![convert(&whole).flag("--outtype", "f16")]), path: whole.clone() });
    let mut quantize = Command::new("llama-quantize");
    if WITH_MATRIX.contains(&format) {
        const TEXT: &str = "calibration.txt";
        let matrix = format!("{}.imatrix.gguf", name(c));
        let measure = Command::new("llama-imatrix").flag("-m", &whole).flag("-f", TEXT).flag("-o", &matrix);
        files.push(File {
            path: TEXT.to_owned(),
            origin: Origin::Tool {
                name: "a text of the kind that it will read",
                documentation: "https://github.com/ggml-org/llama.cpp/blob/master/tools/imatrix/README.md",
            },
        });
        files.push(File { path: matrix.clone(), origin: Origin::Made(vec![measure]) });
        quantize = quantize.flag("--imatrix", &matrix);
    }
    // The large variants are the medium ones with tables in 8 bits; `q3_k_l` is a type of its own.
    let base = match format {
        "q4_k_l" => Some("Q4_K_M"),
        "q5_k_l" => Some("Q5_K_M"),
        "q6_k_l" => Some("Q6_K"),
        _ => None,
    };
    if base.is_some() {
        quantize = quantize.flag("--output-tensor-type", "q8_0").flag("--token-embedding-type", "q8_0");
    }
    let kind = match format {
        "mxfp4" => "MXFP4_MOE".to_owned(),
        _ => base.map_or_else(|| gguf_type(c), str::to_owned),
    };
    let quantize = quantize.operand(&whole).operand(&path).arg(kind);
    files.push(File { path, origin: Origin::Made(vec![quantize]) });
    files
}

/// The projector of a vision model, which llama.cpp keeps in a file of its own.
pub(super) fn projector(c: &Configuration<'_>) -> File {
    let path = format!("mmproj-{}-F16.gguf", name(c));
    let (folder, _) = source(c);
    if given(c).is_some() {
        return File {
            path,
            origin: Origin::Tool {
                name: "the projector that was published beside the model",
                documentation: "https://github.com/ggml-org/llama.cpp/blob/master/docs/multimodal.md",
            },
        };
    }
    let make = Command::new("python")
        .arg("convert_hf_to_gguf.py")
        .operand(&folder)
        .flag("--outfile", &path)
        .flag("--outtype", "f16")
        .arg("--mmproj");
    File { path, origin: Origin::Made(vec![make]) }
}

/// Side of the input image, where the model has one.
fn side(c: &Configuration<'_>) -> Option<u32> {
    c.model.network().and_then(|n| n.input).map(|[width, ..]| width)
}

/// Whether the weights are those of a detector that its maker's own tool exports.
pub(super) fn by_ultralytics(c: &Configuration<'_>) -> bool {
    c.model.id.starts_with("ultralytics/")
}

/// `yolo export` into a format, with the settings of its precision.
pub(super) fn yolo_export(c: &Configuration<'_>, format: &str) -> Command {
    let mut command = Command::new("yolo")
        .arg("export")
        .joined("model", format!("{}.pt", name(c).to_lowercase()))
        .joined("format", format);
    command = side(c).into_iter().fold(command, |command, side| command.joined("imgsz", side));
    match c.format.id.as_str() {
        "f16" => command.joined("half", "True"),
        "int8" | "w8a8" | "w8a16" => command.joined("int8", "True"),
        _ => command,
    }
}

/// The network as ONNX in 32 bits: what compilers start from.
pub(super) fn onnx(c: &Configuration<'_>) -> File {
    let path = format!("{}.onnx", name(c).to_lowercase());
    if by_ultralytics(c) {
        let mut export = Command::new("yolo")
            .arg("export")
            .joined("model", format!("{}.pt", name(c).to_lowercase()))
            .joined("format", "onnx");
        export = side(c).into_iter().fold(export, |command, side| command.joined("imgsz", side));
        return File { path, origin: Origin::Made(vec![export]) };
    }
    if c.model.id.starts_with("openai/whisper") {
        let folder = here(&format!("{}-onnx", name(c)));
        let export =
            Command::new("optimum-cli").arg("export").arg("onnx").flag("--model", checkpoint(c)).operand(&folder);
        return File { path: format!("{folder}/encoder_model.onnx"), origin: Origin::Made(vec![export]) };
    }
    File {
        path,
        origin: Origin::Tool {
            name: "torch.onnx.export",
            documentation: "https://docs.pytorch.org/docs/stable/onnx.html",
        },
    }
}
