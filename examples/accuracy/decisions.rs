//! Decision regret: would a buyer who follows the estimates buy the right device?

use std::collections::BTreeMap;

use edgemem::catalog::Catalog;
use edgemem::speed::calibration::{Measured, Observation};
use edgemem::units::Money;

use crate::figures::Answer;

/// Where targets lie between the slowest and the fastest device, on a logarithmic scale.
const TARGETS: [f64; 6] = [0.1, 0.25, 0.4, 0.55, 0.7, 0.85];

/// A choice needs at least so many measured devices with a price.
const DEVICES: usize = 3;

/// A device in a choice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Option_ {
    price: Money,
    truth: f64,
    guess: f64,
    low: f64,
    naive: f64,
    unseen: bool,
}

/// The devices of one choice.
pub(crate) type Problem = Vec<Option_>;

/// How choices by one rule went.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    /// Choices in all.
    pub(crate) choices: usize,
    /// Share of them in which a device was picked.
    pub(crate) picked: f64,
    /// Share of the picks that really meet the target.
    pub(crate) valid: f64,
    /// Share of the picks that are the cheapest that does.
    pub(crate) cheapest: f64,
    /// How much more the valid picks cost than the cheapest, on average.
    pub(crate) regret: f64,
    /// Of all devices that are said to meet a target, picked or not, the share that does not.
    pub(crate) false_fits: f64,
}

/// The choices that these answers decide, with at least one device of which an answer is `unseen`. The answers refer to
/// `observations`.
pub(crate) fn problems<'a>(
    observations: &[Observation],
    catalog: &Catalog,
    answers: impl IntoIterator<Item = &'a Answer>,
    unseen: impl Fn(&Answer) -> bool,
) -> Vec<Problem> {
    let mut problems: BTreeMap<(u64, &str, u8), BTreeMap<&str, Option_>> = BTreeMap::new();
    for answer in answers {
        let o = &observations[answer.observation];
        let Some((key, price)) = problem(o, catalog) else { continue };
        let option = Option_ {
            price,
            truth: answer.truth,
            guess: answer.guess,
            low: answer.low,
            naive: o.naive_decode().0,
            unseen: unseen(answer),
        };
        let best = problems.entry(key).or_default().entry(&o.device).or_insert(option);
        if option.truth > best.truth {
            *best = option;
        }
    }
    let problems = problems.into_values().map(|p| p.into_values().collect());
    problems.filter(|p: &Problem| p.len() >= DEVICES && p.iter().any(|o| o.unseen)).collect()
}

/// Outcomes of choosing by the low bound, by the best guess and by the folk rule.
pub(crate) fn play(problems: &[Problem]) -> [Outcome; 3] {
    [outcome(problems, |o| o.low), outcome(problems, |o| o.guess), outcome(problems, |o| o.naive)]
}

/// Model, class of bit widths and range of contexts that an observation belongs to, and the price of its device.
fn problem<'a>(o: &Observation, catalog: &'a Catalog) -> Option<((u64, &'a str, u8), Money)> {
    let Measured::Decode { streams: 1, depth } = o.measured else { return None };
    let price = catalog.device(&o.device).ok()?.0.price_at(1)?;
    let parameters = catalog.model(&o.model).ok()?.parameters;
    let bits = edgemem::speed::language::keys::FormatClass::of(catalog.format(&o.format).ok()?).bits();
    let range = match depth {
        0..=2304 => 0,
        2305..=9000 => 1,
        _ => 2,
    };
    Some(((parameters, bits, range), price))
}

fn outcome(problems: &[Problem], rate: impl Fn(&Option_) -> f64) -> Outcome {
    let (mut choices, mut picked, mut valid, mut cheapest, mut regret) = (0, 0, 0, 0, 0.0);
    let (mut said, mut falsely) = (0, 0);
    for options in problems {
        let slowest = options.iter().map(|o| o.truth).fold(f64::INFINITY, f64::min);
        let fastest = options.iter().map(|o| o.truth).fold(0.0, f64::max);
        for share in TARGETS {
            choices += 1;
            let target = slowest * (fastest / slowest).powf(share);
            let by_price = |o: &&Option_| o.price;
            said += options.iter().filter(|o| rate(o) >= target).count();
            falsely += options.iter().filter(|o| rate(o) >= target && o.truth < target).count();
            let right = options.iter().filter(|o| o.truth >= target).min_by_key(by_price);
            let pick = options.iter().filter(|o| rate(o) >= target).min_by_key(by_price);
            let (Some(right), Some(pick)) = (right, pick) else { continue };
            picked += 1;
            if pick.truth >= target {
                valid += 1;
                cheapest += usize::from(pick.price <= right.price);
                regret += pick.price.usd() / right.price.usd() - 1.0;
            }
        }
    }
    let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
    Outcome {
        choices,
        picked: share(picked, choices),
        valid: share(valid, picked),
        cheapest: share(cheapest, picked),
        regret: regret / valid.max(1) as f64,
        false_fits: share(falsely, said),
    }
}
