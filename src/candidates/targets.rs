//! What a workload's targets ask of a speed: the share of the device's time, and what is missed.

use std::cmp::Ordering;

use super::Speed;
use super::refusal::Missed;
use crate::scenario::{RateTarget, SPEECH_WINDOW_S, Workload};
use crate::speed::NoEstimate;
use crate::units::{Micros, Share};

/// What a speed comes to under the targets of a workload.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Judged {
    /// Share of the device's time that the rate target takes; nothing without one.
    pub load: Share,
    /// Latency when alone at the unfavourable bound and its target, when there is one.
    pub latency: Option<(Micros, Micros)>,
    /// The rate target that is missed.
    pub slow: Option<Missed>,
    /// The latency target that is missed.
    pub late: Option<Missed>,
    /// A target is reached by less than a quarter more than asked.
    pub barely: bool,
}

impl Judged {
    /// The targets that are missed: that of the rate before that of latency.
    pub fn missed(&self) -> impl Iterator<Item = Missed> {
        self.slow.into_iter().chain(self.late)
    }
}

/// What is reached by less than this factor is barely reached: a quarter more, as much as memory has to spare by default.
const MARGIN: f64 = 1.25;

/// Holds a speed against the targets, each of which holds for every stream.
///
/// load = streams x target x duty / rate of all streams together, at the unfavourable bound. A model that decodes serves its
/// streams in one step, and its rate is that of each of them; networks and text encoders answer them one after the other, so
/// that each gets its part of the rate of one. All streams may be busy at once, whatever the duty.
///
/// # Errors
/// [`NoEstimate`] when a target asks for something that the speed does not tell.
pub fn judge_targets(speed: &Speed, workload: &Workload) -> Result<Judged, NoEstimate> {
    let targets = &workload.targets;
    let mut judged = Judged::default();
    let (time, wanted) = match (speed, speed.latency()) {
        (_, Some(inference)) => (inference, targets.latency),
        (Speed::Language(language), None) => (language.ttft, targets.ttft),
        (Speed::Network(network), None) => (network.latency, targets.latency),
    };
    if let Some(wanted) = wanted {
        let reached = Micros::rounded_up(time.high);
        judged.latency = Some((reached, wanted));
        judged.barely = reached.seconds() * MARGIN > wanted.seconds();
        judged.late = match targets.ttft {
            _ if reached <= wanted => None,
            Some(_) => Some(Missed::Ttft { wanted, reached }),
            None => Some(Missed::Latency { wanted, reached }),
        };
    }
    if let Some(rate) = targets.rate() {
        let reached = of_each_stream(speed, workload, rate)?;
        let wanted = rate.per_second();
        judged.barely |= reached < wanted * MARGIN;
        judged.load = Share::rounded_up(wanted * workload.duty.as_f64() / reached);
        // A rate of nothing at all (or no number) must not pass as a reached target.
        if !matches!(reached.partial_cmp(&wanted), Some(Ordering::Greater | Ordering::Equal)) {
            judged.slow = Some(missed(rate, reached, workload.streams));
        }
    }
    Ok(judged)
}

/// Tokens or inferences per second that each stream gets when all are busy, at the unfavourable bound.
fn of_each_stream(speed: &Speed, workload: &Workload, rate: RateTarget) -> Result<f64, NoEstimate> {
    match (rate, speed) {
        (RateTarget::Decode(_), Speed::Language(language)) => {
            language.decode.map(|d| d.low.0).ok_or(NoEstimate::Unable("it does not decode"))
        }
        _ => speed
            .inferences_of_each(workload.streams)
            .map(|each| each.low.0)
            .ok_or(NoEstimate::Unable("it is asked for inferences, which it does not run")),
    }
}

fn missed(rate: RateTarget, each: f64, streams: u32) -> Missed {
    match rate {
        RateTarget::Decode(wanted) => Missed::Decode { wanted, reached: each },
        RateTarget::Inferences(wanted) => Missed::Inferences { wanted, reached: each * f64::from(streams), streams },
        RateTarget::RealtimeFactor(wanted) => {
            Missed::RealtimeFactor { wanted, reached: 1.0 / (SPEECH_WINDOW_S * each), streams }
        }
    }
}
