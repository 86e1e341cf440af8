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
    use super::nearest;

    #[test]
    fn a_misspelt_id_finds_its_neighbour() {
        let ids = ["jetson-orin-nx-16gb", "jetson-orin-nx-8gb", "raspberry-pi-5-8gb"];
        assert_eq!(nearest("jetson_orin_nx_16g", ids), Some("jetson-orin-nx-16gb"));
        assert_eq!(nearest("raspbery-pi5-8gb", ids), Some("raspberry-pi-5-8gb"));
        assert_eq!(nearest("mainframe", ids), None);
    }
}
