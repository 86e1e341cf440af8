//! The tensors of a GGUF file, from the hyper-parameters alone.

use super::element::Element;
use super::family::Layout;
use crate::domain::{
    Architecture, ArchitectureSpec, Attention, FeedForward, GatedDelta, Mixer, Mla, MoeShape, NormKind, QkNorm, Ssm,
};

/// One tensor of a GGUF file before it is quantised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tensor {
    /// Block that it belongs to.
    pub block: Option<u32>,
    /// Name within the block, or in the file where there is none.
    pub name: &'static str,
    /// Dimensions, the contiguous one first; 1 where there is none.
    pub dims: [u64; 3],
    /// What a file without quantisation stores it in: F32 for vectors and a few small matrices, F16 for the rest.
    pub plain: Element,
}

impl Tensor {
    /// Numbers in it. Dimensions are bounded (see [`ArchitectureSpec::expand`]), so the product of three fits.
    #[must_use]
    pub fn elements(&self) -> u128 {
        self.dims.iter().map(|&n| u128::from(n)).product()
    }
}

/// What was worked out from the names of tensors. Like blocks share their names, so that a few dozen of them stand for
/// thousands of tensors.
#[derive(Debug)]
pub struct ByName<T>(Vec<(&'static str, T)>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> ByName<T> {
    /// What `work_out` gives for a name, worked out once.
    pub fn get(&mut self, name: &'static str, work_out: impl Fn(&str) -> T) -> T {
        if let Some(&(_, known)) = self.0.iter().find(|(known, _)| std::ptr::eq(*known, name)) {
            return known;
        }
        let new = work_out(name);
        self.0.push((name, new));
        new
    }
}

/// The tensors of a language body, in the order of its blocks.
#[must_use]
pub fn tensors(architecture: &Architecture) -> Vec<Tensor> {
    let spec = &architecture.spec;
    let mut list = List {
        spec,
        layout: Layout::of(spec),
        block: None,
        out: Vec::with_capacity(16 + architecture.layers.len() * 16),
    };
    list.head();
    for (i, layer) in (0u32..).zip(&architecture.layers) {
        list.block = Some(i);
        list.mixer(&layer.mixer);
        match layer.ffn {
            FeedForward::None => {}
            FeedForward::Dense { width } => list.dense(width.into(), !matches!(layer.mixer, Mixer::None)),
            FeedForward::Moe(moe) => list.experts(&moe),
        }
        list.per_layer_input();
    }
    list.out
}

struct List<'a> {
    spec: &'a ArchitectureSpec,
    layout: Layout,
    block: Option<u32>,
    out: Vec<Tensor>,
}

