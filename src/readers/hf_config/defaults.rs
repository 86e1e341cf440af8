//! The defaults of the configuration classes: files leave out keys whose value is the class's own, above all inside
//! `text_config`. Figures as in the transformers library (huggingface/transformers, `configuration_*.py`, 2026).

use super::json::Fallback::{self, Is, N};

type Table = &'static [(&'static str, Fallback)];

const LLAMA: Table = &[
    ("vocab_size", N(32000)),
    ("hidden_size", N(4096)),
    ("intermediate_size", N(11008)),
    ("num_hidden_layers", N(32)),
    ("num_attention_heads", N(32)),
];
const MISTRAL: Table = &[
    ("vocab_size", N(32000)),
    ("hidden_size", N(4096)),
    ("intermediate_size", N(14336)),
    ("num_hidden_layers", N(32)),
    ("num_attention_heads", N(32)),
    ("num_key_value_heads", N(8)),
];
const QWEN2: Table = &[
    ("vocab_size", N(151_936)),
    ("hidden_size", N(4096)),
    ("intermediate_size", N(22016)),
    ("num_hidden_layers", N(32)),
    ("num_attention_heads", N(32)),
    ("num_key_value_heads", N(32)),
];
const QWEN3: Table = &[
    ("vocab_size", N(151_936)),
    ("hidden_size", N(4096)),
    ("intermediate_size", N(22016)),
    ("num_hidden_layers", N(32)),
    ("num_attention_heads", N(32)),
    ("num_key_value_heads", N(32)),
    ("head_dim", N(128)),
];
const GEMMA: Table = &[
    ("vocab_size", N(256_000)),
    ("hidden_size", N(3072)),
    ("intermediate_size", N(24576)),
    ("num_hidden_layers", N(28)),
    ("num_attention_heads", N(16)),
    ("num_key_value_heads", N(16)),
    ("head_dim", N(256)),
];
const GEMMA2: Table = &[
    ("vocab_size", N(256_000)),
    ("hidden_size", N(2304)),
    ("intermediate_size", N(9216)),
    ("num_hidden_layers", N(26)),
    ("num_attention_heads", N(8)),
    ("num_key_value_heads", N(4)),
    ("head_dim", N(256)),
    ("sliding_window", N(4096)),
];
const GEMMA3: Table = &[
    ("vocab_size", N(262_208)),
    ("hidden_size", N(2304)),
    ("intermediate_size", N(9216)),
    ("num_hidden_layers", N(26)),
    ("num_attention_heads", N(8)),
    ("num_key_value_heads", N(4)),
    ("head_dim", N(256)),
    ("sliding_window", N(4096)),
    ("max_position_embeddings", N(131_072)),
];
const GEMMA3N: Table = &[
    ("vocab_size", N(262_400)),
    ("vocab_size_per_layer_input", N(262_144)),
    ("hidden_size", N(2048)),
    ("hidden_size_per_layer_input", N(256)),
    ("intermediate_size", N(16384)),
    ("num_hidden_layers", N(35)),
    ("num_attention_heads", N(8)),
    ("num_key_value_heads", N(2)),
    ("head_dim", N(256)),
    ("sliding_window", N(512)),
    ("num_kv_shared_layers", N(15)),
    ("altup_num_inputs", N(4)),
    ("laurel_rank", N(64)),
    ("max_position_embeddings", N(32768)),
];
const GEMMA4: Table = &[
    ("vocab_size", N(262_144)),
    ("vocab_size_per_layer_input", N(262_144)),
    ("hidden_size", N(2304)),
    ("hidden_size_per_layer_input", N(256)),
    ("intermediate_size", N(9216)),
    ("num_hidden_layers", N(30)),
    ("num_attention_heads", N(8)),
    ("num_key_value_heads", N(4)),
    ("head_dim", N(256)),
    ("global_head_dim", N(512)),
    ("sliding_window", N(512)),
    ("max_position_embeddings", N(131_072)),
];
const GEMMA4_UNIFIED: Table = &[
    ("vocab_size", N(262_144)),
    ("hidden_size", N(2304)),
    ("intermediate_size", N(9216)),
    ("num_hidden_layers", N(30)),
    ("num_attention_heads", N(8)),
    ("num_key_value_heads", N(4)),
    ("head_dim", N(256)),
    ("global_head_dim", N(512)),
    ("sliding_window", N(1024)),
    ("max_position_embeddings", N(262_144)),
];
const PHI3: Table = &[
    ("vocab_size", N(32064)),
    ("hidden_size", N(3072)),
    ("intermediate_size", N(8192)),
    ("num_hidden_layers", N(32)),
    ("num_attention_heads", N(32)),
];
const BERT: Table = &[
    ("vocab_size", N(30522)),
    ("hidden_size", N(768)),
    ("intermediate_size", N(3072)),
    ("num_hidden_layers", N(12)),
    ("num_attention_heads", N(12)),
    ("max_position_embeddings", N(512)),
    ("type_vocab_size", N(2)),
];
const FALCON: Table = &[
    ("vocab_size", N(65024)),
    ("hidden_size", N(4544)),
    ("num_hidden_layers", N(32)),
    ("num_attention_heads", N(71)),
    ("multi_query", Is(true)),
    ("parallel_attn", Is(true)),
];
const GPT2: Table =
    &[("vocab_size", N(50257)), ("n_positions", N(1024)), ("n_embd", N(768)), ("n_layer", N(12)), ("n_head", N(12))];
