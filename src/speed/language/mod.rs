//! How fast a language model runs: laws of time with fitted shares, corrected by what was measured nearby.

pub mod constants;
pub mod keys;
pub mod law;
pub mod spread;
pub mod work;

pub use constants::Constants;
use keys::{KINDS, Kind, MAKER_DECODE, MAKER_PREFILL, SILICON_DECODE, SILICON_PREFILL, Subject, hashed};
use law::{Figures, Terms};
use spread::{Level, Width};
use work::Work;

use super::{Bound, LanguageSpeed, NoEstimate};
use crate::domain::PowerMode;
use crate::memory::Case;
use crate::units::{Range, Seconds, Share, TokensPerSecond};

/// Image patches per token that the vision tower hands on: towers merge 2 x 2 patches into one token.
const PATCHES_PER_TOKEN: f64 = 4.0;

/// Tokens of an image where the model's entry names no number: a 448 x 448 image in patches of 14, merged 2 x 2.
const TOKENS_PER_IMAGE: u32 = 256;

/// The speed of a case in a power mode.
///
/// # Errors
/// [`NoEstimate`] when the model has no language body, the bandwidth is unknown, or nothing is calibrated.
pub(super) fn speed(
    case: &Case<'_>,
    mode: &PowerMode,
    confidence: Share,
    constants: &Constants,
) -> Result<LanguageSpeed, NoEstimate> {
    let question = Question::of(case, mode, constants)?;
    let streams = case.demand.streams.max(1);
    let decode = if case.model.task.decodes() {
        Some(question.decode(streams, case.demand.context, confidence, constants)?)
    } else {
        None
    };
    let prefill = question.prefill(case.demand.prompt.max(1), confidence, constants)?;
    let images = question.images(case, constants)?;
    // The last position of the prompt yields the first token: no step of decoding lies between.
    let ttft = |width: f64| Seconds((prefill.time + images) / width);
    Ok(LanguageSpeed {
        decode: decode.map(|d| d.rate),
        prefill: prefill.rate,
        ttft: Range { median: ttft(1.0), low: ttft(prefill.width.high), high: ttft(prefill.width.low) },
        bound: decode.map_or(Bound::Compute, |d| d.bound),
        basis: decode.map_or(prefill.level, |d| d.level).basis(),
    })
}

/// A case in the terms of the laws.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// By what constants are chosen.
    pub subject: Subject<'a>,
    /// Hashed names of the deviations that apply.
    deviations: [(Kind, Option<u64>); KINDS],
    /// What the model asks for.
    pub work: Work,
    /// What the hardware offers.
    pub figures: Figures,
}

/// A decode rate with what it rests on.
#[derive(Debug, Clone, Copy)]
pub struct DecodeEstimate {
    /// Tokens per second of each stream.
    pub rate: Range<TokensPerSecond>,
    /// What limits it.
    pub bound: Bound,
    /// What was measured.
    pub level: Level,
}

/// A prompt's rate with what it rests on.
#[derive(Debug, Clone, Copy)]
pub struct PrefillEstimate {
    /// Prompt tokens per second.
    pub rate: Range<TokensPerSecond>,
    /// Time of the whole prompt in seconds.
    time: f64,
    width: Width,
    /// What was measured.
    pub level: Level,
}

impl<'a> Question<'a> {
    /// The case in the terms of the laws.
    ///
    /// # Errors
    /// [`NoEstimate`] when the model has no language body or the bandwidth is neither known nor inferred.
    pub fn of(case: &Case<'a>, mode: &PowerMode, constants: &Constants) -> Result<Self, NoEstimate> {
        const NO_LANGUAGE: NoEstimate = NoEstimate::Unable("the model has no language body");
        let subject = Subject::of(case.device, case.runtime, case.model, case.format).ok_or(NO_LANGUAGE)?;
        let work = Work::of(case.model, case.weights, case.kv, case.runtime.weight_residence).ok_or(NO_LANGUAGE)?;
        let inferred = || constants.inferred_bandwidth.get(&subject.chip_name()).map(|b| b.0);
        let figures =
            subject.figures(mode, inferred).ok_or(NoEstimate::Unknown("the memory bandwidth of the device"))?;
        Ok(Self { subject, deviations: subject.deviations(hashed), work, figures })
    }

