//! Text encoders: BERT and its kin.

use super::Reading;
use super::dimensions;
use super::json::{Fields, Read};
use crate::domain::MoeShape;

/// The labels of a classifier: two where the file says nothing, the default of every class.
pub(super) fn labels(r: &Reading<'_>) -> Read<u128> {
    labels_in(r.root)
}

pub(super) fn labels_in(root: Fields<'_>) -> Read<u128> {
    if let Some(told) = root.optional(&["num_labels"])? {
        return Ok(told.into());
    }
    Ok(match root.raw(&["id2label"]) {
        Some(serde_json::Value::Object(names)) => names.len() as u128,
        _ => 2,
    })
}

/// Norm behind the embeddings, learned positions, token types, and the head that the file's class names.
pub(super) fn bert(r: &mut Reading<'_>) -> Read<()> {
    let absolute = r.text.text(&["position_embedding_type"]).is_none_or(|t| t == "absolute");
    r.spec.positions = if absolute { r.text.or_zero(&["max_position_embeddings"])? } else { 0 };
    r.spec.token_types = r.text.or_zero(&["type_vocab_size"])?;
    encoder_norms(r, true);
    further_tables(r)?;
    head(r, true)?;
    task_adapters(r)
}

/// Jina v3: XLM-RoBERTa with rotary positions.
pub(super) fn jina_v3(r: &mut Reading<'_>) -> Read<()> {
    bert(r)?;
    r.spec.positions = 0;
    Ok(())
}

/// Adapters of low rank for each of several tasks on every matrix and on the tables (`jinaai/jina-embeddings-v3`,
/// arXiv 2409.10173: 572 310 396 parameters published).
fn task_adapters(r: &mut Reading<'_>) -> Read<()> {
    let tasks = match r.root.raw(&["lora_adaptations"]) {
        Some(serde_json::Value::Array(tasks)) => tasks.len() as u128,
        _ => return Ok(()),
    };
    let rank = u128::from(r.root.optional(&["lora_rank"])?.unwrap_or(4));
    let (hidden, ffn) = (r.hidden(), u128::from(r.spec.ffn));
    let layer = (hidden + 3 * hidden) + 2 * hidden + 2 * (hidden + ffn);
    let tables = u128::from(r.spec.vocab) + u128::from(r.spec.token_types) + 2 * hidden;
    let pooler = 2 * hidden;
    let adapters = tasks * rank * (r.layers() * layer + tables + pooler);
    r.other("task adapters", adapters);
    Ok(())
}

/// Encoders have no norm behind the last layer but one behind the embeddings: the count's final norm is that one.
fn encoder_norms(r: &mut Reading<'_>, tied: bool) {
    r.spec.tied_embeddings = tied;
}

/// What stands on the encoder: a pooler, a classifier, or a language-model head with tied embeddings.
fn head(r: &mut Reading<'_>, pooler: bool) -> Read<()> {
    let hidden = r.hidden();
    let class = class(r);
    let dense = hidden * hidden + hidden;
    let language = dense + 2 * hidden + u128::from(r.spec.vocab);
    if writes(class) {
        r.other("masked-language head", language);
        if matches!(r.kind, "big_bird" | "layoutlm") {
            r.other("pooler", dense);
        }
    } else if class.ends_with("ForSequenceClassification") {
        let labels = labels(r)?;
        r.other("classifier", dense + hidden * labels + labels);
    } else if class.ends_with("ForTokenClassification") {
        let labels = labels(r)?;
        r.other("classifier", hidden * labels + labels);
    } else if class.ends_with("ForQuestionAnswering") {
        r.other("classifier", 2 * hidden + 2);
    } else if class.ends_with("ForPreTraining") && r.kind == "electra" {
        r.other("discriminator", dense + hidden + 1);
    } else {
        if pooler {
            r.other("pooler", dense);
        }
        if class.ends_with("ForPreTraining") {
            r.other("masked-language head", language);
        }
        if class.ends_with("ForPreTraining") || class.ends_with("ForNextSentencePrediction") {
            r.other("classifier", 2 * hidden + 2);
        } else if class.ends_with("ForMultipleChoice") {
            r.other("classifier", hidden + 1);
        }
    }
    Ok(())
}

/// The first class that the file names.
fn class<'a>(r: &Reading<'a>) -> &'a str {
    r.root.words(&["architectures"]).and_then(|c| c.first().copied()).unwrap_or("")
}

