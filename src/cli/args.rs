//! The arguments, as types.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::domain::{DeviceClass, Task};
use crate::planner::frontier::Axis;

/// Which hardware runs these models, and what is the cheapest that really fits.
#[derive(Debug, Parser)]
#[command(name = "edgemem", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The cheapest plan, proven optimal, with the memory budget of each device and why cheaper devices fail
    Plan(Plan),
    /// Every candidate that the planner considered, with its memory and speed
    Candidates(Candidates),
    /// The other way round: the largest batch and the longest context of each device
    Limits(Limits),
    /// Estimate against a device's own log, part by part
    Validate(Validate),
    /// One memory budget, line by line, or many from a table
    Budget(Box<Budget>),
    /// Plans again under changes and shows the difference; exit code 4 when the choice changes
    Whatif(Box<WhatIf>),
    /// Whether a saved plan (plan --format json) still holds and is still the cheapest; exit code 4 when not
    Check(Check),
    /// The shipped facts with their sources
    #[command(subcommand)]
    Catalog(Catalog),
    /// Models: dimensions, parameters, what a token takes in the cache
    #[command(subcommand)]
    Model(Model),
    /// JSON Schema of scenario and catalog files, for editors
    Schema(Schema),
    /// A commented scenario to start from
    Init(Init),
    /// Completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The manual page, in roff
    Man,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Catalog {
    /// What is in the catalogs
    List {
        /// Which list [default: the number of entries of each]
        #[arg(value_enum)]
        kind: Option<Kind>,
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        facts: Facts,
        #[command(flatten)]
        sink: Sink,
    },
    /// One entry as its catalog file has it: every figure, source and date
    Show {
        /// Id or alias of a device, model, format, runtime or operating system image
        id: String,
        #[command(flatten)]
        facts: Facts,
        #[command(flatten)]
        sink: Sink,
    },
    /// Finds entries that cannot be true; exit code 1 when there are any
    Check {
        #[command(flatten)]
        facts: Facts,
        #[command(flatten)]
        sink: Sink,
    },
}

/// Which entries of a list are shown.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Filter {
    /// Only entries with all of these words in their id, name, vendor or licence
    #[arg(value_name = "WORD")]
    pub(crate) words: Vec<String>,
    /// Only devices of this class (repeatable): som, devkit, sbc, mini-pc, accelerator, desktop-gpu, workstation, server-gpu
    #[arg(long, value_name = "CLASS", value_parser = class)]
    pub(crate) class: Vec<DeviceClass>,
    /// Only devices whose vendor's name contains this (repeatable)
    #[arg(long, value_name = "VENDOR")]
    pub(crate) vendor: Vec<String>,
    /// Only models and runtimes of this task, and devices that run it (repeatable): language, embedding, detect, speech, ...
    #[arg(long, value_name = "TASK", value_parser = task)]
    pub(crate) task: Vec<Task>,
    /// Only devices that cost at most this, required accessories included
    #[arg(long, value_name = "USD")]
    pub(crate) max_price: Option<f64>,
}

fn class(text: &str) -> Result<DeviceClass, String> {
    let ids = DeviceClass::ALL.map(DeviceClass::id);
    DeviceClass::ALL.into_iter().find(|c| c.id() == text).ok_or_else(|| format!("classes are {}", ids.join(", ")))
}

fn task(text: &str) -> Result<Task, String> {
    let ids = Task::ALL.map(Task::id);
    Task::ALL.into_iter().find(|t| t.id() == text).ok_or_else(|| format!("tasks are {}", ids.join(", ")))
}

