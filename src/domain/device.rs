//! Purchasable hardware: memory pools, power modes, price, accessories.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::offer::{Offer, PriceBreak, price_breaks};
use super::provenance::Provenance;
use super::software::SoftwareNeeds;
use crate::units::{Bytes, BytesPerSecond, Milliwatts, Money, OpsPerSecond};

/// The kind of product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum DeviceClass {
    Som,
    Devkit,
    Sbc,
    MiniPc,
    Accelerator,
    DesktopGpu,
    Workstation,
    ServerGpu,
}

impl DeviceClass {
    /// All classes.
    pub const ALL: [Self; 8] = [
        Self::Som,
        Self::Devkit,
        Self::Sbc,
        Self::MiniPc,
        Self::Accelerator,
        Self::DesktopGpu,
        Self::Workstation,
        Self::ServerGpu,
    ];

    /// The id used in scenarios.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Som => "som",
            Self::Devkit => "devkit",
            Self::Sbc => "sbc",
            Self::MiniPc => "mini-pc",
            Self::Accelerator => "accelerator",
            Self::DesktopGpu => "desktop-gpu",
            Self::Workstation => "workstation",
            Self::ServerGpu => "server-gpu",
        }
    }
}

/// Whether a buyer can get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Availability {
    /// Listed by a seller, or nothing known against it.
    Offered,
    /// No longer sold new, sold used only, or never shipped: offered only when the scenario names it.
    NamedOnly,
}

/// One memory or two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MemoryKind {
    /// CPU and accelerator share one memory.
    Unified,
    /// The accelerator has its own memory beside the host's.
    Discrete,
}

/// The name of a physical memory that something can run out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PoolName {
    /// The one memory of a unified device.
    Unified,
    /// The accelerator's own memory.
    Vram,
    /// That of the first of several cards in one host.
    #[serde(rename = "vram-0")]
    Vram0,
    /// That of the second card.
    #[serde(rename = "vram-1")]
    Vram1,
    /// That of the third card.
    #[serde(rename = "vram-2")]
    Vram2,
    /// The memory of the accelerator's host.
    Host,
}

impl PoolName {
    /// The memories of several cards in one host, in order: as many cards as a host may have.
    pub const CARDS: [Self; 3] = [Self::Vram0, Self::Vram1, Self::Vram2];

    /// The number of the card that it belongs to, from 0, in a host with several.
    #[must_use]
    pub fn card(self) -> Option<usize> {
        Self::CARDS.iter().position(|name| *name == self)
    }

    /// The id used in tables.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Unified => "unified",
            Self::Vram => "vram",
            Self::Vram0 => "vram-0",
            Self::Vram1 => "vram-1",
            Self::Vram2 => "vram-2",
            Self::Host => "host",
        }
    }
}

impl fmt::Display for PoolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// A physical memory with what is already taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Which memory.
    pub name: PoolName,
    /// Total that the operating system or driver reports.
    pub capacity: Bytes,
    /// In use before any inference process starts.
    pub os: Bytes,
}

/// Dense arithmetic rates; absent where unknown or unsupported.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Compute {
    /// Single precision, without matrix units where they do not apply.
    pub fp32: Option<OpsPerSecond>,
    /// Half precision, matrix units included.
    pub fp16: Option<OpsPerSecond>,
    /// 8-bit integers.
    pub int8: Option<OpsPerSecond>,
    /// 8-bit floating point.
    pub fp8: Option<OpsPerSecond>,
    /// 4-bit floating point.
    pub fp4: Option<OpsPerSecond>,
}

/// A setting of the machine that gives the accelerator more memory than it has from the factory: a kernel's limit on
/// mapped pages, a limit on wired memory, a carve-out of the firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemorySetting {
    /// Id (`gtt-96g`, `wired-14g`).
    pub id: String,
    /// How far it goes from the factory's: 1 for the first of the device's list, which is ordered so.
    pub step: u32,
    /// The memories in this setting.
    pub pools: Vec<Pool>,
    /// The command that sets it.
    pub command: String,
    /// Where command and size are documented or measured.
    pub source: String,
}

/// One setting of the device's power management, together with one of its memory: a device runs in one of these, whatever
/// it hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerMode {
    /// Id as the vendor's tools name it (`25W`, `MAXN`), `default` where there is only one; with the memory setting after a
    /// plus sign where that is not the factory's (`default+gtt-96g`).
    pub id: String,
    /// Whether the device leaves the factory in this mode.
    pub default: bool,
    /// Draw at full load, host and accessories included; absent when unknown.
    pub power: Option<Milliwatts>,
    /// Draw at rest, host and accessories included; absent when unknown.
    pub idle: Option<Milliwatts>,
    /// Peak memory bandwidth in this mode; absent when unknown.
    pub bandwidth: Option<BytesPerSecond>,
    /// Arithmetic rates in this mode.
    pub compute: Compute,
    /// CPU cores online and their top clock in MHz, where known.
    pub cpu: Option<(u32, u32)>,
    /// What a buyer should know (needs a reboot, needs firmware).
    pub note: Option<String>,
    /// Number by which a Jetson's `nvpmodel -m` sets it, where known.
    pub nvpmodel: Option<u32>,
    /// Versions of firmware and system software in which the mode exists.
    pub needs: SoftwareNeeds,
    /// The memory setting; absent: as from the factory.
    pub setting: Option<MemorySetting>,
}

