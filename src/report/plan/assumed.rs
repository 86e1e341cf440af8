//! What a plan rests on, in words: facts of its devices, and what was assumed where the scenario is silent.

use serde_json::{Value, json};

use crate::figures;
use crate::planner::{Plan, WorkloadAssumption};
use crate::scenario::Assumed;

/// What was assumed of a workload, with the key that says otherwise.
fn sentence(assumed: Assumed) -> String {
    match assumed {
        Assumed::InputTokens(tokens) => format!("inputs of {tokens} tokens are assumed; `prompt` says otherwise"),
        Assumed::PairTokens(tokens) => {
            format!("{tokens} tokens of query and passage together are assumed; `prompt` says otherwise")
        }
        Assumed::ImageSize(size, tokens) => {
            format!(
                "images of {size} pixels are assumed, {tokens} tokens each; `image_px` or `image_tokens` says otherwise"
            )
        }
        Assumed::NetworkAlone => "the rate is of the network alone: decoding of video, pre-processing and \
            post-processing of images come on top"
            .to_owned(),
    }
}

/// A workload by its name, and by its site class where there are several.
fn name(assumption: &WorkloadAssumption) -> String {
    match &assumption.site {
        Some(site) => format!("{site}: {}", assumption.workload),
        None => assumption.workload.clone(),
    }
}

/// What is assumed of devices: what the catalog says of them, and draws at rest that are unknown where energy is paid for.
fn devices(plan: &Plan<'_>) -> Vec<(String, String)> {
    let mut all: Vec<_> = plan.assumptions.iter().map(|a| (a.device.clone(), a.text.clone())).collect();
    for (device, full) in plan.energy.iter().flat_map(|energy| &energy.full_at_rest) {
        let full = figures::power(*full);
        all.push((device.clone(), format!("its draw at rest is unknown: its full {full} are counted all the time")));
    }
    all.sort();
    all
}

/// Of what, and what.
pub(super) fn lines(plan: &Plan<'_>) -> Vec<(String, String)> {
    let workloads = plan.assumed.iter().map(|a| (name(a), sentence(a.what)));
    workloads.chain(devices(plan)).collect()
}

/// The same for programs.
pub(super) fn values(plan: &Plan<'_>) -> Vec<Value> {
    let workloads = plan
        .assumed
        .iter()
        .map(|a| json!({ "site": a.site, "workload": a.workload, "device": null, "text": sentence(a.what) }));
    workloads.chain(devices(plan).iter().map(|(device, text)| json!({ "device": device, "text": text }))).collect()
}
