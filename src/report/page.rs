//! A page of its own for a browser: a summary and a table. Everything in it is escaped, nothing is fetched.

use std::fmt::Write as _;

use super::table::{Cell, Table};

/// A table on an HTML page of its own.
#[must_use]
pub fn page(title: &str, summary: &str, table: &Table) -> String {
    let escape =
        |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let mut page = String::new();
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{0}</title>\n<style>\
         body{{font:15px/1.5 system-ui,sans-serif;margin:2em;color:#222;background:#fff}}\
         table{{border-collapse:collapse}}th,td{{padding:.3em .8em;border-bottom:1px solid #ccc;text-align:left}}\
         td.number{{text-align:right;font-variant-numeric:tabular-nums}}pre{{background:#f4f4f4;padding:1em}}\
         @media(prefers-color-scheme:dark){{body{{color:#ddd;background:#1b1b1b}}pre{{background:#262626}}}}\
         </style>\n<h1>{0}</h1>\n",
        escape(title)
    );
    if !summary.is_empty() {
        let _ = writeln!(page, "<pre>{}</pre>", escape(summary.trim_end()));
    }
    let heads: String = table.columns.iter().map(|c| format!("<th>{}</th>", escape(c.name))).collect();
    let _ = writeln!(page, "<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>");
    for row in &table.rows {
        let cells: String = row
            .iter()
            .map(|cell| {
                let class = if matches!(cell, Cell::Number(_) | Cell::Figure(..)) { " class=\"number\"" } else { "" };
                format!("<td{class}>{}</td>", escape(&cell.shown()))
            })
            .collect();
        let _ = writeln!(page, "<tr>{cells}</tr>");
    }
    page.push_str("</tbody>\n</table>\n</html>\n");
    page
}
