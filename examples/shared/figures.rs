//! Error figures of answers.

use edgemem::speed::calibration::{Calibrator, Fold, Measured, Target};
use edgemem::speed::language::Constants;
use edgemem::speed::{Basis, Calibration, NoEstimate, language_speed};
use edgemem::units::Share;

use crate::measurements::{Cell, Resolved};

/// The confidence of the ranges that the page reports.
pub(crate) const CONFIDENCE: Share = Share(900_000);

/// An estimate beside its measurement.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Index of the observation.
    pub(crate) observation: usize,
    /// Engine on silicon.
    pub(crate) class: String,
    pub(crate) truth: f64,
    pub(crate) guess: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) basis: Basis,
}

impl Answer {
    /// Answers to measurements that were left out of the fit in this way.
    pub(crate) fn of(calibrator: &Calibrator, target: Target, fold: Fold, constants: &Constants) -> Vec<Self> {
        calibrator
            .judge(target, fold)
            .into_iter()
            .map(|j| {
                let o = &calibrator.observations()[j.observation];
                let width = o.width(target, j.level, CONFIDENCE, constants);
                let guess = o.rate.0 * (-j.log_error).exp();
                Self {
                    observation: j.observation,
                    class: o.class().to_owned(),
                    truth: o.rate.0,
                    guess,
                    low: guess * width.low,
                    high: guess * width.high,
                    basis: j.level.basis(),
                }
            })
            .collect()
    }

    /// The answer of these constants to a measurement, as the program gives it.
    pub(crate) fn given(
        observation: usize,
        (cell, facts): &(Cell<'_>, Resolved<'_>),
        calibration: &Calibration,
    ) -> Result<Self, NoEstimate> {
        let case = facts.case(cell.measured);
        let speed = language_speed(&case, facts.mode, CONFIDENCE, calibration)?;
        let streams = f64::from(case.demand.streams);
        let (rate, scale) = match (cell.measured, speed.decode) {
            (Measured::Decode { .. }, Some(decode)) => (decode, streams),
            _ => (speed.prefill, 1.0),
        };
        Ok(Self {
            observation,
            class: format!("{} on {}", facts.runtime.id, facts.device.id),
            truth: cell.rate.0,
            guess: rate.median.0 * scale,
            low: rate.low.0 * scale,
            high: rate.high.0 * scale,
            basis: speed.basis,
        })
    }

    /// Relative error without sign.
    pub(crate) fn error(&self) -> f64 {
        (self.guess / self.truth - 1.0).abs()
    }
}

/// Figures over some answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) rows: usize,
    pub(crate) median: f64,
    pub(crate) mean: f64,
    pub(crate) inside: f64,
    pub(crate) over: f64,
    pub(crate) width: f64,
}

impl Figures {
    /// Of these answers; there must be at least one.
    pub(crate) fn of<'a>(answers: impl IntoIterator<Item = &'a Answer>) -> Self {
        let answers: Vec<&Answer> = answers.into_iter().collect();
        let share =
            |f: &dyn Fn(&Answer) -> bool| answers.iter().filter(|a| f(a)).count() as f64 / answers.len().max(1) as f64;
        Self {
            rows: answers.len(),
            median: median(answers.iter().map(|a| a.error()).collect()),
            mean: answers.iter().map(|a| a.error()).sum::<f64>() / answers.len().max(1) as f64,
            inside: share(&|a| a.low <= a.truth && a.truth <= a.high),
            over: share(&|a| a.low > a.truth),
            width: median(answers.iter().map(|a| a.high / a.low).collect()),
        }
    }
}

/// The middle value, zero of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    if n == 0 { 0.0 } else { (values[(n - 1) / 2] + values[n / 2]) / 2.0 }
}