const MAMBA: Table = &[
    ("vocab_size", N(50280)),
    ("hidden_size", N(768)),
    ("state_size", N(16)),
    ("num_hidden_layers", N(32)),
    ("conv_kernel", N(4)),
    ("expand", N(2)),
];
const LLAMA4: Table = &[
    ("vocab_size", N(202_048)),
    ("hidden_size", N(5120)),
    ("intermediate_size", N(8192)),
    ("intermediate_size_mlp", N(16384)),
    ("num_hidden_layers", N(48)),
    ("num_attention_heads", N(40)),
    ("num_key_value_heads", N(8)),
    ("head_dim", N(128)),
    ("num_experts_per_tok", N(1)),
    ("num_local_experts", N(16)),
    ("interleave_moe_layer_step", N(1)),
    ("attention_chunk_size", N(8192)),
];
const MLLAMA: Table = &[
    ("vocab_size", N(128_256)),
    ("hidden_size", N(4096)),
    ("intermediate_size", N(14336)),
    ("num_hidden_layers", N(40)),
    ("num_attention_heads", N(32)),
    ("num_key_value_heads", N(8)),
];
const MISTRAL4: Table = &[
    ("vocab_size", N(131_072)),
    ("hidden_size", N(4096)),
    ("intermediate_size", N(12288)),
    ("moe_intermediate_size", N(2048)),
    ("num_hidden_layers", N(36)),
    ("num_attention_heads", N(32)),
    ("n_shared_experts", N(1)),
    ("n_routed_experts", N(128)),
    ("num_experts_per_tok", N(4)),
    ("kv_lora_rank", N(256)),
    ("q_lora_rank", N(1024)),
    ("qk_rope_head_dim", N(64)),
    ("qk_nope_head_dim", N(64)),
    ("v_head_dim", N(128)),
];
const MINICPM3: Table = &[("qk_nope_head_dim", N(64)), ("qk_rope_head_dim", N(32))];

