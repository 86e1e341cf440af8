//! HuggingFace `config.json`: what it says, and what is assumed where it is silent.
//!
//! One table (`families`) holds what each `model_type` has in common with the others; what only one family has stands in
//! the files beside it. Structures are those of the modelling code that the `model_type` names; that the counts they lead to
//! are the published ones is what the tests check.

mod audio;
mod captions;
mod convolutions;
mod defaults;
mod dimensions;
mod encoder;
mod encoders;
mod experts;
mod families;
mod gemma;
mod hybrids;
pub(crate) mod json;
mod latent;
mod legacy;
mod networks;
mod pairs;
mod quantisation;
mod recurrent;
mod sam;
mod siglip;
mod towers;
mod variants;
mod vision;

use serde_json::{Map, Value};

use crate::diag::Diagnostic;
use crate::domain::parameters::{self, ParameterCount};
use crate::domain::{ArchitectureSpec, Body, Model, Provenance, Task};
use families::Family;
use json::{Fields, Notes, Read};

/// Reads the text of a `config.json`. `name` is how the file is called in messages, and becomes the model's id.
///
/// # Errors
/// Invalid JSON with its place, or which essential key is missing or impossible.
pub fn parse(text: &str, name: &str) -> Result<Model, Diagnostic> {
    let map = json::parse(text, name)?;
    let notes = Notes::default();
    let read = read(&map, &notes, name).map_err(|message| Diagnostic::error(message).in_file(name))?;
    Ok(Model {
        id: name.to_owned(),
        aliases: Vec::new(),
        task: read.task,
        parameters: read.parameters,
        active_parameters: read.active,
        body: read.body,
        stored: None,
        native_format: quantisation::native_format(Fields::new(&map, &notes)),
        trained_formats: Vec::new(),
        licence: None,
        released: None,
        assumptions: notes.into_inner(),
        provenance: Provenance {
            sources: [("spec".to_owned(), name.to_owned())].into_iter().collect(),
            ..Provenance::default()
        },
    })
}

/// What a configuration comes down to.
struct Outcome {
    task: Task,
    parameters: u64,
    active: u64,
    body: Body,
}

/// A language body while it is being read.
struct Reading<'a> {
    /// The whole file.
    root: Fields<'a>,
    /// The part that describes the language body.
    text: Fields<'a>,
    /// Its `model_type`.
    kind: &'a str,
    /// What has been understood so far.
    spec: ArchitectureSpec,
}

impl Reading<'_> {
    /// Adds parameters that the specification has no field for.
    ///
    /// Counts are worked out in 128 bits: no product of the numbers that a file may hold overflows them.
    fn other(&mut self, name: &str, parameters: u128) {
        if parameters > 0 {
            let sum = self.spec.other_parameters.entry(name.to_owned()).or_insert(0);
            *sum = sum.saturating_add(u64::try_from(parameters).unwrap_or(u64::MAX));
        }
    }

    fn hidden(&self) -> u128 {
        self.spec.hidden.into()
    }

    fn layers(&self) -> u128 {
        self.spec.layers.into()
    }
}

fn read(map: &Map<String, Value>, notes: &Notes, name: &str) -> Read<Outcome> {
    let root = Fields::new(map, notes);
    if root.has(&["producer"]) && root.has(&["quantization"]) {
        return Err(
            "this file only says how the weights are quantised; the dimensions stand in `config.json`".to_owned()
        );
    }
    if let Some(other) = map.get("model_type").filter(|value| !value.is_string() && !value.is_null()) {
        return Err(format!("`model_type` is {other}: the name of a kind of model is expected"));
    }
    let outer = root.text(&["model_type"]).unwrap_or("");
    if let Some(outcome) = networks::read(root, outer)? {
        return Ok(outcome);
    }
    let read_in_pairs = families::by_type(outer).is_some_and(|f| f.pair);
    if root.is(&["is_encoder_decoder"])? && !read_in_pairs {
        return Err(format!("`{outer}` is a model of an encoder and a decoder whose structure is unknown"));
    }
    let text = language_part(root);
    let kind = text.text(&["model_type"]).unwrap_or(outer);
    let (family, kind) = family_of(root, text, outer, kind);
    let mut reading = Reading {
        root,
        text: text.with_defaults(kind, defaults::of(kind, outer)),
        kind,
        spec: ArchitectureSpec::default(),
    };
    // Only parts nested in another file leave out what equals their class's default.
    if text.is_same(&root) {
        for essential in [dimensions::HIDDEN, dimensions::LAYERS] {
            let listed = essential == dimensions::LAYERS && text.has(dimensions::LISTS);
            if !listed && !text.has(essential) {
                return Err(format!("`{}` is missing", essential[0]));
            }
        }
    }
    dimensions::read(&mut reading, family)?;
    (family.finish)(&mut reading)?;
    head(&mut reading, family)?;
    vision::read(&mut reading, outer)?;
    let task = task_of(&reading, family, name);
    let architecture = reading.spec.expand().map_err(|e| e.to_string())?;
    let ParameterCount { total, active, .. } = parameters::count(&architecture);
    Ok(Outcome { task, parameters: total, active, body: Body::Language(Box::new(architecture)) })
}

