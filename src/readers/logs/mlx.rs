//! mlx-lm and mlx-vlm: rates and the peak of what MLX allocated.

use super::{Decimal, Form, Line, Part, Reader, after, figure, size};

pub(super) const FORM: Form = Form {
    source: "mlx",
    engine: Some("mlx"),
    how: "mlx_lm.generate --model ... --prompt ... | tee run.log",
    line: "Peak memory: 4.812 GB",
};

/// `Prompt: 8000 tokens, 230.000 tokens-per-sec`, `Generation: 256 tokens, 24.000 tokens-per-sec`, `Peak memory: 20.000 GB` of
/// 1000 cubed (`mlx_lm/generate.py` divides by 1e9); a batch's lines have `[batch_generate]` before them.
pub(super) fn line(reader: &mut Reader, line: &str) -> Line {
    if let Some(rest) = after(line, "Peak memory: ") {
        let Some(mib) = size(rest, Decimal::Decimal) else { return Line::Unbelievable };
        reader.observed.source(FORM);
        reader.observed.peak(Part::Allocated, "peak", mib);
        return Line::Read;
    }
    let Some((before, _)) = line.split_once(" tokens-per-sec") else { return Line::Other };
    let Some(rate) = before.split([',', ' ']).rfind(|t| !t.is_empty()).and_then(figure).filter(|r| *r > 0.0) else {
        return Line::Unbelievable;
    };
    if before.contains("Prompt:") {
        reader.observed.source(FORM);
        reader.observed.prefill_tok_s = Some(rate);
    } else if before.contains("Generation:") {
        reader.observed.source(FORM);
        reader.observed.decode_tok_s = Some(rate);
    } else {
        return Line::Other;
    }
    Line::Read
}
