//! `config.json` of many families: what is understood, what is assumed, what is refused.

use edgemem::domain::{KvPair, Mixer, Model, Task};
use edgemem::memory::remembered;
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

/// Kinds of models that the table of published counts does not hold, by counts that their publishers state. Of XGLM, BioGPT,
/// LLaDA, granite-vision, VaultGemma and dots.ocr only rounded counts were at hand (2026-11-22): theirs are what the modelling
/// code leads to.
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
            "xglm-564M",
            564_463_616,
            r#""model_type":"xglm","d_model":1024,"num_layers":24,"attention_heads":16,"ffn_dim":4096,"vocab_size":256008,
            "max_position_embeddings":2048,"is_encoder_decoder":false"#,
        ),
        (
            "biogpt",
            346_763_264,
            r#""model_type":"biogpt","hidden_size":1024,"num_hidden_layers":24,"num_attention_heads":16,
            "intermediate_size":4096,"vocab_size":42384,"max_position_embeddings":1024"#,
        ),
        (
            "LLaDA-8B-Base",
            8_015_581_184,
            r#""model_type":"llada","d_model":4096,"n_layers":32,"n_heads":32,"n_kv_heads":32,"mlp_hidden_size":12288,
            "vocab_size":126464,"embedding_size":126464,"weight_tying":false"#,
        ),
        (
            "OLMo-7B as first published",
            6_888_095_744,
            r#""model_type":"hf_olmo","d_model":4096,"n_layers":32,"n_heads":32,"mlp_hidden_size":22016,"vocab_size":50280,
            "embedding_size":50304,"weight_tying":false,"activation_type":"swiglu""#,
        ),
        (
            "granite-vision-3.2-2b",
            2_975_396_928,
            r#""model_type":"llava_next","text_config":{"model_type":"granite","hidden_size":2048,"num_hidden_layers":40,
            "num_attention_heads":32,"num_key_value_heads":8,"intermediate_size":8192,"vocab_size":49156,
            "tie_word_embeddings":true},"vision_config":{"model_type":"siglip_vision_model","hidden_size":1152,
            "intermediate_size":4304,"num_hidden_layers":27,"num_attention_heads":16,"patch_size":14,"image_size":384},
            "vision_feature_layer":[-24,-20,-12,-1]"#,
        ),
        (
            "mamba-130m as first published",
            129_135_360,
            r#""d_model":768,"n_layer":24,"vocab_size":50277,"ssm_cfg":{},"rms_norm":true,"pad_vocab_size_multiple":8"#,
        ),
        (
            "Llama 3 70B as first published",
            70_553_706_496,
            r#""dim":8192,"ffn_dim_multiplier":1.3,"multiple_of":4096,"n_heads":64,"n_kv_heads":8,"n_layers":80,"vocab_size":128256"#,
        ),
        (
            "Mixtral 8x7B as first published",
            46_702_792_704,
            r#""dim":4096,"n_layers":32,"head_dim":128,"hidden_dim":14336,"n_heads":32,"n_kv_heads":8,"vocab_size":32000,
            "moe":{"num_experts_per_tok":2,"num_experts":8}"#,
        ),
        (
            "Phi-4-mini-flash-reasoning",
            3_852_562_944,
            r#""model_type":"phi4flash","hidden_size":2560,"num_hidden_layers":32,"num_attention_heads":40,
            "num_key_value_heads":20,"intermediate_size":10240,"vocab_size":200064,"mamba_d_state":16,"mamba_d_conv":4,
            "mamba_expand":2,"mamba_dt_rank":160,"mb_per_layer":2,"sliding_window":512,"tie_word_embeddings":true"#,
        ),
        (
            "dots.ocr",
            3_039_179_264,
            r#""model_type":"dots_ocr","hidden_size":1536,"num_hidden_layers":28,"num_attention_heads":12,
            "num_key_value_heads":2,"intermediate_size":8960,"vocab_size":151936,"attention_bias":true,
            "tie_word_embeddings":false,"vision_config":{"embed_dim":1536,"hidden_size":1536,"intermediate_size":4224,
            "num_hidden_layers":42,"num_attention_heads":12,"patch_size":14,"post_norm":true,"use_bias":false}"#,
        ),
        (
            "chatglm-6b",
            6_173_286_400,
            r#""model_type":"chatglm","architectures":["ChatGLMModel"],"hidden_size":4096,"num_layers":28,
            "num_attention_heads":32,"inner_hidden_size":16384,"vocab_size":130528,"max_sequence_length":2048"#,
        ),
        (
            "nomic-embed-text-v2-moe",
            475_292_928,
            r#""model_type":"nomic_bert","n_embd":768,"n_layer":12,"n_head":12,"n_inner":3072,"vocab_size":250048,
            "n_positions":2048,"type_vocab_size":1,"num_experts":8,"moe_top_k":2,"moe_every_n_layers":2,"qkv_proj_bias":true,
            "mlp_fc1_bias":true,"mlp_fc2_bias":true,"activation_function":"gelu""#,
        ),
        (
            "vaultgemma-1b",
            1_038_741_120,
            r#""model_type":"vaultgemma","hidden_size":1152,"num_hidden_layers":26,"num_attention_heads":4,
            "num_key_value_heads":4,"head_dim":256,"intermediate_size":6912,"vocab_size":256000,"sliding_window":512"#,
        ),
        (
            "MobileLLM-125M",
            124_635_456,
            r#""model_type":"mobilellm","hidden_size":576,"num_hidden_layers":30,"num_attention_heads":9,
            "num_key_value_heads":3,"intermediate_size":1536,"vocab_size":32000,"share_embedding":true"#,
        ),
        (
            "Llama-Guard-4-12B",
            12_001_097_216,
            r#""model_type":"llama4","text_config":{"model_type":"llama4_text","hidden_size":5120,"num_hidden_layers":48,
            "num_attention_heads":40,"num_key_value_heads":8,"head_dim":128,"intermediate_size":8192,
            "intermediate_size_mlp":8192,"vocab_size":202048,"num_local_experts":16,"moe_layers":[],"tie_word_embeddings":false},
            "vision_config":{"hidden_size":1408,"intermediate_size":5632,"num_hidden_layers":34,"num_attention_heads":16,
            "image_size":336,"patch_size":14,"vision_output_dim":4096,"projector_input_dim":4096}"#,
        ),
        (
            "snowflake-arctic-embed-m-v2.0",
            305_368_320,
            r#""model_type":"gte","architectures":["GteModel"],"hidden_size":768,"num_hidden_layers":12,
            "num_attention_heads":12,"intermediate_size":3072,"vocab_size":250048,"type_vocab_size":1,
            "position_embedding_type":"rope""#,
        ),
        (
            "opt-350m",
            331_196_416,
            r#""model_type":"opt","hidden_size":1024,"num_hidden_layers":24,"num_attention_heads":16,"ffn_dim":4096,
            "vocab_size":50272,"max_position_embeddings":2048,"word_embed_proj_dim":512,"do_layer_norm_before":false"#,
        ),
        (
            "albert-base-v2",
            11_683_584,
            r#""model_type":"albert","architectures":["AlbertModel"],"hidden_size":768,"num_hidden_layers":12,
            "num_attention_heads":12,"intermediate_size":3072,"vocab_size":30000,"embedding_size":128,"num_hidden_groups":1,
            "inner_group_num":1,"max_position_embeddings":512,"type_vocab_size":2"#,
        ),
        (
            "Qwen3-Next-80B-A3B",
            81_324_862_720,
            r#""model_type":"qwen3_next","hidden_size":2048,"num_hidden_layers":48,"num_attention_heads":16,
            "num_key_value_heads":2,"head_dim":256,"intermediate_size":5120,"moe_intermediate_size":512,
            "shared_expert_intermediate_size":512,"num_experts":512,"num_experts_per_tok":10,"linear_num_key_heads":16,
            "linear_num_value_heads":32,"linear_key_head_dim":128,"linear_value_head_dim":128,"linear_conv_kernel_dim":4,
            "full_attention_interval":4,"vocab_size":151936,"tie_word_embeddings":false"#,
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

/// Counts of the publishers' files; classifiers of a thousand kinds of images. DINOv2 giant is published as 1.14 billion, and
/// the modelling code leads to this count.
#[test]
fn networks_for_images_and_waveforms_have_their_published_counts() {
    for (name, published, keys) in [
        (
            "microsoft/resnet-50",
            25_557_032,
            r#""model_type":"resnet","architectures":["ResNetForImageClassification"],"num_labels":1000,"embedding_size":64,
            "hidden_sizes":[256,512,1024,2048],"depths":[3,4,6,3],"layer_type":"bottleneck""#,
        ),
        (
            "facebook/convnext-tiny-224",
            28_589_128,
            r#""model_type":"convnext","architectures":["ConvNextForImageClassification"],"num_labels":1000,"hidden_sizes":[96,192,384,768],
            "depths":[3,3,9,3],"patch_size":4"#,
        ),
        (
            "microsoft/swin-tiny-patch4-window7-224",
            28_288_354,
            r#""model_type":"swin","architectures":["SwinForImageClassification"],"num_labels":1000,"embed_dim":96,"depths":[2,2,6,2],
            "num_heads":[3,6,12,24],"window_size":7,"patch_size":4"#,
        ),
        (
            "facebook/dinov2-giant",
            1_136_480_768,
            r#""model_type":"dinov2","architectures":["Dinov2Model"],"hidden_size":1536,"num_hidden_layers":40,
            "num_attention_heads":24,"mlp_ratio":4,"image_size":518,"patch_size":14,"use_swiglu_ffn":true"#,
        ),
        (
            "google/siglip-base-patch16-224",
            203_155_970,
            r#""model_type":"siglip","text_config":{"model_type":"siglip_text_model"},
            "vision_config":{"model_type":"siglip_vision_model"}"#,
        ),
        (
            "facebook/wav2vec2-base",
            94_371_712,
            r#""model_type":"wav2vec2","architectures":["Wav2Vec2Model"],"hidden_size":768,"num_hidden_layers":12,
            "num_attention_heads":12,"intermediate_size":3072,"conv_bias":false,"feat_extract_norm":"group""#,
        ),
        (
            "dslim/bert-base-NER",
            107_726_601,
            r#""model_type":"bert","architectures":["BertForTokenClassification"],"hidden_size":768,"num_hidden_layers":12,
            "num_attention_heads":12,"intermediate_size":3072,"vocab_size":28996,"max_position_embeddings":512,
            "type_vocab_size":2,"num_labels":9"#,
        ),
        (
            "distilbert-base-uncased-finetuned-sst-2-english",
            66_955_010,
            r#""model_type":"distilbert","architectures":["DistilBertForSequenceClassification"],"dim":768,"n_layers":6,
            "n_heads":12,"hidden_dim":3072,"vocab_size":30522,"max_position_embeddings":512"#,
        ),
    ] {
        assert_eq!(read(&format!("{{{keys}}}")).parameters, published, "{name}");
    }
}

#[test]
fn encoder_decoders_of_unknown_structure_are_refused() {
    let plain = PLAIN.replace("\"llama\"", "\"t5gemma2\"").replacen('{', "{ \"is_encoder_decoder\": true,", 1);
    let error = parse(&plain, "x").expect_err("t5gemma2");
    assert!(error.one_line().contains("encoder and a decoder"), "{error}");
}

/// Counts as published, by `num_parameters` of the publishers' files; of distilbart, M2M100 and Pegasus only rounded counts
/// were at hand (2026-11-22), and the modelling code leads to these. What a layer of the decoder keeps: its own keys and values, and those of the input.
#[test]
fn encoders_with_decoders_have_their_published_counts() {
    let t5 = |width, layers, heads, inner, vocab, more| {
        format!(
            r#"{{"model_type":"t5","is_encoder_decoder":true,"d_model":{width},"num_layers":{layers},"num_decoder_layers":{layers},
            "num_heads":{heads},"d_kv":64,"d_ff":{inner},"vocab_size":{vocab},"relative_attention_num_buckets":32{more}}}"#
        )
    };
    let gated = r#","feed_forward_proj":"gated-gelu","tie_word_embeddings":false"#;
    let bart = |kind, [encoder, decoder]: [u32; 2], vocab| {
        format!(
            r#"{{"model_type":"{kind}","is_encoder_decoder":true,"d_model":1024,"encoder_layers":{encoder},
            "decoder_layers":{decoder},"encoder_attention_heads":16,"decoder_attention_heads":16,"encoder_ffn_dim":4096,
            "decoder_ffn_dim":4096,"vocab_size":{vocab},"max_position_embeddings":1024}}"#
        )
    };
    for (name, text, published, per_token) in [
        ("t5-small", t5(512, 6, 8, 2048, 32128, ""), 60_506_624, 6 * 2 * 2 * 512 * 2),
        ("t5-base", t5(768, 12, 12, 3072, 32128, ""), 222_903_552, 12 * 2 * 2 * 768 * 2),
        ("flan-t5-base", t5(768, 12, 12, 2048, 32128, gated), 247_577_856, 12 * 2 * 2 * 768 * 2),
        ("flan-t5-large", t5(1024, 24, 16, 2816, 32128, gated), 783_150_080, 24 * 2 * 2 * 1024 * 2),
        ("mt5-small", t5(512, 8, 6, 1024, 250_112, gated), 300_176_768, 8 * 2 * 2 * 384 * 2),
        ("bart-large-cnn", bart("bart", [12, 12], 50264), 406_290_432, 12 * 2 * 2 * 1024 * 2),
        ("distilbart-cnn-12-6", bart("bart", [12, 6], 50264), 305_510_400, 6 * 2 * 2 * 1024 * 2),
        ("mbart-large-50", bart("mbart", [12, 12], 250_054), 610_879_488, 12 * 2 * 2 * 1024 * 2),
        ("m2m100-418M", bart("m2m_100", [12, 12], 128_112), 483_905_536, 12 * 2 * 2 * 1024 * 2),
        ("pegasus-large", bart("pegasus", [16, 16], 96103), 568_699_904, 16 * 2 * 2 * 1024 * 2),
    ] {
        let model = read(&text);
        assert_eq!(model.parameters, published, "{name}");
        let kept = remembered(model.language().expect("a language body"), KvPair::F16);
        assert_eq!(kept.per_token.0, per_token, "{name}");
    }
}

