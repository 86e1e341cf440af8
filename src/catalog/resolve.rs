//! From catalog entries to domain types: defaults filled in, units attached, contradictions refused.

use indexmap::IndexMap;

use super::schema::{ComputeEntry, DeviceEntry, ModeEntry, ModelEntry};
use crate::diag::Diagnostic;
use crate::domain::{
    Accessory, Body, Compute, Device, MemoryKind, MemorySetting, Model, Offer, OsImage, Pool, PoolName, PowerMode,
    Provenance, SoftwareNeeds, price_breaks,
};
use crate::units::{Bytes, BytesPerSecond, Milliwatts, Money, OpsPerSecond};

/// No device in the catalogs comes near: larger figures are slips of the keyboard.
const MAX_WATTS: f64 = 100_000.0;
const MAX_USD: f64 = 10_000_000.0;
const MAX_MIB: u64 = 1 << 30;
const MAX_MULTIPLE: u64 = 1_000_000;

/// A device with its default operating system.
///
/// # Errors
/// A diagnostic naming the device and what is impossible about it.
pub fn device(entry: &DeviceEntry, os_images: &IndexMap<String, OsImage>) -> Result<Device, Diagnostic> {
    let fail = |what: String| Diagnostic::error(format!("device `{}`: {what}", entry.id));
    let os = os_images
        .get(&entry.os_image)
        .ok_or_else(|| fail(format!("unknown operating system image `{}`", entry.os_image)))?;
    let memory = &entry.memory;
    for mib in [memory.installed_mib, memory.visible_mib, memory.host_visible_mib.unwrap_or(0)] {
        if mib > MAX_MIB {
            return Err(fail(format!("{mib} MiB of memory exceeds the maximum of {MAX_MIB} MiB")));
        }
    }
    let most = if memory.kind == MemoryKind::Discrete { PoolName::CARDS.len() } else { 1 };
    if !(1..=most).contains(&usize::from(memory.cards)) {
        return Err(fail(format!("{} cards in one host: 1 to {most} are possible here", memory.cards)));
    }
    let pools = pools(entry, os.used());
    let extra_full = accessory_power(entry, |a| a.full_w).map_err(fail)?;
    let extra_idle = accessory_power(entry, |a| a.idle_w).map_err(fail)?;
    let modes = if entry.modes.is_empty() {
        vec![ModeEntry {
            id: "default".to_owned(),
            default: true,
            full_w: None,
            bandwidth_gb_s: None,
            compute: None,
            figures_unknown: false,
            cpu_cores: None,
            cpu_mhz: None,
            note: None,
            nvpmodel: None,
            needs: SoftwareNeeds::default(),
            source: None,
        }]
    } else {
        entry.modes.clone()
    };
    let mut modes = modes
        .into_iter()
        .map(|mode| {
            let full = mode.full_w.or(entry.full_w);
            let (own_bandwidth, own_compute) = if mode.figures_unknown {
                (None, ComputeEntry::default())
            } else {
                (entry.bandwidth_gb_s, entry.compute)
            };
            Ok(PowerMode {
                power: plus(watts(full).map_err(fail)?, extra_full),
                idle: plus(watts(entry.idle_w).map_err(fail)?, extra_idle),
                bandwidth: rate(mode.bandwidth_gb_s.or(own_bandwidth), 1e9).map(BytesPerSecond),
                compute: compute(mode.compute.unwrap_or(own_compute)),
                cpu: mode.cpu_cores.zip(mode.cpu_mhz),
                needs: entry.needs.and(&mode.needs).map_err(|software| {
                    fail(format!("mode `{}` needs a version of {software} that the device does not have", mode.id))
                })?,
                setting: None,
                id: mode.id,
                default: mode.default,
                note: mode.note,
                nvpmodel: mode.nvpmodel,
            })
        })
        .collect::<Result<Vec<_>, Diagnostic>>()?;
    let enlarged: Vec<PowerMode> = settings(entry, os.used())
        .map_err(fail)?
        .into_iter()
        .flat_map(|setting| {
            let mode = |mode: &PowerMode| PowerMode {
                id: format!("{}+{}", mode.id, setting.id),
                default: false,
                setting: Some(setting.clone()),
                ..mode.clone()
            };
            modes.iter().map(mode).collect::<Vec<_>>()
        })
        .collect();
    modes.extend(enlarged);
    let accessories = accessories(entry).map_err(fail)?;
    let offers = offers(entry, &accessories).map_err(fail)?;
    if !(1..=MAX_MULTIPLE).contains(&entry.order_multiple) {
        return Err(fail(format!(
            "order_multiple must be between 1 and {MAX_MULTIPLE}, found {}",
            entry.order_multiple
        )));
    }
    // A price without a date makes the oldest date unknown.
    let dates: Option<Vec<String>> = entry
        .prices
        .iter()
        .map(|p| p.as_of.clone())
        .chain(entry.accessories.iter().filter(|a| a.usd.is_some()).map(|a| a.as_of.clone()))
        .collect();
    let price_date = dates.and_then(|d| d.into_iter().min());
    let mut provenance = entry.provenance.clone();
    if entry.prices.iter().any(|p| p.unverified) || entry.accessories.iter().any(|a| a.usd.is_some() && a.unverified) {
        provenance.unverified.push("price".to_owned());
    }
    Ok(Device {
        pools,
        modes,
        prices: price_breaks(&offers, None),
        offers,
        order_multiple: entry.order_multiple,
        price_date,
        accessories,
        installed: Bytes::mib(entry.memory.installed_mib),
        memory_kind: entry.memory.kind,
        memory_type: entry.memory.r#type.clone(),
        id: entry.id.clone(),
        name: entry.name.clone(),
        vendor: entry.vendor.clone(),
        class: entry.class,
        aliases: entry.aliases.clone(),
        availability: entry.availability,
        operating_temp_c: entry.operating_temp_c,
        lead_time_days: entry.lead_time_days,
        runtimes: entry.runtimes.clone(),
        silicon: entry.silicon.clone(),
        provenance,
    })
}

