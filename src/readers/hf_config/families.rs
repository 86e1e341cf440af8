//! What each `model_type` is: its name in GGUF files, its biases and norms, and which function reads the rest.

use super::json::{Fields, Read};
use super::{Reading, dimensions, encoders, experts, gemma, hybrids, latent, legacy, pairs, recurrent, variants};
use crate::domain::{NormKind, QkNorm};

/// Whether matrices carry biases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bias {
    /// They never do in this family.
    Never,
    /// They always do.
    Always,
    /// When the file says so.
    AsTold,
    /// Unless the file says otherwise.
    Unless,
}

/// What the configurations of one kind of model have in common.
pub(super) struct Family {
    /// The values of `model_type`.
    pub(super) types: &'static [&'static str],
    /// The name of the architecture in GGUF files; empty when there is none.
    pub(super) gguf: &'static str,
    /// Input and output embeddings are one table when the file says nothing.
    pub(super) tied: bool,
    /// Turns texts into vectors instead of writing them.
    pub(super) encoder: bool,
    /// At least one layer has attention.
    pub(super) attention: bool,
    /// An encoder and a decoder.
    pub(super) pair: bool,
    pub(super) norm: NormKind,
    pub(super) post_norms: bool,
    pub(super) shared_norm: bool,
    pub(super) ungated: bool,
    pub(super) fused_qkv: bool,
    pub(super) fused_gate_up: bool,
    pub(super) qk_norm: Option<QkNorm>,
    pub(super) qkv_bias: Bias,
    pub(super) out_bias: Bias,
    pub(super) mlp_bias: Bias,
    /// Reads what only this family has.
    pub(super) finish: fn(&mut Reading<'_>) -> Read<()>,
}

#[expect(clippy::unnecessary_wraps, reason = "one of many functions of this type")]
fn nothing_more(_: &mut Reading<'_>) -> Read<()> {
    Ok(())
}

/// The Llama family's traits, from which the others differ.
const LLAMA: Family = Family {
    types: &[],
    gguf: "llama",
    tied: false,
    encoder: false,
    attention: true,
    pair: false,
    norm: NormKind::Rms,
    post_norms: false,
    shared_norm: false,
    ungated: false,
    fused_qkv: false,
    fused_gate_up: false,
    qk_norm: None,
    qkv_bias: Bias::AsTold,
    out_bias: Bias::AsTold,
    mlp_bias: Bias::AsTold,
    finish: nothing_more,
};
/// No biases at all.
const PLAIN: Family = Family { qkv_bias: Bias::Never, out_bias: Bias::Never, mlp_bias: Bias::Never, ..LLAMA };
/// Qwen 2: biases on queries, keys and values alone.
const QWEN2: Family = Family { gguf: "qwen2", qkv_bias: Bias::Always, finish: dimensions::sliding_if_asked, ..PLAIN };
/// Qwen 3: norms on queries and keys instead.
const QWEN3: Family = Family {
    gguf: "qwen3",
    qk_norm: Some(QkNorm::PerHead),
    mlp_bias: Bias::Never,
    finish: dimensions::sliding_if_asked,
    ..LLAMA
};
/// LayerNorm with biases everywhere and a feed-forward without gate, as GPT-2 had them.
const GPT: Family = Family {
    gguf: "gpt2",
    tied: true,
    norm: NormKind::LayerNorm,
    ungated: true,
    fused_qkv: true,
    qkv_bias: Bias::Always,
    out_bias: Bias::Always,
    mlp_bias: Bias::Always,
    ..LLAMA
};
const PHI3: Family =
    Family { gguf: "phi3", fused_qkv: true, fused_gate_up: true, finish: dimensions::sliding, ..PLAIN };
const DEEPSEEK: Family = Family { gguf: "deepseek2", finish: latent::deepseek, ..LLAMA };
const GEMMA: Family = Family { gguf: "gemma", tied: true, ..LLAMA };
const BERT: Family = Family { encoder: true, fused_qkv: false, gguf: "bert", finish: encoders::bert, ..GPT };
const MAMBA: Family = Family { gguf: "mamba", attention: false, tied: true, finish: hybrids::mamba, ..PLAIN };

