//! Model files into domain types. Files are opened here; what they hold is understood by pure functions below.

pub mod gguf;
pub mod hf_config;
pub mod logs;
pub mod safetensors;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::diag::Diagnostic;
use crate::domain::{Body, Model, Network, Provenance, StoredWeights, Task};
use safetensors::Header;

/// Texts larger than this are no configuration.
const MAX_TEXT: u64 = 64 << 20;

/// Reads a model from a file: `config.json`, a safetensors header or index, a GGUF header, or a folder that holds them.
///
/// # Errors
/// What is wrong with the file.
pub fn read_model(path: &Path) -> Result<Model, Diagnostic> {
    if path.is_dir() {
        return read_folder(path);
    }
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    if has_extension(&name, "gguf") {
        return gguf::read(path);
    }
    if has_extension(&name, "safetensors") {
        return with_configuration(path, read_single(path)?);
    }
    if name.ends_with(".safetensors.index.json") {
        return with_configuration(path, read_index(path)?);
    }
    if has_extension(&name, "json") {
        return hf_config::parse(&read_text(path)?, &shown(path));
    }
    Err(Diagnostic::error("no kind of model file that can be read")
        .in_file(&shown(path))
        .hint("config.json, .safetensors, .safetensors.index.json or .gguf"))
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == extension)
}

/// A folder as models are downloaded: the configuration, and the weights when they are there.
fn read_folder(folder: &Path) -> Result<Model, Diagnostic> {
    let config = folder.join("config.json");
    if !config.is_file() {
        return match first_gguf(folder)? {
            Some(file) => gguf::read(&file),
            None => {
                Err(Diagnostic::error("the folder holds neither config.json nor a .gguf file").in_file(&shown(folder)))
            }
        };
    }
    let mut model = hf_config::parse(&read_text(&config)?, &shown(folder))?;
    let index = folder.join("model.safetensors.index.json");
    let single = folder.join("model.safetensors");
    if index.is_file() {
        // Weights that are not all there are no reason to refuse the dimensions.
        match read_index(&index) {
            Ok(weights) => attach(&mut model, weights),
            Err(error) => model.assumptions.push(format!("the weight files are not used: {}", error.one_line())),
        }
    } else if single.is_file() {
        attach(&mut model, read_single(&single)?);
    }
    Ok(model)
}

/// The first GGUF file of a folder by name, which is the first part of a split model. Projectors of vision towers stand
/// beside models and are none.
fn first_gguf(folder: &Path) -> Result<Option<PathBuf>, Diagnostic> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|e| unreadable(folder, &e))? {
        let path = entry.map_err(|e| unreadable(folder, &e))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        if has_extension(&name, "gguf") && !name.starts_with("mmproj") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files.into_iter().next())
}

/// Weights with the `config.json` beside them; without one they are a network of so many parameters.
fn with_configuration(path: &Path, weights: Weights) -> Result<Model, Diagnostic> {
    let config = path.parent().unwrap_or(Path::new("")).join("config.json");
    if config.is_file() {
        let mut model = hf_config::parse(&read_text(&config)?, &shown(path))?;
        attach(&mut model, weights);
        return Ok(model);
    }
    let mut model = nameless(&shown(path), weights.stored);
    model.assumptions.extend(weights.notes);
    Ok(model)
}

/// A model of which only the tensors are known.
fn nameless(name: &str, weights: StoredWeights) -> Model {
    let counted = safetensors::elements(&weights);
    let parameters = counted.unwrap_or(weights.bytes.0).max(1);
    let mut assumptions =
        vec!["no config.json stands beside the file: taken as a network that is run as a whole".to_owned()];
    if counted.is_none() {
        assumptions.push("the tensors are packed: as many parameters as bytes assumed".to_owned());
    }
    Model {
        id: name.to_owned(),
        aliases: Vec::new(),
        task: Task::Vision,
        parameters,
        active_parameters: parameters,
        body: Body::Network(Network {
            giga_ops: None,
            activations_m: None,
            input: None,
            speech: None,
            kind: None,
            family: None,
        }),
        stored: Some(weights),
        native_format: None,
        trained_formats: Vec::new(),
        licence: None,
        released: None,
        assumptions,
        provenance: Provenance {
            sources: [("spec".to_owned(), name.to_owned())].into_iter().collect(),
            ..Provenance::default()
        },
    }
}

/// Gives the model its stored weights and says where they disagree with its dimensions.
fn attach(model: &mut Model, weights: Weights) {
    let Weights { stored: mut weights, notes } = weights;
    model.assumptions.extend(notes);
    match safetensors::elements(&weights) {
        Some(stored) if stored != model.parameters => model
            .assumptions
            .push(format!("the files store {stored} numbers, the dimensions lead to {} parameters", model.parameters)),
        _ => {}
    }
    if let Some(native) = &model.native_format {
        weights.format.clone_from(native);
    }
    model.stored = Some(weights);
}

/// Weights of files, and what is amiss with the files.
struct Weights {
    stored: StoredWeights,
    notes: Vec<String>,
}

fn read_single(path: &Path) -> Result<Weights, Diagnostic> {
    let (header, note) = read_header(path)?;
    Ok(Weights { stored: safetensors::weights(vec![header], &shown(path))?, notes: note.into_iter().collect() })
}

fn read_index(path: &Path) -> Result<Weights, Diagnostic> {
    let files = safetensors::parse_index(&read_text(path)?, &shown(path))?;
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    // A part that is missing is told with the index that names it.
    let part = |file: &String| read_header(&folder.join(file)).map_err(|e| e.hint(format!("named in {}", shown(path))));
    let parts = files.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    let (headers, notes): (Vec<Header>, Vec<Option<String>>) = parts.into_iter().unzip();
    Ok(Weights { stored: safetensors::weights(headers, &shown(path))?, notes: notes.into_iter().flatten().collect() })
}

fn read_header(path: &Path) -> Result<(Header, Option<String>), Diagnostic> {
    let name = shown(path);
    let mut file = File::open(path).map_err(|e| unreadable(path, &e))?;
    let length = file.metadata().map_err(|e| unreadable(path, &e))?.len();
    let mut first = [0; 8];
    file.read_exact(&mut first).map_err(|e| unreadable(path, &e))?;
    let header = safetensors::header_length(first, length, &name)?;
    let mut text = Vec::new();
    file.take(header).read_to_end(&mut text).map_err(|e| unreadable(path, &e))?;
    let parsed = safetensors::parse_header(&text, &name)?;
    let note = parsed.misfit(header, length, &name);
    Ok((parsed, note))
}

fn read_text(path: &Path) -> Result<String, Diagnostic> {
    let file = File::open(path).map_err(|e| unreadable(path, &e))?;
    let mut bytes = Vec::new();
    file.take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(|e| unreadable(path, &e))?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(Diagnostic::error(format!("the file is larger than {MAX_TEXT} bytes")).in_file(&shown(path)));
    }
    String::from_utf8(bytes).map_err(|_| Diagnostic::error("the file is not UTF-8 text").in_file(&shown(path)))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("cannot be read: {error}")).in_file(&shown(path))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