const QWEN3_5_TEXT: Table = &[
    ("vocab_size", N(248_320)),
    ("hidden_size", N(4096)),
    ("intermediate_size", N(12288)),
    ("num_hidden_layers", N(32)),
    ("num_attention_heads", N(16)),
    ("num_key_value_heads", N(4)),
    ("head_dim", N(256)),
    ("max_position_embeddings", N(32768)),
    ("linear_num_key_heads", N(16)),
    ("linear_num_value_heads", N(32)),
    ("linear_key_head_dim", N(128)),
    ("linear_value_head_dim", N(128)),
    ("linear_conv_kernel_dim", N(4)),
];
const QWEN3_5_MOE_TEXT: Table = &[
    ("vocab_size", N(248_320)),
    ("hidden_size", N(2048)),
    ("moe_intermediate_size", N(512)),
    ("shared_expert_intermediate_size", N(512)),
    ("num_hidden_layers", N(40)),
    ("num_attention_heads", N(16)),
    ("num_key_value_heads", N(2)),
    ("head_dim", N(256)),
    ("max_position_embeddings", N(32768)),
    ("num_experts", N(256)),
    ("num_experts_per_tok", N(8)),
    ("linear_num_key_heads", N(16)),
    ("linear_num_value_heads", N(32)),
    ("linear_key_head_dim", N(128)),
    ("linear_value_head_dim", N(128)),
    ("linear_conv_kernel_dim", N(4)),
];
const QWEN3_MOE: Table = &[
    ("vocab_size", N(151_936)),
    ("hidden_size", N(2048)),
    ("intermediate_size", N(6144)),
    ("moe_intermediate_size", N(768)),
    ("num_hidden_layers", N(24)),
    ("num_attention_heads", N(32)),
    ("num_key_value_heads", N(4)),
    ("max_position_embeddings", N(32768)),
    ("num_experts", N(128)),
    ("num_experts_per_tok", N(8)),
];
const GLM4V_TEXT: Table = &[
    ("vocab_size", N(151_552)),
    ("hidden_size", N(4096)),
    ("intermediate_size", N(13696)),
    ("num_hidden_layers", N(40)),
    ("num_attention_heads", N(32)),
    ("num_key_value_heads", N(2)),
    ("max_position_embeddings", N(32768)),
];
const GLM_OCR_TEXT: Table = &[
    ("vocab_size", N(59392)),
    ("hidden_size", N(1024)),
    ("intermediate_size", N(4096)),
    ("num_hidden_layers", N(16)),
    ("num_attention_heads", N(16)),
    ("num_key_value_heads", N(8)),
    ("max_position_embeddings", N(131_072)),
];
const ERNIE4_5: Table = &[
    ("vocab_size", N(103_424)),
    ("hidden_size", N(1024)),
    ("intermediate_size", N(3072)),
    ("num_hidden_layers", N(18)),
    ("num_attention_heads", N(16)),
    ("num_key_value_heads", N(2)),
    ("head_dim", N(128)),
    ("max_position_embeddings", N(131_072)),
];
const LFM2: Table = &[
    ("vocab_size", N(65536)),
    ("hidden_size", N(2560)),
    ("intermediate_size", N(12288)),
    ("num_hidden_layers", N(32)),
    ("num_attention_heads", N(32)),
    ("num_key_value_heads", N(8)),
    ("max_position_embeddings", N(128_000)),
    ("conv_L_cache", N(3)),
];
const GRANITE: Table = &[
    ("vocab_size", N(32000)),
    ("hidden_size", N(4096)),
    ("intermediate_size", N(11008)),
    ("num_hidden_layers", N(32)),
    ("num_attention_heads", N(32)),
    ("max_position_embeddings", N(2048)),
];
const COHERE2: Table = &[
    ("vocab_size", N(256_000)),
    ("hidden_size", N(8192)),
    ("intermediate_size", N(22528)),
    ("num_hidden_layers", N(40)),
    ("num_attention_heads", N(64)),
    ("head_dim", N(128)),
    ("max_position_embeddings", N(8192)),
];
const SMOLLM3: Table = &[
    ("vocab_size", N(128_256)),
    ("hidden_size", N(2048)),
    ("intermediate_size", N(11008)),
    ("num_hidden_layers", N(36)),
    ("num_attention_heads", N(16)),
    ("num_key_value_heads", N(4)),
    ("max_position_embeddings", N(32768)),
];
const MINISTRAL3: Table = &[
    ("vocab_size", N(131_072)),
    ("hidden_size", N(4096)),
    ("intermediate_size", N(14336)),
    ("num_hidden_layers", N(34)),
    ("num_attention_heads", N(32)),
    ("num_key_value_heads", N(8)),
    ("head_dim", N(128)),
    ("max_position_embeddings", N(262_144)),
];
const MOLMO2_TEXT: Table = &[
    ("vocab_size", N(151_936)),
    ("hidden_size", N(4096)),
    ("intermediate_size", N(12288)),
    ("num_hidden_layers", N(36)),
    ("num_attention_heads", N(32)),
    ("num_key_value_heads", N(8)),
    ("head_dim", N(128)),
    ("max_position_embeddings", N(36864)),
    ("additional_vocab_size", N(128)),
];
const ARIA_TEXT: Table = &[
    ("vocab_size", N(32000)),
    ("hidden_size", N(4096)),
    ("intermediate_size", N(4096)),
    ("num_hidden_layers", N(32)),
    ("num_attention_heads", N(32)),
    ("head_dim", N(128)),
    ("max_position_embeddings", N(2048)),
    ("moe_num_experts", N(8)),
    ("moe_num_shared_experts", N(2)),
];

/// The defaults for a `model_type`; `outer` is that of the file in which it is nested.
pub(super) fn of(kind: &str, outer: &str) -> Table {
    match kind {
        "llama" => LLAMA,
        "mistral" | "mixtral" => MISTRAL,
        "qwen2" | "qwen2_vl" | "qwen2_vl_text" | "qwen2_5_vl" | "qwen2_5_vl_text" => QWEN2,
        "qwen3" | "qwen3_vl_text" => QWEN3,
        "gemma" => GEMMA,
        "gemma2" => GEMMA2,
        "gemma3" | "gemma3_text" => GEMMA3,
        "gemma3n" | "gemma3n_text" => GEMMA3N,
        "gemma4" | "gemma4_text" => GEMMA4,
        "gemma4_unified" | "gemma4_unified_text" => GEMMA4_UNIFIED,
        "phi3" => PHI3,
        "bert" | "roberta" | "xlm-roberta" | "camembert" => BERT,
        "falcon" | "RefinedWeb" | "RefinedWebModel" => FALCON,
        "gpt2" => GPT2,
        "mamba" | "falcon_mamba" => MAMBA,
        "llama4" | "llama4_text" => LLAMA4,
        "mllama_text_model" => MLLAMA,
        "qwen3_5" | "qwen3_5_text" => QWEN3_5_TEXT,
        "qwen3_5_moe" | "qwen3_5_moe_text" => QWEN3_5_MOE_TEXT,
        "qwen3_moe" => QWEN3_MOE,
        "glm4v_text" => GLM4V_TEXT,
        "glm_ocr_text" => GLM_OCR_TEXT,
        "ernie4_5" | "paddleocr_vl_text" => ERNIE4_5,
        "lfm2" => LFM2,
        "granite" => GRANITE,
        "cohere2" => COHERE2,
        "smollm3" => SMOLLM3,
        "ministral3" => MINISTRAL3,
        "aria_text" => ARIA_TEXT,
        "molmo2_text" => MOLMO2_TEXT,
        "minicpm3" => MINICPM3,
        "mistral4" => MISTRAL4,
        _ if outer == "paligemma" => GEMMA,
        _ => &[],
    }
}