/// A list of the catalogs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Purchasable hardware
    Devices,
    /// Models
    Models,
    /// Weight formats
    Formats,
    /// Inference engines
    Runtimes,
    /// Operating system images
    OsImages,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Model {
    /// All models of the catalogs
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        facts: Facts,
        #[command(flatten)]
        sink: Sink,
    },
    /// A model of the catalogs: dimensions, parameters by component, cache, assumptions, sources
    Show {
        /// Id or alias
        id: String,
        #[command(flatten)]
        facts: Facts,
        #[command(flatten)]
        sink: Sink,
    },
    /// The same of a model file: config.json, .gguf, .safetensors, or a folder that holds them
    Inspect {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        sink: Sink,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Which kind of file
    #[arg(value_enum)]
    pub(crate) file: SchemaFile,
    /// Write to this file, whole or not at all
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// A kind of file that has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaFile {
    /// Scenario files
    Scenario,
    /// Catalog files
    Catalog,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Write to this file, which must not exist yet
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Human-readable
    Table,
    /// For programs
    Json,
    /// For programs and spreadsheets
    Csv,
    /// For documents
    Markdown,
}

/// Where facts come from besides the shipped catalogs.
#[derive(Debug, Args)]
pub(crate) struct Facts {
    /// A folder of catalog files, or one file, laid over the shipped catalogs (repeatable)
    #[arg(long, value_name = "DIR")]
    pub(crate) catalog: Vec<PathBuf>,
    /// A price list (.csv or .xlsx) in place of the catalog's prices
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
}

/// Where an answer goes that may also be a page of its own.
#[derive(Debug, Args)]
pub(crate) struct PageSink {
    /// The form of the output
    #[arg(long, value_enum, default_value_t = PageForm::Table)]
    pub(crate) format: PageForm,
    /// Write to this file, whole or not at all
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Where the answer goes.
#[derive(Debug, Args)]
pub(crate) struct Sink {
    /// The form of the output
    #[arg(long, value_enum, default_value_t = Form::Table)]
    pub(crate) format: Form,
    /// Write to this file, whole or not at all
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The scenario file
    pub(crate) scenario: PathBuf,
    /// How many next best plans with other devices to show
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) alternatives: usize,
    /// Whether to add the cheapest plan of each vendor and, beside one of several devices, the cheapest with one: where
    /// that is quick, always, or never
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = When::Quick)]
    pub(crate) compare: When,
    /// How sure the unfavourable bounds are, 0.5 to 0.99, in place of the scenario's; adds what being sure costs
    #[arg(long, value_name = "SHARE")]
    pub(crate) confidence: Option<String>,
    /// Add the range of each requirement and price in which the choice stays, the most sensitive first
    #[arg(long)]
    pub(crate) sensitivity: bool,
    /// Add every plan that no other beats in cost and in power (what a unit draws), headroom, or speed (a factor on all rate
    /// targets); with --format csv these alone
    #[arg(long, value_name = "cost,power|cost,headroom|cost,speed", value_parser = axis)]
    pub(crate) frontier: Option<Axis>,
    /// Add why this device is not in the plan, and the price at which it would be
    #[arg(long, value_name = "DEVICE")]
    pub(crate) why_not: Option<String>,
    /// Seconds after which the search ends with the best plan found and a proven bound; Ctrl-C does the same
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub(crate) time_limit: f64,
    #[command(flatten)]
    pub(crate) facts: Facts,
    #[command(flatten)]
    pub(crate) sink: PageSink,
}

/// The axis of `cost,power`, in either order.
fn axis(text: &str) -> Result<Axis, String> {
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    let other = match words.as_slice() {
        ["cost", other] | [other, "cost"] => *other,
        _ => return Err("two axes are expected, one of them `cost`".to_owned()),
    };
    Axis::ALL.into_iter().find(|axis| axis.id() == other).ok_or_else(|| {
        let known: Vec<&str> = Axis::ALL.iter().map(|axis| axis.id()).collect();
        format!("cost can be weighed against {}", known.join(", "))
    })
}

/// When something extra is worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    /// Where it is quick
    Quick,
    /// As long as the time limit allows
    Always,
    /// Not at all
    Never,
}

/// The form of an output that may also be a page of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageForm {
    /// Human-readable
    Table,
    /// For programs
    Json,
    /// For programs and spreadsheets
    Csv,
    /// For documents
    Markdown,
    /// A page of its own
    Html,
}

