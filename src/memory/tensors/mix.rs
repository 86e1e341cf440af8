//! Which element type `llama-quantize` gives each tensor of a file type (the rules of `llama-quant.cpp`, August 2026). An
//! importance matrix is assumed only for the types that cannot be made without one. The rules give the types of all 104
//! files that were measured, and the bits per weight that llama.cpp publishes for Llama 3.1 8B in every type.

use super::element::Element;
use super::family::grouped_queries;
use super::list::{ByName, Tensor};
use crate::domain::{Architecture, FeedForward, GgufMix};

/// The roles that the rules tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Output,
    Embedding,
    Value,
    Key,
    Query,
    AttentionOutput,
    Up,
    Gate,
    Down,
    Other,
}

impl Role {
    fn of(name: &str) -> Self {
        match name {
            "output.weight" => Self::Output,
            "token_embd.weight" | "per_layer_token_embd.weight" => Self::Embedding,
            "attn_qkv.weight" | "attn_kv_b.weight" | "attn_v.weight" => Self::Value,
            "attn_k.weight" => Self::Key,
            "attn_q.weight" => Self::Query,
            "attn_output.weight" => Self::AttentionOutput,
            _ if name.starts_with("ffn_up") => Self::Up,
            _ if name.starts_with("ffn_gate") => Self::Gate,
            _ if name.starts_with("ffn_down") => Self::Down,
            _ => Self::Other,
        }
    }
}

/// What the rules ask of a tensor's name.
#[derive(Debug, Clone, Copy)]
struct Named {
    role: Role,
    /// Whether the quantiser touches a matrix of this name at all.
    quantised: bool,
}

impl Named {
    fn of(name: &str) -> Self {
        Self { role: Role::of(name), quantised: quantised(name) }
    }
}

fn quantised(name: &str) -> bool {
    let kept = name.ends_with("_norm.weight")
        || name == "position_embd.weight"
        || name == "token_types.weight"
        || ["ffn_gate_inp.weight", "altup", "laurel", "per_layer_model_proj", "ssm_conv1d", "shortconv.conv.weight"]
            .iter()
            .any(|part| name.contains(part));
    name.ends_with("weight") && !kept
}

/// The type of most tensors of a mix; none for files without quantisation.
const fn base(mix: GgufMix) -> Element {
    match mix {
        GgufMix::F32 => Element::F32,
        GgufMix::F16 => Element::F16,
        GgufMix::Bf16 => Element::Bf16,
        GgufMix::Q8_0 => Element::Q8_0,
        GgufMix::Q6K | GgufMix::Q6KL => Element::Q6K,
        GgufMix::Q5KM | GgufMix::Q5KS | GgufMix::Q5KL => Element::Q5K,
        GgufMix::Q5_1 => Element::Q5_1,
        GgufMix::Q5_0 => Element::Q5_0,
        GgufMix::Q4KM | GgufMix::Q4KS | GgufMix::Q4KL => Element::Q4K,
        GgufMix::Q4_1 => Element::Q4_1,
        GgufMix::Q4_0 => Element::Q4_0,
        GgufMix::Q3KL | GgufMix::Q3KM | GgufMix::Q3KS => Element::Q3K,
        GgufMix::Q2K | GgufMix::Q2KS => Element::Q2K,
        GgufMix::Iq4Nl => Element::Iq4Nl,
        GgufMix::Iq4Xs => Element::Iq4Xs,
        GgufMix::Iq3M | GgufMix::Iq3S | GgufMix::Iq3Xs => Element::Iq3S,
        GgufMix::Iq3Xxs => Element::Iq3Xxs,
        GgufMix::Iq2M => Element::Iq2S,
        GgufMix::Iq2S | GgufMix::Iq2Xs => Element::Iq2Xs,
        GgufMix::Iq2Xxs => Element::Iq2Xxs,
        GgufMix::Iq1M => Element::Iq1M,
        GgufMix::Iq1S => Element::Iq1S,
        GgufMix::Tq1_0 => Element::Tq1_0,
        GgufMix::Tq2_0 => Element::Tq2_0,
        GgufMix::Mxfp4Moe => Element::Mxfp4,
    }
}

/// Which tensors Ollama's library keeps in more bits than `llama-quantize` would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Library {
    /// None.
    Usual,
    /// The table of embeddings per layer is not quantised.
    LayerTables,
    /// The projections of latent attention.
    Latent,
    /// The tables of tokens.
    Tables,
    /// The last projections of all experts, and all values.
    Down,
    /// Everything but the experts is as published.
    Experts,
}