/// RWKV 4 by the publishers' files, RWKV-7 0.1B, Zamba 2 and recurrentgemma by the HuggingFace API (2026-11-22); the others are
/// published rounded, and the modelling code leads to these.
#[test]
fn recurrent_kinds_have_their_published_counts_and_states() {
    let rwkv = |kind, hidden: u32, layers, inner, vocab| {
        format!(
            r#"{{"model_type":"{kind}","hidden_size":{hidden},"num_hidden_layers":{layers},"attention_hidden_size":{hidden},
            "intermediate_size":{inner},"vocab_size":{vocab},"tie_word_embeddings":false}}"#
        )
    };
    let zamba = |hidden, layers, heads, state, copies, adapter, ids| {
        format!(
            r#"{{"model_type":"zamba2","hidden_size":{hidden},"num_hidden_layers":{layers},"num_attention_heads":32,
            "num_key_value_heads":32,"intermediate_size":{},"vocab_size":32000,"mamba_d_state":{state},"mamba_expand":2,
            "n_mamba_heads":{heads},"mamba_ngroups":1,"num_mem_blocks":{copies},"adapter_rank":128,
            "use_shared_attention_adapter":{adapter},"hybrid_layer_ids":{ids}}}"#,
            4 * hidden
        )
    };
    let griffin = r#"{"model_type":"recurrent_gemma","hidden_size":2560,"num_hidden_layers":26,"num_attention_heads":10,
        "num_key_value_heads":1,"head_dim":256,"intermediate_size":15360,"vocab_size":256000,"lru_width":2560,
        "attention_window_size":2048,"conv1d_width":4,"block_types":["recurrent","recurrent","attention"]}"#;
    let plamo = r#"{"model_type":"plamo2","hidden_size":2048,"num_hidden_layers":16,"num_attention_heads":16,
        "num_key_value_heads":1,"hidden_size_per_head":128,"mamba_d_state":64,"mamba_d_conv":4,"mamba_num_heads":32,
        "mamba_step":2,"mamba_enabled":true,"intermediate_size":8192,"vocab_size":100000}"#;
    // A state of heads x 64 x 64 and two vectors per layer, in single precision.
    let state = |layers: u64, hidden: u64| layers * (64 * hidden + 2 * hidden) * 4;
    for (name, text, published, per_sequence) in [
        ("rwkv-4-169m-pile", rwkv("rwkv", 768, 12, 3072, 50277), 169_342_464, 12 * 5 * 768 * 4),
        ("rwkv-4-3b-pile", rwkv("rwkv", 2560, 32, 10240, 50277), 2_984_627_200, 32 * 5 * 2560 * 4),
        // The others of RWKV as 1.58, 1.60 and 1.53 billion.
        ("RWKV-5 1.5B", rwkv("rwkv5", 2048, 24, 7168, 65536), 1_577_754_624, state(24, 2048)),
        ("RWKV-6 1.6B", rwkv("rwkv6", 2048, 24, 7168, 65536), 1_599_873_024, state(24, 2048)),
        ("RWKV-7 0.1B", rwkv("rwkv7", 768, 12, 3072, 65536), 191_034_624, state(12, 768)),
        ("RWKV-7 1.5B", rwkv("rwkv7", 2048, 24, 8192, 65536), 1_527_404_544, state(24, 2048)),
        (
            "Zamba2-1.2B",
            zamba(2048, 38, 64, 128, 1, true, "[5,11,17,23,29,35]"),
            1_215_064_704,
            38 * (3 * (4096 + 2 * 128) + 4096 * 128) * 4,
        ),
        (
            "Zamba2-2.7B",
            zamba(2560, 54, 80, 64, 2, false, "[6,12,18,24,30,36,42,47,51]"),
            2_662_214_560,
            54 * (3 * (5120 + 2 * 64) + 5120 * 64) * 4,
        ),
        // PLaMo 2 as 1.29 billion.
        ("recurrentgemma-2b", griffin.to_owned(), 2_682_862_080, 18 * (3 + 1) * 2560 * 4),
        ("plamo-2-1b", plamo.to_owned(), 1_291_441_920, 8 * (3 * 4096 + 4096 * 64) * 4),
    ] {
        let model = read(&text);
        assert_eq!(model.parameters, published, "{name}");
        let kept = remembered(model.language().expect("a language body"), KvPair::F16);
        assert_eq!(kept.state.0, per_sequence, "{name}");
    }
}

