//! Words for a POSIX shell: whatever a word holds, the shell gives it to the program as one word and starts nothing else.

use std::borrow::Cow;

/// The word as a shell must be given it: unchanged where no character means anything to a shell, else in single quotes, in
/// which nothing does (POSIX, Shell Command Language, 2.2.2).
#[must_use]
pub fn quote(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-+./:,@%=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

/// A command as one line: assignments to the environment, the program, its arguments.
#[must_use]
pub fn line<'a>(
    environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    program: &str,
    arguments: impl IntoIterator<Item = &'a str>,
) -> String {
    let assignments = environment.into_iter().map(|(name, value)| format!("{name}={}", quote(value)));
    // A first word with `=` in it would be an assignment too.
    let program = if program.contains('=') {
        format!("'{}'", program.replace('\'', r"'\''"))
    } else {
        quote(program).into_owned()
    };
    let words = arguments.into_iter().map(|word| quote(word).into_owned());
    assignments.chain(std::iter::once(program)).chain(words).collect::<Vec<_>>().join(" ")
}
