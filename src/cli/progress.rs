//! How far a search is: one line on stderr that is written over and wiped at the end. Nothing where stderr is no terminal or
//! NO_COLOR is set.

use std::io::{self, IsTerminal as _, Write as _};

use super::output;
use crate::report;
use crate::scenario::ObjectiveKind;
use crate::solve::{Goal, Progress};

/// Whether a line that is written over may be shown at all.
pub(crate) fn wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stderr().is_terminal() && !set("NO_COLOR") && !dumb
}

/// The line; dropping it wipes it.
pub(crate) struct Meter {
    objective: ObjectiveKind,
    wanted: bool,
    shown: bool,
}

impl Meter {
    pub(crate) fn new(objective: ObjectiveKind) -> Self {
        Self { objective, wanted: wanted(), shown: false }
    }

    /// Shows how far a search is.
    pub(crate) fn show(&mut self, progress: Progress) {
        if self.wanted {
            self.shown = true;
            let line: String = line(self.objective, progress).chars().take(output::progress_width() - 1).collect();
            // Whoever closed stderr does not want to know.
            let _ = write!(io::stderr(), "\r{line}\u{1b}[K");
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

fn line(objective: ObjectiveKind, progress: Progress) -> String {
    let scale = match objective {
        ObjectiveKind::Capex | ObjectiveKind::Tco => 100.0,
        ObjectiveKind::Power => 1000.0,
    };
    let shown = |value: u64| report::objective_figure(objective, value as f64 / scale);
    let goal = match progress.goal {
        Goal::Plan => String::new(),
        Goal::Alternative(number) => format!("alternative {number}: "),
        Goal::Comparison => "comparison: ".to_owned(),
    };
    let best = match progress.best {
        // A bound above the best plan says that only ties are open.
        Some(best) if best > 0 => {
            let gap = 100.0 * best.saturating_sub(progress.bound) as f64 / best as f64;
            format!("best {}, bound {}, gap {gap:.2} %", shown(best), shown(progress.bound.min(best)))
        }
        Some(best) => format!("best {}", shown(best)),
        None => format!("no plan yet, bound {}", shown(progress.bound)),
    };
    format!("  {:.0} s  {goal}{best}", progress.elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_line_tells_best_bound_and_gap() {
        let mut progress =
            Progress { goal: Goal::Plan, best: Some(20_000), bound: 19_000, elapsed: Duration::from_secs(3) };
        assert_eq!(line(ObjectiveKind::Capex, progress), "  3 s  best 200.00 USD, bound 190.00 USD, gap 5.00 %");
        progress = Progress { goal: Goal::Alternative(2), best: None, ..progress };
        assert_eq!(line(ObjectiveKind::Power, progress), "  3 s  alternative 2: no plan yet, bound 19 W");
    }
}