/// The pools with what is in use before any inference process starts.
///
/// Where a driver lets the accelerator use only part of the visible memory, that part is the capacity, and the operating
/// system first lives in the rest: only what does not fit there counts against the pool.
fn pools(entry: &DeviceEntry, os: Bytes) -> Vec<Pool> {
    let memory = &entry.memory;
    let visible = Bytes::mib(memory.visible_mib);
    match memory.kind {
        MemoryKind::Unified => {
            vec![shared(visible, memory.accelerator_mib.map_or(visible, Bytes::mib), os)]
        }
        MemoryKind::Discrete => {
            let reserved = Bytes::mib(memory.reserved_mib.unwrap_or(0));
            let host = Bytes::mib(memory.host_visible_mib.unwrap_or(0));
            let names: &[PoolName] = match usize::from(memory.cards) {
                1 => &[PoolName::Vram],
                several => PoolName::CARDS.get(..several).unwrap_or(&PoolName::CARDS),
            };
            let cards = names.iter().map(|&name| Pool { name, capacity: visible, os: reserved });
            cards.chain([Pool { name: PoolName::Host, capacity: host, os }]).collect()
        }
    }
}

/// Unified memory of which the accelerator may use a part.
fn shared(visible: Bytes, capacity: Bytes, os: Bytes) -> Pool {
    let rest = visible.saturating_sub(capacity);
    Pool { name: PoolName::Unified, capacity, os: os.saturating_sub(rest) }
}

/// The settings that enlarge what the accelerator may use: each larger than the one before, none beyond what is visible.
fn settings(entry: &DeviceEntry, os: Bytes) -> Result<Vec<MemorySetting>, String> {
    let memory = &entry.memory;
    if memory.settings.is_empty() {
        return Ok(Vec::new());
    }
    if memory.kind != MemoryKind::Unified {
        return Err("settings of the memory need unified memory".to_owned());
    }
    let mut least = memory.accelerator_mib.unwrap_or(memory.visible_mib);
    let mut found = Vec::with_capacity(memory.settings.len());
    for (step, setting) in (1..).zip(&memory.settings) {
        let mib = setting.accelerator_mib;
        if mib <= least || mib > memory.visible_mib {
            return Err(format!(
                "setting `{}` gives {mib} MiB: more than {least} and at most {} are possible",
                setting.id, memory.visible_mib
            ));
        }
        if setting.id.is_empty() || setting.id.contains(['+', ',', ' ']) {
            return Err(format!("`{}` cannot be the id of a setting", setting.id));
        }
        least = mib;
        found.push(MemorySetting {
            id: setting.id.clone(),
            step,
            pools: vec![shared(Bytes::mib(memory.visible_mib), Bytes::mib(mib), os)],
            command: setting.command.clone(),
            source: setting.source.clone(),
        });
    }
    Ok(found)
}

fn accessories(entry: &DeviceEntry) -> Result<Vec<Accessory>, String> {
    entry
        .accessories
        .iter()
        .map(|a| {
            let mut provenance = Provenance { as_of: a.as_of.clone(), note: a.note.clone(), ..Provenance::default() };
            provenance.sources.insert("price".to_owned(), a.source.clone());
            if a.unverified {
                provenance.unverified.push("price".to_owned());
            }
            Ok(Accessory { what: a.what.clone(), price: a.usd.map(money).transpose()?, provenance })
        })
        .collect()
}