impl List<'_> {
    fn push(&mut self, name: &'static str, dims: [u64; 3], plain: Element) {
        if dims.iter().all(|&n| n > 0) {
            self.out.push(Tensor { block: self.block, name, dims, plain });
        }
    }

    fn matrix(&mut self, name: &'static str, from: u64, to: u64) {
        self.push(name, [from, to, 1], Element::F16);
    }

    fn cube(&mut self, name: &'static str, from: u64, to: u64, n: u64) {
        self.push(name, [from, to, n], Element::F16);
    }

    fn vector(&mut self, name: &'static str, width: u64) {
        self.push(name, [width, 1, 1], Element::F32);
    }

    fn hidden(&self) -> u64 {
        self.spec.hidden.into()
    }

    fn norm(&mut self, name: &'static str, bias: &'static str) {
        let width = self.hidden();
        match self.spec.norm {
            NormKind::Rms | NormKind::LayerNormNoBias => self.vector(name, width),
            NormKind::LayerNorm => {
                self.vector(name, width);
                self.vector(bias, width);
            }
            NormKind::Bare => {}
        }
    }

    fn head(&mut self) {
        let spec = self.spec;
        let (e, vocab, layers) = (self.hidden(), u64::from(spec.vocab), u64::from(spec.layers));
        let per_layer = u64::from(spec.per_layer_input);
        self.matrix("token_embd.weight", e, vocab);
        self.norm("output_norm.weight", "output_norm.bias");
        if !spec.tied_embeddings {
            self.matrix("output.weight", e, vocab);
        }
        self.vector("rope_freqs.weight", spec.rope_factors.into());
        self.push("position_embd.weight", [e, spec.positions.into(), 1], Element::F32);
        self.push("token_types.weight", [e, spec.token_types.into(), 1], Element::F32);
        if per_layer > 0 {
            let rows = if spec.per_layer_vocab == 0 { vocab } else { u64::from(spec.per_layer_vocab) };
            self.matrix("per_layer_token_embd.weight", per_layer * layers, rows);
            self.matrix("per_layer_model_proj.weight", e, per_layer * layers);
            self.vector("per_layer_proj_norm.weight", per_layer);
        }
        if spec.family == "gemma3n" {
            self.cube("altup_proj.weight", e, e, 3);
            self.cube("altup_unembd_proj.weight", e, e, 3);
        }
    }

    fn mixer(&mut self, mixer: &Mixer) {
        if !matches!(mixer, Mixer::None) {
            self.norm("attn_norm.weight", "attn_norm.bias");
        }
        match mixer {
            Mixer::Attention(a) => self.attention(a),
            Mixer::Mla(mla) => self.latent(mla),
            Mixer::Ssm(ssm) => self.state_space(ssm),
            Mixer::GatedDelta(delta) => self.delta(delta),
            Mixer::ShortConv { taps } => {
                let e = self.hidden();
                self.push("shortconv.conv.weight", [u64::from(*taps), e, 1], Element::F32);
                self.matrix("shortconv.in_proj.weight", e, 3 * e);
                self.matrix("shortconv.out_proj.weight", e, e);
            }
            Mixer::Parallel(a, ssm) => {
                self.attention(a);
                self.state_space(ssm);
            }
            Mixer::None => {}
        }
        if self.layout.post_norms && !matches!(mixer, Mixer::None) {
            self.norm("post_attention_norm.weight", "post_attention_norm.bias");
        }
    }

    fn attention(&mut self, a: &Attention) {
        let e = self.hidden();
        let (q, k, v) = widths(a);
        if self.layout.fused_qkv {
            self.matrix("attn_qkv.weight", e, q + k + v);
            if self.layout.qkv_bias {
                self.vector("attn_qkv.bias", q + k + v);
            }
        } else {
            self.matrix("attn_q.weight", e, if self.layout.output_gate { 2 * q } else { q });
            if !a.shares_kv {
                self.matrix("attn_k.weight", e, k);
                if !a.k_eq_v {
                    self.matrix("attn_v.weight", e, v);
                }
            }
            if self.layout.qkv_bias {
                self.vector("attn_q.bias", q);
                self.vector("attn_k.bias", k);
                self.vector("attn_v.bias", v);
            }
        }
        self.matrix("attn_output.weight", u64::from(a.heads) * u64::from(a.v_head_dim), e);
        if self.spec.out_bias || self.spec.family == "gpt-oss" {
            self.vector("attn_output.bias", e);
        }
        let norms = match self.layout.qk_norm {
            Some(QkNorm::PerHead) => [u64::from(a.head_dim); 2],
            Some(QkNorm::AllHeads) => [q, k],
            None => [0; 2],
        };
        self.vector("attn_q_norm.weight", norms[0]);
        if !a.shares_kv {
            self.vector("attn_k_norm.weight", norms[1]);
        }
        if self.layout.sinks {
            self.vector("attn_sinks.weight", a.heads.into());
        }
    }

    fn latent(&mut self, mla: &Mla) {
        let e = self.hidden();
        let heads = u64::from(self.spec.heads);
        let [lora, rope, nope, v] = [mla.kv_lora_rank, mla.rope_dim, mla.nope_dim, mla.v_dim].map(u64::from);
        let q = heads * (nope + rope);
        match mla.q_lora_rank.map(u64::from) {
            Some(rank) => {
                self.matrix("attn_q_a.weight", e, rank);
                self.vector("attn_q_a_norm.weight", rank);
                self.matrix("attn_q_b.weight", rank, q);
            }
            None => self.matrix("attn_q.weight", e, q),
        }
        self.matrix("attn_kv_a_mqa.weight", e, lora + rope);
        self.vector("attn_kv_a_norm.weight", lora);
        self.cube("attn_k_b.weight", nope, lora, heads);
        self.cube("attn_v_b.weight", lora, v, heads);
        self.matrix("attn_output.weight", heads * v, e);
    }

    fn state_space(&mut self, ssm: &Ssm) {
        let e = self.hidden();
        let [inner, state, heads, groups, taps] =
            [ssm.inner, ssm.state, ssm.heads, ssm.groups, ssm.conv].map(u64::from);
        let channels = if ssm.generation == 1 { inner } else { inner + 2 * groups * state };
        if ssm.generation == 1 {
            self.matrix("ssm_in.weight", e, 2 * inner);
            self.matrix("ssm_x.weight", inner, heads + 2 * state);
            self.matrix("ssm_dt.weight", heads, inner);
            self.vector("ssm_dt.bias", inner);
            self.push("ssm_a", [state, inner, 1], Element::F32);
            self.vector("ssm_d", inner);
        } else {
            self.matrix("ssm_in.weight", e, inner + channels + heads);
            self.vector("ssm_dt.bias", heads);
            self.push("ssm_a", [1, heads, 1], Element::F32);
            self.push("ssm_d", [1, heads, 1], Element::F32);
            if ssm.norm {
                self.push(
                    "ssm_norm.weight",
                    [inner.checked_div(groups).unwrap_or(inner), groups.max(1), 1],
                    Element::F32,
                );
            }
        }
        self.push("ssm_conv1d.weight", [taps, channels, 1], Element::F32);
        if !ssm.no_conv_bias {
            self.vector("ssm_conv1d.bias", channels);
        }
        self.matrix("ssm_out.weight", inner, e);
    }

    fn delta(&mut self, delta: &GatedDelta) {
        let e = self.hidden();
        let [taps, heads] = [delta.conv, delta.value_heads].map(u64::from);
        let k = u64::from(delta.key_heads) * u64::from(delta.key_dim);
        let v = heads * u64::from(delta.value_dim);
        self.matrix("attn_qkv.weight", e, 2 * k + v);
        self.matrix("attn_gate.weight", e, v);
        self.push("ssm_conv1d.weight", [taps, 2 * k + v, 1], Element::F32);
        self.vector("ssm_dt.bias", heads);
        self.vector("ssm_a", heads);
        self.matrix("ssm_beta.weight", e, heads);
        self.matrix("ssm_alpha.weight", e, heads);
        self.vector("ssm_norm.weight", delta.value_dim.into());
        self.matrix("ssm_out.weight", v, e);
    }

    fn dense(&mut self, width: u64, after_mixer: bool) {
        let e = self.hidden();
        if !(self.layout.parallel && after_mixer) {
            self.norm("ffn_norm.weight", "ffn_norm.bias");
        }
        if self.layout.fused_gate_up {
            self.matrix("ffn_up.weight", e, 2 * width);
        } else {
            if !self.layout.ungated {
                self.matrix("ffn_gate.weight", e, width);
            }
            self.matrix("ffn_up.weight", e, width);
        }
        self.matrix("ffn_down.weight", width, e);
        if self.spec.mlp_bias {
            self.vector("ffn_up.bias", width);
            self.vector("ffn_down.bias", e);
        }
        if self.layout.post_norms {
            self.norm("post_ffw_norm.weight", "post_ffw_norm.bias");
        }
    }

    fn experts(&mut self, moe: &MoeShape) {
        let e = self.hidden();
        let [n, width, shared, dense] = [moe.experts, moe.width, moe.shared_width, moe.dense_width].map(u64::from);
        let from = if moe.latent_width > 0 { u64::from(moe.latent_width) } else { e };
        if dense > 0 {
            self.dense(dense, true);
            for name in
                ["pre_ffw_norm_2.weight", "post_ffw_norm_1.weight", "post_ffw_norm_2.weight", "ffn_gate_inp.scale"]
            {
                self.vector(name, e);
            }
            self.vector("ffn_down_exps.scale", n);
            self.vector("layer_output_scale.weight", 1);
        } else {
            self.norm("ffn_norm.weight", "ffn_norm.bias");
        }
        self.push("ffn_gate_inp.weight", [e, n, 1], Element::F32);
        if moe.router_bias || self.spec.family == "gpt-oss" {
            self.vector("ffn_gate_inp.bias", n);
        }
        if self.layout.fused_expert_gate_up {
            self.cube("ffn_gate_up_exps.weight", from, 2 * width, n);
        } else {
            if !self.layout.ungated {
                self.cube("ffn_gate_exps.weight", from, width, n);
            }
            self.cube("ffn_up_exps.weight", from, width, n);
        }
        self.cube("ffn_down_exps.weight", width, from, n);
        if moe.expert_bias || self.spec.family == "gpt-oss" {
            for (name, rows) in
                [("ffn_gate_exps.bias", width), ("ffn_up_exps.bias", width), ("ffn_down_exps.bias", from)]
            {
                self.push(name, [rows, n, 1], Element::F32);
            }
        }
        if shared > 0 {
            if !self.layout.ungated {
                self.matrix("ffn_gate_shexp.weight", e, shared);
            }
            self.matrix("ffn_up_shexp.weight", e, shared);
            self.matrix("ffn_down_shexp.weight", shared, e);
        }
        if moe.shared_gate
            || (shared > 0 && matches!(self.spec.family.as_str(), "qwen2moe" | "qwen3next" | "qwen35moe"))
        {
            self.vector("ffn_gate_inp_shexp.weight", e);
        }
    }

    fn per_layer_input(&mut self) {
        let (e, width) = (self.hidden(), u64::from(self.spec.per_layer_input));
        if width > 0 {
            self.matrix("inp_gate.weight", e, width);
            self.matrix("proj.weight", width, e);
            self.vector("post_norm.weight", e);
        }
    }
}

/// Widths of a token's queries, keys and values.
fn widths(a: &Attention) -> (u64, u64, u64) {
    let [heads, kv, dim, v_dim] = [a.heads, a.kv_heads, a.head_dim, a.v_head_dim].map(u64::from);
    (heads * dim, kv * dim, kv * v_dim)
}