/// What stands on a decoder in place of an output head: nothing in the bare class, a score per label in a classifier.
fn head(r: &mut Reading<'_>, family: &Family) -> Read<()> {
    // ChatGLM calls the class with its head a model, too.
    if family.encoder || family.pair || r.kind == "chatglm" || !r.text.is_same(&r.root) {
        return Ok(());
    }
    let Some(class) = r.root.words(&["architectures"]).and_then(|c| c.first().copied()) else { return Ok(()) };
    if class.ends_with("ForSequenceClassification") || class.ends_with("ForRewardModel") {
        let labels = if class.ends_with("ForRewardModel") { 1 } else { encoders::labels(r)? };
        let scores = r.hidden() * labels;
        r.other("scores", scores);
    } else if !class.ends_with("Model") || class.ends_with("HeadModel") {
        return Ok(());
    }
    if !r.spec.tied_embeddings {
        r.spec.tied_embeddings = true;
        r.root.note(format!("the class `{class}` has no output head"));
    }
    Ok(())
}

/// The object that holds the language body's dimensions: the file itself, or one nested in it.
fn language_part<'a>(root: Fields<'a>) -> Fields<'a> {
    const NESTS: [&str; 9] = [
        "text_config",
        "llm_config",
        "language_config",
        "llm_cfg",
        "decoder_config",
        "text_model_config",
        "language_model_config",
        "text",
        "language_model",
    ];
    let within = root.child(&["thinker_config"]).unwrap_or(root);
    if root.text(&["model_type"]) == Some("t5gemma") {
        return root.child(&["decoder"]).unwrap_or(root);
    }
    match within.child(&NESTS) {
        Some(part) if part.has(&["hidden_size", "num_hidden_layers", "dim", "vocab_size", "d_model"]) => part,
        // One that only says its kind leaves out what equals the defaults, unless the dimensions stand beside it.
        Some(part) if part.has(&["model_type"]) && !within.has(dimensions::HIDDEN) => part,
        _ => within,
    }
}

/// The family by the body's own `model_type`, by the file's, or by the class that the file names.
fn family_of<'a>(root: Fields<'a>, text: Fields<'a>, outer: &'a str, kind: &'a str) -> (&'static Family, &'a str) {
    if matches!(outer, "minicpmv" | "minicpmo") && kind == outer {
        return minicpmv_body(root);
    }
    for candidate in [kind, outer] {
        if let Some(family) = families::by_type(candidate) {
            return (family, candidate);
        }
    }
    let told = if kind.is_empty() { "no `model_type`".to_owned() } else { format!("the unknown `model_type` {kind}") };
    if let Some((family, kind)) = families::by_structure(root, text) {
        root.note(format!("{told}: read as {kind} by its class and keys"));
        return (family, kind);
    }
    root.note(format!("{told}: read as a plain transformer (gated feed-forward, RMS norms) with what its keys say"));
    (&families::UNKNOWN, kind)
}

/// MiniCPM-V keeps the keys of its language body beside its own; which body it is follows from the version.
fn minicpmv_body(root: Fields<'_>) -> (&'static Family, &'static str) {
    let version = root.real(&["version"]).or_else(|| root.text(&["version"])?.parse().ok());
    let kind = match version {
        Some(version) if version >= 4.5 => "qwen3",
        Some(version) if version >= 4.0 => "llama",
        Some(version) if version >= 2.6 => "qwen2",
        Some(version) if version >= 2.5 => "llama",
        _ => "minicpm",
    };
    root.note(format!("the language body of this MiniCPM-V is read as {kind}, by its version"));
    (families::by_type(kind).unwrap_or(&families::UNKNOWN), kind)
}

fn task_of(reading: &Reading<'_>, family: &Family, name: &str) -> Task {
    let classes = reading.root.words(&["architectures"]).unwrap_or_default().join(" ");
    let told = |word: &str| name.to_lowercase().contains(word) || classes.to_lowercase().contains(word);
    if classes.contains("ForSequenceClassification") || told("rerank") {
        return Task::Reranker;
    }
    if family.encoder || told("embedding") || told("sentence") {
        return Task::Embedding;
    }
    if reading.spec.vision.is_some() { Task::VisionLanguage } else { Task::Language }
}