    /// Tokens per second of each of `streams` streams with `depth` tokens in the cache.
    ///
    /// # Errors
    /// [`NoEstimate`] when nothing is calibrated.
    pub fn decode(
        &self,
        streams: u32,
        depth: u64,
        confidence: Share,
        constants: &Constants,
    ) -> Result<DecodeEstimate, NoEstimate> {
        let part = &constants.decode;
        let path = self.subject.decode_path(hashed);
        let (reach, law) = part.law(&path).ok_or(NOT_CALIBRATED)?;
        let (log, level) = self.nearby(|name| part.deviation(name), reach, MAKER_DECODE);
        let terms = law::decode_terms(&self.work, self.figures, streams, depth);
        let one = law.time(&terms).0 / log.exp();
        let (time, width) = if streams > 1 {
            let path = self.subject.prefill_path(hashed);
            let (_, batch) = constants.batch.law(&path).ok_or(NOT_CALIBRATED)?;
            let arithmetic = law::batch_term(&self.work, self.figures, streams) / batch.batch_share;
            // Streams served one after another are never slower than streams served together: no stream's arithmetic
            // costs more than what it saves by sharing a step.
            let shared = law.time(&law::shared_terms(&self.work, self.figures)).0 / log.exp();
            let time = one + arithmetic.min(f64::from(streams - 1) * shared);
            (time, constants.batch.width(level, [path[MAKER_PREFILL], path[SILICON_PREFILL]], confidence))
        } else {
            (one, part.width(level, [path[MAKER_DECODE], path[SILICON_DECODE]], confidence))
        };
        let mut rate = range(1.0 / time, width);
        if streams > 1 {
            // Batches scatter more than single streams, upwards too; but no stream is faster for others beside it.
            let alone = self.decode(1, depth, confidence, constants)?.rate;
            rate.median.0 = rate.median.0.min(alone.median.0);
            rate.low.0 = rate.low.0.min(alone.low.0);
            rate.high.0 = rate.high.0.min(alone.high.0);
        }
        Ok(DecodeEstimate { rate, bound: bound(&terms, law, time / one), level })
    }

    /// Prompt tokens per second of one prompt of `prompt` tokens.
    ///
    /// # Errors
    /// [`NoEstimate`] when nothing is calibrated.
    pub fn prefill(
        &self,
        prompt: u64,
        confidence: Share,
        constants: &Constants,
    ) -> Result<PrefillEstimate, NoEstimate> {
        let part = &constants.prefill;
        let path = self.subject.prefill_path(hashed);
        let (reach, law) = part.law(&path).ok_or(NOT_CALIBRATED)?;
        let (log, level) = self.nearby(|name| part.deviation(name), reach, MAKER_PREFILL);
        let time = law.time(&law::prefill_terms(&self.work, self.figures, prompt)).0 / log.exp();
        let width = part.width(level, [path[MAKER_PREFILL], path[SILICON_PREFILL]], confidence);
        Ok(PrefillEstimate { rate: range(prompt as f64 / time, width), time, width, level })
    }

    /// Sum of the deviations that are known, and what was measured of the subject.
    fn nearby(&self, known: impl Fn(u64) -> Option<f64>, reach: usize, silicon: usize) -> (f64, Level) {
        let (mut log, mut level) = (
            0.0,
            match reach {
                _ if reach >= silicon => Level::Silicon,
                _ if reach >= ENGINE => Level::Engine,
                _ => Level::Nothing,
            },
        );
        for &(kind, name) in &self.deviations {
            if let Some(deviation) = name.and_then(&known) {
                log += deviation;
                level = match kind {
                    Kind::ChipEngine => level.min(Level::Device),
                    Kind::Cell => level.min(Level::Cell),
                    Kind::CellFormat => level.min(Level::Exact),
                    _ => level,
                };
            }
        }
        (log, level)
    }

    /// Seconds that the vision tower takes for the images of the prompt: its parameters for every patch, at the rate that
    /// the language body's prompt reaches.
    fn images(&self, case: &Case<'_>, constants: &Constants) -> Result<f64, NoEstimate> {
        let Some(vision) = case.model.language().and_then(|a| a.spec.vision).filter(|_| case.demand.images > 0) else {
            return Ok(0.0);
        };
        let (_, law) = constants.prefill.law(&self.subject.prefill_path(hashed)).ok_or(NOT_CALIBRATED)?;
        // What is attended to instead of becoming tokens was encoded all the same.
        let usual = || u64::from(vision.tokens_per_image.unwrap_or(TOKENS_PER_IMAGE));
        let tokens = case.demand.image_tokens.unwrap_or_else(usual) as f64;
        let tokens = tokens.max(f64::from(vision.attended_positions) / PATCHES_PER_TOKEN);
        let ops = 2.0 * vision.parameters as f64 * tokens * PATCHES_PER_TOKEN * f64::from(case.demand.images);
        Ok(ops / (law.compute_share.min(1.0) * self.figures.compute))
    }
}

/// Place of the law of an engine in the paths.
const ENGINE: usize = 2;

const NOT_CALIBRATED: NoEstimate =
    NoEstimate::Unable("the speed model has no constants: the catalogs lack calibration/");

fn range(rate: f64, width: Width) -> Range<TokensPerSecond> {
    Range {
        median: TokensPerSecond(rate),
        low: TokensPerSecond(rate * width.low),
        high: TokensPerSecond(rate * width.high),
    }
}

/// What takes the largest part of a step; `stretch` is the whole step over the step without the further streams' arithmetic.
fn bound(terms: &Terms<3>, law: law::DecodeLaw, stretch: f64) -> Bound {
    let memory = terms[0] / law.bandwidth_share + terms[1] / law.cache_share;
    let overhead = terms[2] * law.layer_us;
    if (stretch - 1.0) * (memory + overhead) > memory.max(overhead) {
        Bound::Compute
    } else if memory >= overhead {
        Bound::Memory
    } else {
        Bound::Overhead
    }
}