impl Library {
    fn of(family: &str, mix: GgufMix) -> Self {
        let four_bits = matches!(mix, GgufMix::Q4KM | GgufMix::Q4KS);
        match family {
            "gemma3n" | "gemma4" if base(mix).quantised() => Self::LayerTables,
            "gpt-oss" if mix == GgufMix::Mxfp4Moe => Self::Experts,
            "deepseek2" if four_bits => Self::Latent,
            "glm4" | "glmocr" if four_bits => Self::Tables,
            "qwen3next" | "qwen35" | "qwen35moe" if four_bits => Self::Down,
            _ => Self::Usual,
        }
    }
}

/// The rules, with what they remember from tensor to tensor.
#[derive(Debug)]
pub struct MixRule {
    mix: GgufMix,
    /// The mix that decides about the layers: a community mix is another one with larger embeddings.
    inner: GgufMix,
    tied: bool,
    falcon: bool,
    /// Which tensors Ollama keeps in more bits.
    library: Library,
    /// 80 layers with grouped queries: the model size that llama.cpp calls 70B.
    seventy: bool,
    grouped: u32,
    experts: u32,
    blocks: u32,
    values: u32,
    seen_values: u32,
    seen_down: u32,
    seen_gate: u32,
    seen_up: u32,
    names: ByName<Named>,
}

impl MixRule {
    /// The rules of one mix for one model. Tensors are then asked for in the order of the blocks.
    #[must_use]
    pub fn new(mix: GgufMix, architecture: &Architecture, tensors: &[Tensor]) -> Self {
        let spec = &architecture.spec;
        let experts = architecture.layers.iter().find_map(|layer| match layer.ffn {
            FeedForward::Moe(moe) => Some(moe.experts),
            _ => None,
        });
        let family = spec.family.as_str();
        let mut names = ByName::default();
        Self {
            mix,
            inner: match mix {
                GgufMix::Q4KL => GgufMix::Q4KM,
                GgufMix::Q5KL => GgufMix::Q5KM,
                GgufMix::Q6KL => GgufMix::Q6K,
                other => other,
            },
            tied: spec.tied_embeddings,
            falcon: family == "falcon",
            library: Library::of(family, mix),
            seventy: matches!(family, "llama" | "qwen2" | "deci" | "olmo")
                && spec.layers == 80
                && spec.heads != spec.kv_heads,
            grouped: grouped_queries(spec, architecture.layers.first().map(|layer| &layer.mixer)),
            experts: experts.unwrap_or(0),
            blocks: spec.layers,
            values: tensors.iter().filter(|t| names.get(t.name, Named::of).role == Role::Value).count() as u32,
            seen_values: 0,
            seen_down: 0,
            seen_gate: 0,
            seen_up: 0,
            names,
        }
    }

    /// Bits per weight of the type that most tensors of a mix get, for networks whose tensors are not known.
    #[must_use]
    pub fn nominal_bits(mix: GgufMix) -> f64 {
        let base = base(mix);
        base.bytes(&[base.block()]) as f64 * 8.0 / base.block() as f64
    }

    /// The type of the next tensor.
    pub fn element(&mut self, tensor: &Tensor) -> Element {
        let base = base(self.mix);
        let named = self.names.get(tensor.name, Named::of);
        let matrix = tensor.dims[1] > 1 || tensor.dims[2] > 1;
        if !matrix || !named.quantised || !base.quantised() {
            let float = tensor.plain == Element::F16 && matches!(base, Element::F32 | Element::Bf16);
            return if float { base } else { tensor.plain };
        }
        let wanted = self.wanted(tensor, named.role, base);
        fit(wanted, tensor.dims[0])
    }

    /// The type that a tensor has in Ollama's library where it is not the rule's (`server/quantization.go` of its versions
    /// before and since 0.30). Its files of gpt-oss hold 16 bits outside the experts: 13.8 GB for the smaller one.
    #[must_use]
    pub fn in_ollamas_library(&self, tensor: &Tensor) -> Option<Element> {
        const LATENT: [&str; 5] =
            ["attn_k_b.weight", "attn_v_b.weight", "attn_q_a.weight", "attn_q_b.weight", "attn_kv_a_mqa.weight"];
        const DOWN: [&str; 3] = ["ffn_down_exps.weight", "ffn_down_shexp.weight", "attn_v.weight"];
        let wanted = match (self.library, tensor.name) {
            (Library::LayerTables, "per_layer_token_embd.weight") => Element::F16,
            (Library::Latent, name) if LATENT.contains(&name) => Element::Q8_0,
            (Library::Tables, "token_embd.weight" | "output.weight") => Element::F16,
            (Library::Down, name) if DOWN.contains(&name) => Element::Q6K,
            (Library::Experts, name) if tensor.plain == Element::F16 && !name.contains("_exps.") => Element::F16,
            _ => return None,
        };
        Some(fit(wanted, tensor.dims[0]))
    }

