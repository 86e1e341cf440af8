//! The reader of `config.json` against the tensors that the classes of the transformers library build.

use edgemem::domain::parameters::{self, MULTI_TOKEN_PREDICTION};
use edgemem::readers::hf_config::parse;
use edgemem::yaml::parse_catalog;
use serde::Deserialize;
use serde_json::Value;

const TABLE: &str = include_str!("fixtures/library_counts.yaml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    models: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    class: String,
    parameters: u64,
    keys: serde_json::Map<String, Value>,
}

#[test]
fn counts_are_those_of_the_library() {
    let table: Table = parse_catalog(TABLE, "library_counts.yaml").unwrap_or_else(|e| panic!("{e}"));
    assert!(table.models.len() >= 150, "{} rows", table.models.len());
    let mut wrong = Vec::new();
    for row in table.models {
        let mut keys = row.keys;
        // By which version of the library a file was written decides where it says whether tables are shared.
        keys.insert("transformers_version".to_owned(), Value::from("5.23.0"));
        match parse(&Value::Object(keys).to_string(), &row.class) {
            Ok(model) => {
                let extra = model.language().map_or(0, |body| {
                    parameters::count(body).components.get(MULTI_TOKEN_PREDICTION).copied().unwrap_or(0)
                });
                if model.parameters - extra != row.parameters {
                    wrong.push(format!("{}: {} instead of {}", row.class, model.parameters - extra, row.parameters));
                }
            }
            Err(error) => wrong.push(format!("{}: {}", row.class, error.one_line())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What publishers' own classes store, where the library has none: the sums of their files (`total_size` of
/// `model.safetensors.index.json` by the bytes of a number), or the counts that they state. 2026-11-22.
#[test]
fn counts_are_those_of_the_publishers_files() {
    for (name, published, keys) in [
        (
            // 24 layers of 1024 with adapters of rank 4 for five tasks.
            "jinaai/jina-embeddings-v3",
            572_310_396,
            r#""model_type":"xlm-roberta","architectures":["XLMRobertaModel"],"hidden_size":1024,"num_hidden_layers":24,
            "num_attention_heads":16,"intermediate_size":4096,"vocab_size":250002,"max_position_embeddings":8194,
            "type_vocab_size":1,"position_embedding_type":"rotary","lora_rank":4,
            "lora_adaptations":["a","b","c","d","e"]"#,
        ),
        (
            "deepseek-ai/DeepSeek-OCR",
            3_336_106_240,
            r#""model_type":"deepseek_vl_v2","architectures":["DeepseekOCRForCausalLM"],"language_config":{
            "hidden_size":1280,"intermediate_size":6848,"kv_lora_rank":null,"moe_intermediate_size":896,
            "first_k_dense_replace":1,"n_routed_experts":64,"n_shared_experts":2,"num_experts_per_tok":6,
            "num_attention_heads":10,"num_key_value_heads":10,"num_hidden_layers":12,"topk_method":"greedy",
            "v_head_dim":0,"vocab_size":129280},"projector_config":{"input_dim":2048,"n_embed":1280},
            "vision_config":{"image_size":1024,"model_type":"vision","width":{"clip-l-14-224":{"width":1024},
            "sam_vit_b":{"width":768}}}"#,
        ),
        (
            // 16 061 784 576 bytes in 16 bits, less 8704 of rotary frequencies.
            "openPangu-Embedded 7B",
            8_030_887_936,
            r#""model_type":"PanguEmbedded","architectures":["PanguEmbeddedForCausalLM"],"bias":true,"hidden_size":4096,
            "intermediate_size":12800,"num_attention_heads":32,"num_key_value_heads":8,"num_hidden_layers":34,
            "tie_word_embeddings":false,"vocab_size":153376"#,
        ),
        (
            "openbmb/MiniCPM-V-2",
            3_434_965_792,
            r#""model_type":"minicpmv","architectures":["MiniCPMV"],"hidden_size":2304,"intermediate_size":5760,
            "num_attention_heads":36,"num_key_value_heads":36,"num_hidden_layers":40,"vocab_size":122753,
            "query_num":64,"drop_vision_last_layer":true,"tie_word_embeddings":false"#,
        ),
    ] {
        let model = parse(&format!("{{{keys}}}"), name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(model.parameters, published, "{name}");
    }
}

/// What differs in the full-attention layers of Gemma 4 stands in two numbers for all of them or, in files of the latest
/// library, layer by layer.
#[test]
fn full_layers_of_gemma_4_are_read_either_way() {
    let file = |told: &str| {
        let text = format!(
            r#"{{"model_type":"gemma4_text","architectures":["Gemma4ForCausalLM"],"hidden_size":2816,
            "intermediate_size":2112,"num_hidden_layers":12,"num_attention_heads":16,"num_key_value_heads":8,"head_dim":256,
            "sliding_window":1024,"vocab_size":262144,"hidden_size_per_layer_input":0,"attention_k_eq_v":true,{told}}}"#
        );
        parse(&text, "gemma").unwrap_or_else(|e| panic!("{e}"))
    };
    let both = file(r#""global_head_dim":512,"num_global_key_value_heads":2"#);
    let each = file(r#""per_layer_config":{"05":{"head_dim":512,"num_key_value_heads":2},"11":{"head_dim":512}}"#);
    assert_eq!(both.language().map(|body| &body.layers), each.language().map(|body| &body.layers));
    let usual = file(r#""global_head_dim":512"#);
    assert!(usual.parameters > both.parameters);
}

/// Kinds of models that nobody has heard of are read by the keys that only one family writes.
#[test]
fn unknown_kinds_are_read_by_their_keys() {
    let read = |keys: &str| parse(&format!("{{{keys}}}"), "x").unwrap_or_else(|e| panic!("{e}"));
    let bert = r#""hidden_size":768,"num_hidden_layers":12,"num_attention_heads":12,"intermediate_size":3072,
        "vocab_size":30522,"max_position_embeddings":512,"type_vocab_size":2,"layer_norm_eps":1e-12"#;
    let told = read(&format!(r#""model_type":"bert",{bert}"#));
    let guessed = read(&format!(r#""model_type":"quaint",{bert}"#));
    assert_eq!(guessed.parameters, told.parameters);
    assert!(guessed.assumptions.iter().any(|a| a.contains("quaint")), "{:?}", guessed.assumptions);
    let gpt =
        r#""n_embd":768,"n_layer":12,"n_head":12,"n_positions":1024,"vocab_size":50257,"layer_norm_epsilon":1e-5"#;
    assert_eq!(read(&format!(r#""model_type":"quaint",{gpt}"#)).parameters, 124_439_808);
}
