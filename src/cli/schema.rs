//! `edgemem schema`.

use super::args::{Schema, SchemaFile};
use super::{DONE, Failure, output};
use crate::catalog::schema::catalog_schema;
use crate::scenario::scenario_schema;

/// Runs the command.
pub(crate) fn run(arguments: &Schema) -> Result<u8, Failure> {
    let schema = match arguments.file {
        SchemaFile::Scenario => scenario_schema(),
        SchemaFile::Catalog => catalog_schema(),
    };
    output::write(format!("{schema:#}\n").as_bytes(), arguments.output.as_deref())?;
    Ok(DONE)
}
