//! The facts of the field, as types: models, weight formats, devices, runtimes, operating systems.
//!
//! Everything here is plain data with small pure functions on it. Catalog files, `config.json` readers and GGUF readers
//! all produce these types; memory and speed models only ever see these types.

pub mod buffers;
pub mod device;
pub mod format;
pub mod image;
pub mod model;
pub mod offer;
pub mod os_image;
pub mod parameters;
pub mod peaks;
pub mod precision;
pub mod provenance;
pub mod quality;
pub mod runtime;
pub mod software;
pub mod spec;

pub use buffers::Buffers;
pub use device::{
    Accessory, Availability, Compute, Device, DeviceClass, MemoryKind, MemorySetting, Pool, PoolName, PowerMode,
};
pub use format::{Format, FormatKind, GgufMix, KvPair, KvQuality, KvType, Layout, LeftAlone, Needs};
pub use image::{ImageSize, image_rule_source, image_tokens};
pub use model::{
    Architecture, Attention, Body, FeedForward, GatedDelta, InputSize, Layer, LinearKind, Mixer, Mla, Model, MoeShape,
    Network, Speech, Ssm, StoredTensor, StoredWeights, Task, VisionEncoder, VisionTower,
};
pub use offer::{Offer, PriceBreak, best_offer, price_breaks};
pub use os_image::OsImage;
pub use peaks::{StartPeak, StartPeaks};
pub use precision::Precision;
pub use provenance::{Provenance, Verification};
pub use quality::PublishedLosses;
pub use runtime::{Backend, Engine, Exception, FlashSupport, Models, OutputRows, Runtime, WeightResidence};
pub use software::{EngineNeed, SoftwareNeeds, Version, VersionRange};
pub use spec::{ArchitectureSpec, Compression, GlobalAttention, LowRank, NormKind, QkNorm, SpecError};
