//! What Ollama does otherwise than llama.cpp, whose server it runs.

use super::Case;
use crate::domain::{KvPair, Model};

/// The engine's id in the catalogs.
const ENGINE: &str = "ollama";

/// llama.cpp stores the projections of keys and values of latent attention apart, and caches the latent vector, since this
/// day (its pull request 12801). Ollama's library keeps the files of models that are older.
const LATENT_SINCE: &str = "2025-04-15";

/// Families whose towers the files of Ollama's library lack (`convert/convert_gemma3n.go` leaves them out).
const TEXT_ONLY: [&str; 1] = ["gemma3n"];

/// Whether Ollama loads the towers with the model, as it does whatever is asked of it where its file has them.
pub(super) fn loads_towers(case: &Case<'_>) -> bool {
    let family = case.model.language().map_or("", |a| a.spec.family.as_str());
    runs(case) && !TEXT_ONLY.contains(&family)
}

/// Whether Ollama runs the case.
pub(super) fn runs(case: &Case<'_>) -> bool {
    case.runtime.engine_id == ENGINE
}

/// The types that the caches have in the end: without flash attention Ollama keeps them in half precision, whatever
/// `OLLAMA_KV_CACHE_TYPE` asks for.
pub(super) fn cache(case: &Case<'_>) -> KvPair {
    if runs(case) && !case.flash_attention { KvPair::F16 } else { case.kv }
}

/// Whether the weights that a case would run come from a file without apart projections: one that was read, or the file of
/// a model that is older in Ollama's library.
pub(super) fn has_whole_heads(case: &Case<'_>) -> bool {
    match &case.model.stored {
        Some(stored) => {
            let has = |name: &str| stored.tensors.iter().any(|t| t.name.contains(name));
            has(".attn_kv_b.") && !has(".attn_k_b.")
        }
        None => runs(case) && older(case.model),
    }
}

fn older(model: &Model) -> bool {
    model.released.as_deref().is_some_and(|day| day < LATENT_SINCE)
}
