//! Commands that a catalog gives for an engine of the user's own, with placeholders.

use super::{Command, Configuration, File, Launch, Origin, files};
use crate::domain::KvType;

/// The command of a template. It is split into words first, so that what is filled in stays in its word whatever it holds.
pub(super) fn launch(text: &str, configuration: &Configuration<'_>) -> Option<Launch> {
    let c = configuration;
    let kv = |t: Option<KvType>| t.map_or("f16", KvType::id).to_owned();
    let share = |s: Option<f64>| s.map_or_else(String::new, |s| format!("{s:.2}"));
    let file = files::gguf_name(c);
    let values = [
        ("{model}", files::checkpoint(c)),
        ("{file}", file.clone()),
        ("{batch}", c.batch.to_string()),
        ("{weights}", c.format.id.clone()),
        ("{context}", c.context.to_string()),
        ("{streams}", c.streams.to_string()),
        ("{total_context}", c.total_context().to_string()),
        ("{kv_k}", kv(c.kv.map(|p| p.k))),
        ("{kv_v}", kv(c.kv.map(|p| p.v))),
        ("{kv_dtype}", if c.kv.is_some_and(|p| p.k == KvType::Fp8) { "fp8" } else { "auto" }.to_owned()),
        ("{flash}", if c.flash_attention == Some(false) { "off" } else { "on" }.to_owned()),
        ("{micro_batch}", c.micro_batch.to_string()),
        ("{kv_share}", share(c.cache_share())),
        ("{memory_share}", share(c.memory_share())),
    ];
    let mut words = words(text).into_iter().map(|word| fill(&word, &values)).peekable();
    let mut command = Command::default();
    while let Some((name, value)) = words.peek().and_then(|w| w.split_once('=')).filter(|(n, _)| is_name(n)) {
        command = command.env(name, value);
        words.next();
    }
    command.program = words.next()?;
    command.arguments = words.collect();
    let needed = text.contains("{file}").then_some(File { path: file, origin: Origin::Given });
    Some(Launch::serving(command, needed.into_iter().collect()))
}

/// Replaces placeholders once, never in what was filled in.
fn fill(word: &str, values: &[(&str, String)]) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match values.iter().find(|(key, _)| rest.starts_with(key)) {
            Some((key, value)) => {
                out.push_str(value);
                rest = &rest[key.len()..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// Whether it can be the name of a variable.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
}

/// Words between blanks; quotation marks of either kind hold blanks together.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut within) = (Vec::new(), None::<String>, None);
    for c in text.chars() {
        match (within, c) {
            (Some(mark), c) if c == mark => within = None,
            (None, '"' | '\'') => {
                within = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