/// Offers with accessories included; none when the price of any of them is unknown.
fn offers(entry: &DeviceEntry, accessories: &[Accessory]) -> Result<Vec<Offer>, String> {
    let Some(extra) = accessories.iter().map(|a| a.price).sum::<Option<Money>>() else { return Ok(Vec::new()) };
    let mut offers = entry
        .prices
        .iter()
        .map(|p| {
            if p.min_quantity == 0 {
                return Err("a price for 0 pieces".to_owned());
            }
            Ok(Offer {
                min_quantity: p.min_quantity,
                price: money(p.usd)? + extra,
                lead_time_days: entry.lead_time_days,
                supplier: None,
                as_of: p.as_of.clone(),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    offers.sort_by_key(|o| o.min_quantity);
    if offers.windows(2).any(|w| w[0].min_quantity == w[1].min_quantity) {
        return Err("two prices for one quantity".to_owned());
    }
    Ok(offers)
}

/// Dollars to cents.
///
/// # Errors
/// A message for a price that is negative, above the maximum or finer than cents.
pub fn money(usd: f64) -> Result<Money, String> {
    let cents = usd * 100.0;
    if !usd.is_finite() || !(0.0..=MAX_USD).contains(&usd) || (cents - cents.round()).abs() > 1e-6 {
        return Err(format!("{usd} is not a price in dollars and cents from 0 to {MAX_USD}"));
    }
    Ok(Money(cents.round() as u64))
}

fn watts(w: Option<f64>) -> Result<Option<Milliwatts>, String> {
    w.map(|w| {
        if w.is_finite() && (0.0..=MAX_WATTS).contains(&w) {
            Ok(Milliwatts((w * 1000.0).round() as u64))
        } else {
            Err(format!("{w} W is not between 0 and {MAX_WATTS} W"))
        }
    })
    .transpose()
}

/// The accessories' draw together; absent when one that matters is unknown.
fn accessory_power(
    entry: &DeviceEntry,
    which: impl Fn(&super::schema::AccessoryEntry) -> Option<f64>,
) -> Result<Option<Milliwatts>, String> {
    let mut total = Milliwatts::default();
    for accessory in &entry.accessories {
        match watts(which(accessory))? {
            Some(power) => total = total + power,
            None if accessory.power_unknown => return Ok(None),
            None => {}
        }
    }
    Ok(Some(total))
}

fn plus(a: Option<Milliwatts>, b: Option<Milliwatts>) -> Option<Milliwatts> {
    Some(a? + b?)
}

fn rate(value: Option<f64>, unit: f64) -> Option<f64> {
    value.filter(|v| v.is_finite() && *v > 0.0).map(|v| v * unit)
}

fn compute(entry: ComputeEntry) -> Compute {
    let tera = |value| rate(value, 1e12).map(OpsPerSecond);
    Compute {
        fp32: tera(entry.fp32_tflops),
        fp16: tera(entry.fp16_tflops),
        int8: tera(entry.int8_tops),
        fp8: tera(entry.fp8_tflops),
        fp4: tera(entry.fp4_tflops),
    }
}

/// A model with its layers expanded.
///
/// # Errors
/// A diagnostic naming the model and what is impossible about it.
pub fn model(entry: &ModelEntry) -> Result<Model, Diagnostic> {
    let fail = |what: String| Diagnostic::error(format!("model `{}`: {what}", entry.id));
    let body = match (&entry.architecture, &entry.network) {
        (Some(spec), None) => Body::Language(Box::new(spec.clone().expand().map_err(|e| fail(e.to_string()))?)),
        (None, Some(network)) => Body::Network(network.clone()),
        _ => return Err(fail("needs either `architecture` or `network`".to_owned())),
    };
    if entry.parameters == 0 || entry.parameters > 1 << 50 {
        return Err(fail(format!("the number of parameters must be between 1 and 2^50, found {}", entry.parameters)));
    }
    Ok(Model {
        id: entry.id.clone(),
        aliases: entry.aliases.clone(),
        task: entry.task,
        parameters: entry.parameters,
        active_parameters: entry.active_parameters.unwrap_or(entry.parameters),
        body,
        stored: None,
        native_format: entry.native_format.clone(),
        trained_formats: entry.trained_formats.clone(),
        licence: entry.licence.clone(),
        released: entry.released.clone(),
        assumptions: entry.assumptions.clone(),
        provenance: entry.provenance.clone(),
    })
}
