//! The text of `docs/accuracy.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use edgemem::catalog::Catalog;
use edgemem::speed::Basis;
use edgemem::speed::calibration::{Calibrator, Measured};

use crate::decisions::{self, Outcome};
use crate::figures::{Answer, Figures, median};
use crate::strangers::Draw;

/// Everything that the page says.
pub(crate) struct Page<'a> {
    pub(crate) new_model: Vec<Answer>,
    pub(crate) new_device: Vec<Answer>,
    pub(crate) new_source: Vec<Answer>,
    pub(crate) known: Vec<Answer>,
    pub(crate) batch: Vec<Answer>,
    pub(crate) prefill_new_model: Vec<Answer>,
    pub(crate) prefill_new_device: Vec<Answer>,
    pub(crate) strangers: Vec<Draw>,
    pub(crate) calibrator: &'a Calibrator,
    pub(crate) catalog: &'a Catalog,
}

const HEAD: &str = "\
# How wrong the speed estimates are

Language models; vision and speech models are in [accuracy-vision.md](accuracy-vision.md).

Written by `cargo run --release --example accuracy`; do not edit. The measurements are those of
`catalogs/measurements/throughput.csv`, each with its source; measurements of one case are merged into their median. No
figure on this page comes from a measurement that the fit had seen:

- *new model*: all measurements of a model on a chip were left out; the device is known by other models.
- *new device*: all measurements of a chip were left out; only like hardware is known.
- *new source*: all measurements of one publisher were left out.
- *known case*: a single measurement was left out; the same case at other lengths may be known.
- *unknown devices*: a third of all devices was left out at once, of a chip with more than 100 measurements a third of its
  models. Laws, deviations and ranges were fitted anew to the rest, so that nothing at all comes from what is judged. Every
  measurement was left out four times, in four divisions into thirds; the thirds by which the fits stretch their ranges are others.

*Inside* is the share of measurements inside the range at confidence 0.9, *over-promised* the share below its low bound,
*width* the median of high over low.

";

const GLANCE: &str = "\
## At a glance

Decoding, one stream.

| what the fit had not seen | cases | median error | mean error | inside | over-promised | width |
|---|---|---|---|---|---|---|
";

/// Claims are figures that the tests hold the code to.
const CLAIMS: &str = "\
## Claims

Tests fit the constants anew without the devices in question, ask the shipped ones about every measurement, and fail when
the figures are worse than these.

| claim | median error | mean error | inside | over-promised |
|---|---|---|---|---|
";

