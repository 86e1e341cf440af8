//! Devices: memory, bandwidth, rates, power, prices, names.

use super::Report;
use super::memory_type::limit_gb_s;
use crate::catalog::Catalog;
use crate::catalog::schema::{ComputeEntry, DeviceEntry};
use crate::domain::MemoryKind;

pub(super) fn check(catalog: &Catalog, report: &mut Report) {
    for device in catalog.device_entries() {
        report.enter("device", &device.id);
        memory(device, report);
        rates(device, report);
        power(device, report);
        modes(device, report);
        prices(device, report);
        surroundings(device, report);
        for (i, id) in device.runtimes.iter().enumerate() {
            if catalog.runtime_by_id(id).is_none() {
                report.add("runtimes", id, "the id of a runtime", "no runtime of this id is known");
            }
            if device.runtimes[..i].contains(id) {
                report.add("runtimes", id, "each runtime once", "it is listed twice");
            }
        }
        if device.runtimes.is_empty() {
            report.add("runtimes", "empty", "at least one runtime", "nothing could run on it");
        }
    }
    let names = catalog.device_entries().flat_map(|d| {
        std::iter::once((d.id.as_str(), d.id.as_str())).chain(d.aliases.iter().map(|a| (d.id.as_str(), a.id.as_str())))
    });
    report.names("device", names);
}

fn memory(device: &DeviceEntry, report: &mut Report) {
    let m = &device.memory;
    let (installed, visible) = (m.installed_mib, m.visible_mib);
    if installed == 0 {
        report.add("memory.installed_mib", 0, "a positive size", "a device without memory holds nothing");
    }
    if visible > installed {
        report.add("memory.visible_mib", visible, format!("at most {installed}"), "no more is installed");
    }
    // Firmware keeps 7 % at most of what was read off devices, error correction another 6.25 %.
    if visible < installed / 4 * 3 {
        report.add("memory.visible_mib", visible, format!("at least {}", installed / 4 * 3), "firmware keeps far less");
    }
    if let Some(limit) = m.accelerator_mib
        && (limit > visible || limit == 0)
    {
        report.add("memory.accelerator_mib", limit, format!("1 to {visible}"), "no more is visible");
    }
    match m.kind {
        MemoryKind::Discrete => {
            if m.accelerator_mib.is_some() {
                report.add("memory.accelerator_mib", "given", "absent", "all memory of its own is the accelerator's");
            }
            if m.host_visible_mib.is_none_or(|h| h == 0) {
                report.add(
                    "memory.host_visible_mib",
                    "absent",
                    "the host's memory",
                    "weights and processes pass through it",
                );
            }
            if m.reserved_mib.is_some_and(|r| r >= visible) {
                report.add(
                    "memory.reserved_mib",
                    m.reserved_mib.unwrap_or(0),
                    format!("below {visible}"),
                    "nothing would be left",
                );
            }
        }
        MemoryKind::Unified => {
            for (field, given) in [("reserved_mib", m.reserved_mib), ("host_visible_mib", m.host_visible_mib)] {
                if let Some(given) = given {
                    report.add(format!("memory.{field}"), given, "absent", "there is one memory only");
                }
            }
        }
    }
}