/// What is assumed of a `model_type` that nobody has heard of.
pub(super) const UNKNOWN: Family = Family { gguf: "", finish: variants::unknown, ..LLAMA };

// One line per kind: a table is read across.
#[rustfmt::skip]
const FAMILIES: &[Family] = &[
    Family { types: &["llama", "Yi", "aquila", "vicuna", "code_llama", "llava_llama", "openvla", "megrez", "llada"], ..LLAMA },
    Family { types: &["internlm"], qkv_bias: Bias::Unless, out_bias: Bias::Unless, finish: variants::internlm, ..LLAMA },
    Family { types: &["PanguEmbedded"], gguf: "", finish: variants::internlm2, ..PLAIN },
    Family { types: &["internlm3"], finish: variants::internlm3, ..LLAMA },
    Family { types: &["internlm2"], gguf: "internlm2", finish: variants::internlm2, ..PLAIN },
    Family { types: &["mistral", "ministral"], finish: dimensions::sliding, ..PLAIN },
    Family { types: &["ministral3", "mistral3"], gguf: "mistral3", finish: dimensions::sliding, ..PLAIN },
    Family { types: &["mistral4"], gguf: "mistral4", finish: latent::mistral4, ..PLAIN },
    Family { types: &["mixtral"], finish: experts::mixtral, ..PLAIN },
    Family { types: &["smollm3"], gguf: "smollm3", tied: true, ..LLAMA },
    Family { types: &["seed_oss"], gguf: "seed_oss", finish: variants::seed_oss, ..LLAMA },
    Family { types: &["helium"], gguf: "", ..LLAMA },
    Family { types: &["arcee"], gguf: "arcee", ungated: true, ..LLAMA },
    Family { types: &["apertus"], gguf: "apertus", ungated: true, qk_norm: Some(QkNorm::PerHead), finish: variants::apertus, ..LLAMA },
    Family { types: &["exaone"], gguf: "exaone", ..PLAIN },
    Family { types: &["exaone4"], gguf: "exaone4", qk_norm: Some(QkNorm::PerHead), finish: variants::exaone4, ..PLAIN },
    Family { types: &["exaone_moe"], gguf: "exaone-moe", qk_norm: Some(QkNorm::PerHead), finish: variants::exaone_moe, ..PLAIN },
    Family { types: &["xverse"], gguf: "xverse", ..PLAIN },
    Family { types: &["baichuan"], gguf: "baichuan", ..PLAIN },
    Family { types: &["minicpm"], gguf: "minicpm", tied: true, ..LLAMA },
    Family { types: &["minicpm3"], gguf: "minicpm3", tied: true, finish: latent::minicpm3, ..LLAMA },
    Family { types: &["granite"], gguf: "granite", ..LLAMA },
    Family { types: &["granitemoe", "granitemoeshared"], gguf: "granitemoe", finish: experts::granite, ..LLAMA },
    Family { types: &["granitemoehybrid"], gguf: "granitehybrid", finish: hybrids::granite, ..LLAMA },
    Family { types: &["qwen2", "qwen2_vl", "qwen2_vl_text", "qwen2_5_vl", "qwen2_5_vl_text", "qwen2_5_omni_text", "llava_qwen2", "llava_qwen", "locateanything", "nvila", "fastvlm", "dots_ocr", "mineru2_qwen"], ..QWEN2 },
    Family { types: &["qwen2_moe", "qwen2_5_moe"], gguf: "qwen2moe", finish: experts::qwen2_moe, ..QWEN2 },
    Family { types: &["qwen3", "qwen3_asr", "qwen3_asr_text", "qwen3_omni_text"], ..QWEN3 },
    Family { types: &["qwen3_vl", "qwen3_vl_text"], gguf: "qwen3vl", ..QWEN3 },
    Family { types: &["qwen3_moe"], gguf: "qwen3moe", finish: experts::qwen3_moe, ..QWEN3 },
    Family { types: &["qwen3_vl_moe", "qwen3_vl_moe_text", "qwen3_omni_moe_text"], gguf: "qwen3vlmoe", finish: experts::qwen3_moe, ..QWEN3 },
    Family { types: &["qwen3_next"], gguf: "qwen3next", finish: hybrids::qwen3_next, ..QWEN3 },
    Family { types: &["qwen3_5", "qwen3_5_text"], gguf: "qwen35", finish: hybrids::qwen3_next, ..QWEN3 },
    Family { types: &["qwen3_5_moe", "qwen3_5_moe_text"], gguf: "qwen35moe", finish: hybrids::qwen3_next, ..QWEN3 },
    Family { types: &["qwen"], gguf: "qwen", fused_qkv: true, finish: legacy::qwen1, ..QWEN2 },
    Family { types: &["mimo"], gguf: "mimo", finish: variants::mimo, ..QWEN2 },
    Family { types: &["mimo_v2_flash", "mimo_v2"], gguf: "mimo2", finish: variants::mimo_v2, ..PLAIN },
    Family { types: &["step3p5", "step3p7"], gguf: "step35", qk_norm: Some(QkNorm::PerHead), finish: variants::step, ..PLAIN },
    Family { types: &["olmo", "hf_olmo"], gguf: "olmo", norm: NormKind::Bare, finish: variants::olmo, ..LLAMA },
    Family { types: &["olmo_hybrid"], gguf: "", qk_norm: Some(QkNorm::AllHeads), finish: hybrids::olmo, ..LLAMA },
    Family { types: &["longcat_flash"], gguf: "", finish: latent::longcat, ..PLAIN },
    Family { types: &["phi4flash"], gguf: "", tied: true, norm: NormKind::LayerNorm, qkv_bias: Bias::Always, out_bias: Bias::Always, fused_qkv: true, fused_gate_up: true, finish: recurrent::phi4_flash, ..PLAIN },
    Family { types: &["flex_olmo"], gguf: "", qk_norm: Some(QkNorm::AllHeads), finish: experts::olmoe, ..LLAMA },
    Family { types: &["olmo2", "olmo3"], gguf: "olmo2", qk_norm: Some(QkNorm::AllHeads), finish: variants::olmo3, ..LLAMA },
    Family { types: &["olmoe"], gguf: "olmoe", qk_norm: Some(QkNorm::AllHeads), finish: experts::olmoe, ..LLAMA },
    Family { types: &["molmo"], gguf: "", finish: variants::molmo, ..PLAIN },
    Family { types: &["cohere"], gguf: "command-r", tied: true, norm: NormKind::LayerNormNoBias, shared_norm: true, finish: variants::cohere, ..LLAMA },
    Family { types: &["cohere2_moe"], gguf: "", tied: true, norm: NormKind::LayerNormNoBias, shared_norm: true, finish: variants::cohere_moe, ..LLAMA },
    Family { types: &["cohere2"], gguf: "cohere2", tied: true, norm: NormKind::LayerNormNoBias, shared_norm: true, finish: variants::cohere, ..LLAMA },
    Family { types: &["stablelm", "stablelm_epoch"], gguf: "stablelm", norm: NormKind::LayerNorm, finish: variants::stablelm, out_bias: Bias::Never, ..LLAMA },
    Family { types: &["starcoder2"], gguf: "starcoder2", fused_qkv: false, finish: legacy::starcoder2, ..GPT },
    Family { types: &["nemotron"], gguf: "nemotron", norm: NormKind::LayerNorm, ungated: true, ..LLAMA },
    Family { types: &["nemotron-nas", "deci", "deci_lm"], gguf: "deci", finish: variants::nemotron_nas, ..LLAMA },
    Family { types: &["nemotron_h"], gguf: "nemotron_h", ungated: true, finish: hybrids::nemotron_h, ..LLAMA },
    Family { types: &["gemma"], ..GEMMA },
    Family { types: &["gemma2"], gguf: "gemma2", post_norms: true, finish: gemma::gemma2, ..GEMMA },
    Family { types: &["vaultgemma"], gguf: "", finish: gemma::gemma2, ..GEMMA },
    Family { types: &["gemma3", "gemma3_text"], gguf: "gemma3", post_norms: true, qk_norm: Some(QkNorm::PerHead), finish: gemma::gemma3, ..GEMMA },
    Family { types: &["gemma3n", "gemma3n_text"], gguf: "gemma3n", post_norms: true, qk_norm: Some(QkNorm::PerHead), finish: gemma::gemma3n, ..GEMMA },
    Family { types: &["gemma4", "gemma4_text", "gemma4_unified", "gemma4_unified_text"], gguf: "gemma4", post_norms: true, qk_norm: Some(QkNorm::PerHead), finish: gemma::gemma4, ..GEMMA },
    Family { types: &["phi", "phi-msft", "mixformer-sequential"], gguf: "phi2", tied: false, shared_norm: true, fused_qkv: false, finish: legacy::phi, ..GPT },
    Family { types: &["phi3", "phi3_v", "phi4mm", "phi4_multimodal"], finish: variants::phi3, ..PHI3 },
    Family { types: &["phi4"], finish: nothing_more, ..PHI3 },
    Family { types: &["phimoe"], gguf: "phimoe", norm: NormKind::LayerNorm, finish: experts::phimoe, ..LLAMA },
    Family { types: &["phi3small"], gguf: "", tied: true, norm: NormKind::LayerNorm, fused_qkv: true, qkv_bias: Bias::Always, out_bias: Bias::Always, mlp_bias: Bias::Always, ..LLAMA },
    Family { types: &["chatglm"], gguf: "chatglm", fused_qkv: true, fused_gate_up: true, out_bias: Bias::Never, mlp_bias: Bias::Never, finish: legacy::chatglm, ..LLAMA },
    Family { types: &["glm", "glm_edge"], gguf: "chatglm", fused_gate_up: true, out_bias: Bias::Never, ..LLAMA },
    Family { types: &["glm4v", "glm4v_text", "glm46v", "glmga", "glm_image_text"], gguf: "glm4", post_norms: true, fused_gate_up: true, qkv_bias: Bias::Always, out_bias: Bias::Never, ..LLAMA },
    Family { types: &["glm4", "glm_ocr", "glm_ocr_text"], gguf: "glm4", post_norms: true, fused_gate_up: true, out_bias: Bias::Never, ..LLAMA },
    Family { types: &["glm4_moe", "glm4v_moe", "glm4v_moe_text", "solar_open"], gguf: "glm4moe", out_bias: Bias::Never, finish: experts::glm4_moe, ..LLAMA },
    Family { types: &["glm4_moe_lite"], gguf: "deepseek2", finish: latent::deepseek, ..LLAMA },
    Family { types: &["glm_moe_dsa"], gguf: "glm-dsa", finish: latent::deepseek, ..LLAMA },
    Family { types: &["deepseek_v2", "deepseek_v3", "kimi_k2", "kimi_k25", "kimi_vl", "deepseek"], ..DEEPSEEK },
    Family { types: &["deepseek_v32"], finish: latent::deepseek, ..DEEPSEEK },
    Family { types: &["deepseek_v4"], gguf: "deepseek4", finish: latent::deepseek_v4, ..LLAMA },
    Family { types: &["bailing_hybrid"], gguf: "", finish: hybrids::bailing_hybrid, ..LLAMA },
    Family { types: &["yuan"], gguf: "", tied: true, finish: variants::yuan, ..PLAIN },
    Family { types: &["kimi_linear"], gguf: "kimi-linear", finish: hybrids::kimi_linear, ..LLAMA },
    Family { types: &["afmoe"], gguf: "afmoe", post_norms: true, qk_norm: Some(QkNorm::PerHead), finish: experts::afmoe, ..PLAIN },
    Family { types: &["dots1"], gguf: "dots1", qk_norm: Some(QkNorm::PerHead), finish: experts::dots1, ..LLAMA },
    Family { types: &["bailing_moe", "bailing_moe_v2"], gguf: "bailingmoe2", finish: experts::bailing, ..PLAIN },
    Family { types: &["ernie4_5", "paddleocr_vl", "paddleocr_vl_text"], gguf: "ernie4_5", tied: true, finish: variants::ernie, ..PLAIN },
    Family { types: &["doge"], gguf: "", qk_norm: Some(QkNorm::PerHead), finish: variants::doge, ..LLAMA },
    Family { types: &["ernie4_5_vl_moe_text", "ernie4_5_vl_moe", "ernie4_5_moe_vl"], gguf: "", tied: true, finish: experts::ernie_vl, ..PLAIN },
    Family { types: &["ernie4_5_moe"], gguf: "ernie4_5-moe", tied: true, finish: experts::ernie, ..PLAIN },
    Family { types: &["hunyuan_v1_dense", "hunyuan"], gguf: "hunyuan-dense", finish: variants::hunyuan, ..LLAMA },
    Family { types: &["hunyuan_v1_moe"], gguf: "hunyuan-moe", finish: experts::hunyuan, ..LLAMA },
    Family { types: &["gpt_oss"], gguf: "gpt-oss", qkv_bias: Bias::Unless, out_bias: Bias::Unless, finish: experts::gpt_oss, ..LLAMA },
    Family { types: &["flint"], gguf: "", qk_norm: Some(QkNorm::PerHead), finish: experts::with_sinks, ..LLAMA },
    Family { types: &["granite_swa"], gguf: "", finish: variants::sinks, ..LLAMA },
    Family { types: &["granitemoe_swa"], gguf: "", finish: experts::granite_with_sinks, ..LLAMA },
    Family { types: &["hy_v3"], gguf: "", qk_norm: Some(QkNorm::PerHead), finish: experts::hunyuan3, ..LLAMA },
    Family { types: &["kolibri1"], gguf: "", post_norms: true, qk_norm: Some(QkNorm::PerHead), finish: experts::dots1, ..PLAIN },
    Family { types: &["laguna"], gguf: "", qk_norm: Some(QkNorm::PerHead), finish: experts::laguna, ..LLAMA },
    Family { types: &["mellum"], gguf: "", qk_norm: Some(QkNorm::PerHead), finish: experts::qwen3_moe, ..LLAMA },
    Family { types: &["axk1"], gguf: "", finish: latent::axk1, ..LLAMA },
    Family { types: &["hyperclovax", "hyperclovax_vision_v2_text"], gguf: "", finish: variants::hyperclovax, ..LLAMA },
    Family { types: &["jais2"], gguf: "", norm: NormKind::LayerNorm, ungated: true, ..LLAMA },
    Family { types: &["diffllama"], gguf: "", finish: variants::diffllama, ..LLAMA },
    Family { types: &["nanochat"], gguf: "", norm: NormKind::Bare, ungated: true, ..LLAMA },
    Family { types: &["modernbert-decoder"], gguf: "", tied: true, norm: NormKind::LayerNormNoBias, finish: variants::modern_decoder, ..LLAMA },
    Family { types: &["voxtral_realtime_text"], gguf: "", tied: true, finish: variants::voxtral_realtime, ..LLAMA },
    Family { types: &["molmo2_text"], gguf: "", qk_norm: Some(QkNorm::PerHead), finish: variants::molmo2, ..LLAMA },
    Family { types: &["openai_privacy_filter"], gguf: "", tied: true, encoder: true, qkv_bias: Bias::Unless, out_bias: Bias::Unless, finish: encoders::privacy_filter, ..LLAMA },
    Family { types: &["openai-gpt"], gguf: "", fused_qkv: true, finish: legacy::gpt1, ..GPT },
    Family { types: &["llama4", "llama4_text"], gguf: "llama4", finish: experts::llama4, ..LLAMA },
    Family { types: &["mllama_text_model", "mllama"], gguf: "mllama", finish: variants::mllama, ..PLAIN },
    Family { types: &["minimax_m2"], gguf: "minimax-m2", finish: experts::minimax, ..PLAIN },
    Family { types: &["minimax_m3", "minimax_m3_text", "minimax_m3_vl", "minimax_m3_vl_text"], gguf: "minimax-m3", finish: experts::minimax, ..PLAIN },
    Family { types: &["minimax_m1", "minimax", "minimax_text_01"], gguf: "", finish: hybrids::minimax_m1, ..PLAIN },
    Family { types: &["dbrx"], gguf: "dbrx", norm: NormKind::LayerNormNoBias, fused_qkv: true, finish: experts::dbrx, ..PLAIN },
    Family { types: &["bitnet"], gguf: "bitnet", tied: true, finish: variants::bitnet, ..PLAIN },
    Family { types: &["openelm"], gguf: "openelm", tied: true, finish: legacy::openelm, ..PLAIN },
    Family { types: &["gpt2"], finish: legacy::gpt2, ..GPT },
    Family { types: &["gpt_bigcode"], gguf: "starcoder", finish: legacy::gpt2, ..GPT },
    Family { types: &["gpt_neox"], gguf: "gptneox", tied: false, finish: legacy::gpt_neox, ..GPT },
    Family { types: &["gptj", "codegen"], gguf: "gptj", tied: false, shared_norm: true, qkv_bias: Bias::Never, out_bias: Bias::Never, finish: legacy::gptj, ..GPT },
    Family { types: &["gpt_neo"], gguf: "", fused_qkv: false, qkv_bias: Bias::Never, finish: legacy::gpt_neo, ..GPT },
    Family { types: &["bloom"], gguf: "bloom", finish: legacy::bloom, ..GPT },
    Family { types: &["opt"], gguf: "opt", fused_qkv: false, finish: legacy::opt, ..GPT },
    Family { types: &["mpt"], gguf: "mpt", norm: NormKind::LayerNormNoBias, qkv_bias: Bias::Never, out_bias: Bias::Never, mlp_bias: Bias::Never, finish: legacy::mpt, ..GPT },
    Family { types: &["falcon", "RefinedWeb", "RefinedWebModel"], gguf: "falcon", qkv_bias: Bias::Never, out_bias: Bias::Never, mlp_bias: Bias::Never, finish: legacy::falcon, ..GPT },
    Family { types: &["persimmon", "fuyu"], gguf: "", tied: false, finish: legacy::persimmon, ..GPT },
    Family { types: &["jamba"], gguf: "jamba", finish: hybrids::jamba, ..PLAIN },
    Family { types: &["bamba"], gguf: "", finish: hybrids::bamba, ..LLAMA },
    Family { types: &["zamba2"], gguf: "", tied: true, finish: hybrids::zamba2, ..LLAMA },
    Family { types: &["lfm2", "lfm2_vl"], gguf: "lfm2", tied: true, qk_norm: Some(QkNorm::PerHead), finish: hybrids::lfm2, ..PLAIN },
    Family { types: &["lfm2_moe"], gguf: "lfm2moe", tied: true, qk_norm: Some(QkNorm::PerHead), finish: hybrids::lfm2, ..PLAIN },
    Family { types: &["falcon_h1"], gguf: "falcon-h1", finish: hybrids::falcon_h1, ..LLAMA },
    Family { types: &["mamba"], ..MAMBA },
    Family { types: &["falcon_mamba"], tied: false, ..MAMBA },
    Family { types: &["mamba2"], gguf: "mamba2", finish: hybrids::mamba2, ..MAMBA },
    Family { types: &["rwkv", "rwkv5", "rwkv6", "rwkv7"], gguf: "", attention: false, norm: NormKind::LayerNorm, ungated: true, finish: recurrent::rwkv, ..PLAIN },
    Family { types: &["recurrent_gemma"], gguf: "", tied: true, finish: recurrent::griffin, ..PLAIN },
    Family { types: &["plamo2"], gguf: "plamo2", tied: true, post_norms: true, fused_qkv: true, fused_gate_up: true, finish: recurrent::plamo2, ..PLAIN },
    Family { types: &["t5", "mt5", "umt5", "longt5"], gguf: "t5", tied: true, pair: true, finish: pairs::t5, ..PLAIN },
    Family { types: &["bart", "mbart", "plbart", "m2m_100", "pegasus", "marian", "mvp", "blenderbot", "blenderbot-small", "florence2", "florence2_language"], gguf: "", pair: true, fused_qkv: false, finish: pairs::bart, ..GPT },
    Family { types: &["t5gemma", "t5_gemma_module"], gguf: "", pair: true, post_norms: true, finish: pairs::t5gemma, ..GEMMA },
    Family { types: &["xglm"], gguf: "", fused_qkv: false, ..GPT },
    Family { types: &["biogpt"], gguf: "", fused_qkv: false, finish: legacy::biogpt, ..GPT },
    Family { types: &["jais"], gguf: "jais", ungated: false, finish: legacy::jais, ..GPT },
    Family { types: &["albert"], gguf: "", finish: encoders::albert, ..BERT },
    Family { types: &["bert"], ..BERT },
    Family { types: &["roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "ernie", "data2vec-text", "big_bird", "megatron-bert", "ibert", "layoutlm", "roberta-prelayernorm"], ..BERT },
    Family { types: &["electra", "distilbert", "mpnet"], finish: encoders::bert_kin, ..BERT },
    Family { types: &["nomic_bert"], gguf: "nomic-bert", ungated: false, fused_qkv: true, finish: encoders::nomic, ..BERT },
    Family { types: &["modernbert"], gguf: "modern-bert", ungated: false, fused_qkv: true, norm: NormKind::LayerNormNoBias, qkv_bias: Bias::AsTold, out_bias: Bias::AsTold, mlp_bias: Bias::AsTold, finish: encoders::modern, ..BERT },
    Family { types: &["jina_embeddings_v3"], gguf: "", finish: encoders::jina_v3, ..BERT },
    Family { types: &["new", "gte"], gguf: "", ungated: false, fused_qkv: true, finish: encoders::gte, ..BERT },
    Family { types: &["deberta-v2", "deberta"], gguf: "", finish: encoders::deberta, ..BERT },
    Family { types: &["falcon_perception"], gguf: "", finish: variants::falcon_perception, ..PLAIN },
    Family { types: &["moondream1", "moondream"], gguf: "phi2", tied: false, shared_norm: true, fused_qkv: true, finish: legacy::phi, ..GPT },
];

/// The family of a `model_type`.
pub(super) fn by_type(kind: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.types.contains(&kind))
}

/// The family of a file without a known `model_type`, by the class that it names or by keys that only one family has.
pub(super) fn by_structure(root: Fields<'_>, text: Fields<'_>) -> Option<(&'static Family, &'static str)> {
    for class in root.words(&["architectures"]).unwrap_or_default() {
        if let Some(found) = by_class(class) {
            return Some(found);
        }
    }
    let kind = if text.child(&["ssm_cfg"]).is_some_and(|ssm| ssm.text(&["layer"]) == Some("Mamba2")) {
        "mamba2"
    } else if text.has(&["ssm_cfg"]) {
        "mamba"
    } else if text.has(&["kv_lora_rank"]) && text.has(&["scale_depth"]) {
        "minicpm3"
    } else if text.has(&["kv_lora_rank"]) {
        "deepseek_v3"
    } else if text.has(&["prefix_attn"]) && root.has(&["region"]) {
        "moondream1"
    } else if text.has(&["type_vocab_size"]) && text.has(&["layer_norm_eps"]) && !text.has(&["rms_norm_eps"]) {
        "bert"
    } else if text.has(&["n_embd"]) && text.has(&["layer_norm_epsilon"]) && text.has(&["n_positions"]) {
        "gpt2"
    } else {
        return None;
    };
    by_type(kind).map(|family| (family, kind))
}

/// `DeepseekV4ForCausalLM` is of kind `deepseek_v4`: class names are types without underscores, with an ending.
fn by_class(class: &str) -> Option<(&'static Family, &'static str)> {
    const ENDINGS: [&str; 5] = ["For", "LMHeadModel", "Model", "Video", "Reward"];
    let stem = ENDINGS.iter().filter_map(|ending| class.find(ending)).min().map_or(class, |cut| &class[..cut]);
    let stem = match stem {
        "CogVLM" => "llama".to_owned(),
        other => other.to_lowercase(),
    };
    FAMILIES.iter().find_map(|family| {
        let same = |kind: &&&str| kind.replace(['_', '-'], "").eq_ignore_ascii_case(&stem);
        family.types.iter().find(same).map(|kind| (family, *kind))
    })
}
