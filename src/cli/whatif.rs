//! `edgemem whatif`.

use std::io::{self, Write as _};
use std::time::Duration;

use super::args::{Facts, PageForm, WhatIf};
use super::files::{self, Models};
use super::progress::{self, Meter};
use super::{CHANGED, DONE, Failure, NO_PLAN, output};
use crate::catalog::Catalog;
use crate::diag::Diagnostic;
use crate::planner::whatif::{self, Outcome, Point, Side, Sweep};
use crate::planner::{self};
use crate::report;
use crate::scenario::{self, Document, Path, Scenario};
use crate::solve::SearchLimits;
use crate::yaml::{self, Node, Value};

/// Runs the command.
pub(crate) fn run(arguments: &WhatIf) -> Result<u8, Failure> {
    let seconds = arguments.time_limit;
    if !seconds.is_finite() || seconds <= 0.0 {
        return Err(Diagnostic::error("--time-limit must be a positive number of seconds").into());
    }
    let limits = SearchLimits { time: Some(Duration::from_secs_f64(seconds.min(1e6))), ..SearchLimits::default() };
    let base = files::document(&arguments.scenario)?;
    let other = arguments.against.as_ref().map(|path| files::document(path)).transpose()?;
    let (changed, mut words) = edit(other.as_ref().unwrap_or(&base), arguments)?;
    if let Some(path) = &arguments.against {
        words.insert(0, path.display().to_string());
    }
    let facts_too = words.is_empty() && arguments.sweep.is_empty();
    for path in arguments.facts.catalog.iter().chain(&arguments.facts.prices).filter(|_| facts_too) {
        words.push(path.display().to_string());
    }
    let new_facts = files::catalog(&arguments.facts)?;
    // With nothing else changed the facts given are the change; otherwise they hold on both sides.
    let own_base = Facts { catalog: arguments.base_catalog.clone(), prices: arguments.base_prices.clone() };
    let differ = facts_too || !own_base.catalog.is_empty() || own_base.prices.is_some();
    let old_facts = if differ { Some(files::catalog(&own_base)?) } else { None };
    let old_facts = old_facts.as_ref().unwrap_or(&new_facts);
    let before = files::resolve(&base, old_facts)?;
    if arguments.sweep.is_empty() {
        compare(arguments, &before, old_facts, &files::resolve(&changed, &new_facts)?, &new_facts, &words, &limits)
    } else {
        sweep(arguments, &before, old_facts, &changed, &new_facts, &limits)
    }
}

/// The document with everything set that the arguments set, and the changes in words.
fn edit(document: &Document, arguments: &WhatIf) -> Result<(Document, Vec<String>), Diagnostic> {
    let mut changed = document.clone();
    let mut words = Vec::new();
    for assignment in &arguments.set {
        let (path, value) = assignment.split_once('=').ok_or_else(|| {
            Diagnostic::error(format!("`{assignment}` sets nothing: PATH=VALUE is expected"))
                .hint("for example --set limits.price_usd=900; null removes a key")
        })?;
        changed = put(&changed, &path.trim().parse()?, yaml::parse_value(value)?)?;
        words.push(format!("{}={}", path.trim(), value.trim()));
    }
    let text = |id: &String| Node { at: None, value: Value::Text(id.clone()) };
    if !arguments.drop.is_empty() {
        let path: Path = "allow.exclude".parse()?;
        let mut all = match changed.get(&path).map(|n| &n.value) {
            Some(Value::List(items)) => items.clone(),
            Some(Value::Text(one)) => vec![text(one)],
            _ => Vec::new(),
        };
        let new = arguments.drop.iter().filter(|d| !all.iter().any(|n| n.text() == Some(d))).map(text);
        all.extend(new.collect::<Vec<_>>());
        changed = put(&changed, &path, Node { at: None, value: Value::List(all) })?;
        words.extend(arguments.drop.iter().map(|d| format!("without {d}")));
    }
    if !arguments.only.is_empty() {
        let only = Node { at: None, value: Value::List(arguments.only.iter().map(text).collect()) };
        changed = put(&changed, &"allow.devices".parse()?, only)?;
        words.push(format!("only {}", arguments.only.join(", ")));
    }
    Ok((changed, words))
}

fn put(document: &Document, path: &Path, value: Node) -> Result<Document, Diagnostic> {
    document.with(path, value).map_err(|e| Diagnostic::error(e.to_string()).in_file(&document.file))
}

