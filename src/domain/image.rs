//! How many tokens an image becomes: the rule of each family's own image processor, as data.
//!
//! The processors are those of the transformers library (`src/transformers/models/*/image_processing_*.py`, 2026) and, where a
//! family brings its own, of the model's repository; their constants are those of the checkpoints' `preprocessor_config.json`.
//! Markers that a processor writes around and between the parts of an image count, since they stand in the prompt.

use super::model::{Model, VisionTower};

/// Width and height of an image in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageSize {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl ImageSize {
    /// What is assumed where nobody says: about a megapixel, what cameras of phones and scanners are commonly scaled to.
    pub const DEFAULT: Self = Self { width: 1024, height: 1024 };
    /// Longest side that is not absurd.
    pub const LONGEST: u32 = 65_536;
}

impl std::fmt::Display for ImageSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// How an image becomes tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    /// As many whatever its size: it is scaled to one size.
    Fixed(u64),
    /// Sides rounded to multiples of `unit` pixels, each such square a token; scaled where the area is below `least` or above
    /// `most` pixels.
    Dynamic { unit: u32, least: f64, most: f64 },
    /// The largest size of this shape whose sides are multiples of `unit` and whose area is at most `most` pixels: images are
    /// enlarged, too.
    Filling { unit: u32, most: f64 },
    /// As it is, sides rounded up to multiples of `unit`, scaled down where it has more than `most` patches of half a unit.
    Native { unit: u32, most: f64 },
    /// Scaled down to a longest side, sides rounded up to multiples of `unit`; each row ends with a marker.
    Rows { unit: u32, longest: f64 },
    /// The grid of tiles of the nearest shape, from `least` to `most` of them, and a thumbnail beside more than one.
    NearestGrid { tile: u32, least: u32, most: u32, tokens: u64 },
    /// As `NearestGrid` for images of more than twice the most pixels of `Dynamic`, which serves smaller ones and thumbnails.
    GridOrDynamic { tile: u32, least: u32, most: u32, tokens: u64, unit: u32, area: (f64, f64) },
    /// Enlarged or reduced to a longest side, cut into tiles, and the whole as one tile more; markers of two tokens a tile.
    CutTiles { tile: u32, longest: u32, tokens: u64 },
    /// As many tiles as fit `most` in the image's own shape, and the whole; a marker at the end of each row of 12 tokens.
    PhiCrops { most: u32 },
    /// The canvas of at most 16 tiles that an image fits with the least enlargement, and the whole; separators between tiles.
    LlamaCanvas,
    /// The best of some grids of tiles without what is padded, rows ended by a marker, and the whole; at most `most` tiles'
    /// worth of tokens where that is limited.
    AnyRes { tile: u32, side: u32, grids: Grids, most: Option<f64> },
    /// The best grid of up to nine tiles in rows ended by a marker, and the whole.
    DeepSeekTiles,
    /// Overlapping crops of 336 pixels, at most 12, and the whole; each row ends with a marker.
    MolmoCrops,
    /// Slices of about 448 pixels squared, at most 9, and the whole; two markers each.
    Slices,
}

/// Grids to choose from, as rows and columns of tiles.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Grids {
    /// 1 x 2, 2 x 1, 2 x 2, 3 x 1, 1 x 3 (LLaVA-NeXT).
    Next,
    /// All up to 6 x 6 (LLaVA-OneVision).
    UpToSix,
}

