//! Catalog files as they are written. Each YAML file holds any of the five lists; entries are resolved into domain types by
//! [`super::resolve`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::device::DeviceAlias;
use crate::domain::{
    ArchitectureSpec, Availability, DeviceClass, Format, KvQuality, MemoryKind, Network, OsImage, Provenance,
    PublishedLosses, Runtime, SoftwareNeeds, Task,
};

/// One catalog file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CatalogFile {
    /// Hardware.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<DeviceEntry>,
    /// Models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelEntry>,
    /// Weight formats.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<Format>,
    /// Inference engines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runtimes: Vec<Runtime>,
    /// Operating system images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub os_images: Vec<OsImage>,
    /// What pairs of cache types cost in quality.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kv_types: Vec<KvQuality>,
    /// What quantising vision and speech networks costs in quality.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<PublishedLosses>,
}

/// A device as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceEntry {
    /// Catalog id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Kind of product.
    pub class: DeviceClass,
    /// Group of like silicon, for calibration (`jetson-orin`, `nvidia-ada`, `apple-m4`, `rk3588`).
    pub silicon: String,
    /// Other ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<DeviceAlias>,
    /// Whether it is on sale.
    pub availability: Availability,
    /// Memory.
    pub memory: MemoryEntry,
    /// Id of the operating system image that is assumed unless a scenario names another.
    pub os_image: String,
    /// Peak memory bandwidth in GB/s (1000³), unless a mode says otherwise; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_gb_s: Option<f64>,
    /// Dense arithmetic rates, unless a mode says otherwise.
    #[serde(default)]
    pub compute: ComputeEntry,
    /// Draw at full load in W (device alone), unless a mode says otherwise; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_w: Option<f64>,
    /// Draw at rest in W (device alone); absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_w: Option<f64>,
    /// CPU description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Power modes; a device without has one mode called `default`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<ModeEntry>,
    /// Prices by quantity; none when unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<PriceEntry>,
    /// Pieces that are sold together: the quantity ordered is a multiple of it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub order_multiple: u64,
    /// What must be bought with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accessories: Vec<AccessoryEntry>,
    /// Lowest and highest ambient temperature in °C.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operating_temp_c: Option<(i32, i32)>,
    /// Days from order to delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_time_days: Option<u32>,
    /// Versions of firmware and system software that exist for it (`jetpack: ">=7.0"`).
    #[serde(default, skip_serializing_if = "SoftwareNeeds::is_empty")]
    pub needs: SoftwareNeeds,
    /// Runtime ids, with backend where the engine has several, best first.
    pub runtimes: Vec<String>,
    /// Where the facts come from.
    #[serde(default)]
    pub provenance: Provenance,
}

/// The memory of a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryEntry {
    /// One memory or two.
    pub kind: MemoryKind,
    /// `LPDDR5`, `GDDR6X 384-bit`, ...
    pub r#type: String,
    /// On the label, in MiB.
    pub installed_mib: u64,
    /// Total that operating system or driver reports, in MiB (for discrete memory: the accelerator's).
    pub visible_mib: u64,
    /// The visible total was not read off a device but estimated by the rule in `docs/model.md`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub visible_estimated: bool,
    /// Most of the visible memory that the accelerator may use, in MiB, where a driver limits it (Metal's working set,
    /// the GTT of AMD): the pool's capacity then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator_mib: Option<u64>,
    /// Settings of the machine that let the accelerator use more than that, the least intrusive first; unified memory only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<SettingEntry>,
    /// Of a discrete accelerator's memory, what its driver keeps, in MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_mib: Option<u64>,
    /// Equal cards in one host, each with the visible memory, at most three; discrete devices only. Prices, draw and host
    /// memory are those of the whole, rates those of one card.
    #[serde(default = "one_card", skip_serializing_if = "is_one_card")]
    pub cards: u8,
    /// Memory that the operating system of the host sees, in MiB; discrete devices only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_visible_mib: Option<u64>,
}

