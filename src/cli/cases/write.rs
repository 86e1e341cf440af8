//! The lines of the answer, written by hand: a table of 200 000 rows spends more time on formatting than on arithmetic.

use std::io::Write as _;

use csv::StringRecord;

use super::ANSWER;
use crate::candidates::Speed;
use crate::planner::budget::{Answer, PoolBudget};
use crate::report::no_formula;
use crate::units::Range;

/// Appends the answer to one row of the question: a line for each pool, or one with the reason why there is none.
pub(super) fn write_row(out: &mut Vec<u8>, row: &StringRecord, answer: &Result<Answer, String>) {
    match answer {
        Ok(answer) => {
            for pool in &answer.pools {
                write_question(out, row);
                write_pool(out, pool, answer.fits());
                write_speed(out, answer);
                out.extend(b",\n");
            }
        }
        Err(why) => {
            write_question(out, row);
            out.extend(std::iter::repeat_n(b',', ANSWER.len()));
            write_field(out, &no_formula(why));
            out.push(b'\n');
        }
    }
}

fn write_question(out: &mut Vec<u8>, row: &StringRecord) {
    for (i, field) in row.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_field(out, field);
    }
}

/// One field, quoted as RFC 4180 asks.
/// Appends a field, quoted where it must be (RFC 4180).
fn write_field(out: &mut Vec<u8>, field: &str) {
    if field.bytes().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) {
        out.push(b'"');
        for b in field.bytes() {
            if b == b'"' {
                out.push(b'"');
            }
            out.push(b);
        }
        out.push(b'"');
    } else {
        out.extend(field.as_bytes());
    }
}

fn write_pool(out: &mut Vec<u8>, pool: &PoolBudget, fits: bool) {
    out.push(b',');
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{}", pool.name);
    for bytes in pool.parts() {
        out.push(b',');
        write_whole(out, bytes.0);
    }
    out.extend(if fits { &b",true"[..] } else { b",false" });
}

/// A whole number in decimal digits.
fn write_whole(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend(&digits[first..]);
}

/// A number with six decimals, the nearest, halves to the even one: as `{:.6}` writes it, in a tenth of the time.
fn write_real(out: &mut Vec<u8>, x: f64) {
    const DECIMALS: u64 = 1_000_000;
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as u32;
    // x = mantissa / 2^shift, and millions of it are exact in 128 bits.
    let shift = 1075u32.wrapping_sub(exponent);
    if x.is_sign_negative() || exponent == 0 || !(1..=120).contains(&shift) {
        let _ = write!(out, "{x:.6}");
        return;
    }
    let millions = u128::from((bits & ((1 << 52) - 1)) | (1 << 52)) * u128::from(DECIMALS);
    let (whole, rest) = (millions >> shift, millions & ((1 << shift) - 1));
    let half = 1u128 << (shift - 1);
    let up = rest > half || (rest == half && whole & 1 == 1);
    let Ok(rounded) = u64::try_from(whole + u128::from(up)) else {
        let _ = write!(out, "{x:.6}");
        return;
    };
    write_whole(out, rounded / DECIMALS);
    let mut decimals = *b".000000";
    let mut rest = rounded % DECIMALS;
    for digit in decimals[1..].iter_mut().rev() {
        *digit += (rest % 10) as u8;
        rest /= 10;
    }
    out.extend(decimals);
}

fn write_speed(out: &mut Vec<u8>, answer: &Answer) {
    let mut range = |range: Option<Range<f64>>| match range {
        Some(r) => {
            for x in [r.median, r.low, r.high] {
                out.push(b',');
                write_real(out, x);
            }
        }
        None => out.extend(b",,,"),
    };
    match &answer.speed {
        Ok(speed) => {
            let language = match speed {
                Speed::Language(language) => Some(language),
                Speed::Network(_) => None,
            };
            range(language.and_then(|l| l.decode).map(|r| r.map(|t| t.0)));
            range(language.map(|l| l.prefill.map(|t| t.0)));
            // An encoder writes nothing: it has no first token.
            range(language.filter(|l| l.decode.is_some()).map(|l| l.ttft.map(|t| t.0)));
            range(speed.inferences().map(|r| r.map(|t| t.0)));
            range(speed.latency().map(|t| t.map(|s| s.0)));
        }
        Err(_) => (0..5).for_each(|_| range(None)),
    }
}

#[cfg(test)]
mod tests {
    use super::{write_real, write_whole};

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for n in [0, 1, 9, 10, 12_345, u64::MAX] {
            assert_eq!(written(|out| write_whole(out, n)), n.to_string());
        }
        let edges = [
            0.0,
            -0.0,
            1.0,
            -1.5,
            0.5,
            1e-7,
            5e-7,
            1.5e-6,
            2.5e-6,
            0.000_000_5,
            1e300,
            5e-324,
            f64::MAX,
            f64::INFINITY,
        ];
        // Binary fractions whose millionths end in exactly a half, and numbers of every size.
        let halves = (1..4000).map(|n| f64::from(n) / 128.0 + f64::from(n % 7) / 8192.0);
        let mut bits = 0x9e37_79b9_7f4a_7c15u64;
        let any = (0..20_000).map(move |_| {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            f64::from_bits((bits >> 3) % (1100 << 52))
        });
        for x in edges.into_iter().chain(halves).chain(any) {
            assert_eq!(written(|out| write_real(out, x)), format!("{x:.6}"), "{x:e}");
        }
    }
}