/// A part of a model's id in lower case, the rule of its family, and where that stands. The first that fits holds.
const RULES: &[(&str, Rule, &str)] = &[
    ("qwen3-vl", QWEN3, "Qwen3-VL's preprocessor_config.json: size 65536 to 16777216, patch 16, merge 2"),
    ("cosmos-reason2", QWEN3, "made from Qwen3-VL"),
    ("qwen3.5", QWEN3, "Qwen3.5's preprocessor_config.json: as Qwen3-VL"),
    ("qwen3.6", QWEN3, "Qwen3.6's preprocessor_config.json: as Qwen3-VL"),
    (
        "qwen2-vl",
        QWEN2,
        "transformers, qwen2_vl: smart_resize; min_pixels 3136, max_pixels 12845056, patch 14, merge 2",
    ),
    ("qwen2.5-vl", QWEN2, "transformers, qwen2_5_vl: as Qwen2-VL"),
    ("qwen2.5-omni", QWEN2, "transformers, qwen2_5_omni: as Qwen2-VL"),
    ("olmocr", QWEN2, "made from Qwen2-VL"),
    (
        "glm-4.1v",
        Rule::Dynamic { unit: 28, least: 12_544.0, most: 4_816_896.0 },
        "transformers, glm4v: smart_resize over two frames; size 12544 to 9633792, patch 14, merge 2",
    ),
    (
        "kimi-vl",
        Rule::Native { unit: 28, most: 4096.0 },
        "Kimi-VL's image_processing_kimi_vl.py: in_token_limit 4096, patch 14, merge 2, padded",
    ),
    ("locateanything", Rule::Native { unit: 28, most: 4096.0 }, "its tower is MoonViT, as Kimi-VL's"),
    (
        "kimi-k2",
        Rule::Native { unit: 28, most: 16_384.0 },
        "Kimi-K2.5's media processor: in_patch_limit 16384, patch 14, merge 2, padded",
    ),
    (
        "mistral-small-4",
        Rule::Rows { unit: 28, longest: 1540.0 },
        "transformers, pixtral: longest_edge 1540, patch 14, spatial_merge_size 2, [IMG_BREAK] after each row",
    ),
    ("gemma-3n", Rule::Fixed(256), "transformers, gemma3n: 256 soft tokens"),
    ("gemma-3-", Rule::Fixed(256), "transformers, gemma3: 896 pixels squared, 256 soft tokens"),
    ("medgemma", Rule::Fixed(256), "made from Gemma 3"),
    (
        "gemma-4",
        Rule::Filling { unit: 48, most: 280.0 * 48.0 * 48.0 },
        "transformers, gemma4: max_soft_tokens 280, patch 16, pooling 3",
    ),
    ("paligemma", Rule::Fixed(256), "224 pixels squared in patches of 14"),
    (
        "internvl",
        Rule::NearestGrid { tile: 448, least: 1, most: 12, tokens: 256 },
        "InternVL's dynamic_preprocess: max_dynamic_patch 12, tile 448, pixel shuffle to 256 tokens, use_thumbnail",
    ),
    ("lfm2", LFM2, "transformers, lfm2_vl: tiles of 512 from 2 to 10, 64 to 256 tokens, patch 16, downsampling 2"),
    ("llama-4-", Rule::LlamaCanvas, "transformers, llama4: tiles of 336, max_patches 16, 144 tokens a tile"),
    ("llama-3.2-", Rule::Fixed(1), "Llama 3.2 Vision attends to images: one marker in the prompt"),
    (
        "phi-3.5-vision",
        Rule::PhiCrops { most: 4 },
        "its image_processing_phi3_v.py: num_crops 4, 144 tokens a crop of 336",
    ),
    (
        "phi-3-vision",
        Rule::PhiCrops { most: 16 },
        "its image_processing_phi3_v.py: num_crops 16, 144 tokens a crop of 336",
    ),
    ("smolvlm-256m", SMOL_SMALL, "transformers, idefics3: longest_edge 2048, max_image_size 512, 64 tokens"),
    ("smolvlm-500m", SMOL_SMALL, "transformers, idefics3: longest_edge 2048, max_image_size 512, 64 tokens"),
    ("smolvlm", SMOL_LARGE, "transformers, idefics3: longest_edge 1536, max_image_size 384, 81 tokens"),
    (
        "llava-v1.6",
        Rule::AnyRes { tile: 336, side: 24, grids: Grids::Next, most: None },
        "transformers, llava_next: image_grid_pinpoints, patch 14, rows ended by image_newline",
    ),
    (
        "llava-onevision",
        Rule::AnyRes { tile: 384, side: 27, grids: Grids::UpToSix, most: Some(9.0) },
        "transformers, llava_onevision: anyres_max_9, patch 14, rows ended by image_newline",
    ),
    ("llava-", Rule::Fixed(576), "LLaVA 1.5: 336 pixels squared in patches of 14"),
    ("vila1.5", Rule::Fixed(196), "VILA 1.5: 27 x 27 patches, padded and merged 2 x 2"),
    ("fastvlm", Rule::Fixed(256), "FastViTHD: 1024 pixels squared at a stride of 64"),
    (
        "cogvlm2-llama3-caption",
        Rule::Fixed(66),
        "a frame of 224 pixels squared in patches of 14, merged 2 x 2, two markers",
    ),
    (
        "deepseek-vl2",
        Rule::DeepSeekTiles,
        "its processing_deepseek_vl_v2.py: tiles of 384, up to nine, 14 x 14 tokens each",
    ),
    (
        "molmo-7b",
        Rule::MolmoCrops,
        "its image_preprocessing_molmo.py: crops of 336, max_crops 12, margins of 4 patches, pooled 2 x 2",
    ),
    ("minicpm-v-2_6", Rule::Slices, "MiniCPM-V's slicing: scale_resolution 448, max_slice_nums 9, 64 queries"),
    ("minicpm-v-4_6", Rule::Fixed(0), "not published when this was written"),
    ("minicpm-v-4", Rule::Slices, "MiniCPM-V's slicing: scale_resolution 448, max_slice_nums 9, 64 queries"),
];