/// A setting that enlarges what the accelerator may use, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingEntry {
    /// Id.
    pub id: String,
    /// Most of the visible memory that the accelerator may then use, in MiB.
    pub accelerator_mib: u64,
    /// The command that sets it.
    pub command: String,
    /// Where command and size are documented or measured.
    pub source: String,
}

/// Dense rates as written: TFLOPS and TOPS are 10¹² operations per second, a multiply-add counted as two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct ComputeEntry {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fp32_tflops: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fp16_tflops: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub int8_tops: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fp8_tflops: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fp4_tflops: Option<f64>,
}

/// A power mode as written: what is absent is the device's own figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModeEntry {
    /// Id as the vendor's tools name it.
    pub id: String,
    /// The factory setting.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// Draw at full load in W: the mode's cap where the draw was not measured; absent when unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_w: Option<f64>,
    /// Peak memory bandwidth in GB/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_gb_s: Option<f64>,
    /// Dense rates in this mode: replace the device's as a whole when present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<ComputeEntry>,
    /// Neither bandwidth nor rates of this mode are known, and the device's own do not hold in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub figures_unknown: bool,
    /// CPU cores online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_cores: Option<u32>,
    /// Top CPU clock in MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_mhz: Option<u32>,
    /// Number by which a Jetson's `nvpmodel -m` sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nvpmodel: Option<u32>,
    /// What a buyer should know (needs a reboot, needs firmware).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Versions of firmware and system software in which it exists (`jetpack: "<6.2"`).
    #[serde(default, skip_serializing_if = "SoftwareNeeds::is_empty")]
    pub needs: SoftwareNeeds,
    /// Where the figures come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// A price as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceEntry {
    /// Price of one in US dollars, with at most two decimals.
    pub usd: f64,
    /// From this quantity on (1 when absent).
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub min_quantity: u64,
    /// What kind of price: `MSRP`, `street`, `module 1KU+`, ...
    pub kind: String,
    /// Its date, as exact as the source has it (`2026-08-05`, `2026-08`, `2026`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Where it stands.
    pub source: String,
    /// No reliable source confirms it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
}

/// A required accessory as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessoryEntry {
    /// What it is.
    pub what: String,
    /// Its price in US dollars; absent when no source gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
    /// Date of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Where the price stands, or why there is none.
    pub source: String,
    /// No reliable source confirms the price.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
    /// Draw at full load in W; absent when unknown (then 0 for a passive board, stated in `note`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_w: Option<f64>,
    /// Draw at rest in W.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_w: Option<f64>,
    /// The accessory's draw is unknown and matters (a host computer): then the device's power is unknown too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub power_unknown: bool,
    /// The assumption behind choosing this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A model as written: exactly one of `architecture` and `network`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// Catalog id (`meta-llama/Meta-Llama-3-8B`).
    pub id: String,
    /// Well-known other names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// What it does.
    pub task: Task,
    /// Parameters in all.
    pub parameters: u64,
    /// Parameters that take part in one token; absent when all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_parameters: Option<u64>,
    /// The language body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<ArchitectureSpec>,
    /// The network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// Formats in which the publisher ships it natively (`mxfp4` for gpt-oss), when not 16-bit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_format: Option<String>,
    /// Further formats in which its makers published it after training for them (quantisation-aware training).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trained_formats: Vec<String>,
    /// Licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Release date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<String>,
    /// What had to be assumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<String>,
    /// Where the facts come from.
    #[serde(default)]
    pub provenance: Provenance,
}

/// The JSON Schema of a catalog file, made from these types.
#[must_use]
pub fn catalog_schema() -> serde_json::Value {
    schemars::schema_for!(CatalogFile).to_value()
}

const fn one_card() -> u8 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_one_card(n: &u8) -> bool {
    *n == 1
}

const fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_one(n: &u64) -> bool {
    *n == 1
}