fn compare(
    arguments: &WhatIf,
    before: &Scenario,
    old_facts: &Catalog,
    after: &Scenario,
    new_facts: &Catalog,
    words: &[String],
    limits: &SearchLimits<'_>,
) -> Result<u8, Failure> {
    let mut meter = Meter::new(before.objective);
    let old = planner::plan(before, old_facts, 0, limits, &mut |p| meter.show(p));
    let new = planner::plan(after, new_facts, 0, limits, &mut |p| meter.show(p));
    drop(meter);
    let difference = whatif::difference(
        &Side { plan: &old, scenario: before, catalog: old_facts },
        &Side { plan: &new, scenario: after, catalog: new_facts },
    );
    let title = &before.name;
    let text = || report::difference_text(&difference, title, words, after.objective);
    let answer = match arguments.format {
        PageForm::Table => text(),
        PageForm::Csv => report::difference_table(&difference).csv(),
        PageForm::Markdown => {
            let (title, text) = (report::in_markdown(title), report::fenced(&text()));
            format!("# {title}\n\n{text}\n{}", report::difference_table(&difference).markdown())
        }
        PageForm::Html => report::page(title, &text(), &report::difference_table(&difference)),
        PageForm::Json => {
            format!("{:#}\n", report::difference_value(&difference, title, words, after.objective))
        }
    };
    output::show(&answer, arguments.format == PageForm::Json, arguments.output.as_deref())?;
    Ok(if new.sites.is_empty() {
        NO_PLAN
    } else if difference.changed {
        CHANGED
    } else {
        DONE
    })
}

fn sweep(
    arguments: &WhatIf,
    before: &Scenario,
    old_facts: &Catalog,
    changed: &Document,
    facts: &Catalog,
    limits: &SearchLimits<'_>,
) -> Result<u8, Failure> {
    let sweeps = arguments.sweep.iter().map(|s| whatif::sweep(s)).collect::<Result<Vec<Sweep>, _>>()?;
    if sweeps.len() > 2 {
        return Err(Diagnostic::error("at most two paths are swept: a line or a grid").into());
    }
    let count = whatif::points(&sweeps)?;
    let models = Models::beside(facts, changed);
    let find = |name: &str| models.find(name);
    let mut points = Vec::with_capacity(count);
    for i in 0..count {
        let mut document = changed.clone();
        let mut at = Vec::with_capacity(sweeps.len());
        let mut rest = i;
        // The last path runs fastest, as in nested loops.
        let mut places: Vec<usize> = sweeps
            .iter()
            .rev()
            .map(|s| {
                let place = rest % s.values.len();
                rest /= s.values.len();
                place
            })
            .collect();
        places.reverse();
        for (sweep, place) in sweeps.iter().zip(places) {
            document = put(&document, &sweep.path, sweep.values[place].clone())?;
            at.push(sweep.shown[place].clone());
        }
        let resolved = scenario::resolve(&document, facts, &find).map_err(|e| e.one_line());
        points.push((at, resolved));
    }
    if let Some((_, Err(why))) = points.iter().find(|(_, p)| p.is_ok()).is_none().then(|| points.first()).flatten() {
        return Err(Diagnostic::error(format!("no point of the sweep is a valid scenario: {why}")).into());
    }
    let terminal = progress::wanted();
    let progress = move |done: usize| {
        if terminal && (done.is_multiple_of(10) || done == count) {
            let end = if done == count { "\n" } else { "" };
            // Whoever closed stderr does not want to know.
            let _ = write!(io::stderr(), "\r  {done} of {count} points {end}");
        }
    };
    let base = whatif::run_sweep(old_facts, &[(Vec::new(), Ok(before.clone()))], limits, &|_| {});
    let base = base.into_iter().next().map_or(Outcome::Unknown, |p| p.outcome);
    let answers: Vec<Point> = whatif::run_sweep(facts, &points, limits, &progress);
    let kind = before.objective;
    let title = &before.name;
    let text = || report::sweep_text(&sweeps, &answers, &base, kind, output::width(arguments.output.as_deref()));
    let answer = match arguments.format {
        PageForm::Table => text(),
        PageForm::Csv => report::sweep_table(&sweeps, &answers, &base).csv(),
        PageForm::Markdown => {
            let title = report::in_markdown(title);
            format!("# {title}\n\n{}", report::sweep_table(&sweeps, &answers, &base).markdown())
        }
        PageForm::Html => report::page(title, &text(), &report::sweep_table(&sweeps, &answers, &base)),
        PageForm::Json => format!("{:#}\n", report::sweep_value(&sweeps, &answers, &base, title, kind)),
    };
    output::show(&answer, arguments.format == PageForm::Json, arguments.output.as_deref())?;
    Ok(if answers.iter().any(|p| report::differs(&p.outcome, &base)) { CHANGED } else { DONE })
}
