//! What the arithmetic of a network is done in, as its weight format leads to.

use serde::{Deserialize, Serialize};

/// What the arithmetic is done in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 8-bit weights and activations.
    Eight,
    /// 8-bit weights, 16-bit activations.
    Mixed,
    /// 16-bit floating point, and everything that is expanded to it.
    Half,
    /// 32-bit floating point.
    Single,
}

impl Precision {
    /// The arithmetic that a weight format leads to, by the format's id. Formats of fewer bits than eight are expanded.
    #[must_use]
    pub fn of_format(id: &str) -> Self {
        match id {
            "w8a16" => Self::Mixed,
            "f32" | "fp32" => Self::Single,
            _ if id.starts_with("int8") || id.starts_with("w8a8") || id.starts_with("fp8") => Self::Eight,
            _ => Self::Half,
        }
    }

    /// The format's name in the measurements: the names for 8 bits throughout differ by vendor alone.
    #[must_use]
    pub const fn format_name(self, id: &str) -> &str {
        match self {
            Self::Eight => "int8",
            Self::Mixed | Self::Half | Self::Single => id,
        }
    }

    /// Bytes of one element of a layer's output.
    #[must_use]
    pub const fn activation_bytes(self) -> f64 {
        match self {
            Self::Eight => 1.0,
            Self::Mixed | Self::Half => 2.0,
            Self::Single => 4.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_lead_to_the_arithmetic_that_engines_use() {
        assert_eq!(Precision::of_format("int8"), Precision::Eight);
        assert_eq!(Precision::of_format("w8a8"), Precision::Eight);
        assert_eq!(Precision::of_format("w8a16"), Precision::Mixed);
        assert_eq!(Precision::of_format("f32"), Precision::Single);
        assert_eq!(Precision::of_format("q5_0"), Precision::Half);
    }
}