const QWEN2: Rule = Rule::Dynamic { unit: 28, least: 3_136.0, most: 12_845_056.0 };
const QWEN3: Rule = Rule::Dynamic { unit: 32, least: 65_536.0, most: 16_777_216.0 };
const LFM2: Rule =
    Rule::GridOrDynamic { tile: 512, least: 2, most: 10, tokens: 256, unit: 32, area: (64.0 * 1024.0, 256.0 * 1024.0) };
const SMOL_SMALL: Rule = Rule::CutTiles { tile: 512, longest: 2048, tokens: 64 };
const SMOL_LARGE: Rule = Rule::CutTiles { tile: 384, longest: 1536, tokens: 81 };

/// Tokens of the prompt that an image of a size becomes in a model with this tower; nothing when no rule is known. A model
/// read from a file of its own has no family that is known here: then what its file says of an image of any size holds.
#[must_use]
pub fn image_tokens(model: &Model, tower: &VisionTower, size: ImageSize) -> Option<u64> {
    let id = model.id.to_lowercase();
    match RULES.iter().find(|(part, ..)| id.contains(part)) {
        Some((_, Rule::Fixed(0), _)) => None,
        Some((_, rule, _)) => Some(rule.tokens(size).max(1)),
        None => tower.tokens_per_image.map(u64::from),
    }
}

/// Where the rule for a model stands.
#[must_use]
pub fn image_rule_source(model: &Model) -> Option<&'static str> {
    let id = model.id.to_lowercase();
    RULES.iter().find(|(part, ..)| id.contains(part)).map(|(.., source)| *source)
}