    fn wanted(&mut self, tensor: &Tensor, role: Role, base: Element) -> Element {
        use GgufMix as M;
        let small = matches!(self.inner, M::Iq2Xxs | M::Iq2Xs | M::Iq1S | M::Iq2S | M::Iq2M | M::Iq1M);
        if role == Role::Output || (self.tied && role == Role::Embedding) {
            return self.head(tensor, base);
        }
        if self.inner == M::Mxfp4Moe {
            return if tensor.dims[2] > 1 { Element::Mxfp4 } else { Element::Q8_0 };
        }
        match role {
            Role::Output | Role::Embedding => self.embedding(base),
            Role::Other => base,
            _ if small => self.small(role, base),
            Role::Value => self.value(base),
            Role::Key if self.experts == 8 => Element::Q8_0,
            Role::Key | Role::Query => match self.inner {
                M::Iq3Xs => Element::Iq3Xxs,
                M::Iq3Xxs => Element::Iq2S,
                _ => base,
            },
            Role::Down => self.down(tensor, base),
            Role::AttentionOutput => self.attention_output(base),
            Role::Gate => {
                let block = self.block(tensor, self.seen_gate);
                self.seen_gate += 1;
                self.middle_iq3(block, base)
            }
            Role::Up => {
                let block = self.block(tensor, self.seen_up);
                self.seen_up += 1;
                self.middle_iq3(block, base)
            }
        }
    }

    /// Experts are looked up by their block, everything else by how many came before.
    fn block(&self, tensor: &Tensor, seen: u32) -> u32 {
        if self.experts > 1 { tensor.block.unwrap_or(0) } else { seen }
    }

    /// The first and last eighth of the layers and every third between get more bits.
    const fn favoured(i: u32, n: u32) -> bool {
        i < n / 8 || i >= 7 * n / 8 || (i.wrapping_sub(n / 8)) % 3 == 2
    }

    fn head(&self, tensor: &Tensor, base: Element) -> Element {
        use GgufMix as M;
        match self.mix {
            M::Q4KL | M::Q5KL | M::Q6KL | M::Mxfp4Moe => Element::Q8_0,
            _ if self.falcon || !tensor.dims[0].is_multiple_of(base.block()) => Element::Q8_0,
            M::Iq2Xxs | M::Iq2Xs | M::Iq3Xxs | M::Iq1S | M::Iq2S | M::Iq2M | M::Iq1M => Element::Q5K,
            _ if base == Element::Q8_0 => Element::Q8_0,
            _ => Element::Q6K,
        }
    }

    const fn embedding(&self, base: Element) -> Element {
        use GgufMix as M;
        match self.mix {
            M::Q4KL | M::Q5KL | M::Q6KL => Element::Q8_0,
            M::Iq2Xxs | M::Iq2Xs | M::Iq1S | M::Iq1M => Element::Q2K,
            M::Iq2S | M::Iq2M | M::Iq3Xxs => Element::Iq3S,
            M::Tq1_0 | M::Tq2_0 => Element::Q4K,
            _ => base,
        }
    }

    /// The mixes below three bits.
    fn small(&mut self, role: Role, base: Element) -> Element {
        use GgufMix as M;
        let larger = matches!(self.inner, M::Iq2S | M::Iq2M);
        match role {
            Role::Value => {
                self.seen_values += 1;
                if self.grouped >= 4 || self.experts >= 4 {
                    Element::Q4K
                } else if larger {
                    Element::Iq3S
                } else {
                    Element::Q2K
                }
            }
            Role::Key if self.experts == 8 => Element::Q4K,
            Role::Down => {
                let first = self.seen_down < self.blocks / 8;
                self.seen_down += 1;
                match (first, larger) {
                    (true, true) => Element::Iq3S,
                    (true, false) => Element::Q2K,
                    (false, _) => base,
                }
            }
            Role::AttentionOutput if self.experts == 8 => Element::Q5K,
            Role::AttentionOutput => match self.inner {
                M::Iq1S | M::Iq1M => Element::Iq2Xxs,
                M::Iq2S | M::Iq2M => Element::Iq3S,
                _ => base,
            },
            _ => base,
        }
    }

