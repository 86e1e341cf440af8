//! `edgemem check`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::args::{Check, Form};
use super::{CHANGED, DONE, Failure, files, output};
use crate::diag::Diagnostic;
use crate::planner::check::{Saved, check_document, days_since_1970, scenario_of};
use crate::report;
use crate::scenario::Path;
use crate::solve::SearchLimits;
use crate::units::Share;
use crate::yaml;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Runs the command.
pub(crate) fn run(arguments: &Check) -> Result<u8, Failure> {
    let file = arguments.plan.display().to_string();
    let text = files::long_text(&arguments.plan)?;
    let saved: Saved =
        serde_json::from_str(&text).map_err(|e| Diagnostic::json("not a saved plan", &e, &text, &file))?;
    if saved.sites.is_empty() {
        return Err(Diagnostic::error("the file holds no plan: none existed when it was saved").in_file(&file).into());
    }
    let today = match &arguments.today {
        Some(date) => days_since_1970(date)
            .ok_or_else(|| Diagnostic::error(format!("`{date}` is not a date: 2026-11-22 is expected")))?,
        None => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            (now.as_secs() / DAY) as i64
        }
    };
    let document = scenario_of(&saved).map_err(|e| e.in_file(&file))?;
    let catalog = files::catalog(&arguments.facts)?;
    let mut scenario = files::resolve(&document, &catalog)?;
    if let Some(confidence) = saved.confidence.filter(|c| Share::rounded_up(*c) != scenario.confidence) {
        let path: Path = "confidence".parse()?;
        let value = yaml::parse_value(&confidence.to_string())?;
        let document = document.with(&path, value).map_err(|e| Diagnostic::error(e.to_string()))?;
        let asked = scenario.confidence.as_f64();
        scenario = files::resolve(&document, &catalog).map_err(|e| e.in_file(&file))?;
        output::note(&format!(
            "{file}: checked with the confidence of the plan, {confidence}: the scenario asks for {asked}"
        ));
    }
    let limits = SearchLimits { time: Some(Duration::from_secs(60)), ..SearchLimits::default() };
    let (check, _) = check_document(&saved, &scenario, &catalog, &limits, today, i64::from(arguments.max_price_age));
    let same = saved.catalog.sha256 == catalog.sha256();
    let (title, objective) = (&scenario.name, scenario.objective);
    let text = match arguments.sink.format {
        Form::Table => report::check_text(&check, title, objective, same),
        Form::Csv => report::check_table(&check, objective).csv(),
        Form::Markdown => report::check_table(&check, objective).markdown(),
        Form::Json => report::check_json(&check, title, objective, same),
    };
    output::show(&text, arguments.sink.format == Form::Json, arguments.sink.output.as_deref())?;
    Ok(if check.changed() { CHANGED } else { DONE })
}
