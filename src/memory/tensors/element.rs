//! ggml's element types: how many numbers share a block, and what a block takes.

/// How the numbers of a tensor are stored, by ggml's name.
#[expect(missing_docs, reason = "the names are ggml's own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    Q8_0,
    Q8_1,
    Q8K,
    Q6K,
    Q5K,
    Q5_1,
    Q5_0,
    Q4K,
    Q4_1,
    Q4_0,
    Iq4Nl,
    Iq4Xs,
    Mxfp4,
    Nvfp4,
    Q3K,
    Iq3S,
    Iq3Xxs,
    Q2K,
    Iq2S,
    Iq2Xs,
    Iq2Xxs,
    Iq1M,
    Iq1S,
    Tq2_0,
    Tq1_0,
    Q2_0,
    Q1_0,
}

impl Element {
    /// Every type.
    pub const ALL: [Self; 35] = [
        Self::F64,
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::I64,
        Self::I32,
        Self::I16,
        Self::I8,
        Self::Q8_0,
        Self::Q8_1,
        Self::Q8K,
        Self::Q6K,
        Self::Q5K,
        Self::Q5_1,
        Self::Q5_0,
        Self::Q4K,
        Self::Q4_1,
        Self::Q4_0,
        Self::Iq4Nl,
        Self::Iq4Xs,
        Self::Mxfp4,
        Self::Nvfp4,
        Self::Q3K,
        Self::Iq3S,
        Self::Iq3Xxs,
        Self::Q2K,
        Self::Iq2S,
        Self::Iq2Xs,
        Self::Iq2Xxs,
        Self::Iq1M,
        Self::Iq1S,
        Self::Tq2_0,
        Self::Tq1_0,
        Self::Q2_0,
        Self::Q1_0,
    ];

    /// Number in a GGUF file, name, numbers per block, bytes per block (ggml 0.20, `ggml.h` and `ggml-common.h`).
    const fn facts(self) -> (u32, &'static str, u64, u64) {
        match self {
            Self::F32 => (0, "F32", 1, 4),
            Self::F16 => (1, "F16", 1, 2),
            Self::Q4_0 => (2, "Q4_0", 32, 18),
            Self::Q4_1 => (3, "Q4_1", 32, 20),
            Self::Q5_0 => (6, "Q5_0", 32, 22),
            Self::Q5_1 => (7, "Q5_1", 32, 24),
            Self::Q8_0 => (8, "Q8_0", 32, 34),
            Self::Q8_1 => (9, "Q8_1", 32, 36),
            Self::Q2K => (10, "Q2_K", 256, 84),
            Self::Q3K => (11, "Q3_K", 256, 110),
            Self::Q4K => (12, "Q4_K", 256, 144),
            Self::Q5K => (13, "Q5_K", 256, 176),
            Self::Q6K => (14, "Q6_K", 256, 210),
            Self::Q8K => (15, "Q8_K", 256, 292),
            Self::Iq2Xxs => (16, "IQ2_XXS", 256, 66),
            Self::Iq2Xs => (17, "IQ2_XS", 256, 74),
            Self::Iq3Xxs => (18, "IQ3_XXS", 256, 98),
            Self::Iq1S => (19, "IQ1_S", 256, 50),
            Self::Iq4Nl => (20, "IQ4_NL", 32, 18),
            Self::Iq3S => (21, "IQ3_S", 256, 110),
            Self::Iq2S => (22, "IQ2_S", 256, 82),
            Self::Iq4Xs => (23, "IQ4_XS", 256, 136),
            Self::I8 => (24, "I8", 1, 1),
            Self::I16 => (25, "I16", 1, 2),
            Self::I32 => (26, "I32", 1, 4),
            Self::I64 => (27, "I64", 1, 8),
            Self::F64 => (28, "F64", 1, 8),
            Self::Iq1M => (29, "IQ1_M", 256, 56),
            Self::Bf16 => (30, "BF16", 1, 2),
            Self::Tq1_0 => (34, "TQ1_0", 256, 54),
            Self::Tq2_0 => (35, "TQ2_0", 256, 66),
            Self::Mxfp4 => (39, "MXFP4", 32, 17),
            Self::Nvfp4 => (40, "NVFP4", 64, 36),
            Self::Q1_0 => (41, "Q1_0", 128, 18),
            Self::Q2_0 => (42, "Q2_0", 64, 18),
        }
    }

    /// The type that GGUF files give this number, if ggml still knows it.
    #[must_use]
    pub fn from_gguf(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.facts().0 == number)
    }

    /// The type of this name (`Q4_K`, `BF16`).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.facts().1 == name)
    }

    /// ggml's name of the type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.facts().1
    }

    /// Numbers that share a block.
    #[must_use]
    pub const fn block(self) -> u64 {
        self.facts().2
    }

    /// Bytes of a tensor of these dimensions, the contiguous one first; partial blocks counted whole. Saturates.
    #[must_use]
    pub fn bytes(self, dims: &[u64]) -> u128 {
        let (_, _, block, size) = self.facts();
        let Some((&row, rows)) = dims.split_first() else { return 0 };
        let bytes = u128::from(row.div_ceil(block)).saturating_mul(u128::from(size));
        rows.iter().fold(bytes, |bytes, &n| bytes.saturating_mul(u128::from(n)))
    }

    /// Whether a number is stored with fewer bits than a half-precision float, in blocks with a scale.
    #[must_use]
    pub const fn quantised(self) -> bool {
        self.block() > 1
    }
}
