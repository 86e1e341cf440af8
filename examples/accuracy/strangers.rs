//! What a buyer meets: many devices at once that nobody measured. The constants, ranges included, are fitted anew without
//! them.

use edgemem::catalog::Catalog;
use edgemem::speed::Calibration;
use edgemem::speed::calibration::{Calibrator, DIVISIONS, Measured, Observation, thirds};

use crate::decisions::{self, Problem};
use crate::figures::Answer;
use crate::measurements::{Cell, Resolved};

/// How many divisions are drawn, each of three thirds. They are numbered after those by which the fit stretches its ranges.
const DRAWN: u8 = 4;

/// The answers of one fit to everything, and to what it had not seen.
pub(crate) struct Draw {
    /// To all measurements of decoding with one stream that the fit had not seen.
    pub(crate) unseen: Vec<Answer>,
    /// The choices with at least one device that the fit had not seen.
    pub(crate) problems: Vec<Problem>,
}

/// Leaves out each third of each division in turn. `observations` are those of `facts`.
pub(crate) fn draws(catalog: &Catalog, facts: &[(Cell<'_>, Resolved<'_>)], observations: &[Observation]) -> Vec<Draw> {
    let mut draws = Vec::new();
    for division in DIVISIONS..DIVISIONS + DRAWN {
        let thirds = thirds(observations, division);
        for left_out in 0..3 {
            draws.push(draw(catalog, facts, observations, |i| thirds[i] == left_out));
        }
    }
    draws
}

fn draw(
    catalog: &Catalog,
    facts: &[(Cell<'_>, Resolved<'_>)],
    observations: &[Observation],
    left_out: impl Fn(usize) -> bool,
) -> Draw {
    let rest = observations.iter().enumerate().filter(|(i, _)| !left_out(*i)).map(|(_, o)| o.clone()).collect();
    let calibration = Calibration { language: Calibrator::new(rest).constants(), ..Calibration::default() };
    let one_stream = |cell: &Cell<'_>| matches!(cell.measured, Measured::Decode { streams: 1, .. });
    let asked = facts.iter().enumerate().filter(|(_, (cell, _))| one_stream(cell));
    // Without an estimate there is nothing to be wrong about: silicon of unknown bandwidth that was left out.
    let answers: Vec<Answer> = asked.filter_map(|(i, facts)| Answer::given(i, facts, &calibration).ok()).collect();
    let problems = decisions::problems(observations, catalog, &answers, |a| left_out(a.observation));
    Draw { unseen: answers.into_iter().filter(|a| left_out(a.observation)).collect(), problems }
}