impl Rule {
    fn tokens(self, size: ImageSize) -> u64 {
        let (w, h) = (f64::from(size.width.max(1)), f64::from(size.height.max(1)));
        match self {
            Self::Fixed(tokens) => tokens,
            Self::Dynamic { unit, least, most } => dynamic(w, h, unit, least, most),
            Self::Filling { unit, most } => {
                let unit = f64::from(unit);
                let scale = (most / (w * h)).sqrt();
                let (across, down) = ((w * scale / unit).floor(), (h * scale / unit).floor());
                // A side that rounds to nothing is one unit, and the other as many as its shape and the limit give.
                let all = (most / (unit * unit)).floor();
                match (across < 1.0, down < 1.0) {
                    (true, _) => (h / w).floor().clamp(1.0, all) as u64,
                    (_, true) => (w / h).floor().clamp(1.0, all) as u64,
                    _ => (across * down) as u64,
                }
            }
            Self::Native { unit, most } => {
                let patch = f64::from(unit / 2);
                let patches = (w / patch).floor() * (h / patch).floor();
                let scale = if patches > most { (most / patches).sqrt() } else { 1.0 };
                let units = |side: f64| ((side * scale).floor().max(1.0) / f64::from(unit)).ceil();
                (units(w) * units(h)) as u64
            }
            Self::Rows { unit, longest } => {
                let scale = (w.max(h) / longest).max(1.0);
                let units = |side: f64| ((side / scale).floor().max(1.0) / f64::from(unit)).ceil();
                (units(h) * (units(w) + 1.0)) as u64
            }
            Self::NearestGrid { tile, least, most, tokens } => {
                let (across, down) = nearest_grid(w, h, tile, least, most);
                let tiles = u64::from(across * down);
                (tiles + u64::from(tiles > 1)) * tokens + 2
            }
            Self::GridOrDynamic { tile, least, most, tokens, unit, area } => {
                let round = |side: f64| {
                    ((side / f64::from(unit)).round_ties_even() * f64::from(unit)).max(f64::from(unit) / 2.0)
                };
                let whole = dynamic(w, h, unit, area.0, area.1);
                if round(w) * round(h) <= 2.0 * area.1 {
                    return whole + 2;
                }
                let (across, down) = nearest_grid(w, h, tile, least, most);
                u64::from(across * down) * (tokens + 1) + whole + 3
            }
            Self::CutTiles { tile, longest, tokens } => {
                let scale = f64::from(longest) / w.max(h);
                let tiles = |side: f64| ((side * scale).floor().max(1.0) / f64::from(tile)).ceil() as u64;
                let (rows, columns) = (tiles(h), tiles(w));
                rows * columns * (tokens + 2) + rows + tokens + 4
            }
            Self::PhiCrops { most } => phi_crops(w.max(h), w.min(h), most),
            Self::LlamaCanvas => llama_canvas(w, h),
            Self::AnyRes { tile, side, grids, most } => any_res(w, h, tile, side, grids, most),
            Self::DeepSeekTiles => {
                let grids = (1..=9).flat_map(|rows| (1..=9 / rows).map(move |columns| (rows, columns)));
                let (rows, columns) = best_grid(w, h, 384, grids);
                let (down, across) = (14 * u64::from(rows), 14 * u64::from(columns));
                down * (across + 1) + 1 + 14 * 15
            }
            Self::MolmoCrops => molmo_crops(w, h),
            Self::Slices => slices(w, h),
        }
    }
}

/// Squares of `unit` pixels that an image becomes, between a least and a largest area.
fn dynamic(w: f64, h: f64, unit: u32, least: f64, most: f64) -> u64 {
    let unit = f64::from(unit);
    let round = |side: f64| (side / unit).round_ties_even().max(1.0);
    let (across, down) = (round(w), round(h));
    let area = across * down * unit * unit;
    let fitted = |side: f64, scale: f64, up: bool| {
        let units = side * scale / unit;
        if up { units.ceil() } else { units.floor().max(1.0) }
    };
    if area > most {
        let scale = (most / (w * h)).sqrt();
        (fitted(w, scale, false) * fitted(h, scale, false)) as u64
    } else if area < least {
        let scale = (least / (w * h)).sqrt();
        (fitted(w, scale, true) * fitted(h, scale, true)) as u64
    } else {
        (across * down) as u64
    }
}

/// The grid whose shape is nearest to the image's; of equally near ones the last that the image more than half fills.
fn nearest_grid(w: f64, h: f64, tile: u32, least: u32, most: u32) -> (u32, u32) {
    let mut grids: Vec<(u32, u32)> = (1..=most)
        .flat_map(|across| (1..=most / across).map(move |down| (across, down)))
        .filter(|(across, down)| across * down >= least)
        .collect();
    grids.sort_by_key(|&(across, down)| (across * down, across));
    let (mut best, mut distance) = ((1, 1), f64::INFINITY);
    for (across, down) in grids {
        let off = (w / h - f64::from(across) / f64::from(down)).abs();
        let area = f64::from(tile).powi(2) * f64::from(across * down);
        if off < distance || (off == distance && w * h > 0.5 * area) {
            (best, distance) = ((across, down), off);
        }
    }
    best
}