impl Page<'_> {
    /// The whole page.
    pub(crate) fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        self.glance(&mut text);
        text.push_str(CLAIMS);
        for (name, answers) in self.claims() {
            let f = Figures::of(answers);
            let _ = writeln!(
                text,
                "| {name} | {} | {} | {} | {} |",
                percent(f.median),
                percent(f.mean),
                percent(f.inside),
                percent(f.over)
            );
        }
        self.section(&mut text, "Decoding, one stream, new model", &self.new_model, true);
        self.section(&mut text, "Decoding, one stream, new device", &self.new_device, true);
        self.section(&mut text, "Decoding, one stream, new source", &self.new_source, false);
        self.section(&mut text, "Decoding, one stream, known case", &self.known, false);
        self.section(&mut text, "Decoding, several streams, new model", &self.batch, false);
        self.section(&mut text, "Prompts, new model", &self.prefill_new_model, false);
        self.section(&mut text, "Prompts, new device", &self.prefill_new_device, false);
        self.decisions(&mut text);
        self.worst(&mut text, "Furthest off: decoding, new model", &self.new_model);
        self.worst(&mut text, "Furthest off: decoding, new device", &self.new_device);
        self.worst(&mut text, "Furthest off: prompts, new model", &self.prefill_new_model);
        text
    }

    fn glance(&self, text: &mut String) {
        text.push_str(GLANCE);
        let line = |text: &mut String, name: &str, answers: &[&Answer]| self.line(text, name, answers, false);
        let one_at_a_time =
            [("new model", &self.new_model), ("new device", &self.new_device), ("new source", &self.new_source)];
        for (name, answers) in one_at_a_time {
            line(text, name, &answers.iter().collect::<Vec<_>>());
        }
        let together: Vec<&Answer> = one_at_a_time.iter().flat_map(|(_, answers)| answers.iter()).collect();
        line(text, "these three together", &together);
        for (i, draw) in self.strangers.iter().enumerate() {
            line(text, &format!("unknown devices, draw {}", i + 1), &draw.unseen.iter().collect::<Vec<_>>());
        }
        let unknown: Vec<&Answer> = self.strangers.iter().flat_map(|draw| &draw.unseen).collect();
        line(text, "**unknown devices, all draws**", &unknown);
        text.push('\n');
    }

    fn claims(&self) -> [(&'static str, &[Answer]); 5] {
        [
            ("decode known case", &self.known),
            ("decode new model", &self.new_model),
            ("decode new device", &self.new_device),
            ("prefill new model", &self.prefill_new_model),
            ("prefill new device", &self.prefill_new_device),
        ]
    }

    fn section(&self, text: &mut String, title: &str, answers: &[Answer], naive: bool) {
        let _ = write!(
            text,
            "\n## {title}\n\n| engine and silicon | cases | median error | mean error | inside | over-promised | width |"
        );
        text.push_str(if naive {
            " median error of bandwidth / bytes |\n|---|---|---|---|---|---|---|---|\n"
        } else {
            "\n|---|---|---|---|---|---|---|\n"
        });
        let mut classes: BTreeMap<&str, Vec<&Answer>> = BTreeMap::new();
        for answer in answers {
            classes.entry(&answer.class).or_default().push(answer);
        }
        for (name, members) in &classes {
            self.line(text, &name.replace('|', " · "), members, naive);
        }
        self.line(text, "**all**", &answers.iter().collect::<Vec<_>>(), naive);
    }

    fn line(&self, text: &mut String, name: &str, answers: &[&Answer], naive: bool) {
        let f = Figures::of(answers.iter().copied());
        let _ = write!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {:.2} |",
            f.rows,
            percent(f.median),
            percent(f.mean),
            percent(f.inside),
            percent(f.over),
            f.width
        );
        if naive {
            let errors = answers.iter().map(|a| {
                let rate = self.calibrator.observations()[a.observation].naive_decode().0;
                (rate / a.truth - 1.0).abs()
            });
            let _ = write!(text, " {} |", percent(median(errors.collect())));
        }
        text.push('\n');
    }

    fn decisions(&self, text: &mut String) {
        text.push_str(
            "\n## Decisions\n\nOver all models, bit widths and ranges of contexts that were measured on at least three devices with a price, and six\n\
             targets between the slowest and the fastest of them: how often is a device picked, how often does the pick meet its\n\
             target when measured, how often is it the cheapest that does, and how much more does it cost on average? *False* is the\n\
             share of wrong ones among all devices that are said to meet a target, picked or not. With unknown devices the\n\
             choices are those with at least one of them, and the others are known.\n\n\
             | the buyer goes by | choices | picked | valid | cheapest | mean regret | false |\n|---|---|---|---|---|---|---|\n",
        );
        let kinds = [("known cases", &self.known), ("new model", &self.new_model), ("new device", &self.new_device)];
        for (what, answers) in kinds {
            let problems = decisions::problems(self.calibrator.observations(), self.catalog, answers.iter(), |_| true);
            let [low, guess, naive] = decisions::play(&problems);
            row(text, &format!("low bound, {what}"), low);
            row(text, &format!("best guess, {what}"), guess);
            if what == "new device" {
                row(text, "bandwidth / bytes", naive);
            }
        }
        let problems: Vec<_> = self.strangers.iter().flat_map(|draw| draw.problems.iter().cloned()).collect();
        let [low, guess, _] = decisions::play(&problems);
        row(text, "low bound, unknown devices", low);
        row(text, "best guess, unknown devices", guess);
    }

    fn worst(&self, text: &mut String, title: &str, answers: &[Answer]) {
        let _ = write!(
            text,
            "\n## {title}\n\n| device | model | format | engine and silicon | case | measured | estimated | range | rests on |\n|---|---|---|---|---|---|---|---|---|\n"
        );
        let mut sorted: Vec<&Answer> = answers.iter().collect();
        sorted.sort_by(|a, b| {
            let off = |a: &Answer| (a.guess / a.truth).ln().abs();
            off(b).total_cmp(&off(a)).then(a.observation.cmp(&b.observation))
        });
        for a in sorted.into_iter().take(10) {
            let o = &self.calibrator.observations()[a.observation];
            let case = match o.measured {
                Measured::Decode { streams, depth } => format!("{streams} x {depth} tokens in the cache"),
                Measured::Prefill { prompt } => format!("prompt of {prompt}"),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {case} | {:.1} | {:.1} | {:.1} to {:.1} | {} |",
                o.device,
                o.model,
                o.format,
                a.class.replace('|', " · "),
                a.truth,
                a.guess,
                a.low,
                a.high,
                basis(a.basis)
            );
        }
    }
}

fn row(text: &mut String, name: &str, o: Outcome) {
    let _ = writeln!(
        text,
        "| {name} | {} | {} | {} | {} | {} | {} |",
        o.choices,
        percent(o.picked),
        percent(o.valid),
        percent(o.cheapest),
        percent(o.regret),
        percent(o.false_fits)
    );
}

/// In words.
fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Measured => "this model here",
        Basis::Device => "this device",
        Basis::Class => "its class",
        Basis::Roofline => "its specification",
    }
}

fn percent(x: f64) -> String {
    format!("{:.1} %", 100.0 * x)
}
