//! What a workbook shows a number in: only plain numbers and dollars are prices in dollars.

/// What a number format says besides the number, when that is not known to mean US dollars, or how it changes the number.
pub(super) fn other_than_dollars(code: &str) -> Option<String> {
    code_sections(code).iter().find_map(|section| of_section(section))
}

/// The sections of a format (positive; negative; zero; text), parted by semicolons outside of quotes and brackets.
fn code_sections(code: &str) -> Vec<Vec<char>> {
    let mut sections = vec![Vec::new()];
    let (mut quoted, mut bracket, mut escaped) = (false, false, false);
    for c in code.chars() {
        let literal = escaped || quoted || bracket;
        escaped = c == '\\' && !literal;
        match c {
            '"' if !bracket && (quoted || !literal) => quoted = !quoted,
            '[' if !literal => bracket = true,
            ']' if bracket => bracket = false,
            ';' if !literal => {
                sections.push(Vec::new());
                continue;
            }
            _ => {}
        }
        if let Some(section) = sections.last_mut() {
            section.push(c);
        }
    }
    sections
}

fn of_section(section: &[char]) -> Option<String> {
    if section.iter().collect::<String>().trim().eq_ignore_ascii_case("general") {
        return None;
    }
    let mut said = String::new();
    let mut at = 0;
    let mut digit_before = false;
    while let Some(&c) = section.get(at) {
        let next = section.get(at + 1).copied();
        let until = |end: char| section[at + 1..].iter().take_while(|x| **x != end).collect::<String>();
        match c {
            '"' => {
                let text = until('"');
                at += text.chars().count() + 1;
                said.push_str(&text);
            }
            '[' => {
                let text = until(']');
                at += text.chars().count() + 1;
                if let Some(currency) = text.strip_prefix('$') {
                    let (sign, language) = currency.split_once('-').unwrap_or((currency, ""));
                    let american = ["", "409", "en-us", "f800"].contains(&language.to_ascii_lowercase().as_str());
                    if sign == "$" && !american {
                        return Some(format!("dollars of the language {language}"));
                    }
                    said.push_str(sign);
                }
            }
            '\\' => {
                said.extend(next);
                at += 1;
            }
            // As wide as the next character, or filled with it: neither is shown as text.
            '_' | '*' => at += 1,
            '%' | '\u{2030}' => return Some(c.to_string()),
            // A comma between digits parts thousands; after the last one it divides by a thousand.
            ',' if digit_before && !matches!(next, Some('0' | '#' | '?')) => return Some("thousands".to_owned()),
            '0' | '#' | '?' | '.' | ',' | '@' => {}
            _ => said.push(c),
        }
        digit_before = matches!(c, '0' | '#' | '?') || (c == '.' && digit_before);
        at += 1;
    }
    let words = said.trim_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '-' | '+' | '/'));
    let dollars = ["", "$", "us$", "us-$", "usd", "dollar", "dollars", "us dollars", "us dollar"];
    (!dollars.contains(&words.to_lowercase().as_str())).then(|| words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::other_than_dollars;

    #[test]
    fn only_dollars_pass_for_dollars() {
        for plain in [
            "General",
            "0.00",
            "#,##0.00",
            "$#,##0.00",
            "[$$-409]#,##0.00",
            "\"$\"#,##0",
            "#,##0 \"USD\"",
            "[Red]0",
            "_($* #,##0.00_);_($* (#,##0.00);_($* \"-\"??_);_(@_)",
            "[$USD] #,##0.00",
            "$#,##0.00;[Red]-$#,##0.00",
            "0",
            "#,##0.00\\ \"US$\"",
            "@",
        ] {
            assert_eq!(other_than_dollars(plain), None, "{plain}");
        }
        for (code, unit) in [
            ("#,##0.00 €", "€"),
            ("[$€-407]0.00", "€"),
            ("[$CHF-807] 0.00", "CHF"),
            ("0.00 \"EUR\"", "EUR"),
            ("0%", "%"),
            ("[$$-1009]0.00", "dollars of the language 1009"),
            ("0.00 \"kr\"", "kr"),
            ("\"R$\"0.00", "R$"),
            ("0.00 \"zł\"", "zł"),
            ("\"Fr.\" 0.00", "Fr."),
            ("0 \"ct\"", "ct"),
            ("0.00\\ \\k\\r", "kr"),
            ("0 \"k\"", "k"),
            ("0.00 \"per 10\"", "per 10"),
            ("0.00,", "thousands"),
            ("0.0,,", "thousands"),
            ("#,##0,", "thousands"),
            ("0.00;0.00 \"eur\"", "eur"),
            ("0.00 kr", "kr"),
        ] {
            assert_eq!(other_than_dollars(code).as_deref(), Some(unit), "{code}");
        }
    }
}
