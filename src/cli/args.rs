//! The arguments, as types.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Which hardware runs these models, and what is the cheapest that really fits.
#[derive(Debug, Parser)]
#[command(name = "edgemem", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// One memory budget, line by line, or many from a table
    Budget(Budget),
}

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For eyes
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
    /// A price list (.csv) in place of the catalog's prices
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
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

/// A budget of one model on one device, or of many from a table.
#[derive(Debug, Args)]
#[command(after_help = CASES_HELP)]
pub(crate) struct Budget {
    /// Questions, one per row, in a CSV table
    #[arg(long, value_name = "FILE.csv")]
    pub(crate) cases: Option<PathBuf>,
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

const CASES_HELP: &str = "Columns of --cases, any subset in any order (others are carried through): model, device, mode, \
runtime, weights, kv_k, kv_v, flash_attention, context, total_context, streams, kv_unified, batch, micro_batch, outputs, \
swa_full, prompt, images, headroom. A row that cannot be worked out gets its reason in `error`, and the exit code is 1.";
