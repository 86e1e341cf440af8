//! One answer, several forms. A table of records has one exporter per form; plans have their own.

mod budget;
mod candidates;
mod limits;
mod plan;
mod table;

pub use budget::{budget_table, budget_text, budget_value};
pub use candidates::{basis, candidates};
pub use limits::limits;
pub use plan::{plan_json, plan_markdown, plan_table, plan_text, plan_value};
pub use table::{Align, Cell, Column, Table};
