//! Amounts, dates and lead times as people write them: read where only one reading is possible.

use crate::units::Money;

/// What stands in the column of prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    /// So much.
    Of(Money),
    /// The supplier wants to be asked.
    OnRequest,
}

const EXPECTED: &str = "a price in dollars such as 1299.50 is expected";

/// Marks of currencies other than the dollar that would be taken for a slip of the keyboard otherwise.
const DOLLARS: [&str; 4] = ["US$", "USD", "US-$", "$"];

/// `1299`, `1299.5`, `$1,299.50`, `1.299,50`, `1'299.50 USD`, `on request`.
///
/// # Errors
/// What is expected instead, when nothing or more than one thing can be meant.
pub(super) fn read(text: &str) -> Result<Amount, String> {
    let folded = crate::names::folded(text);
    let asked = ["onrequest", "uponrequest", "poa", "priceonapplication", "n/a", "na", "tbd", "tba", "call", "rfq"];
    if asked.contains(&folded.as_str()) {
        return Ok(Amount::OnRequest);
    }
    let mut bare = text.trim();
    for mark in DOLLARS {
        let upper = bare.to_ascii_uppercase();
        // ASCII letters keep their length, so that the places are those of the text itself.
        if upper.starts_with(mark) {
            bare = bare[mark.len()..].trim();
        } else if upper.ends_with(mark) {
            bare = bare[..bare.len() - mark.len()].trim();
        } else {
            continue;
        }
        break;
    }
    let known = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',') || is_thousands(c);
    if bare.is_empty() || !bare.chars().all(known) {
        return Err(EXPECTED.to_owned());
    }
    let cents = cents(bare)?;
    if cents == 0 { Err(EXPECTED.to_owned()) } else { Ok(Amount::Of(Money(cents))) }
}

/// Marks that part thousands and nothing else: apostrophes and spaces of all widths.
const fn is_thousands(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}')
}

fn cents(text: &str) -> Result<u64, String> {
    let wrong = || EXPECTED.to_owned();
    let separators: Vec<char> = text.chars().filter(|c| matches!(c, '.' | ',')).collect();
    let parted = text.chars().any(is_thousands);
    // Which of the two parts the cents off, and which the thousands.
    let (point, comma) = match separators.as_slice() {
        [] => (None, None),
        [one] => {
            let (before, after) = text.split_once(*one).ok_or_else(wrong)?;
            let thousands = !parted && after.len() == 3 && (1..=3).contains(&before.len()) && !before.starts_with('0');
            if thousands {
                let (whole, part) = (format!("{before}{after}.00"), format!("{before}.{}", &after[..2]));
                return Err(format!("{whole} or {before}.{after} may be meant: write {whole} or {part}"));
            }
            (Some(*one), None)
        }
        [first, .., last] if first == last => (None, Some(*first)),
        [first, .., last] => (Some(*last), Some(*first)),
    };
    let (whole, part) = match point {
        Some(point) => text.split_once(point).ok_or_else(wrong)?,
        None => (text, ""),
    };
    if point.is_some() && (part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit())) {
        return Err(wrong());
    }
    // One mark for all thousands: groups of three digits after a first of one to three.
    let mut marks: Vec<char> = whole.chars().filter(|c| !c.is_ascii_digit()).collect();
    marks.dedup();
    let digits: String = match marks.as_slice() {
        [] => whole.to_owned(),
        [mark] if Some(*mark) == comma || (is_thousands(*mark) && comma.is_none()) => {
            let mut groups = whole.split(*mark);
            let first = groups.next().unwrap_or_default();
            if !(1..=3).contains(&first.len()) || first.starts_with('0') || groups.clone().any(|g| g.len() != 3) {
                return Err(wrong());
            }
            groups.fold(first.to_owned(), |all, group| all + group)
        }
        _ => return Err(wrong()),
    };
    let (fraction, finer) = part.split_at(part.len().min(2));
    if digits.is_empty() || !finer.bytes().all(|b| b == b'0') {
        return Err(wrong());
    }
    let number = format!("{digits}{fraction:0<2}");
    // Ten million dollars are more than anything here costs.
    number.parse().ok().filter(|cents| *cents <= 1_000_000_000).ok_or_else(wrong)
}

/// A date in one form, `2026`, `2026-11` or `2026-11-01`: of these, `1.11.2026`, `2026/11/1`, and `11/30/2026` where the two
/// numbers leave no choice.
pub(super) fn date(text: &str) -> Option<String> {
    let number = |part: &str| part.parse::<u32>().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit()));
    let numbers = |mark: char| text.split(mark).map(number).collect::<Option<Vec<u32>>>();
    let whole = |y: u32, m: u32, d: u32| {
        let valid = (1000..=9999).contains(&y) && (1..=12).contains(&m) && (1..=days_of(y, m)).contains(&d);
        valid.then(|| format!("{y:04}-{m:02}-{d:02}"))
    };
    if let Some(parts) = numbers('-') {
        let widths: Vec<usize> = text.split('-').map(str::len).collect();
        return match (parts.as_slice(), widths.as_slice()) {
            ([y], [4]) if *y > 0 => Some(text.to_owned()),
            ([y, m], [4, 2]) if *y > 0 && (1..=12).contains(m) => Some(text.to_owned()),
            ([y, m, d], [4, 2, 2]) => whole(*y, *m, *d),
            _ => None,
        };
    }
    if let Some([d, m, y]) = numbers('.').as_deref() {
        return whole(*y, *m, *d);
    }
    match numbers('/').as_deref() {
        Some([y, m, d]) if *y > 31 => whole(*y, *m, *d),
        Some([a, b, y]) if *a > 12 || a == b => whole(*y, *b, *a),
        Some([a, b, y]) if *b > 12 => whole(*y, *a, *b),
        _ => None,
    }
}