/// The grid of tiles that keeps most of an image's pixels and, of equal ones, wastes the least.
fn best_grid(w: f64, h: f64, tile: u32, grids: impl Iterator<Item = (u32, u32)>) -> (u32, u32) {
    let mut best = (1, 1);
    let mut merit = (-1.0, f64::INFINITY);
    for (rows, columns) in grids {
        let (across, down) = (f64::from(columns * tile), f64::from(rows * tile));
        let scale = (across / w).min(down / h);
        let kept = ((w * scale).floor() * (h * scale).floor()).min(w * h);
        let wasted = across * down - kept;
        if kept > merit.0 || (kept == merit.0 && wasted < merit.1) {
            (best, merit) = ((rows, columns), (kept, wasted));
        }
    }
    best
}

fn phi_crops(long: f64, short: f64, most: u32) -> u64 {
    let ratio = long / short;
    let fits = |n: u32| f64::from(n) * (f64::from(n) / ratio).ceil() <= f64::from(most);
    let columns = (1..=most).take_while(|&n| fits(n)).last().unwrap_or(1);
    let rows = ((f64::from(columns) * 336.0 / ratio).floor() / 336.0).ceil().max(1.0) as u64;
    (rows * u64::from(columns) + 1) * 144 + 1 + (rows + 1) * 12
}

fn llama_canvas(w: f64, h: f64) -> u64 {
    let canvases = (1..=16_u32).flat_map(|rows| (1..=16 / rows).map(move |columns| (rows, columns)));
    let scale = |(rows, columns): (u32, u32)| (f64::from(rows) * 336.0 / h).min(f64::from(columns) * 336.0 / w);
    // Enlarged as little as possible; where nothing is large enough, reduced as little as possible. Then the least area.
    let key = |canvas: (u32, u32)| {
        let scale = scale(canvas);
        (if scale >= 1.0 { (0, scale) } else { (1, -scale) }, canvas.0 * canvas.1)
    };
    let best = canvases.min_by(|&a, &b| {
        let (a, b) = (key(a), key(b));
        a.0.0.cmp(&b.0.0).then(a.0.1.total_cmp(&b.0.1)).then(a.1.cmp(&b.1))
    });
    let (rows, columns) = best.unwrap_or((1, 1));
    let tiles = u64::from(rows * columns);
    if tiles == 1 { 144 + 3 } else { tiles * 144 + tiles + 144 + 3 }
}

fn any_res(w: f64, h: f64, tile: u32, side: u32, grids: Grids, most: Option<f64>) -> u64 {
    let (rows, columns) = match grids {
        Grids::Next => best_grid(w, h, tile, [(1, 2), (2, 1), (2, 2), (3, 1), (1, 3)].into_iter()),
        Grids::UpToSix => best_grid(w, h, tile, (1..=6).flat_map(|r| (1..=6).map(move |c| (r, c)))),
    };
    let (mut across, mut down) = (f64::from(columns * side), f64::from(rows * side));
    // What pads the image to the grid's shape is cut off again, the same on both sides.
    if w / h > across / down {
        let padding = ((down - (h * across / w).floor()) / 2.0).floor();
        down -= 2.0 * padding;
    } else {
        let padding = ((across - (w * down / h).floor()) / 2.0).floor();
        across -= 2.0 * padding;
    }
    let base = f64::from(side).powi(2);
    if let Some(most) = most {
        let shrink = (across * down / (most * base)).sqrt();
        if shrink > 1.1 {
            across = (across / shrink).floor();
            down = (down / shrink).floor();
        }
    }
    (base + down * (across + 1.0)) as u64
}

