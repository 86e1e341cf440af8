//! `edgemem budget`.

use std::borrow::Cow;
use std::path::Path;

use csv::StringRecord;

use super::args::{Budget, Form};
use super::cases::{self, Defaults, Single};
use super::files::Models;
use super::{BAD_INPUT, DONE, Failure, files, output};
use crate::diag::Diagnostic;
use crate::planner::budget;
use crate::report;
use crate::units::Share;
use crate::visible;

/// Runs the command.
pub(crate) fn run(arguments: &Budget) -> Result<u8, Failure> {
    let share = |text: &str| cases::share(text).map_err(Diagnostic::error);
    let defaults = Defaults { headroom: share(&arguments.headroom)?, confidence: share(&arguments.confidence)? };
    if !(Share(500_000)..=Share(990_000)).contains(&defaults.confidence) {
        return Err(Diagnostic::error("--confidence must lie between 0.5 and 0.99").into());
    }
    let catalog = files::catalog(&arguments.facts)?;
    let sink = &arguments.sink;
    if let Some(path) = &arguments.cases {
        if !matches!(sink.format, Form::Csv | Form::Table) {
            return Err(Diagnostic::error("the answer to --cases is CSV").hint("use --format csv").into());
        }
        let (text, code) = cases::run(path, &catalog, defaults)?;
        let shown = |piece: Vec<u8>| match std::str::from_utf8(&piece).map(visible::shown) {
            Ok(Cow::Owned(clean)) => clean.into_bytes(),
            _ => piece,
        };
        let text: Vec<Vec<u8>> = text.into_iter().map(shown).collect();
        output::write_pieces(&text, sink.output.as_deref())?;
        if code == BAD_INPUT {
            output::note("some rows could not be worked out: see their column `error`");
        }
        return Ok(code);
    }
    let models = Models::new(&catalog, Path::new(""));
    let single = Single::new(&catalog, &models, &row(arguments)).map_err(Diagnostic::error)?;
    let question = single.question(defaults).map_err(Diagnostic::error)?;
    let answer = budget::answer(&question, &catalog).map_err(Diagnostic::error)?;
    let silent = arguments.weights.is_none() && question.model.stored.is_none();
    let text = match sink.format {
        Form::Table => report::budget_text(&question, &answer, silent),
        Form::Csv => report::budget_table(&answer).csv(),
        Form::Markdown => report::budget_table(&answer).markdown(),
        Form::Json => format!("{:#}\n", report::budget_value(&question, &answer, silent)),
    };
    output::show(&text, sink.format == Form::Json, sink.output.as_deref())?;
    Ok(DONE)
}

/// The arguments as a row of a table of questions: one reading for both.
fn row(arguments: &Budget) -> (StringRecord, StringRecord) {
    let number = |n: Option<u64>| n.map(|n| n.to_string());
    let (k, v) = match arguments.kv_cache.as_deref().map(|kv| kv.split_once('/').unwrap_or((kv, kv))) {
        Some((k, v)) => (Some(k.trim().to_owned()), Some(v.trim().to_owned())),
        None => (None, None),
    };
    let fields = [
        ("model", arguments.model.clone()),
        ("device", arguments.device.clone()),
        ("mode", arguments.mode.clone()),
        ("setting", arguments.setting.clone()),
        ("runtime", arguments.runtime.clone()),
        ("weights", arguments.weights.clone()),
        ("kv_k", k),
        ("kv_v", v),
        ("flash_attention", arguments.flash_attention.clone()),
        ("context", number(arguments.context)),
        ("streams", number(arguments.streams.map(u64::from))),
        ("prompt", number(arguments.prompt)),
        ("images", number(arguments.images.map(u64::from))),
        ("image_px", arguments.image_px.clone()),
        ("image_tokens", number(arguments.image_tokens)),
        ("input_px", number(arguments.input_px.map(u64::from))),
        ("micro_batch", number(arguments.micro_batch.map(u64::from))),
        ("batch", number(arguments.batch.map(u64::from))),
        ("outputs", number(arguments.outputs)),
        ("prompt_cache_mib", number(arguments.prompt_cache_mib)),
        ("checkpoints", number(arguments.checkpoints.map(u64::from))),
    ];
    let (names, values): (Vec<&str>, Vec<String>) =
        fields.into_iter().map(|(name, value)| (name, value.unwrap_or_default())).unzip();
    (StringRecord::from(names), StringRecord::from(values))
}
