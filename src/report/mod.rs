//! One answer, several forms. A table of records has one exporter per form; plans have their own.

mod budget;
mod candidates;
mod catalog;
mod check;
mod explain;
mod launch;
mod limits;
mod model;
mod objective;
mod page;
mod peaks;
mod plan;
mod refusals;
mod sensitivity;
mod table;
mod validate;
mod whatif;

pub use budget::{budget_table, budget_text, budget_value};
pub use candidates::{basis, candidates, candidates_text};
pub use catalog::{
    catalog_entries, devices, devices_shown, findings, findings_text, flattened, formats, models, models_shown,
    os_images, runtimes, summary,
};
pub use check::{check_json, check_table, check_text, saved_json};
pub use explain::{explained_json, explained_markdown, explained_text};
pub use limits::{limits, limits_text};
pub use model::{model_text, model_value};
pub use objective::figure as objective_figure;
pub use page::page;
pub use plan::{frontier_markdown, frontier_table, frontier_text, frontier_value};
pub use plan::{partial_markdown, partial_text, partial_values};
pub use plan::{plan_json, plan_markdown, plan_table, plan_text, plan_value};
pub use sensitivity::{
    gains_table, gains_text, gains_value, sensitivity_markdown, sensitivity_table, sensitivity_text, sensitivity_value,
    why_not_text, why_not_value,
};
pub use table::{Align, Cell, Column, Table, fenced, in_markdown, no_formula};
pub use validate::{validation_table, validation_text, validation_value};
pub use whatif::{difference_table, difference_text, difference_value, differs, sweep_table, sweep_text, sweep_value};