fn molmo_crops(w: f64, h: f64) -> u64 {
    const MARGINS: f64 = 112.0;
    const WINDOW: f64 = 224.0;
    let mut grids: Vec<(u32, u32)> = (1..=12).flat_map(|r| (1..=12 / r).map(move |c| (r, c))).collect();
    grids.sort_by_key(|&(rows, columns)| (rows * columns, rows));
    let (w, h) = ((w - MARGINS).max(1.0), (h - MARGINS).max(1.0));
    let scale = |(rows, columns): (u32, u32)| (f64::from(rows) * WINDOW / h).min(f64::from(columns) * WINDOW / w);
    let mut best = (1, 1);
    let mut found = f64::NAN;
    for grid in grids {
        let scale = scale(grid);
        let better = match (scale >= 1.0, found >= 1.0) {
            (true, true) => scale < found,
            (false, true) => false,
            (true, false) => true,
            (false, false) => found.is_nan() || scale > found,
        };
        if better {
            (best, found) = (grid, scale);
        }
    }
    let tokens = |crops: u32| u64::from((16 * crops + 8) / 2);
    tokens(best.0) * (tokens(best.1) + 1) + 2 + 12 * 13 + 2
}

fn slices(w: f64, h: f64) -> u64 {
    const TOKENS: u64 = 64 + 2;
    let wanted = ((w * h / (448.0 * 448.0)).ceil() as u32).clamp(1, 9);
    if wanted <= 1 {
        return TOKENS;
    }
    let counts = (wanted - 1..=wanted + 1).filter(|&n| n > 1 && n <= 9);
    let grids = counts.flat_map(|n| (1..=n).filter(move |c| n % c == 0).map(move |c| (c, n / c)));
    let off = |&(columns, rows): &(u32, u32)| ((w / h).ln() - (f64::from(columns) / f64::from(rows)).ln()).abs();
    let (columns, rows) = grids.min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or((1, 1));
    (u64::from(columns * rows) + 1) * TOKENS + u64::from(columns.max(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(part: &str, width: u32, height: u32) -> u64 {
        let rule = RULES.iter().find(|(p, ..)| *p == part).unwrap().1;
        rule.tokens(ImageSize { width, height })
    }

    #[test]
    fn rules_give_what_the_processors_give() {
        // smart_resize: 1024 rounds to 37 x 28 and to 32 x 32 pixels.
        assert_eq!(of("qwen2.5-vl", 1024, 1024), 37 * 37);
        assert_eq!(of("qwen3-vl", 1024, 1024), 32 * 32);
        assert_eq!(of("qwen3-vl", 1920, 1080), 60 * 34);
        // Above 16384 tokens it is scaled down, below four scaled up.
        assert!(of("qwen2-vl", 10_000, 10_000) <= 16_384);
        assert_eq!(of("qwen2-vl", 20, 20), 4);
        // Nine tiles and a thumbnail; a wide image takes 2 x 1 tiles.
        assert_eq!(of("internvl", 1024, 1024), 10 * 256 + 2);
        assert_eq!(of("internvl", 448, 448), 256 + 2);
        assert_eq!(of("phi-3-vision", 1344, 1008), 1921);
        assert_eq!(of("llava-v1.6", 1024, 1024), 576 + 48 * 49);
        assert_eq!(of("llava-onevision", 1024, 1024), 729 + 81 * 82);
        assert_eq!(of("llava-", 3000, 20), 576);
        assert_eq!(of("smolvlm-256m", 1024, 1024), 16 * 66 + 4 + 68);
        assert_eq!(of("llama-4-", 336, 336), 147);
        assert_eq!(of("llama-4-", 1024, 1024), 16 * 145 + 147);
        assert_eq!(of("gemma-4", 1024, 1024), 256);
        assert_eq!(of("gemma-4", 30_000, 20), 280);
        assert_eq!(of("mistral-small-4", 1024, 1024), 37 * 38);
        assert_eq!(of("deepseek-vl2", 1024, 1024), 42 * 43 + 1 + 210);
        assert_eq!(of("molmo-7b", 1024, 1024), 28 * 29 + 2 + 158);
        assert_eq!(of("minicpm-v-4", 1024, 1024), 7 * 66 + 3);
    }

    #[test]
    fn no_size_is_too_odd() {
        for (part, rule, source) in RULES {
            assert!(!source.is_empty());
            for (width, height) in [(1, 1), (1, 65_536), (65_536, 1), (65_536, 65_536), (17, 4000)] {
                let tokens = rule.tokens(ImageSize { width, height });
                assert!(tokens < 100_000, "{part} {width}x{height}: {tokens}");
            }
        }
    }
}
