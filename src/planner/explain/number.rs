//! Numbers as a scenario writes them: whole multiples of their last decimal, so that a smallest change is exact.

use crate::scenario::Document;
use crate::yaml::{Node, Value};

/// A grid of numbers with so many decimals, as plain numbers or in per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) decimals: u32,
    pub(crate) percent: bool,
}

impl Grid {
    /// The nearest point of the grid, in steps of its last decimal.
    pub(crate) fn steps(self, value: f64) -> i64 {
        (value * self.per_unit()).round() as i64
    }

    /// How many steps a number of one (or one per cent) has.
    pub(crate) fn per_unit(self) -> f64 {
        10_f64.powi(self.decimals as i32)
    }

    /// The point as text, without the sign of per cent.
    fn digits(self, steps: i64) -> String {
        if self.decimals == 0 {
            return steps.to_string();
        }
        let scale = 10_i64.pow(self.decimals);
        let sign = if steps < 0 { "-" } else { "" };
        let (whole, part) = (steps.abs() / scale, steps.abs() % scale);
        format!("{sign}{whole}.{part:0width$}", width = self.decimals as usize)
    }

    /// The point for people: no needless zeros.
    pub(crate) fn shown(self, steps: i64) -> String {
        let digits = self.digits(steps);
        let digits =
            if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits.as_str() };
        format!("{digits}{}", if self.percent { "%" } else { "" })
    }

    /// The point as a value of a scenario.
    pub(crate) fn node(self, steps: i64) -> Node {
        let value = if self.percent {
            Value::Text(self.shown(steps))
        } else if self.decimals == 0 {
            Value::Integer(steps)
        } else {
            // Through the decimal text: the same number that the file would be read as.
            self.digits(steps).parse().map_or(Value::Integer(steps), Value::Float)
        };
        Node { at: None, value }
    }
}

/// A number of a document and the grid that it is written on; nothing when it is no number.
pub(crate) fn written(doc: &Document, node: &Node) -> Option<(f64, Grid)> {
    let decimals =
        |text: &str| text.split_once('.').map_or(0, |(_, d)| d.chars().take_while(char::is_ascii_digit).count());
    match &node.value {
        Value::Integer(i) => Some((*i as f64, Grid { decimals: 0, percent: false })),
        Value::Float(f) => {
            let token = token(doc, node).filter(|t| t.parse::<f64>().is_ok_and(|t| t == *f) && !t.contains(['e', 'E']));
            let decimals = token.map_or_else(|| decimals(&f.to_string()), decimals);
            Some((*f, Grid { decimals: decimals.clamp(1, 9) as u32, percent: false }))
        }
        Value::Text(text) => {
            let digits = text.strip_suffix('%')?.trim();
            let value = digits.parse().ok()?;
            Some((value, Grid { decimals: decimals(digits).min(4) as u32, percent: true }))
        }
        _ => None,
    }
}

/// The scalar as it stands in the file.
fn token<'a>(doc: &'a Document, node: &Node) -> Option<&'a str> {
    let at = node.at?;
    let line = doc.text.lines().nth(at.line.checked_sub(1)? as usize)?;
    let start = line.char_indices().nth(at.column.checked_sub(1)? as usize)?.0;
    let rest = &line[start..];
    let end = rest.find([',', ']', '}', '#', ' ', '\t']).unwrap_or(rest.len());
    Some(rest[..end].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Path;

    #[test]
    fn a_number_keeps_the_decimals_it_is_written_with() {
        let doc = Document::parse("t.yaml", "a: 600\nb: 600.00\nc: { d: 10.2, e: 25% }\nf: 1e3\n").unwrap();
        let at = |path: &str| {
            let path: Path = path.parse().unwrap();
            let (value, grid) = written(&doc, doc.get(&path).unwrap()).unwrap();
            (value, grid.decimals, grid.percent)
        };
        assert_eq!(at("a"), (600.0, 0, false));
        assert_eq!(at("b"), (600.0, 2, false));
        assert_eq!(at("c.d"), (10.2, 1, false));
        assert_eq!(at("c.e"), (25.0, 0, true));
        assert_eq!(at("f").0, 1000.0);
    }

    #[test]
    fn points_of_a_grid_are_the_decimals_and_nothing_else() {
        let grid = Grid { decimals: 2, percent: false };
        assert_eq!(grid.node(grid.steps(8.1)).value, Value::Float(8.1));
        assert_eq!(grid.shown(810), "8.1");
        let percent = Grid { decimals: 0, percent: true };
        assert_eq!(percent.node(18).value, Value::Text("18%".into()));
    }
}
