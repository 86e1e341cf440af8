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
fn unknown_kinds_of_layers_err_upwards() {
    let window =
        r#""sliding_window": 64, "layer_types": ["#.to_owned() + &["\"novel_attention\""; 32].join(", ") + "],";
    let model = read(&PLAIN.replacen('{', &format!("{{ {window}"), 1));
    assert!(model.assumptions.iter().any(|a| a.contains("novel_attention")), "{:?}", model.assumptions);
    let body = model.language().expect("a language body");
    assert!(body.layers.iter().all(|l| matches!(l.mixer, Mixer::Attention(a) if a.window.is_none())));

    let zebra = PLAIN.replace("LlamaForCausalLM", "ZebraForCausalLM").replace("\"llama\"", "\"zebra\"");
    let model = read(&zebra.replacen('{', "{ \"sliding_window\": 64,", 1));
    let body = model.language().expect("a language body");
    assert!(body.layers.iter().all(|l| matches!(l.mixer, Mixer::Attention(a) if a.window.is_none())));
    assert!(model.assumptions.iter().any(|a| a.contains("window")), "{:?}", model.assumptions);
}

#[test]
fn unknown_kinds_with_recurrent_layers_are_refused() {
    let nova = PLAIN.replace("LlamaForCausalLM", "NovaForCausalLM").replace("\"llama\"", "\"nova\"");
    let text = nova.replacen('{', "{ \"lru_width\": 2560,", 1);
    let why = parse(&text, "config.json").expect_err("its recurrent layers are not described").one_line();
    assert!(why.contains("lru_width") && why.contains("nova"), "{why}");
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

/// Kinds of models that the table of published counts does not hold, by counts that their publishers state.
#[test]
fn older_and_rarer_kinds_have_their_published_counts() {
    for (name, published, keys) in [
        (
            "gpt2",
            124_439_808,
            r#""model_type":"gpt2","n_embd":768,"n_layer":12,"n_head":12,"vocab_size":50257,"n_positions":1024"#,
        ),
        (
            "opt-125m",
            125_239_296,
            r#""model_type":"opt","hidden_size":768,"num_hidden_layers":12,"num_attention_heads":12,"ffn_dim":3072,
            "vocab_size":50272,"max_position_embeddings":2048,"word_embed_proj_dim":768"#,
        ),
        (
            "bloom-560m",
            559_214_592,
            r#""model_type":"bloom","hidden_size":1024,"n_layer":24,"n_head":16,"vocab_size":250880"#,
        ),
        (
            "pythia-160m",
            162_322_944,
            r#""model_type":"gpt_neox","hidden_size":768,"num_hidden_layers":12,"num_attention_heads":12,
            "intermediate_size":3072,"vocab_size":50304,"tie_word_embeddings":false"#,
        ),
        (
            "gpt-j-6b",
            6_050_882_784,
            r#""model_type":"gptj","n_embd":4096,"n_layer":28,"n_head":16,"vocab_size":50400,"n_positions":2048,
            "tie_word_embeddings":false"#,
        ),
        (
            "starcoder2-3b",
            3_030_371_328,
            r#""model_type":"starcoder2","hidden_size":3072,"num_hidden_layers":30,"num_attention_heads":24,
            "num_key_value_heads":2,"intermediate_size":12288,"vocab_size":49152,"use_bias":true,"sliding_window":4096"#,
        ),
        (
            "Qwen1.5-MoE-A2.7B",
            14_315_784_192,
            r#""model_type":"qwen2_moe","hidden_size":2048,"num_hidden_layers":24,"num_attention_heads":16,
            "num_key_value_heads":16,"intermediate_size":5632,"moe_intermediate_size":1408,"shared_expert_intermediate_size":5632,
            "num_experts":60,"num_experts_per_tok":4,"vocab_size":151936,"tie_word_embeddings":false"#,
        ),
        (
            "dbrx",
            131_596_523_520,
            r#""model_type":"dbrx","d_model":6144,"n_layers":40,"n_heads":48,"vocab_size":100352,"tie_word_embeddings":false,
            "attn_config":{"kv_n_heads":8},"ffn_config":{"ffn_hidden_size":10752,"moe_num_experts":16,"moe_top_k":4}"#,
        ),
        (
            "mamba2-130m",
            128_989_632,
            r#""model_type":"mamba2","hidden_size":768,"num_hidden_layers":24,"state_size":128,"num_heads":24,
            "head_dim":64,"expand":2,"n_groups":1,"conv_kernel":4,"vocab_size":50288,"tie_word_embeddings":true"#,
        ),
        (
            "distilbert",
            66_362_880,
            r#""model_type":"distilbert","dim":768,"n_layers":6,"n_heads":12,"hidden_dim":3072,"vocab_size":30522,
            "max_position_embeddings":512"#,
        ),
        (
            "roberta-base",
            124_645_632,
            r#""model_type":"roberta","architectures":["RobertaModel"],"hidden_size":768,"num_hidden_layers":12,
            "num_attention_heads":12,"intermediate_size":3072,"vocab_size":50265,"max_position_embeddings":514,"type_vocab_size":1"#,
        ),
        (
            "ModernBERT-base",
            149_014_272,
            r#""model_type":"modernbert","hidden_size":768,"num_hidden_layers":22,"num_attention_heads":12,
            "intermediate_size":1152,"vocab_size":50368,"local_attention":128,"global_attn_every_n_layers":3"#,
        ),
        (
            "gte-large-en-v1.5",
            434_139_136,
            r#""model_type":"new","architectures":["NewModel"],"hidden_size":1024,"num_hidden_layers":24,
            "num_attention_heads":16,"intermediate_size":4096,"vocab_size":30528,"type_vocab_size":2,"position_embedding_type":"rope""#,
        ),
        (
            "command-r",
            34_980_831_232,
            r#""model_type":"cohere","hidden_size":8192,"num_hidden_layers":40,"num_attention_heads":64,
            "num_key_value_heads":64,"intermediate_size":22528,"vocab_size":256000"#,
        ),
        (
            "Seed-OSS-36B",
            36_151_104_512,
            r#""model_type":"seed_oss","hidden_size":5120,"num_hidden_layers":64,"num_attention_heads":80,
            "num_key_value_heads":8,"head_dim":128,"intermediate_size":27648,"vocab_size":155136,"attention_bias":true,
            "attention_out_bias":false,"tie_word_embeddings":false"#,
        ),
        (
            "EXAONE-4.0-1.2B",
            1_279_391_488,
            r#""model_type":"exaone4","hidden_size":2048,"num_hidden_layers":30,"num_attention_heads":32,
            "num_key_value_heads":8,"head_dim":64,"intermediate_size":4096,"vocab_size":102400,"tie_word_embeddings":true"#,
        ),
        (
            "Apertus-8B",
            8_053_338_176,
            r#""model_type":"apertus","hidden_size":4096,"num_hidden_layers":32,"num_attention_heads":32,
            "num_key_value_heads":8,"intermediate_size":21504,"vocab_size":131072,"tie_word_embeddings":false"#,
        ),
        (
            "deepseek-moe-16b",
            16_375_728_128,
            r#""model_type":"deepseek","hidden_size":2048,"num_hidden_layers":28,"num_attention_heads":16,
            "num_key_value_heads":16,"intermediate_size":10944,"moe_intermediate_size":1408,"n_routed_experts":64,"n_shared_experts":2,
            "num_experts_per_tok":6,"first_k_dense_replace":1,"vocab_size":102400,"tie_word_embeddings":false"#,
        ),
        (
            "OLMo-3-7B",
            7_298_011_136,
            r#""model_type":"olmo3","hidden_size":4096,"num_hidden_layers":32,"num_attention_heads":32,
            "intermediate_size":11008,"vocab_size":100278,"sliding_window":4096,"tie_word_embeddings":false"#,
        ),
        (
            "OpenELM-270M",
            271_527_168,
            r#""model_type":"openelm","model_dim":1280,"num_transformer_layers":16,"head_dim":64,"vocab_size":32000,
            "num_query_heads":[12,12,12,12,12,16,16,16,16,16,16,16,20,20,20,20],"num_kv_heads":[3,3,3,3,3,4,4,4,4,4,4,4,5,5,5,5],
            "ffn_multipliers":[0.5,0.73,0.97,1.2,1.43,1.67,1.9,2.13,2.37,2.6,2.83,3.07,3.3,3.53,3.77,4.0],"ffn_dim_divisor":256"#,
        ),
    ] {
        assert_eq!(read(&format!("{{{keys}}}")).parameters, published, "{name}");
    }
}

#[test]
fn encoder_decoders_for_text_are_refused() {
    let error = parse(r#"{"model_type":"t5","d_model":512,"num_layers":6,"num_heads":8,"vocab_size":32128}"#, "x")
        .expect_err("t5");
    assert!(error.one_line().contains("encoder and a decoder"), "{error}");
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
