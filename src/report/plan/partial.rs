//! The plan of the site classes that have one, beside those that have none.

use serde_json::{Map, Value};

use super::json::plan_value;
use super::text::{plan_table, units_text};
use crate::figures::counted;
use crate::planner::Partial;
use crate::report::objective::figure;

/// In human-readable form.
#[must_use]
pub fn partial_text(partial: &Partial<'_>, width: Option<u16>) -> String {
    let plan = &partial.plan;
    let cost = plan.value.map_or_else(String::new, |value| format!(", {}", figure(plan.objective, value)));
    format!(
        "\nNo plan for {}; without it {} can be served{cost}\n{}",
        partial.without.join(", "),
        counted(plan.sites.len() as u64, "site"),
        units_text(plan, width)
    )
}

/// As a part of a Markdown document.
#[must_use]
pub fn partial_markdown(partial: &Partial<'_>) -> String {
    format!(
        "\n## Sites that can be served without {}\n\n{}",
        partial.without.join(", "),
        plan_table(&partial.plan).markdown()
    )
}

/// For programs: `feasible_sites` with the order and the objective of them alone, and the names of the others.
#[must_use]
pub fn partial_values(partial: &Partial<'_>) -> Map<String, Value> {
    let mut value = plan_value(&partial.plan);
    let mut object = Map::new();
    for (name, of) in [("feasible_sites", "sites"), ("feasible_order", "order"), ("feasible_objective", "objective")] {
        object.insert(name.to_owned(), value.get_mut(of).map_or(Value::Null, Value::take));
    }
    object.insert("infeasible_sites".to_owned(), Value::from(partial.without.clone()));
    object
}
