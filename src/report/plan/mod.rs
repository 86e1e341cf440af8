//! A plan in its forms.

mod alike;
mod assumed;
mod frontier;
mod json;
mod others;
mod partial;
mod rates;
mod text;

pub use frontier::{frontier_markdown, frontier_table, frontier_text, frontier_value};
pub(super) use json::status as status_word;
pub use json::{plan_json, plan_value};
pub use partial::{partial_markdown, partial_text, partial_values};
pub use text::{plan_markdown, plan_table, plan_text};
