//! What one inference consists of: the graphs that are run, how often, and how much arithmetic and data each needs.

use crate::domain::{Network, Speech};

/// Tokens decoded for one 30 s window of speech: ordinary talk, and the contract's definition of one inference.
pub const WINDOW_TOKENS: u32 = 100;

/// Bins of the mel spectrogram that the encoder's first convolution reads (80 or 128: its share of the work is below 1 %).
const MEL_BINS: f64 = 128.0;

/// One graph that is run as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// What distinguishes it from the other parts of its network: empty for the only one.
    pub name: &'static str,
    /// Runs per inference.
    pub runs: u32,
    /// Arithmetic operations of one run, a multiply-add counted as two.
    pub operations: f64,
    /// Elements of all layer outputs that one run writes; absent when unknown.
    pub activations: Option<f64>,
    /// Weights that one run reads.
    pub weights: f64,
    /// Layers, for engines that pay for each of them.
    pub layers: u32,
}

/// The graphs of one inference; none when the network's operations are unknown.
#[must_use]
pub fn parts(network: &Network, parameters: u64) -> Vec<Part> {
    if let Some(speech) = &network.speech {
        return vec![encoder(speech), decoder(speech)];
    }
    let whole = |giga_ops: f64| Part {
        name: "",
        runs: 1,
        operations: giga_ops * 1e9,
        activations: network.activations_m.map(|m| m * 1e6),
        weights: parameters as f64,
        layers: 1,
    };
    network.giga_ops.map(whole).into_iter().collect()
}

/// One pass over a 30 s window, keys and values for the decoder's cross-attention included.
fn encoder(s: &Speech) -> Part {
    let [layers, hidden, ffn, frames] = [s.encoder_layers, s.hidden, s.ffn, s.audio_context].map(f64::from);
    // Four square projections and two feed-forward matrices per layer.
    let matrices = 4.0 * hidden * hidden + 2.0 * hidden * ffn;
    let scores = 2.0 * frames * hidden;
    // Two convolutions of three taps: the first at twice the frame rate, the second halves it.
    let convolutions = 3.0 * hidden * (2.0 * MEL_BINS + hidden);
    let cross = 2.0 * f64::from(s.decoder_layers) * hidden * hidden;
    Part {
        name: "encoder",
        runs: 1,
        operations: 2.0 * frames * (layers * (matrices + scores) + convolutions + cross),
        activations: Some(layers * frames * (5.0 * hidden + ffn + f64::from(s.heads) * frames)),
        weights: layers * matrices + cross,
        layers: s.encoder_layers,
    }
}

/// One token: every weight of the decoder once, and the keys and values of the whole window.
fn decoder(s: &Speech) -> Part {
    let [layers, hidden, ffn, frames] = [s.decoder_layers, s.hidden, s.ffn, s.audio_context].map(f64::from);
    // Self-attention, query and output of cross-attention, feed-forward; the vocabulary once.
    let weights = layers * (6.0 * hidden * hidden + 2.0 * hidden * ffn) + f64::from(s.vocab) * hidden;
    let window = 2.0 * layers * hidden * frames;
    Part {
        name: "decoder",
        runs: WINDOW_TOKENS,
        operations: 2.0 * (weights + window),
        activations: Some(window),
        weights,
        layers: s.decoder_layers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whisper_small_has_the_parameters_that_its_parts_read() {
        let small = Speech {
            encoder_layers: 12,
            decoder_layers: 12,
            hidden: 768,
            heads: 12,
            ffn: 3072,
            vocab: 51865,
            audio_context: 1500,
            text_context: 448,
        };
        let parts = parts(&Network { speech: Some(small), ..Network::default() }, 241_734_912);
        let read: f64 = parts.iter().map(|p| p.weights).sum();
        // Biases, norms, positions and the first convolutions are all that is missing.
        assert!((read / 241_734_912.0 - 1.0).abs() < 0.03, "{read}");
        assert_eq!(parts.iter().map(|p| p.runs).collect::<Vec<_>>(), [1, WINDOW_TOKENS]);
    }
}
