//! A plan for programs.

use serde_json::{Value, json};

use super::others;
use super::{assumed, rates};
use crate::planner::{Energy, Plan, PlannedDevice, PlannedWorkload, Why};
use crate::report::launch;
use crate::scenario::ObjectiveKind;
use crate::solve::Status;

/// The word for what is proven.
pub(in crate::report) const fn status(status: Status) -> &'static str {
    match status {
        Status::Optimal => "optimal",
        Status::Feasible => "feasible",
        Status::Infeasible => "infeasible",
        Status::Unknown => "unknown",
    }
}

/// A plan as JSON text, with a line break at the end.
#[must_use]
pub fn plan_json(plan: &Plan<'_>) -> String {
    format!("{:#}\n", plan_value(plan))
}

/// A plan as a JSON value.
#[must_use]
pub fn plan_value(plan: &Plan<'_>) -> Value {
    let objective = plan.value.map(|value| {
        let power = plan.objective == ObjectiveKind::Power;
        json!({
            "kind": plan.objective.id(),
            "value": value,
            "bound": plan.bound,
            "gap": plan.gap(),
            "currency": if power { Value::Null } else { json!("USD") },
            "unit": if power { "W" } else { "USD" },
        })
    });
    let sites: Vec<_> = plan
        .sites
        .iter()
        .map(|site| {
            json!({
                "name": site.name,
                "count": site.count,
                "devices": site.devices.iter().map(|d| device(d, plan.energy.as_ref())).collect::<Vec<_>>(),
            })
        })
        .collect();
    let order: Vec<_> = plan
        .order
        .iter()
        .map(|line| {
            json!({
                "device": line.device,
                "quantity": line.quantity,
                "spares": line.spares,
                "extra": line.extra,
                "unit_price": line.unit_price.usd(),
                "total": line.total.usd(),
                "supplier": line.supplier,
                "lead_time_days": line.lead_time_days,
                "price_date": line.price_date,
            })
        })
        .collect();
    let rejected: Vec<_> = plan
        .rejected
        .iter()
        .map(|r| {
            json!({
                "device": r.device,
                "site": r.site,
                "unit_price": r.price.map(|p| p.usd()),
                "workload": match &r.why {
                    Why::Workload { name, .. } => Some(name),
                    _ => None,
                },
                "reason": r.why.to_string(),
                "reasons": std::iter::once(r.why.to_string())
                    .chain(r.besides.iter().map(ToString::to_string))
                    .collect::<Vec<_>>(),
                "short_bytes": r.why.short().map(|b| b.0),
                "switch": r.why.switch(),
            })
        })
        .collect();
    let mut value = json!({
        "edgemem": env!("CARGO_PKG_VERSION"),
        "scenario": plan.scenario,
        "status": status(plan.status),
        "objective": objective,
        "headroom": plan.headroom.as_f64(),
        "confidence": plan.confidence.as_f64(),
        "purchase_usd": plan.value.map(|_| plan.purchase.usd()),
        "energy": plan.energy.as_ref().map(energy),
        "sites": sites,
        "order": order,
        "alternatives": [],
        "rejected": rejected,
        "conflict": [],
        "relaxations": [],
        "assumptions": assumed::values(plan),
        "considered": plan.considered,
        "market": {
            "devices": plan.market.known,
            "considered": plan.market.considered,
            "missing_data": plan.market.missing,
        },
        "catalog": { "sha256": plan.catalog_sha256, "oldest_price": plan.oldest_price },
    });
    if let Some(object) = value.as_object_mut() {
        object.extend(others::values(plan));
    }
    value
}

/// What the energy comes to, with figures rounded as money is.
fn energy(energy: &Energy) -> Value {
    let rounded = |x: f64| (x * 100.0).round() / 100.0;
    let full = energy.full_at_rest.iter().map(|(device, full)| json!({ "device": device, "power_w": full.watts() }));
    json!({
        "usd": energy.total.usd(),
        "years": energy.years(),
        "kwh_per_year": rounded(energy.kwh_per_year),
        "usd_per_year": rounded(energy.usd(energy.kwh_per_year)),
        "idle_unknown": full.collect::<Vec<_>>(),
    })
}

