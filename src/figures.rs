//! Figures as people read them: money with separators, rates with three significant digits, times, shares and power with no
//! more digits than they deserve. Tables for programs print the exact values of [`crate::units`] instead.

use crate::units::{Micros, Milliwatts, Money, Range, Share};

/// Whole digits with a comma between groups of three: `1,107`.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A whole number with separators: `1,107`.
#[must_use]
pub fn count(n: u64) -> String {
    grouped(&n.to_string())
}

/// Whole cents as an amount: `1,107.11`, `-20.00`.
fn cents(cents: i128) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02}", grouped(&(cents / 100).to_string()), cents % 100)
}

/// An amount of money for a column that names its currency: `1,107.11`.
#[must_use]
pub fn amount(money: Money) -> String {
    cents(i128::from(money.0))
}

/// An amount of money: `1,107.11 USD`.
#[must_use]
pub fn usd(money: Money) -> String {
    format!("{} USD", amount(money))
}

/// An amount of money in whole cents, which may be negative: `-20.00 USD`.
#[must_use]
pub fn usd_of_cents(money: i128) -> String {
    format!("{} USD", cents(money))
}

/// A difference of money in whole cents: `+561.00 USD`, `-20.50 USD`, `0.00 USD`.
#[must_use]
pub fn usd_difference(money: i128) -> String {
    format!("{}{}", if money > 0 { "+" } else { "" }, usd_of_cents(money))
}

/// Dollars as a number in whole cents; nothing for what is no number.
#[must_use]
pub fn in_cents(dollars: f64) -> i128 {
    // A conversion with `as` ends at the largest integer and makes nothing of what is no number.
    (dollars * 100.0).round() as i128
}

/// Dollars given as a number, for a column that names the currency: `1,107.11`.
#[must_use]
pub fn dollars(dollars: f64) -> String {
    cents(in_cents(dollars))
}

/// A number rounded to so many significant digits, with separators: `29.7`, `408`, `1,230`, `0.646`.
fn significant(value: f64, digits: i32) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let exponent = |v: f64| v.abs().log10().floor() as i32;
    // Rounding may carry over into one more digit: 9.996 is 10.0.
    let scale = 10_f64.powi(digits - 1 - exponent(value));
    let rounded = if scale.is_finite() && scale > 0.0 { (value * scale).round() / scale } else { value };
    let decimals = (digits - 1 - exponent(rounded)).clamp(0, 12) as usize;
    with_separators(&format!("{rounded:.decimals$}"))
}

/// A number as written, with separators between its whole digits: `3,499.5`.
#[must_use]
pub fn with_separators(number: &str) -> String {
    let (sign, rest) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    match rest.split_once('.') {
        Some((whole, part)) => format!("{sign}{}.{part}", grouped(whole)),
        None => format!("{sign}{}", grouped(rest)),
    }
}

/// A rate with three significant digits: `29.7`, `408`, `0.646`.
#[must_use]
pub fn rate(rate: f64) -> String {
    significant(rate, 3)
}

/// A rate with its range: `29.7 [24.7 - 36.2]`.
#[must_use]
pub fn rate_range(range: Range<f64>) -> String {
    format!("{} [{} - {}]", rate(range.median), rate(range.low), rate(range.high))
}

/// The unit in which a time is told, by the time that is to be told in it: its name and how many of it are a second.
fn time_unit(seconds: f64) -> (&'static str, f64) {
    if seconds.abs() < 0.01 { ("ms", 1000.0) } else { ("s", 1.0) }
}

/// A time in its unit: two significant digits, from 1 on one decimal, from 100 on none.
fn time_figure(value: f64) -> String {
    match value.abs() {
        v if v >= 99.95 => with_separators(&format!("{value:.0}")),
        v if v >= 0.995 => format!("{value:.1}"),
        _ => significant(value, 2),
    }
}

/// A time in seconds, below 10 ms in milliseconds: `3.8 s`, `0.24 s`, `4.2 ms`, `2,425 s`.
#[must_use]
pub fn time(seconds: f64) -> String {
    let (unit, scale) = time_unit(seconds);
    format!("{} {unit}", time_figure(seconds * scale))
}

/// A time that is not exceeded: as [`time`], rounded up to its last digit.
#[must_use]
pub fn time_at_most(time: Micros) -> String {
    let seconds = time.seconds();
    let (unit, scale) = time_unit(seconds);
    let value = seconds * scale;
    let step = match value {
        v if v >= 99.95 => 1.0,
        v if v >= 0.995 => 0.1,
        v if v > 0.0 => 10_f64.powi(value.log10().floor() as i32 - 1),
        _ => 1.0,
    };
    // Without the tolerance a time that has no more digits is rounded up by one all the same.
    format!("{} {unit}", time_figure((value / step - 1e-6).ceil() * step))
}

