//! How identifiers are matched, and the nearest valid one for an error message.

/// The form in which model ids and aliases are compared: lower case, without spaces, `_` and `-`.
#[must_use]
pub fn folded(id: &str) -> String {
    id.chars().filter(|c| !matches!(c, ' ' | '_' | '-')).flat_map(char::to_lowercase).collect()
}

/// Bytes of the longest name that a near one is looked for.
const LONGEST: usize = 200;

/// The candidate that looks most like `wanted`, if one is near enough to be what was meant.
#[must_use]
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody misspells a name at such length, and every distance takes the product of both lengths.
    if wanted.len() > LONGEST {
        return None;
    }
    let target = folded(wanted);
    candidates
        .into_iter()
        .map(|candidate| (distance(&target, &folded(candidate)), candidate))
        .filter(|&(d, candidate)| d <= 2.max(target.chars().count().max(folded(candidate).chars().count()) * 2 / 5))
        .min_by_key(|&(d, candidate)| (d, candidate.len()))
        .map(|(_, candidate)| candidate)
}

/// Suggestions for a name that is not known: the one that is a slip of the keyboard away, else those that contain all its
/// parts (`orin-nx` is in `jetson-orin-nx-16gb`), at most [`SUGGESTED`], else the one that looks most like it.
#[must_use]
pub fn suggestions<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let near = nearest(wanted, candidates.iter().copied());
    if let Some(name) = near.filter(|name| is_slip(wanted, name)) {
        return vec![name];
    }
    let containing = containing(wanted, candidates, SUGGESTED);
    if containing.is_empty() { near.into_iter().collect() } else { containing }
}

/// Whether two names differ by a slip of the keyboard or two.
#[must_use]
pub fn is_slip(a: &str, b: &str) -> bool {
    let (a, b) = (folded(a), folded(b));
    distance(&a, &b) <= if a.chars().count() > 4 { 2 } else { 1 }
}

/// Names that are suggested at most.
pub const SUGGESTED: usize = 4;

/// At most so many names that contain all parts of another one: those that begin as it does first, then those with the fewest parts.
#[must_use]
pub fn containing<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let parts = parts(wanted);
    // A letter or two are in too many names to mean one of them.
    if parts.iter().map(String::len).sum::<usize>() < 3 {
        return Vec::new();
    }
    let mut found: Vec<(bool, usize, usize, &str)> = Vec::new();
    for (at, name) in candidates.into_iter().enumerate() {
        let own = self::parts(name.rsplit('/').next().unwrap_or(name));
        let all = self::parts(name);
        if parts.iter().all(|part| all.contains(part)) && !found.iter().any(|(.., known)| *known == name) {
            found.push((own.first() != parts.first(), all.len(), at, name));
        }
    }
    found.sort_unstable();
    found.into_iter().take(most).map(|(.., name)| name).collect()
}

/// The parts of a name in lower case: words and numbers, a number with the letters after it (`llama3.1:8b` is `llama`, `3.1`
/// and `8b`).
#[must_use]
pub fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut last: Option<char> = None;
    for c in name.chars().flat_map(char::to_lowercase) {
        let inside = c.is_alphanumeric() || c == '.';
        let begins = match last {
            Some(l) if l.is_alphanumeric() || l == '.' => l.is_alphabetic() && c.is_ascii_digit(),
            _ => true,
        };
        if inside {
            match parts.last_mut() {
                Some(part) if !begins => part.push(c),
                _ => parts.push(c.to_string()),
            }
        }
        last = Some(c);
    }
    parts
}

/// The size that a model's name tells, in parameters: `8b`, `1.5b`, `270m`.
#[must_use]
pub fn size(name: &str) -> Option<f64> {
    parts(name).iter().find_map(|part| {
        let unit = part.chars().last()?;
        let scale = match unit {
            'b' => 1e9,
            'm' => 1e6,
            _ => return None,
        };
        // `11m` is a middle-sized YOLO11, `270m` has 270 million parameters.
        let least = if unit == 'm' { 50.0 } else { f64::MIN_POSITIVE };
        part.strip_suffix(unit)?.parse::<f64>().ok().filter(|n| *n >= least).map(|n| n * scale)
    })
}

/// Edit distance with insertions, deletions and substitutions of one character each (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{SUGGESTED, containing, nearest, parts, size, suggestions};

    #[test]
    fn a_misspelt_id_finds_its_neighbour() {
        let ids = ["jetson-orin-nx-16gb", "jetson-orin-nx-8gb", "raspberry-pi-5-8gb"];
        assert_eq!(nearest("jetson_orin_nx_16g", ids), Some("jetson-orin-nx-16gb"));
        assert_eq!(nearest("raspbery-pi5-8gb", ids), Some("raspberry-pi-5-8gb"));
        assert_eq!(nearest("mainframe", ids), None);
    }

    #[test]
    fn a_part_of_an_id_finds_those_that_contain_it() {
        let ids = ["jetson-orin-nx-16gb", "jetson-orin-nx-8gb", "jetson-orin-nano-8gb", "raspberry-pi-5-8gb"];
        assert_eq!(suggestions("orin-nx", ids), ["jetson-orin-nx-16gb", "jetson-orin-nx-8gb"]);
        assert_eq!(suggestions("pi-5", ids), ["raspberry-pi-5-8gb"]);
        assert_eq!(suggestions("jetson-orin-nx-16g", ids), ["jetson-orin-nx-16gb"]);
        assert!(suggestions("mainframe", ids).is_empty() && containing("5", ids, SUGGESTED).is_empty());
    }

    #[test]
    fn a_name_tells_its_parts_and_its_size() {
        assert_eq!(parts("Llama3.1:8b"), ["llama", "3.1", "8b"]);
        assert_eq!(size("deepseek-r1:8b"), Some(8e9));
        assert_eq!(size("gemma-3-270m-it"), Some(270e6));
        assert_eq!(size("YOLO11m"), None);
    }
}