/// Whether the class predicts words, with a transformation in front of the table of embeddings.
fn writes(class: &str) -> bool {
    class.ends_with("ForMaskedLM") || class.ends_with("LMHeadModel") || class.ends_with("ForCausalLM")
}

/// What members of the family add to BERT's tables.
fn further_tables(r: &mut Reading<'_>) -> Read<()> {
    let hidden = r.hidden();
    if r.kind == "ernie" && r.text.is(&["use_task_id"])? {
        let rows = u128::from(r.text.optional(&["task_type_vocab_size"])?.unwrap_or(3));
        r.other("task type embedding", rows * hidden);
    }
    if r.kind == "layoutlm" {
        let rows = u128::from(r.text.optional(&["max_2d_position_embeddings"])?.unwrap_or(1024));
        r.other("layout embedding", 4 * rows * hidden);
    }
    // Norms in front of the blocks: one more behind the last.
    if r.kind == "roberta-prelayernorm" {
        r.other("final norm", 2 * hidden);
    }
    Ok(())
}

/// gpt-oss turned into a classifier of tokens: attention to both sides of a window, nothing kept.
pub(super) fn privacy_filter(r: &mut Reading<'_>) -> Read<()> {
    super::experts::gpt_oss(r)?;
    encoder_norms(r, true);
    if class(r).ends_with("ForTokenClassification") {
        let labels = labels(r)?;
        let scores = r.hidden() * labels + labels;
        r.other("classifier", scores);
    }
    Ok(())
}

/// DistilBERT, ELECTRA and MPNet: BERT without some of its parts.
pub(super) fn bert_kin(r: &mut Reading<'_>) -> Read<()> {
    bert(r)?;
    r.spec.other_parameters.clear();
    if r.kind == "distilbert" {
        r.spec.token_types = 0;
        head(r, false)?;
    }
    if r.kind == "electra" {
        head(r, false)?;
        let width = r.text.optional(&["embedding_size"])?.unwrap_or(r.spec.hidden);
        if width != r.spec.hidden {
            let rows = u128::from(r.spec.positions) + u128::from(r.spec.token_types);
            (r.spec.positions, r.spec.token_types, r.spec.embedding_width) = (0, 0, width);
            r.spec.no_final_norm = true;
            let (width, hidden) = (u128::from(width), r.hidden());
            r.other("narrow embeddings", rows * width + 2 * width + width * hidden + hidden);
        }
        if writes(class(r)) {
            // Its language head works in the width of the embeddings.
            r.spec.other_parameters.remove("masked-language head");
            narrow_head(r, u128::from(width));
        }
    }
    if r.kind == "mpnet" {
        r.spec.token_types = 0;
        let buckets = u128::from(r.text.optional(&["relative_attention_num_buckets"])?.unwrap_or(32));
        r.other("relative positions", buckets * u128::from(r.spec.heads));
        head(r, true)?;
    }
    Ok(())
}

/// ALBERT: one layer used again and again, narrow embeddings.
pub(super) fn albert(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    let width = text.optional(&["embedding_size"])?.unwrap_or(128);
    let groups = text.optional(&["num_hidden_groups"])?.unwrap_or(1).max(1);
    let inner = text.optional(&["inner_group_num"])?.unwrap_or(1).max(1);
    r.spec.embedding_width = width;
    r.spec.distinct_layers = groups.saturating_mul(inner);
    r.spec.no_final_norm = true;
    encoder_norms(r, true);
    let rows =
        u128::from(text.or_zero(&["max_position_embeddings"])?) + u128::from(text.or_zero(&["type_vocab_size"])?);
    let (width, hidden) = (u128::from(width), r.hidden());
    r.other("narrow embeddings", rows * width + 2 * width + width * hidden + hidden);
    let class = class(r);
    if writes(class) {
        narrow_head(r, width);
        return Ok(());
    }
    if !["ForTokenClassification", "ForQuestionAnswering"].iter().any(|end| class.ends_with(end)) {
        r.other("pooler", hidden * hidden + hidden);
    }
    if class.ends_with("ForPreTraining") {
        narrow_head(r, width);
        r.other("classifier", 2 * hidden + 2);
    } else if ["ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering"]
        .iter()
        .any(|end| class.ends_with(end))
    {
        let labels = labels(r)?;
        r.other("classifier", hidden * labels + labels);
    } else if class.ends_with("ForMultipleChoice") {
        r.other("classifier", hidden + 1);
    }
    Ok(())
}

