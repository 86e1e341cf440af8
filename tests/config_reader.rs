//! `config.json` of many families: what is understood, what is assumed, what is refused.

use edgemem::domain::{Mixer, Model, Task};
use edgemem::readers::hf_config::parse;
use proptest::prelude::*;

const PLAIN: &str = r#"{
  "architectures": ["LlamaForCausalLM"], "model_type": "llama",
  "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
  "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
  "max_position_embeddings": 8192, "tie_word_embeddings": false
}"#;

fn read(text: &str) -> Model {
    parse(text, "config.json").unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_plain_model_has_its_published_count() {
    let model = read(PLAIN);
    assert_eq!(model.parameters, 8_030_261_248, "Llama 3 8B as published");
    assert_eq!(model.task, Task::Language);
    assert_eq!(model.assumptions, Vec::<String>::new());
    let body = model.language().expect("a language body");
    assert_eq!(body.layers.len(), 32);
    assert_eq!(body.spec.head_dim, 128);
}

#[test]
fn numbers_that_json_does_not_know_are_read_as_absent() {
    let text = PLAIN.replace(
        "\"vocab_size\"",
        "\"time_step_limit\": [0.0, Infinity], \"x\": -Infinity, \"y\": NaN, \"vocab_size\"",
    );
    assert_eq!(read(&text).parameters, 8_030_261_248);
    // Inside a text they are letters.
    let text = PLAIN.replace("LlamaForCausalLM", "Infinity and NaN");
    assert_eq!(read(&text).parameters, 8_030_261_248);
}

#[test]
fn defaults_of_the_class_are_used_and_named() {
    // Vocabulary and heads are left out by the publisher of Gemma 3.
    let text = r#"{ "model_type": "gemma3", "text_config": { "model_type": "gemma3_text", "hidden_size": 2560,
        "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024 },
        "vision_config": { "model_type": "siglip_vision_model", "hidden_size": 1152, "intermediate_size": 4304,
        "num_attention_heads": 16, "num_hidden_layers": 27, "image_size": 896, "patch_size": 14 } }"#;
    let model = read(text);
    assert_eq!(model.parameters, 4_300_079_472, "Gemma 3 4B as published");
    assert_eq!(model.task, Task::VisionLanguage);
    for key in ["vocab_size", "num_attention_heads", "num_key_value_heads", "head_dim", "tie_word_embeddings"] {
        assert!(model.assumptions.iter().any(|a| a.contains(key)), "{key} is not named in {:?}", model.assumptions);
    }
    let windows: Vec<bool> = model
        .language()
        .expect("a language body")
        .layers
        .iter()
        .map(|l| matches!(l.mixer, Mixer::Attention(a) if a.window == Some(1024)))
        .collect();
    assert_eq!(windows.iter().filter(|w| !**w).count(), 5, "every sixth layer sees everything");
}

#[test]
fn an_unknown_kind_is_read_with_its_assumptions_stated() {
    let model = read(&PLAIN.replace("\"model_type\": \"llama\"", "\"model_type\": \"zebra\""));
    assert_eq!(model.parameters, 8_030_261_248);
    assert!(model.assumptions.iter().any(|a| a.contains("zebra")), "{:?}", model.assumptions);
}

#[test]
fn what_is_missing_or_impossible_is_named() {
    for (from, to, named) in [
        ("\"hidden_size\": 4096,", "", "hidden_size"),
        ("\"num_attention_heads\": 32", "\"num_attention_heads\": 0", "num_attention_heads"),
        ("\"num_hidden_layers\": 32", "\"num_hidden_layers\": \"many\"", "num_hidden_layers"),
        ("\"vocab_size\": 128256", "\"vocab_size\": 99999999999", "vocab_size"),
        ("\"num_hidden_layers\": 32", "\"num_hidden_layers\": 5000", "layers"),
    ] {
        let error = parse(&PLAIN.replace(from, to), "some/config.json").expect_err(named);
        assert!(error.one_line().contains(named), "{error}");
        assert!(error.render(false).contains("some/config.json"), "{error}");
    }
}

#[test]
fn invalid_json_is_shown_with_its_line() {
    let error = parse("{\n  \"hidden_size\": 4096,\n  oops\n}", "config.json").expect_err("no JSON");
    assert_eq!(error.position().map(|p| p.line), Some(3), "{error}");
}

#[test]
fn the_shipped_format_is_understood() {
    let with = |config: &str| {
        let text = PLAIN.replacen('{', &format!("{{ \"quantization_config\": {config},"), 1);
        read(&text).native_format
    };
    assert_eq!(with(r#"{"quant_method": "mxfp4"}"#).as_deref(), Some("mxfp4"));
    assert_eq!(with(r#"{"quant_method": "fp8", "weight_block_size": [128, 128]}"#).as_deref(), Some("fp8"));
    assert_eq!(with(r#"{"quant_method": "gptq", "bits": 4}"#).as_deref(), Some("int4-gptq"));
    assert_eq!(with(r#"{"quant_method": "modelopt", "quant_algo": "NVFP4"}"#).as_deref(), Some("nvfp4"));
    assert_eq!(with(r#"{"group_size": 64, "bits": 4}"#).as_deref(), Some("mlx-4bit"));
    assert_eq!(read(PLAIN).native_format, None);
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_harm(text in "\\PC{0,200}") {
        let _ = parse(&text, "x");
    }

    /// Any number in place of any other leads to an answer or a refusal, never to a crash.
    #[test]
    fn mutated_files_are_answered_or_refused(
        kind in prop::sample::select(vec![
            "llama", "gemma3", "gemma3n", "gemma4", "deepseek_v3", "glm_moe_dsa", "nemotron_h", "nemotron-nas", "falcon_h1", "jamba",
            "mamba", "mamba2", "kimi_linear", "lfm2", "qwen3_next", "minimax_m2", "mllama_text_model", "bert", "whisper",
            "vit", "clip", "dbrx", "openelm", "mimo_v2_flash", "phi3", "falcon", "mpt", "zebra", "granitemoehybrid", "zamba2",
        ]),
        numbers in prop::collection::vec(prop_oneof![0u64..300, 0u64..20_000_000, any::<u64>()], 24),
        drop in 0usize..24,
    ) {
        let keys = [
            "hidden_size", "num_hidden_layers", "vocab_size", "num_attention_heads", "num_key_value_heads", "head_dim",
            "intermediate_size", "num_experts", "num_experts_per_tok", "moe_intermediate_size", "n_shared_experts",
            "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "q_lora_rank", "sliding_window", "mamba_num_heads",
            "mamba_head_dim", "ssm_state_size", "num_nextn_predict_layers", "first_k_dense_replace", "mamba_n_heads",
            "n_groups", "index_n_heads",
        ];
        let mut fields: Vec<String> = keys.iter().zip(&numbers).map(|(k, n)| format!("\"{k}\": {n}")).collect();
        fields.remove(drop);
        let vision = format!("\"vision_config\": {{\"hidden_size\": {}, \"num_hidden_layers\": {}}}", numbers[0], numbers[1]);
        let text = format!("{{\"model_type\": \"{kind}\", \"hybrid_override_pattern\": \"M*E-\", {vision}, {}}}", fields.join(", "));
        if let Ok(model) = parse(&text, "x") {
            prop_assert!(model.active_parameters <= model.parameters);
        }
    }
}
