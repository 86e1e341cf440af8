//! The objective of a plan in words: money, or power.

use crate::figures;
use crate::scenario::ObjectiveKind;

/// The unit of an objective.
pub(super) const fn unit(objective: ObjectiveKind) -> &'static str {
    match objective {
        ObjectiveKind::Capex | ObjectiveKind::Tco => "USD",
        ObjectiveKind::Power => "W",
    }
}

/// An objective without its unit, for a column that names it: `1,107.11`, `62.5`.
pub(super) fn bare(objective: ObjectiveKind, value: f64) -> String {
    match objective {
        ObjectiveKind::Capex | ObjectiveKind::Tco => figures::dollars(value),
        ObjectiveKind::Power => figures::watts(value),
    }
}

/// An objective: `1,107.11 USD`, `62.5 W`.
#[must_use]
pub fn figure(objective: ObjectiveKind, value: f64) -> String {
    format!("{} {}", bare(objective, value), unit(objective))
}

/// A difference between two objectives: `+561.00 USD`, `-2.5 W`.
pub(super) fn difference(objective: ObjectiveKind, difference: f64) -> String {
    match objective {
        ObjectiveKind::Capex | ObjectiveKind::Tco => figures::usd_difference(figures::in_cents(difference)),
        ObjectiveKind::Power => format!("{}{} W", if difference > 0.0 { "+" } else { "" }, figures::watts(difference)),
    }
}