/// A language head that works in the width of narrow embeddings: a matrix down to it, a norm, a bias per word.
fn narrow_head(r: &mut Reading<'_>, width: u128) {
    let head = r.hidden() * width + 3 * width + u128::from(r.spec.vocab);
    r.other("masked-language head", head);
}

/// Nomic: gated, rotary, no biases, token types kept.
pub(super) fn nomic(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    encoder_norms(r, true);
    r.spec.qkv_bias = text.is(&["qkv_proj_bias"])?;
    r.spec.out_bias = r.spec.qkv_bias;
    r.spec.mlp_bias = text.is(&["mlp_fc1_bias"])?;
    r.spec.token_types = text.or_zero(&["type_vocab_size"])?;
    r.spec.ungated_ffn = !text.text(&["activation_function"]).unwrap_or("swiglu").contains("glu");
    if r.spec.ffn == 0 {
        r.spec.ffn = r.spec.hidden.saturating_mul(4);
    }
    if writes(class(r)) && r.root.text(&["transformers_version"]).is_some_and(|v| v.starts_with("5.")) {
        head(r, false)?;
    }
    let experts = text.or_zero(&["num_experts"])?;
    if experts > 0 {
        let every = text.optional(&["moe_every_n_layers"])?.unwrap_or(2).max(1);
        let used = text.optional(&["moe_top_k"])?.unwrap_or(1).clamp(1, experts);
        r.spec.moe = Some(MoeShape { experts, used, width: r.spec.ffn, ..MoeShape::default() });
        r.spec.moe_every = every;
        // One bias behind all experts of a layer.
        let biases = r.layers() / u128::from(every) * r.hidden();
        r.other("output biases of the experts", biases);
    }
    Ok(())
}

/// ModernBERT: gated, rotary, one layer in three with full attention; the first layer has no norm in front.
pub(super) fn modern(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    encoder_norms(r, true);
    r.spec.window = text.optional(&["local_attention"])?.filter(|&w| w > 0);
    if r.spec.window.is_some() {
        let period = text.optional(&["global_attn_every_n_layers"])?.unwrap_or(3).clamp(1, 1024);
        let letters: Vec<char> = (0..period).map(|i| if i == 0 { 'F' } else { 'S' }).collect();
        r.spec.pattern = dimensions::short_pattern(&letters);
    }
    // The norm behind the embeddings stands in for the missing one of the first layer.
    let hidden = r.hidden();
    let class = r.root.words(&["architectures"]).and_then(|c| c.first().copied()).unwrap_or("");
    if class.ends_with("ForMaskedLM") {
        r.other("masked-language head", hidden * hidden + hidden + u128::from(r.spec.vocab));
    } else if class.ends_with("ForSequenceClassification") {
        let labels = labels(r)?;
        r.other("classifier", hidden * hidden + hidden + hidden * labels + labels);
    }
    Ok(())
}

/// GTE's "new" model: gated, rotary, biases on all but the first feed-forward matrix.
pub(super) fn gte(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    encoder_norms(r, true);
    r.spec.mlp_bias = false;
    let down = r.layers() * r.hidden();
    r.other("feed-forward output biases", down);
    r.spec.token_types = text.or_zero(&["type_vocab_size"])?;
    if text.text(&["position_embedding_type"]) == Some("absolute") {
        r.spec.positions = text.or_zero(&["max_position_embeddings"])?;
    }
    head(r, false)
}

/// DeBERTa: relative positions with a table and a norm of their own.
pub(super) fn deberta(r: &mut Reading<'_>) -> Read<()> {
    let text = r.text;
    encoder_norms(r, true);
    let hidden = r.hidden();
    if text.flag(&["position_biased_input"])?.unwrap_or(true) {
        r.spec.positions = text.or_zero(&["max_position_embeddings"])?;
    }
    r.spec.token_types = text.or_zero(&["type_vocab_size"])?;
    if text.is(&["relative_attention"])? {
        let buckets = match text.optional(&["position_buckets"])?.filter(|&b| b > 0) {
            Some(buckets) => buckets,
            None => text.or_zero(&["max_position_embeddings"])?,
        };
        r.other("relative positions", 2 * u128::from(buckets) * hidden + 2 * hidden);
    }
    head(r, false)
}
