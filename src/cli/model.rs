//! `edgemem model`.

use super::args::{Kind, Model, Sink};
use super::catalog::{facts_as, list};
use super::{DONE, Failure, files, output};
use crate::diag::Diagnostic;
use crate::{domain, readers, report};

/// Runs the command.
pub(crate) fn run(arguments: &Model) -> Result<u8, Failure> {
    match arguments {
        Model::List { filter, facts, sink } => {
            output::table(&list(&files::catalog(facts)?, Some(Kind::Models), filter, sink.format)?, sink)?;
            Ok(DONE)
        }
        Model::Show { id, facts, sink } => show(&files::catalog(facts)?.model(id)?, sink),
        Model::Inspect { file, sink } => show(&readers::read_model(file)?, sink),
    }
}

fn show(model: &domain::Model, sink: &Sink) -> Result<u8, Failure> {
    let value = report::model_value(model).map_err(Diagnostic::error)?;
    facts_as(&value, sink, || report::model_text(model).map_err(Diagnostic::error))?;
    Ok(DONE)
}