    fn value(&mut self, base: Element) -> Element {
        use GgufMix as M;
        let i = self.seen_values;
        self.seen_values += 1;
        let many = self.grouped >= 4;
        let mut wanted = match self.inner {
            M::Q2K if many => Element::Q4K,
            M::Q2K => Element::Q3K,
            M::Q2KS | M::Iq3Xxs | M::Iq3Xs | M::Iq3S if many => Element::Q4K,
            M::Iq3M => Element::Q4K,
            M::Q3KM if i < 2 => Element::Q5K,
            M::Q3KM => Element::Q4K,
            M::Q3KL => Element::Q5K,
            M::Iq4Nl | M::Iq4Xs if many => Element::Q5K,
            M::Q4KM | M::Q5KM if Self::favoured(i, self.values) => Element::Q6K,
            M::Q4KS if i < 4 => Element::Q5K,
            _ => base,
        };
        if self.seventy && matches!(wanted, Element::Q3K | Element::Q4K) {
            wanted = Element::Q5K;
        }
        if self.experts == 8 { Element::Q8_0 } else { wanted }
    }

    fn down(&mut self, tensor: &Tensor, base: Element) -> Element {
        use GgufMix as M;
        let (i, n) = (self.block(tensor, self.seen_down), self.blocks);
        self.seen_down += 1;
        let (eighth, favoured) = (i < n / 8, Self::favoured(i, n));
        match self.inner {
            M::Q2K => Element::Q3K,
            M::Q2KS if eighth => Element::Q4K,
            M::Q3KM if i < n / 16 => Element::Q5K,
            M::Q3KM if !self.falcon || favoured => Element::Q4K,
            M::Iq3M if eighth || (self.experts == 8 && favoured) => Element::Q4K,
            M::Q3KL if self.falcon => Element::Q4K,
            M::Q3KL => Element::Q5K,
            M::Q4KM if self.falcon && i < n / 16 => Element::Q6K,
            M::Q4KM if self.falcon && favoured => Element::Q5K,
            M::Q4KM if !self.falcon && favoured => Element::Q6K,
            M::Iq4Nl | M::Iq4Xs if eighth => Element::Q5K,
            M::Q5KM if favoured => Element::Q6K,
            M::Q4KS if !self.falcon && eighth => Element::Q5K,
            _ => base,
        }
    }

    const fn attention_output(&self, base: Element) -> Element {
        use GgufMix as M;
        if self.falcon {
            return if matches!(self.inner, M::Q3KL) { Element::Q4K } else { base };
        }
        match self.inner {
            M::Q2K
            | M::Iq3Xs
            | M::Iq3Xxs
            | M::Q3KS
            | M::Q3KM
            | M::Iq4Nl
            | M::Q4KS
            | M::Q4KM
            | M::Iq3S
            | M::Iq3M
            | M::Iq4Xs
                if self.experts == 8 =>
            {
                Element::Q5K
            }
            _ if self.experts == 8 => base,
            M::Q2K => Element::Q3K,
            M::Iq3Xxs => Element::Iq3S,
            M::Q3KM | M::Iq3M => Element::Q4K,
            M::Q3KL => Element::Q5K,
            _ => base,
        }
    }

    /// IQ3_XS saves on the layers between the first and last eighth.
    fn middle_iq3(&self, i: u32, base: Element) -> Element {
        let n = self.blocks;
        if self.inner == GgufMix::Iq3Xs && i >= n / 8 && i < 7 * n / 8 { Element::Iq3Xxs } else { base }
    }
}

/// A type whose blocks divide the row, as near to the wanted one as the quantiser goes.
fn fit(wanted: Element, row: u64) -> Element {
    if row.is_multiple_of(wanted.block()) {
        return wanted;
    }
    let near = match wanted {
        Element::Q4K => Element::Q5_0,
        Element::Q5K => Element::Q5_1,
        Element::Q6K => Element::Q8_0,
        Element::Q2K | Element::Q3K | Element::Tq1_0 | Element::Tq2_0 => Element::Q4_0,
        Element::Iq1S
        | Element::Iq1M
        | Element::Iq2Xxs
        | Element::Iq2Xs
        | Element::Iq2S
        | Element::Iq3Xxs
        | Element::Iq3S
        | Element::Iq4Xs => Element::Iq4Nl,
        other => other,
    };
    if row.is_multiple_of(near.block()) { near } else { Element::F16 }
}