fn rates(device: &DeviceEntry, report: &mut Report) {
    let limit = limit_gb_s(&device.memory.r#type);
    report.within("bandwidth_gb_s", device.bandwidth_gb_s, (0.5, 20_000.0), "no memory is as slow or as fast");
    report.at_most("bandwidth_gb_s", device.bandwidth_gb_s, limit, "data rate x width of the memory type");
    for (field, value) in figures(&device.compute) {
        report.within(&format!("compute.{field}"), value, (1e-3, 1e5), "no chip is as slow or as fast");
    }
}

fn power(device: &DeviceEntry, report: &mut Report) {
    report.within("full_w", device.full_w, (0.1, 3000.0), "no device of these classes draws as little or as much");
    report.within("idle_w", device.idle_w, (0.0, 1000.0), "no device of these classes draws as much at rest");
    report.at_most("idle_w", device.idle_w, device.full_w, "a device at rest draws no more than at full load");
    for accessory in &device.accessories {
        report.within("accessories.full_w", accessory.full_w, (0.0, 3000.0), "no accessory draws as much");
        report.at_most("accessories.idle_w", accessory.idle_w, accessory.full_w, "rest draws no more than full load");
    }
}

fn modes(device: &DeviceEntry, report: &mut Report) {
    let limit = limit_gb_s(&device.memory.r#type);
    let peak = figures(&device.compute);
    for (i, mode) in device.modes.iter().enumerate() {
        let field = |name: &str| format!("modes.{}.{name}", mode.id);
        if device.modes[..i].iter().any(|m| m.id.eq_ignore_ascii_case(&mode.id)) {
            report.add("modes", &mode.id, "each mode once", "it is listed twice");
        }
        let bandwidth = mode.bandwidth_gb_s;
        report.within(&field("bandwidth_gb_s"), bandwidth, (0.5, 20_000.0), "no memory is as slow or as fast");
        report.at_most(&field("bandwidth_gb_s"), bandwidth, limit, "data rate x width of the memory type");
        report.at_most(&field("bandwidth_gb_s"), bandwidth, device.bandwidth_gb_s, "the device's own limit");
        for ((name, value), (_, limit)) in figures(&mode.compute.unwrap_or_default()).into_iter().zip(peak) {
            report.within(&field(name), value, (1e-3, 1e5), "no chip is as slow or as fast");
            report.at_most(&field(name), value, limit, "the device's own limit");
        }
        report.within(&field("full_w"), mode.full_w, (0.1, 3000.0), "no mode draws as little or as much");
        report.at_most(&field("full_w"), mode.full_w, device.full_w, "the device's own limit");
        if mode.figures_unknown && (bandwidth.is_some() || mode.compute.is_some()) {
            report.add(field("figures_unknown"), "true", "absent", "figures are given");
        }
    }
    let defaults = device.modes.iter().filter(|m| m.default).count();
    if !device.modes.is_empty() && defaults != 1 {
        report.add(
            "modes",
            format!("{defaults} default modes"),
            "one default mode",
            "a device leaves the factory in one",
        );
    }
    for alias in &device.aliases {
        for id in alias.modes.iter().filter(|id| !device.modes.iter().any(|m| m.id == **id)) {
            report.add("aliases", format!("{} in mode {id}", alias.id), "a mode of the device", "it has no such mode");
        }
    }
}

fn prices(device: &DeviceEntry, report: &mut Report) {
    const ABSURD_USD: f64 = 500_000.0;
    for price in &device.prices {
        report.within(
            "prices.usd",
            Some(price.usd),
            (0.01, ABSURD_USD),
            "nothing of these classes is as cheap or as dear",
        );
        report.dated("prices.as_of", price.as_of.as_deref());
        let fewer = device.prices.iter().filter(|p| p.min_quantity < price.min_quantity).map(|p| p.usd);
        report.at_most("prices.usd", Some(price.usd), fewer.reduce(f64::min), "more pieces are not dearer each");
    }
    for accessory in device.accessories.iter().filter(|a| a.usd.is_some()) {
        report.within("accessories.usd", accessory.usd, (0.0, ABSURD_USD), "no accessory is as dear");
        report.dated("accessories.as_of", accessory.as_of.as_deref());
    }
}

fn surroundings(device: &DeviceEntry, report: &mut Report) {
    if let Some((low, high)) = device.operating_temp_c
        && (low >= high || low < -60 || high > 125)
    {
        report.add(
            "operating_temp_c",
            format!("{low} to {high}"),
            "within -60 to 125, rising",
            "no electronics works there",
        );
    }
    if let Some(days) = device.lead_time_days
        && days > 3650
    {
        report.add("lead_time_days", days, "at most 3650", "nobody waits ten years");
    }
}

fn figures(c: &ComputeEntry) -> [(&'static str, Option<f64>); 5] {
    [
        ("fp32_tflops", c.fp32_tflops),
        ("fp16_tflops", c.fp16_tflops),
        ("int8_tops", c.int8_tops),
        ("fp8_tflops", c.fp8_tflops),
        ("fp4_tflops", c.fp4_tflops),
    ]
}
