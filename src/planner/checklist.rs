//! The sizing checklist: one budget worked through step by step, ending with how to validate it on the device.

use super::budget::{Answer, Question};
use super::launch::{Command, Configuration, Launch, launch};
use crate::domain::{Body, MemoryKind, Mixer};
use crate::memory::{ActivationRule, PoolUse, activations_flash};
use crate::units::Bytes;

/// One step of the checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is worked out.
    pub title: &'static str,
    /// The result over all pools, where the step has one.
    pub bytes: Option<Bytes>,
    /// How it came about.
    pub how: Vec<String>,
}

/// The seven steps for a question and its answer.
#[must_use]
pub fn checklist(question: &Question<'_>, answer: &Answer) -> Vec<Step> {
    let sum =
        |part: fn(&crate::memory::PoolUse) -> Bytes| -> Bytes { answer.pools.iter().map(|p| part(&p.used)).sum() };
    let weights = sum(|u| u.weights);
    let steady: Bytes = answer.pools.iter().map(|p| p.steady).sum();
    let required: Bytes = answer.pools.iter().map(|p| p.required).sum();
    vec![
        Step { title: "Weights", bytes: Some(weights), how: weights_how(question, weights) },
        Step { title: "KV cache", bytes: Some(sum(|u| u.cache())), how: cache_how(question, answer) },
        Step { title: "Activations", bytes: Some(sum(|u| u.activations())), how: activations_how(question, answer) },
        Step {
            title: "Framework",
            bytes: Some(sum(|u| u.framework)),
            how: vec![format!(
                "{} before a model is loaded; {}",
                question.runtime.name,
                source(&question.runtime.provenance)
            )],
        },
        Step {
            title: "Operating system",
            bytes: Some(answer.pools.iter().map(|p| p.os).sum()),
            how: vec!["in use before any inference process; measure it on your own image".to_owned()],
        },
        Step {
            title: "Headroom",
            bytes: Some(required.saturating_sub(steady)),
            how: vec![format!(
                "{} of the steady {steady}, for fragmentation, warm-up and temporary buffers",
                question.headroom
            )],
        },
        Step { title: "Validate on the device", bytes: None, how: validation(question, answer) },
    ]
}

fn source(provenance: &crate::domain::Provenance) -> String {
    let process = provenance.sources.get("memory").or_else(|| provenance.sources.values().next());
    process.map_or_else(|| "source not recorded".to_owned(), |s| format!("source: {s}"))
}

fn weights_how(question: &Question<'_>, weights: Bytes) -> Vec<String> {
    let model = &question.model;
    let bits = weights.0 as f64 * 8.0 / model.parameters.max(1) as f64;
    let mut how = vec![format!(
        "{} parameters as {}: {bits:.2} bits each, tensor by tensor{}",
        model.parameters,
        question.format.id,
        if model.stored.is_some() { ", read from the file" } else { "" }
    )];
    how.extend(model.assumptions.iter().map(|a| format!("assumed: {a}")));
    how
}