fn device(device: &PlannedDevice<'_>, energy: Option<&Energy>) -> Value {
    let pools: Vec<_> = device
        .pools
        .iter()
        .map(|p| {
            json!({
                "name": p.name,
                "capacity_bytes": p.capacity.0,
                "os_bytes": p.os.0,
                "steady_bytes": p.steady.0,
                "required_bytes": p.required.0,
                "free_bytes": p.free().0,
            })
        })
        .collect();
    json!({
        "device": device.device.id,
        "mode": device.mode.id,
        "setting": device.mode.setting.as_ref().map(|s| json!({
            "id": s.id,
            "command": s.command,
            "source": s.source,
        })),
        "needs": device.needs.0.iter().map(|(software, range)| json!({
            "software": software,
            "versions": range.to_string(),
        })).collect::<Vec<_>>(),
        "unit_price": device.unit_price.usd(),
        "power_w": device.mode.power.map(|p| p.watts()),
        "idle_w": device.mode.idle.map(|p| p.watts()),
        "load": device.load.as_f64(),
        "kwh_per_year": energy.and_then(|e| e.kwh_per_year_of(device)).map(|kwh| (kwh * 1000.0).round() / 1000.0),
        "pools": pools,
        "workloads": device.workloads.iter().map(workload).collect::<Vec<_>>(),
    })
}

fn workload(planned: &PlannedWorkload<'_>) -> Value {
    let candidate = &planned.candidate;
    let wanted = &planned.workload;
    let memory: Vec<_> = candidate
        .device
        .pools
        .iter()
        .map(|pool| {
            let used = candidate.used(pool.name);
            // The copies that a server keeps are in the cache's figure, and told apart besides.
            json!({
                "pool": pool.name.id(),
                "weights_bytes": used.weights.0,
                "kv_cache_bytes": used.cache().0,
                "prompt_cache_bytes": used.prompt_cache.0,
                "checkpoint_bytes": used.checkpoints.0,
                "activation_bytes": used.activations().0,
                "framework_bytes": used.framework.0,
            })
        })
        .collect();
    let language = wanted.model.task.is_language();
    let settings = candidate.footprint.and_then(|f| f.settings);
    let mut value = json!({
        "name": wanted.name,
        "candidate": candidate.number,
        "model": wanted.model.id,
        "runtime": candidate.runtime_id,
        "backend": candidate.runtime.id,
        "weights": candidate.format.id,
        "kv_k": candidate.kv.map(|p| p.k.id()),
        "kv_v": candidate.kv.map(|p| p.v.id()),
        "flash_attention": candidate.flash_attention,
        "micro_batch": candidate.micro_batch,
        "batch": settings.map(|s| s.batch),
        "ctx_checkpoints": settings.map(|s| s.checkpoints),
        "prompt_cache_mib": settings.map(|s| s.prompt_cache.0 >> 20),
        "card": (candidate.device.cards() > 1).then_some(candidate.card),
        "context": language.then_some(wanted.context),
        "streams": wanted.streams,
        "load": candidate.load.as_f64(),
        "quality_loss": candidate.quality_loss.as_f64(),
        "memory": memory,
        "activation_rule": candidate.footprint.as_ref().map(|f| f.activation_rule),
        "latency_s": planned.latency.map(|l| l.seconds()),
        "wanted": rates::wanted_value(wanted),
        "best_effort": best_effort(planned),
        "peaks": candidate.footprint.as_ref().map(|f| crate::report::peaks::value(candidate.pools(), &f.peaks)),
        "basis": candidate.speed.as_ref().map(crate::report::basis),
        "run": planned.launch.as_ref().map(launch::lines),
        "launch": planned.launch.as_ref().map(launch::value),
    });
    if let Some(object) = value.as_object_mut() {
        rates::insert(object, planned);
    }
    value
}

/// A workload without a rate target gets what the others leave.
pub(super) fn best_effort(planned: &PlannedWorkload<'_>) -> bool {
    planned.workload.targets.rate().is_none()
}