/// A scenario planned again under changes.
#[derive(Debug, Args)]
pub(crate) struct WhatIf {
    /// The scenario file
    pub(crate) scenario: PathBuf,
    /// Set a value, for example limits.price_usd=900; null removes a key (repeatable)
    #[arg(long, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// Plan for every value of a range or list; twice for a grid
    #[arg(long, value_name = "PATH=A..B[..STEP]")]
    pub(crate) sweep: Vec<String>,
    /// Plan without this device (repeatable)
    #[arg(long, value_name = "DEVICE")]
    pub(crate) drop: Vec<String>,
    /// Plan with this device alone (repeatable: with these)
    #[arg(long, value_name = "DEVICE")]
    pub(crate) only: Vec<String>,
    /// Compare with this scenario instead of the same one
    #[arg(long, value_name = "SCENARIO")]
    pub(crate) against: Option<PathBuf>,
    /// Facts of the side before the change, in place of --catalog
    #[arg(long, value_name = "DIR")]
    pub(crate) base_catalog: Vec<PathBuf>,
    /// Prices of the side before the change, in place of --prices
    #[arg(long, value_name = "FILE")]
    pub(crate) base_prices: Option<PathBuf>,
    /// Seconds after which each search ends
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0)]
    pub(crate) time_limit: f64,
    /// With nothing else changed, these facts are the change; otherwise they hold on both sides
    #[command(flatten)]
    pub(crate) facts: Facts,
    /// The form of the output
    #[arg(long, value_enum, default_value_t = PageForm::Table)]
    pub(crate) format: PageForm,
    /// Write to this file, whole or not at all
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The plan, as saved with plan --format json --output PLAN.json
    #[arg(value_name = "PLAN.json")]
    pub(crate) plan: PathBuf,
    /// Point out prices older than so many days
    #[arg(long, value_name = "DAYS", default_value_t = 180)]
    pub(crate) max_price_age: u32,
    /// The date from which ages are counted [default: today]
    #[arg(long, value_name = "DATE")]
    pub(crate) today: Option<String>,
    #[command(flatten)]
    pub(crate) facts: Facts,
    #[command(flatten)]
    pub(crate) sink: Sink,
}

#[derive(Debug, Args)]
pub(crate) struct Candidates {
    /// The scenario file
    pub(crate) scenario: PathBuf,
    /// Print the refused and the beaten candidates too
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) facts: Facts,
    #[command(flatten)]
    pub(crate) sink: Sink,
}

#[derive(Debug, Args)]
pub(crate) struct Limits {
    /// The scenario file
    pub(crate) scenario: PathBuf,
    /// Add the pairs of streams and context that no other pair beats
    #[arg(long)]
    pub(crate) frontier: bool,
    #[command(flatten)]
    pub(crate) facts: Facts,
    #[command(flatten)]
    pub(crate) sink: Sink,
}

/// Logs: llama.cpp with -lv 4 (its default verbosity prints no sizes), tegrastats, nvidia-smi, /proc/PID/status.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The scenario file
    pub(crate) scenario: PathBuf,
    /// A log of the device (repeatable: what several tools wrote during one run)
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) log: Vec<PathBuf>,
    /// The workload that was measured, when the scenario has several
    #[arg(long, value_name = "NAME")]
    pub(crate) workload: Option<String>,
    /// The device that was measured, unless the scenario allows only one
    #[arg(long, value_name = "ID")]
    pub(crate) device: Option<String>,
    /// Write what was measured as a catalog file for --catalog
    #[arg(long, value_name = "FILE")]
    pub(crate) write_overlay: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) facts: Facts,
    #[command(flatten)]
    pub(crate) sink: Sink,
}

