//! In which format the publisher ships the weights.

use super::json::Fields;

/// The format named by `quantization_config`; nothing when the weights are 16- or 32-bit.
pub(super) fn native_format(root: Fields<'_>) -> Option<String> {
    let text = root.child(&["text_config", "llm_config", "language_config"]);
    let config = root
        .child(&["quantization_config", "compression_config", "quantization"])
        .or_else(|| text.and_then(|t| t.child(&["quantization_config"])))?;
    let bits = ["bits", "w_bit", "weight_bits"].iter().find_map(|key| config.optional(&[key]).ok().flatten());
    let int = |bits: u32| format!("int{bits}");
    let method = config.text(&["quant_method", "quant_algo"]).unwrap_or("").to_lowercase();
    let format = match method.as_str() {
        "mxfp4" => "mxfp4".to_owned(),
        "fp8" | "fbgemm_fp8" => "fp8".to_owned(),
        "awq" => "int4-awq".to_owned(),
        "gptq" if bits == Some(8) => "w8a16".to_owned(),
        "gptq" => "int4-gptq".to_owned(),
        "bitsandbytes" if config.is(&["load_in_8bit"]).unwrap_or(false) => "int8".to_owned(),
        "bitsandbytes" => "nf4".to_owned(),
        "bitnet" => "tq2_0".to_owned(),
        "modelopt" | "compressed-tensors" | "modelopt_fp4" => return Some(groups(config)),
        _ => match bits {
            // MLX writes `{ "bits": 4, "group_size": 64 }`.
            Some(bits) if config.has(&["group_size"]) && method.is_empty() => format!("mlx-{bits}bit"),
            Some(bits) => int(bits),
            None if method.is_empty() => return None,
            None => method,
        },
    };
    Some(format)
}

/// Schemes that describe groups of weights: the first group with weights counts.
fn groups(config: Fields<'_>) -> String {
    let algorithm = config.text(&["quant_algo", "format"]).unwrap_or("").to_lowercase();
    if algorithm.contains("nvfp4") || algorithm.contains("fp4") {
        return "nvfp4".to_owned();
    }
    if algorithm.contains("fp8") || algorithm.contains("float") {
        return "fp8".to_owned();
    }
    let weights = config
        .child(&["config_groups"])
        .and_then(|groups| groups.child(&["group_0", "group_1", "FP8", "NVFP4"]))
        .and_then(|group| group.child(&["weights"]));
    let Some(weights) = weights else { return "w8a8".to_owned() };
    let bits = weights.optional(&["num_bits"]).ok().flatten().unwrap_or(8);
    match weights.text(&["type"]) {
        Some("float") if bits == 4 => "nvfp4".to_owned(),
        Some("float") => "fp8".to_owned(),
        _ if bits == 8 => "w8a8".to_owned(),
        _ => format!("w{bits}a16"),
    }
}