#[test]
fn a_class_without_output_head_has_none() {
    let headless = |class: &str, more: &str| {
        let text = PLAIN.replace("LlamaForCausalLM", class).replacen('{', &format!("{{ {more}"), 1);
        read(&text).parameters
    };
    let body = 8_030_261_248 - 128_256 * 4096;
    assert_eq!(headless("LlamaModel", ""), body);
    assert_eq!(headless("LlamaForSequenceClassification", "\"id2label\": {\"0\": \"score\"},"), body + 4096);
    assert_eq!(headless("LlamaForSequenceClassification", ""), body + 2 * 4096);
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

/// Squares and tiles of absurd sizes are worked out without overflow, whatever then becomes of the file.
#[test]
fn absurd_towers_are_no_overflow() {
    let body =
        r#""hidden_size":1024,"num_hidden_layers":2,"num_attention_heads":8,"intermediate_size":2048,"vocab_size":999"#;
    for (kind, tower) in [
        ("qwen3_vl", r#""hidden_size":16777216,"spatial_merge_size":16777216,"depth":16777216"#),
        ("ernie4_5_vl_moe", r#""hidden_size":16777216,"spatial_merge_size":16777216,"temporal_merge_size":16777216"#),
        ("mllama", r#""hidden_size":1280,"image_size":16777216,"patch_size":1,"max_num_tiles":16777216"#),
        ("glmasr", r#""hidden_size":16777216,"image_size":[16777216,1]"#),
    ] {
        let text = format!(
            r#"{{"model_type":"{kind}","text_config":{{{body}}},"vision_config":{{{tower}}},"audio_config":{{{tower},"d_model":1}}}}"#
        );
        let _ = parse(&text, kind);
    }
}