/// A time with its range, in the unit of the best guess: `1.3 [0.8 - 2.0] s`.
#[must_use]
pub fn time_range(range: Range<f64>) -> String {
    let (unit, scale) = time_unit(range.median);
    let figure = |seconds: f64| time_figure(seconds * scale);
    format!("{} [{} - {}] {unit}", figure(range.median), figure(range.low), figure(range.high))
}

/// A figure that a user wrote, as it was written: `10`, `0.5`; one that was worked out from it in three digits: `0.0667`.
#[must_use]
pub fn wanted(value: f64) -> String {
    let plain = format!("{value}");
    let digits = plain.chars().filter(char::is_ascii_digit).count();
    if digits <= 7 { plain } else { rate(value) }
}

/// A share in whole per cent, below ten with one decimal: `62 %`, `5.5 %`.
#[must_use]
pub fn percent(share: Share) -> String {
    let percent = share.as_f64() * 100.0;
    let plain = if percent >= 9.95 { format!("{percent:.0}") } else { format!("{percent:.1}") };
    format!("{} %", plain.strip_suffix(".0").unwrap_or(&plain))
}

/// A power: `25 W`, `62.5 W`.
#[must_use]
pub fn power(power: Milliwatts) -> String {
    format!("{} W", watts(power.watts()))
}

/// Watts as a number, with two decimals at most: `1,250`, `62.5`.
#[must_use]
pub fn watts(watts: f64) -> String {
    let plain = format!("{watts:.2}");
    with_separators(plain.trim_end_matches('0').trim_end_matches('.'))
}

/// A noun with its number: `1 device`, `1,200 devices`.
#[must_use]
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_as_on_a_quote() {
        assert_eq!(usd(Money(110_711)), "1,107.11 USD");
        assert_eq!(usd(Money(23_940_000)), "239,400.00 USD");
        assert_eq!(amount(Money(5)), "0.05");
        assert_eq!(usd_difference(56_100), "+561.00 USD");
        assert_eq!(usd_difference(-2_050), "-20.50 USD");
        assert_eq!(usd_difference(0), "0.00 USD");
        assert_eq!(dollars(1_234_567.891), "1,234,567.89");
    }

    #[test]
    fn rates_have_three_significant_digits() {
        for (value, text) in [
            (29.74, "29.7"),
            (408.4, "408"),
            (3960.06, "3,960"),
            (12_345.0, "12,300"),
            (0.645_7, "0.646"),
            (9.996, "10.0"),
            (99.96, "100"),
            (0.0, "0"),
        ] {
            assert_eq!(rate(value), text);
        }
        assert_eq!(rate_range(Range { median: 29.7, low: 24.65, high: 36.2 }), "29.7 [24.7 - 36.2]");
    }

    #[test]
    fn no_time_is_nothing_and_none_has_more_digits_than_it_deserves() {
        for (seconds, text) in [
            (3.762, "3.8 s"),
            (0.0042, "4.2 ms"),
            (0.000_35, "0.35 ms"),
            (0.0168, "0.017 s"),
            (0.2, "0.20 s"),
            (24.31, "24.3 s"),
            (2425.17, "2,425 s"),
        ] {
            assert_eq!(time(seconds), text);
        }
        assert_eq!(time_at_most(Micros(3_762_000)), "3.8 s");
        assert_eq!(time_at_most(Micros(3_710_000)), "3.8 s");
        assert_eq!(time_at_most(Micros(200_000)), "0.20 s");
        assert_eq!(time_at_most(Micros(200_001)), "0.21 s");
        assert_eq!(time_range(Range { median: 0.0028, low: 0.0021, high: 0.0112 }), "2.8 [2.1 - 11.2] ms");
    }

    #[test]
    fn what_was_written_stays_as_it_was_written() {
        assert_eq!(wanted(10.0), "10");
        assert_eq!(wanted(0.5), "0.5");
        assert_eq!(wanted(1.0 / 15.0), "0.0667");
    }

    #[test]
    fn shares_and_power_are_short() {
        assert_eq!(percent(Share(617_685)), "62 %");
        assert_eq!(percent(Share(55_132)), "5.5 %");
        assert_eq!(percent(Share(30_000)), "3 %");
        assert_eq!(power(Milliwatts(25_000)), "25 W");
        assert_eq!(power(Milliwatts(62_500)), "62.5 W");
        assert_eq!(counted(1, "device"), "1 device");
        assert_eq!(counted(1200, "device"), "1,200 devices");
    }
}