impl PowerMode {
    /// The id without the memory setting.
    #[must_use]
    pub fn power_id(&self) -> &str {
        self.id.split_once('+').map_or(&self.id, |(power, _)| power)
    }
}

/// Something without which the device does not run.
#[derive(Debug, Clone, PartialEq)]
pub struct Accessory {
    /// What it is (`carrier board`, `host PC with a PCIe x16 slot`).
    pub what: String,
    /// Its price; absent when no source gives one.
    pub price: Option<Money>,
    /// Date and source of the price, and any assumption.
    pub provenance: Provenance,
}

/// One purchasable SKU with one memory configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Catalog id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Kind of product.
    pub class: DeviceClass,
    /// Other ids for it; an alias may stand for the device in certain modes only (`jetson-orin-nx-16gb-super`).
    pub aliases: Vec<DeviceAlias>,
    /// Whether it is on sale.
    pub availability: Availability,
    /// One memory or two.
    pub memory_kind: MemoryKind,
    /// `LPDDR5`, `GDDR6X 384-bit`, ...
    pub memory_type: String,
    /// Memory on the label.
    pub installed: Bytes,
    /// The memories that something can run out of, as from the factory.
    pub pools: Vec<Pool>,
    /// Settings of the power management, at least one, the default one marked.
    pub modes: Vec<PowerMode>,
    /// Everything it can be bought at, accessories included; empty when the price of the device or of a required accessory
    /// is unknown.
    pub offers: Vec<Offer>,
    /// The cheapest of the offers by quantity, ascending, however late it arrives: [`Device::prices_within`] tells those
    /// that arrive in time.
    pub prices: Vec<PriceBreak>,
    /// Pieces that are sold together: a quantity ordered is a multiple of it. 1 where any number can be bought.
    pub order_multiple: u64,
    /// Date of the (oldest) price.
    pub price_date: Option<String>,
    /// What must be bought with it.
    pub accessories: Vec<Accessory>,
    /// Ambient range in °C, where known.
    pub operating_temp_c: Option<(i32, i32)>,
    /// Days from order to delivery, where known: the longest of its offers.
    pub lead_time_days: Option<u32>,
    /// Ids of the runtimes that run on it (with backend where the engine has several), best first.
    pub runtimes: Vec<String>,
    /// Groups devices with like silicon (`jetson-orin`, `nvidia-ada`, `apple-m4`, `rk3588`): the calibration's classes.
    pub silicon: String,
    /// Where the facts come from.
    pub provenance: Provenance,
}

/// Another id of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceAlias {
    /// The other id.
    pub id: String,
    /// The modes that this id stands for, the one it is in unless told otherwise first; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<String>,
}

impl Device {
    /// The mode that the device leaves the factory in.
    #[must_use]
    pub fn default_mode(&self) -> Option<&PowerMode> {
        self.modes.iter().find(|m| m.default).or_else(|| self.modes.first())
    }

    /// Cards with a memory of their own between which a workload can be placed: more than 1 only where one host holds
    /// several.
    #[must_use]
    pub fn cards(&self) -> usize {
        self.pools.iter().filter(|pool| pool.name.card().is_some()).count().max(1)
    }

    /// The memories in a mode: its memory setting decides how large they are.
    #[must_use]
    pub fn pools_in<'d>(&'d self, mode: &'d PowerMode) -> &'d [Pool] {
        mode.setting.as_ref().map_or(&self.pools, |setting| &setting.pools)
    }

    /// The pool of this name.
    #[must_use]
    pub fn pool(&self, name: PoolName) -> Option<&Pool> {
        self.pools.iter().find(|p| p.name == name)
    }

    /// What all accessories cost together, as far as their prices are known.
    #[must_use]
    pub fn accessories_price(&self) -> Money {
        self.accessories.iter().filter_map(|a| a.price).sum()
    }

    /// The cheapest price of one by quantity among the offers that arrive within so many days; without a limit among all.
    #[must_use]
    pub fn prices_within(&self, days: Option<u32>) -> Cow<'_, [PriceBreak]> {
        match days {
            None => Cow::Borrowed(&self.prices),
            Some(_) => Cow::Owned(price_breaks(&self.offers, days)),
        }
    }

    /// The price of one when `quantity` are bought; absent when unknown or when that few cannot be bought.
    #[must_use]
    pub fn price_at(&self, quantity: u64) -> Option<Money> {
        self.prices.iter().rev().find(|b| b.min_quantity <= quantity).map(|b| b.price)
    }

    /// The shortest lead time that any of its offers names.
    #[must_use]
    pub fn soonest(&self) -> Option<u32> {
        self.offers.iter().filter_map(|o| o.lead_time_days).min()
    }
}