/// A budget of one model on one device, or of many from a table.
#[derive(Debug, Args)]
#[command(after_help = CASES_HELP)]
pub(crate) struct Budget {
    /// Questions, one per row, in a CSV table
    #[arg(long, value_name = "FILE.csv", conflicts_with_all = ["model", "device"])]
    pub(crate) cases: Option<PathBuf>,
    /// A model: catalog id, alias, or a file (config.json, .gguf, .safetensors)
    #[arg(long, required_unless_present = "cases")]
    pub(crate) model: Option<String>,
    /// A device: catalog id
    #[arg(long, required_unless_present = "cases")]
    pub(crate) device: Option<String>,
    /// Power mode [default: the factory setting]
    #[arg(long)]
    pub(crate) mode: Option<String>,
    /// Memory setting of the machine [default: the factory's]
    #[arg(long)]
    pub(crate) setting: Option<String>,
    /// Runtime [default: the device's best for the model that loads the weight format]
    #[arg(long)]
    pub(crate) runtime: Option<String>,
    /// Weight format [default: the file's own, or the usual one of the runtime]
    #[arg(long)]
    pub(crate) weights: Option<String>,
    /// Cache type; a pair is written q8_0/q4_0 [default: f16]
    #[arg(long, value_name = "TYPE")]
    pub(crate) kv_cache: Option<String>,
    /// auto, on or off
    #[arg(long, value_name = "CHOICE")]
    pub(crate) flash_attention: Option<String>,
    /// Tokens per stream, prompt and answer together
    #[arg(long, value_name = "TOKENS")]
    pub(crate) context: Option<u64>,
    /// Concurrent sequences
    #[arg(long, value_name = "N")]
    pub(crate) streams: Option<u32>,
    /// Tokens of the prompt
    #[arg(long, value_name = "TOKENS")]
    pub(crate) prompt: Option<u64>,
    /// Images in the prompt
    #[arg(long, value_name = "N")]
    pub(crate) images: Option<u32>,
    /// Size of each image in pixels, 1024x1024 when not given
    #[arg(long, value_name = "WxH")]
    pub(crate) image_px: Option<String>,
    /// Tokens that each image becomes, in place of its size
    #[arg(long, value_name = "TOKENS", conflicts_with = "image_px")]
    pub(crate) image_tokens: Option<u64>,
    /// Side of a vision network's input in pixels, where it is not the published one
    #[arg(long, value_name = "PIXELS")]
    pub(crate) input_px: Option<u32>,
    /// Most tokens computed at once (llama.cpp)
    #[arg(long, value_name = "TOKENS")]
    pub(crate) micro_batch: Option<u32>,
    /// Most tokens handed over at once (llama.cpp) [default: 2048]
    #[arg(long, value_name = "TOKENS")]
    pub(crate) batch: Option<u32>,
    /// Rows of logits asked for at once (llama.cpp) [default: one per stream, as servers do]
    #[arg(long, value_name = "ROWS")]
    pub(crate) outputs: Option<u64>,
    /// Most that llama-server keeps of finished prompts, in MiB [default: nothing]
    #[arg(long, value_name = "MIB")]
    pub(crate) prompt_cache_mib: Option<u64>,
    /// Checkpoints that llama-server keeps per stream [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) checkpoints: Option<u32>,
    /// Added to steady memory, 25% or 0.25
    #[arg(long, value_name = "SHARE", default_value = "25%")]
    pub(crate) headroom: String,
    /// How sure the unfavourable bounds are, 0.5 to 0.99
    #[arg(long, value_name = "SHARE", default_value = "0.9")]
    pub(crate) confidence: String,
    #[command(flatten)]
    pub(crate) facts: Facts,
    #[command(flatten)]
    pub(crate) sink: Sink,
}

const CASES_HELP: &str = "Columns of --cases: `model` and, in any order, any of device, mode, setting, runtime, weights, kv_k, kv_v, \
flash_attention, context, total_context, streams, kv_unified, batch, micro_batch, outputs, swa_full, prompt, images, \
image_px, image_tokens, input_px, headroom, \
prompt_cache_mib, checkpoints. \
Others are carried through. A row that cannot be worked out gets its reason in `error`, and the exit code is 1.";