fn cache_how(question: &Question<'_>, answer: &Answer) -> Vec<String> {
    let Body::Language(architecture) = &question.model.body else {
        return vec!["no cache: one inference does not look back at others".to_owned()];
    };
    let count = |test: fn(&Mixer) -> bool| architecture.layers.iter().filter(|l| test(&l.mixer)).count();
    let kinds = [
        (count(|m| matches!(m, Mixer::Attention(a) if a.window.is_none() && !a.shares_kv)), "with full attention"),
        (count(|m| matches!(m, Mixer::Attention(a) if a.window.is_some() && !a.shares_kv)), "with a sliding window"),
        (count(|m| matches!(m, Mixer::Attention(a) if a.shares_kv && !a.cross)), "reading another layer's cache"),
        (count(|m| m.cross().is_some()), "attending to an image or to what an encoder read"),
        (count(|m| matches!(m, Mixer::Mla(_))), "with latent attention"),
        (count(|m| matches!(m, Mixer::Parallel(..))), "with attention and state side by side"),
        (
            count(|m| matches!(m, Mixer::Ssm(_) | Mixer::GatedDelta(_) | Mixer::ShortConv { .. })),
            "with a state of constant size",
        ),
    ];
    let kinds: Vec<String> =
        kinds.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} layers {what}")).collect();
    let demand = &question.demand;
    let mut how = vec![
        kinds.join(", "),
        format!(
            "{} stream{} of {} tokens, keys in {}, values in {}",
            demand.streams,
            if demand.streams == 1 { "" } else { "s" },
            demand.context,
            question.kv.k,
            question.kv.v
        ),
    ];
    if let Some(settings) = answer.settings {
        let copies = |part: fn(&PoolUse) -> Bytes| answer.pools.iter().map(|p| part(&p.used)).sum::<Bytes>();
        if settings.prompt_cache > Bytes::ZERO {
            how.push(format!("of which for finished prompts (--cache-ram): {}", copies(|u| u.prompt_cache)));
        }
        if settings.checkpoints > 0 {
            how.push(format!(
                "of which for {} checkpoints per stream (--ctx-checkpoints): {}",
                settings.checkpoints,
                copies(|u| u.checkpoints)
            ));
        }
    }
    how
}

fn activations_how(question: &Question<'_>, answer: &Answer) -> Vec<String> {
    let mut how = vec![format!(
        "rule used: {}, flash attention {}",
        answer.activation_rule,
        if answer.flash_attention { "on" } else { "off" }
    )];
    let vision: Bytes = answer.pools.iter().map(|p| p.used.vision).sum();
    if vision > Bytes::ZERO {
        how.push(format!("of which for encoding images: {vision}"));
    }
    if let Some(architecture) = question.model.language() {
        let spec = &architecture.spec;
        let textbook = |rule: ActivationRule| {
            let bytes =
                activations_flash(rule, question.demand.streams, spec.heads, spec.hidden, question.demand.context);
            format!("{}: {bytes}", rule.name())
        };
        how.push(format!(
            "by hand, for comparison: {}; {}; {}",
            textbook(ActivationRule::FlashLinear),
            textbook(ActivationRule::HalvedScores),
            textbook(ActivationRule::FullScores)
        ));
    }
    how
}

/// The commands that show on the device whether the budget holds.
fn validation(question: &Question<'_>, answer: &Answer) -> Vec<String> {
    let device = question.device;
    let launch = launch(&Configuration::of_question(question, answer));
    let mut commands = Vec::new();
    if let Some(launch) = &launch {
        commands.extend(launch.setup.iter().map(Command::line));
        // Buffers one by one are told by llama-server at this verbosity only.
        let verbose = if launch.start.program == "llama-server" { " -lv 4" } else { "" };
        commands.push(format!("{}{verbose} 2>&1 | tee run.log", launch.start.line()));
        commands.extend(launch.then.iter().map(Command::line));
    }
    // The engine's process, or the newest of them.
    let process = crate::shell::quote(launch.as_ref().map_or("python", Launch::process)).into_owned();
    let watch = if device.silicon.starts_with("jetson") {
        "tegrastats --interval 500 | tee tegrastats.log".to_owned()
    } else if device.memory_kind == MemoryKind::Discrete && device.vendor.contains("NVIDIA") {
        "nvidia-smi --query-gpu=timestamp,memory.used,memory.total,utilization.gpu,power.draw --format=csv -l 1 | tee smi.log"
            .to_owned()
    } else if device.silicon.starts_with("apple") {
        format!("footprint -p \"$(pgrep -nf {process})\"")
    } else {
        format!("grep -E 'VmHWM|VmRSS' /proc/\"$(pgrep -nf {process})\"/status; free -m")
    };
    commands.push(watch);
    commands
}
