//! Hyper-parameters from the metadata and the tensors of a GGUF file.
//!
//! What a block does is read off its tensors; metadata tells what tensors do not: heads, windows, experts in use.

use std::collections::HashMap;

use super::header::{Header, TensorInfo, Value};
use crate::domain::{ArchitectureSpec, GatedDelta, GlobalAttention, LinearKind, Mla, MoeShape, NormKind, QkNorm, Ssm};

/// Tensors by block and name, and the metadata of the family.
pub(super) struct Facts<'a> {
    header: &'a Header,
    family: String,
    blocks: Vec<HashMap<&'a str, &'a TensorInfo>>,
    global: HashMap<&'a str, &'a TensorInfo>,
    /// What had to be assumed.
    pub(super) assumptions: Vec<String>,
}

/// Most blocks that a file may name; real models have a few hundred at most.
const MAX_BLOCKS: u64 = 4096;

impl<'a> Facts<'a> {
    /// Sorts the tensors of the header and of the further parts of a split file.
    pub(super) fn new(header: &'a Header, tensors: &[&'a TensorInfo]) -> Result<Self, String> {
        let family = header.text("general.architecture").ok_or("`general.architecture` is missing")?.to_owned();
        let mut facts = Self { header, family, blocks: Vec::new(), global: HashMap::new(), assumptions: Vec::new() };
        let blocks = facts.int("block_count").ok_or_else(|| facts.missing("block_count"))?;
        if blocks == 0 || blocks > MAX_BLOCKS {
            return Err(format!("`{}.block_count` is {blocks}: 1 to {MAX_BLOCKS} is expected", facts.family));
        }
        // Layers for multi-token prediction follow the others and take no part in plain decoding.
        let further = facts.int("nextn_predict_layers").unwrap_or(0);
        let blocks = if further < blocks { blocks - further } else { blocks };
        facts.blocks.resize_with(blocks as usize, HashMap::new);
        for &tensor in tensors {
            match tensor.name.strip_prefix("blk.").and_then(|rest| rest.split_once('.')) {
                Some((block, name)) => {
                    if let Some(block) = block.parse::<usize>().ok().and_then(|i| facts.blocks.get_mut(i)) {
                        block.insert(name, tensor);
                    }
                }
                None => {
                    facts.global.insert(&tensor.name, tensor);
                }
            }
        }
        facts.sound()?;
        Ok(facts)
    }

    /// Whether the metadata says what the tensors are.
    fn sound(&mut self) -> Result<(), String> {
        if let Some(block) = self.blocks.iter().position(HashMap::is_empty) {
            let claimed = self.blocks.len();
            return Err(format!(
                "`{}.block_count` tells of {claimed} blocks, block {block} has no tensors",
                self.family
            ));
        }
        let (stated, found) = (self.small("embedding_length"), self.width_of("token_embd.weight", 0));
        if let (Some(stated), Some(found)) = (stated, found)
            && stated != found
        {
            let key = format!("{}.embedding_length", self.family);
            self.assumptions.push(format!("`{key}` is {stated}, the rows of the embedding table have {found}"));
        }
        let (experts, used) = (self.small("expert_count").unwrap_or(0), self.small("expert_used_count").unwrap_or(0));
        if experts > 0 && used > experts {
            return Err(format!("`{}.expert_used_count` is {used} of {experts}", self.family));
        }
        // Where all blocks are alike the key has one value for them.
        if let Some(Value::Int(stated)) = self.value("feed_forward_length") {
            let dense = self.blocks.iter().find_map(|b| b.get("ffn_down.weight")?.dims.first().copied());
            if let Some(found) = dense.filter(|found| i128::from(*found) != *stated && *stated > 0) {
                let key = format!("{}.feed_forward_length", self.family);
                self.assumptions
                    .push(format!("`{key}` is {stated}, the tensors have a width of {found}: theirs is taken"));
            }
        }
        Ok(())
    }

    fn missing(&self, key: &str) -> String {
        format!("`{}.{key}` is missing", self.family)
    }

    fn value(&self, key: &str) -> Option<&'a Value> {
        self.header.metadata.get(&format!("{}.{key}", self.family))
    }

    fn int(&self, key: &str) -> Option<u64> {
        match self.value(key)? {
            Value::Int(n) => u64::try_from(*n).ok(),
            // A list with one value for every block.
            Value::Ints(list) => u64::try_from(*list.iter().max()?).ok(),
            _ => None,
        }
    }

    fn small(&self, key: &str) -> Option<u32> {
        self.int(key).and_then(|n| u32::try_from(n).ok())
    }

    fn list(&self, key: &str) -> Vec<u32> {
        match self.value(key) {
            Some(Value::Ints(list)) => {
                list.iter().take(self.blocks.len()).map(|&n| u32::try_from(n).unwrap_or(0)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Dimension `axis` of the first tensor of this name in any block.
    fn dim(&self, name: &str, axis: usize) -> Option<u32> {
        let tensor = self.blocks.iter().find_map(|b| b.get(name))?;
        tensor.dims.get(axis).and_then(|&n| u32::try_from(n).ok())
    }

    fn has(&self, name: &str) -> bool {
        self.blocks.iter().any(|b| b.contains_key(name))
    }

    fn width_of(&self, name: &str, axis: usize) -> Option<u32> {
        self.global.get(name)?.dims.get(axis).and_then(|&n| u32::try_from(n).ok())
    }

    /// The hyper-parameters.
    pub(super) fn spec(&mut self) -> Result<ArchitectureSpec, String> {
        let hidden = self.small("embedding_length").ok_or_else(|| self.missing("embedding_length"))?;
        let vocab = self.vocab().ok_or("neither a vocabulary nor an embedding table tells the number of tokens")?;
        let heads_per_layer = self.list("attention.head_count");
        let heads = self.small("attention.head_count").unwrap_or(0);
        let mut kv_heads_per_layer = self.list("attention.head_count_kv");
        let kv_heads = self.small("attention.head_count_kv").unwrap_or(heads);
        let head_dim = self.small("attention.key_length").or_else(|| hidden.checked_div(heads)).unwrap_or(0);
        let v_head_dim = self.small("attention.value_length").unwrap_or(head_dim);
        let mla = self.mla();
        let pattern = self.pattern();
        let mut spec = ArchitectureSpec {
            family: self.family.clone(),
            layers: self.blocks.len() as u32,
            hidden,
            vocab,
            max_context: self.int("context_length").filter(|&n| n > 0),
            heads,
            kv_heads: if mla.is_some() { heads } else { kv_heads },
            head_dim,
            v_head_dim: (v_head_dim != head_dim).then_some(v_head_dim),
            ffn: self.ffn(),
            ffn_per_layer: varying(self.list("feed_forward_length")),
            heads_per_layer: varying(heads_per_layer),
            ungated_ffn: self.has("ffn_up.weight") && !self.has("ffn_gate.weight") && !self.gate_in_up(),
            tied_embeddings: !self.global.contains_key("output.weight"),
            window: self.small("attention.sliding_window").filter(|&w| w > 0 && pattern.contains(['S', 's'])),
            kv_shared_layers: self.shared_layers(),
            qkv_bias: self.has("attn_q.bias") || self.has("attn_qkv.bias"),
            out_bias: self.has("attn_output.bias"),
            mlp_bias: self.has("ffn_up.bias"),
            qk_norm: self.qk_norm(),
            fused_qkv: self.has("attn_qkv.weight") && !self.has("attn_gate.weight"),
            fused_gate_up: self.has("ffn_up.weight") && !self.has("ffn_gate.weight") && self.gate_in_up(),
            sinks: self.has("attn_sinks.weight"),
            norm: self.norm(),
            post_norms: self.has("post_attention_norm.weight") && self.has("post_ffw_norm.weight"),
            shared_norm: self.has("attn_norm.weight")
                && self.has("ffn_up.weight")
                && !self.has("ffn_norm.weight")
                && !self.has("post_attention_norm.weight")
                && !self.has("ffn_norm"),
            positions: self.width_of("position_embd.weight", 1).unwrap_or(0),
            token_types: self.width_of("token_types.weight", 1).unwrap_or(0),
            per_layer_input: self.small("embedding_length_per_layer_input").unwrap_or(0),
            per_layer_vocab: self.width_of("per_layer_token_embd.weight", 1).unwrap_or(0),
            rope_factors: self.rope_factors(),
            moe: self.moe(),
            dense_first_layers: self.dense_first_layers(),
            moe_every: self.moe_every(),
            ssm: self.ssm(),
            gated_delta: self.delta(),
            short_conv: self.small("shortconv.l_cache"),
            mla,
            ..ArchitectureSpec::default()
        };
        let query = self.blocks.iter().find(|b| b.contains_key("attn_k.weight")).and_then(|b| b.get("attn_q.weight"));
        let wide = query.and_then(|t| t.dims.get(1)).copied().unwrap_or(0);
        spec.output_gate = heads > 0 && wide == 2 * u64::from(heads) * u64::from(head_dim);
        self.global_attention(&mut spec, &mut kv_heads_per_layer, &pattern);
        if pattern.chars().any(|c| c != 'F') {
            spec.pattern = Some(pattern);
        }
        // Blocks without attention are listed with no heads; the pattern says so already.
        let attends: Vec<u32> = kv_heads_per_layer.iter().copied().filter(|&n| n > 0).collect();
        if attends.iter().any(|&n| n != spec.kv_heads) && spec.global.is_none() {
            spec.kv_heads_per_layer = kv_heads_per_layer.iter().map(|&n| n.max(1)).collect();
        }
        if let Some(&first) = attends.first()
            && spec.kv_heads_per_layer.is_empty()
            && spec.global.is_none()
            && spec.mla.is_none()
        {
            spec.kv_heads = first;
        }
        if spec.pattern.as_deref().is_some_and(|p| p.contains(['S', 's'])) && spec.window.is_none() {
            self.assumptions.push("sliding layers without a window are taken as full attention".to_owned());
            spec.pattern = spec.pattern.map(|p| p.replace('S', "F").replace('s', "f"));
        }
        Ok(spec)
    }

    fn vocab(&self) -> Option<u32> {
        let listed = match self.header.metadata.get("tokenizer.ggml.tokens") {
            Some(Value::Other { len }) => u32::try_from(*len).ok(),
            _ => None,
        };
        self.width_of("token_embd.weight", 1).or_else(|| self.small("vocab_size")).or(listed)
    }

    fn ffn(&self) -> u32 {
        let dense = self.blocks.iter().find_map(|b| b.get("ffn_down.weight")).and_then(|t| t.dims.first());
        dense.and_then(|&n| u32::try_from(n).ok()).or_else(|| self.small("feed_forward_length")).unwrap_or(0)
    }

    /// Whether the up projection is twice as wide as the down projection takes: gate and up in one.
    fn gate_in_up(&self) -> bool {
        let (up, down) = (self.dim("ffn_up.weight", 1), self.dim("ffn_down.weight", 0));
        up.is_some() && up == down.map(|n| n.saturating_mul(2))
    }

    fn qk_norm(&self) -> Option<QkNorm> {
        let width = self.dim("attn_q_norm.weight", 0)?;
        let per_head = [self.small("attention.key_length"), self.small("attention.key_length_swa")];
        let heads = self.small("attention.head_count").unwrap_or(0);
        let split = self.small("embedding_length").and_then(|e| e.checked_div(heads));
        Some(if per_head.contains(&Some(width)) || split == Some(width) { QkNorm::PerHead } else { QkNorm::AllHeads })
    }

    fn norm(&self) -> NormKind {
        let named = |names: [&str; 3], block: &HashMap<&str, &TensorInfo>| names.iter().any(|n| block.contains_key(n));
        let weight = ["attn_norm.weight", "ffn_norm.weight", "attn_output_norm.weight"];
        let bias = ["attn_norm.bias", "ffn_norm.bias", "attn_output_norm.bias"];
        if self.blocks.iter().any(|b| named(bias, b)) {
            NormKind::LayerNorm
        } else if self.blocks.iter().any(|b| named(weight, b)) {
            if self.value("attention.layer_norm_rms_epsilon").is_none()
                && self.value("attention.layer_norm_epsilon").is_some()
            {
                NormKind::LayerNormNoBias
            } else {
                NormKind::Rms
            }
        } else {
            NormKind::Bare
        }
    }

    fn rope_factors(&self) -> u32 {
        ["rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"]
            .iter()
            .filter_map(|name| self.width_of(name, 0))
            .sum()
    }

    fn shared_layers(&self) -> u32 {
        let blocks = self.blocks.len() as u32;
        match self.family.as_str() {
            // All but the first 20 blocks read earlier caches, by definition of the family.
            "gemma3n" => blocks.saturating_sub(20),
            _ => self.small("attention.shared_kv_layers").unwrap_or(0).min(blocks),
        }
    }

    fn mla(&self) -> Option<Mla> {
        let kv_lora_rank = self.small("attention.kv_lora_rank").filter(|&n| n > 0)?;
        let rope_dim = self.small("rope.dimension_count")?;
        let key = self.small("attention.key_length_mla").filter(|&n| n > rope_dim)?;
        Some(Mla {
            q_lora_rank: self.dim("attn_q_a.weight", 1),
            kv_lora_rank,
            nope_dim: key - rope_dim,
            rope_dim,
            v_dim: self.small("attention.value_length_mla")?,
        })
    }

    fn moe(&self) -> Option<MoeShape> {
        let experts = self.small("expert_count").filter(|&n| n > 0)?;
        let down = self.blocks.iter().find(|b| b.contains_key("ffn_down_exps.weight"))?;
        let dim = |name: &str, axis: usize| {
            down.get(name).and_then(|t| t.dims.get(axis)).and_then(|&n| u32::try_from(n).ok()).unwrap_or(0)
        };
        let hidden = self.small("embedding_length").unwrap_or(0);
        let out = dim("ffn_down_exps.weight", 1);
        Some(MoeShape {
            experts,
            used: self.small("expert_used_count").unwrap_or(1),
            width: dim("ffn_down_exps.weight", 0),
            shared_width: dim("ffn_down_shexp.weight", 0),
            shared_gate: down.contains_key("ffn_gate_inp_shexp.weight"),
            router_bias: down.contains_key("ffn_gate_inp.bias"),
            expert_bias: down.contains_key("ffn_down_exps.bias"),
            dense_width: dim("ffn_down.weight", 0),
            latent_width: if out == hidden { 0 } else { out },
        })
    }

    fn dense_first_layers(&self) -> u32 {
        if self.has("ffn_down_exps.weight") {
            self.blocks.iter().take_while(|b| !b.contains_key("ffn_down_exps.weight")).count() as u32
        } else {
            0
        }
    }

    /// The distance between blocks with experts, where it is more than one.
    fn moe_every(&self) -> u32 {
        let mut with = (0..self.blocks.len()).filter(|&i| self.blocks[i].contains_key("ffn_down_exps.weight"));
        match (with.next(), with.next()) {
            (Some(a), Some(b)) if b - a > 1 => (b - a) as u32,
            _ => 0,
        }
    }

    fn ssm(&self) -> Option<Ssm> {
        if !self.has("ssm_in.weight") {
            return None;
        }
        let first = self.has("ssm_x.weight");
        Some(Ssm {
            generation: if first { 1 } else { 2 },
            inner: self.small("ssm.inner_size")?,
            state: self.small("ssm.state_size")?,
            heads: self.small("ssm.time_step_rank")?,
            groups: if first { 0 } else { self.small("ssm.group_count").unwrap_or(1) },
            conv: self.small("ssm.conv_kernel")?,
            norm: self.has("ssm_norm.weight"),
            proj_bias: self.has("ssm_in.bias"),
            no_conv_bias: !self.has("ssm_conv1d.bias"),
        })
    }

    fn delta(&self) -> Option<GatedDelta> {
        if self.has("ssm_in.weight") || !self.has("ssm_conv1d.weight") {
            return None;
        }
        let heads = self.small("ssm.time_step_rank").filter(|&n| n > 0)?;
        Some(GatedDelta {
            key_heads: self.small("ssm.group_count")?,
            value_heads: heads,
            key_dim: self.small("ssm.state_size")?,
            value_dim: self.small("ssm.inner_size")? / heads,
            conv: self.small("ssm.conv_kernel")?,
            kind: LinearKind::default(),
        })
    }

    /// One letter per block, as in [`ArchitectureSpec::pattern`].
    fn pattern(&self) -> String {
        let slides = self.sliding();
        let letter = |(i, block): (usize, &HashMap<&str, &TensorInfo>)| {
            let has = |names: &[&str]| names.iter().any(|n| block.contains_key(n));
            let feeds = has(&["ffn_down.weight", "ffn_down_exps.weight", "ffn_down_shexp.weight"]);
            let attends = has(&["attn_output.weight", "attn_kv_a_mqa.weight"]);
            match (has(&["shortconv.conv.weight"]), has(&["ssm_in.weight"]), has(&["ssm_conv1d.weight"]), attends) {
                (true, ..) => 'C',
                (_, true, _, true) => 'H',
                (_, true, _, false) if feeds => 'M',
                (_, true, _, false) => 'm',
                (_, false, true, _) => 'L',
                (_, _, _, true) => match (slides.get(i).copied().unwrap_or(false), feeds) {
                    (true, true) => 'S',
                    (true, false) => 's',
                    (false, true) => 'F',
                    (false, false) => 'f',
                },
                _ => 'D',
            }
        };
        self.blocks.iter().enumerate().map(letter).collect()
    }

    /// Which blocks look back over a window only.
    fn sliding(&self) -> Vec<bool> {
        let blocks = self.blocks.len();
        if self.small("attention.sliding_window").unwrap_or(0) == 0 {
            return vec![false; blocks];
        }
        if let Some(Value::Ints(list)) = self.value("attention.sliding_window_pattern") {
            return list.iter().map(|&n| n != 0).collect();
        }
        let period = match self.value("attention.sliding_window_pattern") {
            Some(Value::Int(n)) => usize::try_from(*n).unwrap_or(0),
            _ => match self.family.as_str() {
                "gemma2" | "gpt-oss" => 2,
                "gemma3" | "gemma4" => 6,
                "gemma3n" => 5,
                "cohere2" | "exaone4" | "llama4" | "olmo2" => 4,
                // Every block of the others; llama.cpp itself ignores the window of some of them.
                _ => 0,
            },
        };
        (0..blocks).map(|i| period == 0 || i % period < period - 1).collect()
    }

    /// Gemma 4 and its kin: the blocks that see everything have heads of their own.
    fn global_attention(&self, spec: &mut ArchitectureSpec, kv_heads: &mut Vec<u32>, pattern: &str) {
        let Some(window_dim) = self.small("attention.key_length_swa") else { return };
        let block = |letter: char| pattern.chars().position(|c| c == letter);
        let (Some(full), Some(sliding)) = (block('F'), block('S')) else { return };
        let of = |i: usize| kv_heads.get(i).copied().unwrap_or(spec.kv_heads);
        let v = self.small("attention.value_length").filter(|&v| v != spec.head_dim);
        spec.global = Some(GlobalAttention {
            kv_heads: of(full),
            head_dim: spec.head_dim,
            v_head_dim: v,
            k_eq_v: self.blocks[full].contains_key("attn_k.weight") && !self.blocks[full].contains_key("attn_v.weight"),
        });
        spec.kv_heads = of(sliding);
        spec.head_dim = window_dim;
        spec.v_head_dim = self.small("attention.value_length_swa").filter(|&v| v != window_dim);
        kv_heads.clear();
    }
}

/// A list that says more than one number would.
fn varying(list: Vec<u32>) -> Vec<u32> {
    if list.iter().any(|n| Some(n) != list.first()) { list } else { Vec::new() }
}