/// Days of a month.
fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of a lead time: `14`, `14 days`, `2 weeks`, of `2-3 weeks` the longer one.
pub(super) fn days(text: &str, weeks: bool) -> Option<u32> {
    let lower = text.trim().to_ascii_lowercase();
    let end = lower.rfind(|c: char| c.is_ascii_digit())? + 1;
    let (numbers, unit) = lower.split_at(end);
    let factor = match unit.trim() {
        "" if weeks => 7,
        "" | "d" | "day" | "days" => 1,
        "w" | "wk" | "wks" | "week" | "weeks" => 7,
        _ => return None,
    };
    let number = |part: &str| {
        let part = part.trim();
        part.parse::<u32>().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit()))
    };
    let longest = match numbers.split_once(['-', '\u{2013}']) {
        Some((from, to)) => number(to).filter(|to| number(from).is_some_and(|from| from <= *to))?,
        None => number(numbers)?,
    };
    longest.checked_mul(factor).filter(|days| *days <= 10_000)
}

/// A whole number in digits alone.
pub(super) fn whole(text: &str, most: u64) -> Option<u64> {
    text.parse().ok().filter(|n| (1..=most).contains(n) && text.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_where_only_one_reading_is_possible() {
        for (text, cents) in [
            ("1299", 129_900),
            ("1299.5", 129_950),
            ("799,00", 79_900),
            ("1.399,00", 139_900),
            ("1,399.00", 139_900),
            ("1'399.00", 139_900),
            ("1\u{2019}399,5", 139_950),
            ("1 399,00", 139_900),
            ("1\u{202f}399", 139_900),
            ("1\u{a0}399,00", 139_900),
            ("1.234.567", 123_456_700),
            ("1,234,567.89", 123_456_789),
            ("$1,799.00", 179_900),
            ("US$ 10", 1000),
            ("10 usd", 1000),
            ("0.500", 50),
            ("1299.500", 129_950),
            ("1,399.000", 139_900),
            ("10.5000", 1050),
        ] {
            assert_eq!(read(text), Ok(Amount::Of(Money(cents))), "{text}");
        }
        for text in ["1.500", "12.000", "999.990", "1,500", "12,345"] {
            assert!(read(text).unwrap_err().contains("may be meant"), "{text}");
        }
        for text in [
            "",
            "0",
            "-5",
            "+5",
            "ten",
            "€399",
            "399 EUR",
            "10 kr",
            "1e3",
            "nan",
            "12.3456",
            "1.23,4",
            "1,23.4",
            "1.,5",
            ".5",
            "5.",
            "1'39.00",
            "1'399'00",
            "12 34",
            "1.399.00",
            "0.000",
            "1,399,00",
            "99999999999",
            "1.2.3,4",
            "$",
            "1,399'000.00",
        ] {
            assert!(read(text).is_err(), "{text}: {:?}", read(text));
        }
        for text in ["on request", "POA", "n/a", "TBD"] {
            assert_eq!(read(text), Ok(Amount::OnRequest), "{text}");
        }
    }

    #[test]
    fn dates_must_exist_and_have_one_reading() {
        for (text, iso) in [
            ("2026", "2026"),
            ("2026-11", "2026-11"),
            ("2024-02-29", "2024-02-29"),
            ("31.12.2026", "2026-12-31"),
            ("1.11.2026", "2026-11-01"),
            ("2026/11/1", "2026-11-01"),
            ("11/30/2026", "2026-11-30"),
            ("30/11/2026", "2026-11-30"),
            ("7/7/2026", "2026-07-07"),
        ] {
            assert_eq!(date(text).as_deref(), Some(iso), "{text}");
        }
        for bad in [
            "2026-13",
            "2026-02-29",
            "2026-11-31",
            "26-11-01",
            "11/01/2026",
            "+999",
            "2026-+1",
            "2026-11-+1",
            "31.11.2026",
            "1.1.26",
            "46327",
            "0000",
            "soon",
        ] {
            assert_eq!(date(bad), None, "{bad}");
        }
    }

    #[test]
    fn of_a_range_of_lead_times_the_longer_counts() {
        for (text, weeks, wanted) in [
            ("14", false, Some(14)),
            ("2", true, Some(14)),
            ("14 days", true, Some(14)),
            ("2-3 weeks", false, Some(21)),
            ("+3", false, None),
            ("3-2 weeks", false, None),
            ("2 months", false, None),
            ("1.5", false, None),
            ("stock", false, None),
        ] {
            assert_eq!(days(text, weeks), wanted, "{text}");
        }
    }
}
