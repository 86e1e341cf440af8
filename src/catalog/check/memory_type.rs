//! The most that a type of memory can deliver.

/// Highest data rate of each type in millions of transfers per second per pin (JEDEC, and the fastest parts on sale), and the
/// widest bus that any product has with it, in bits.
const TYPES: [(&str, f64, f64); 15] = [
    ("DDR3", 2133.0, 256.0),
    ("DDR4", 3200.0, 768.0),
    ("DDR5", 8800.0, 768.0),
    ("LPDDR4", 4267.0, 256.0),
    ("LPDDR4X", 4267.0, 256.0),
    ("LPDDR5", 6400.0, 1024.0),
    ("LPDDR5X", 10_667.0, 1024.0),
    ("GDDR5", 9000.0, 512.0),
    ("GDDR6", 24_000.0, 512.0),
    ("GDDR6X", 24_000.0, 512.0),
    ("GDDR7", 36_000.0, 512.0),
    ("HBM2", 2400.0, 4096.0),
    ("HBM2e", 3600.0, 6144.0),
    ("HBM3", 6400.0, 8192.0),
    ("HBM3e", 9800.0, 8192.0),
];

/// The highest bandwidth in GB/s that a text such as `LPDDR5X-8000 256-bit` allows; absent for types that are not known.
///
/// Of several types in one text the fastest counts. A stated data rate and a stated width replace the type's own.
pub(super) fn limit_gb_s(text: &str) -> Option<f64> {
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let number = |word: &&str| word.parse::<f64>().ok();
    let width = words.windows(2).find(|w| w[1] == "bit").and_then(|w| number(&w[0]));
    let rate = words.iter().enumerate().find_map(|(i, word)| {
        let rate = number(word).filter(|r| (1000.0..40_000.0).contains(r))?;
        (words.get(i + 1) != Some(&"bit")).then_some(rate)
    });
    words
        .iter()
        .filter_map(|word| TYPES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(word)))
        .map(|(_, fastest, widest)| rate.unwrap_or(*fastest) * width.unwrap_or(*widest) / 8.0 / 1000.0)
        .max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::limit_gb_s;

    #[test]
    fn rate_and_width_are_read_from_the_text() {
        for (text, expected) in [
            ("LPDDR5X-8000 256-bit", Some(256.0)),
            ("GDDR6 192-bit", Some(576.0)),
            ("LPDDR5 ECC 96-bit 6400", Some(76.8)),
            ("LPDDR5", Some(819.2)),
            ("DDR5-5600/LPDDR5X 128-bit", Some(89.6)),
            ("on-package DRAM", None),
        ] {
            assert_eq!(limit_gb_s(text), expected, "{text}");
        }
    }
}
