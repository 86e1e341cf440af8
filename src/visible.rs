//! Text of inputs on its way out: what would steer a terminal is shown and not sent.

use std::borrow::Cow;

/// Whether a terminal would act on a character instead of showing it: control characters but line end and tab (C0, DEL,
/// C1), and those that turn the direction of the text around it (U+202A to U+202E, U+2066 to U+2069).
#[must_use]
pub fn is_control(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => c.is_control(),
    }
}

/// Whether a text may hold any: true for some that hold none, never false for one that does.
fn suspect(text: &str) -> bool {
    // C1 is C2 80 to C2 9F in UTF-8, the marks of direction are E2 80 and E2 81.
    text.bytes().any(|b| matches!(b, 0..=8 | 11..=31 | 0x7f | 0xc2 | 0xe2)) && text.chars().any(is_control)
}

fn each(text: &str, shown: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !suspect(text) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_control(c) { shown(c, &mut clean) } else { clean.push(c) }
    }
    Cow::Owned(clean)
}

/// The text as it may go to a terminal: an escape character becomes `\u{1b}`.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    each(text, |c, clean| clean.extend(c.escape_unicode()))
}

/// The same in JSON, where each such character can only stand in a string: `\u009b` is the same string.
#[must_use]
pub fn shown_in_json(text: &str) -> Cow<'_, str> {
    // All of them are below U+10000: four digits will do.
    each(text, |c, clean| clean.push_str(&format!("\\u{:04x}", u32::from(c))))
}

/// The same with as many characters as before, for texts in which a column is pointed at.
#[must_use]
pub fn shown_in_place(text: &str) -> Cow<'_, str> {
    each(text, |c, clean| {
        clean.push(match u32::from(c) {
            // The pictures of control characters.
            0x7f => '\u{2421}',
            code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or(char::REPLACEMENT_CHARACTER),
            _ => char::REPLACEMENT_CHARACTER,
        });
    })
}

/// A text of at most so many characters: of longer ones the beginning, and how long they are.
#[must_use]
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}... ({} characters)", &text[..end], text.chars().count())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_and_everything_else_stays() {
        assert_eq!(
            shown("a\u{1b}[31mb\u{9b}2Jc\u{7f}\r\u{202e}d\u{8}"),
            "a\\u{1b}[31mb\\u{9b}2Jc\\u{7f}\\u{d}\\u{202e}d\\u{8}"
        );
        for plain in ["", "line\nend\tand tab", "Grüße °C µs → ███▉ Ünï 日本", "\u{200b}\u{2060}\u{a0}"]
        {
            assert!(matches!(shown(plain), Cow::Borrowed(same) if same == plain), "{plain}");
        }
        assert_eq!(shown_in_place("a\u{1b}b\u{9b}c"), "a\u{241b}b\u{fffd}c");
        let json = shown_in_json("\"\u{9b}\u{2066}\"").into_owned();
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), "\u{9b}\u{2066}");
    }

    #[test]
    fn long_names_are_cut_to_a_line() {
        assert_eq!(cut("short", 10), "short");
        assert_eq!(cut(&"ä".repeat(100_000), 3), "äää... (100000 characters)");
    }
}
