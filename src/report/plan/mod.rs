//! A plan in its forms.

mod json;
mod others;
mod text;

pub(super) use json::status as status_word;
pub use json::{plan_json, plan_value};
pub use text::{plan_markdown, plan_table, plan_text};
