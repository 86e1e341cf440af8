//! Runtimes, formats, operating systems and models.

use super::Report;
use crate::catalog::schema::ModelEntry;
use crate::catalog::{Catalog, resolve};
use crate::domain::parameters::count;
use crate::domain::{Body, FormatKind, KvType, Runtime, Verification};
use crate::units::{PPM, Share};

/// What a launch command may have filled in.
const PLACEHOLDERS: [&str; 14] = [
    "model",
    "file",
    "weights",
    "context",
    "streams",
    "total_context",
    "kv_k",
    "kv_v",
    "flash",
    "kv_dtype",
    "batch",
    "micro_batch",
    "memory_share",
    "kv_share",
];

pub(super) fn runtimes(catalog: &Catalog, report: &mut Report) {
    for runtime in catalog.runtimes() {
        report.enter("runtime", &runtime.id);
        for id in runtime.formats.iter().filter(|id| catalog.formats().all(|f| f.id != **id)) {
            report.add("formats", id, "the id of a format", "no format of this id is known");
        }
        for id in runtime.kv_types.iter().filter(|id| KvType::from_id(id).is_none()) {
            report.add("kv_types", id, "the id of a cache type", "no such cache type is known");
        }
        if runtime.tasks.is_empty() {
            report.add("tasks", "empty", "at least one task", "it could run nothing");
        }
        if runtime.formats.is_empty() {
            report.add("formats", "empty", "at least one format", "it could load nothing");
        }
        let framework = (runtime.framework_mib.saturating_add(runtime.framework_host_mib)) as f64;
        report.within(
            "framework_mib",
            Some(framework),
            (0.0, 65_536.0),
            "no engine takes as much before a model is loaded",
        );
        if let Some(share) = runtime.preallocated_share
            && (share == Share::ZERO || share > Share::ONE)
        {
            report.add("preallocated_share", share.0, format!("1 to {PPM}"), "it is a share of one whole");
        }
        if runtime.max_streams == Some(0) {
            report.add("max_streams", 0, "at least 1", "it could serve nobody");
        }
        for exception in &runtime.exceptions {
            for id in exception.formats.iter().filter(|id| !runtime.formats.contains(id)) {
                report.add("exceptions.formats", id, "one of its formats", "what it does not load needs no exception");
            }
            for id in exception.silicon.iter().filter(|id| catalog.devices().all(|d| d.silicon != **id)) {
                report.add("exceptions.silicon", id, "the silicon of a device", "no device has it");
            }
        }
        launch(runtime, report);
    }
    let names = catalog.runtimes().flat_map(|r| {
        std::iter::once((r.id.as_str(), r.id.as_str())).chain(r.aliases.iter().map(|a| (r.id.as_str(), a.as_str())))
    });
    report.names("runtime", names);
}

fn launch(runtime: &Runtime, report: &mut Report) {
    for part in runtime.launch.iter().flat_map(|l| l.split('{').skip(1)) {
        let name = part.split_once('}').map_or(part, |(name, _)| name);
        if !PLACEHOLDERS.contains(&name) {
            report.add("launch", format!("{{{name}}}"), PLACEHOLDERS.join(", "), "nothing is filled in there");
        }
    }
}

pub(super) fn formats(catalog: &Catalog, report: &mut Report) {
    for format in catalog.formats() {
        report.enter("format", &format.id);
        if let FormatKind::Uniform { bits, embedding_bits, delta_net_bits } = format.kind {
            report.within("kind.bits", Some(bits), (0.5, 32.5), "weights have between one and 32 bits");
            for (field, bits) in
                [("kind.embedding_bits", Some(embedding_bits)), ("kind.delta_net_bits", delta_net_bits)]
            {
                report.within(field, bits, (0.5, 32.5), "weights have between one and 32 bits");
            }
        }
        let left_alone = format.published.values().flat_map(|f| [f.mixers, f.dense]);
        let elsewhere = format.elsewhere.iter().flat_map(|l| [l.expert_bits, l.bits, l.embedding_bits]).map(Some);
        for bits in left_alone.chain(elsewhere) {
            report.within("published, elsewhere", bits, (0.5, 32.5), "weights have between one and 32 bits");
        }
        quality(format.quality_loss, report);
    }
    let names = catalog.formats().flat_map(|f| {
        std::iter::once((f.id.as_str(), f.id.as_str())).chain(f.aliases.iter().map(|a| (f.id.as_str(), a.as_str())))
    });
    report.names("format", names);
}

pub(super) fn kv_types(catalog: &Catalog, report: &mut Report) {
    let mut seen = Vec::new();
    for pair in catalog.kv_types() {
        let id = format!("{}/{}", pair.k, pair.v);
        report.enter("cache types", &id);
        quality(Some(pair.quality_loss), report);
        if seen.contains(&id) {
            report.add("k", &id, "each pair once", "it is listed twice");
        }
        seen.push(id);
    }
}

pub(super) fn losses(catalog: &Catalog, report: &mut Report) {
    for table in catalog.losses() {
        report.enter("losses", &format!("{} {}", table.engine, table.task.id()));
        for id in table.formats.iter().filter(|id| catalog.formats().all(|f| f.id != **id)) {
            report.add("formats", id, "the id of a format", "no format of this id is known");
        }
        for (name, &(float, quantised)) in &table.networks {
            let sound = |figure: f64| figure > 0.0 && figure <= 100.0;
            if !sound(float) || !sound(quantised) {
                report.add("networks", name, "two figures above 0 and at most 100", "the measure is a percentage");
            }
        }
        if table.networks.is_empty() {
            report.add("networks", "empty", "at least one network", "it would say nothing");
        }
    }
}

fn quality(loss: Option<Share>, report: &mut Report) {
    // The most destructive format that was measured multiplies perplexity by ten.
    let limit = 100 * PPM;
    if let Some(loss) = loss
        && loss.0 > limit
    {
        report.add("quality_loss", loss.0, format!("at most {limit}"), "such a model would be noise");
    }
}

pub(super) fn os_images(catalog: &Catalog, report: &mut Report) {
    for image in catalog.os_images() {
        report.enter("operating system image", &image.id);
        let used = Some(image.used_mib as f64);
        report.within("used_mib", used, (4.0, 32_768.0), "no operating system takes as little or as much");
    }
}

pub(super) fn models(catalog: &Catalog, report: &mut Report) {
    for entry in catalog.model_entries() {
        report.enter("model", &entry.id);
        model(catalog, entry, report);
    }
    let names = catalog.model_entries().flat_map(|m| {
        std::iter::once((m.id.as_str(), m.id.as_str())).chain(m.aliases.iter().map(|a| (m.id.as_str(), a.as_str())))
    });
    report.names("model", names);
}

fn model(catalog: &Catalog, entry: &ModelEntry, report: &mut Report) {
    for id in entry.native_format.iter().chain(&entry.trained_formats).filter(|id| catalog.format(id).is_err()) {
        report.add("native_format", id, "the id of a format", "no format of this id is known");
    }
    if let Some(active) = entry.active_parameters
        && (active > entry.parameters || active == 0)
    {
        report.add(
            "active_parameters",
            active,
            format!("1 to {}", entry.parameters),
            "they are some of all parameters",
        );
    }
    let resolved = match resolve::model(entry) {
        Ok(model) => model,
        Err(error) => return report.add("architecture", "contradictory", "dimensions of a model", &error.one_line()),
    };
    match &resolved.body {
        Body::Language(architecture) => {
            let counted = count(architecture).total;
            // Counts that are marked are known not to follow: packed uploads, parts that no dimension describes.
            let marked = entry.provenance.verification("parameters") == Verification::Unverified;
            // A rounded count ("8B") is no reason to doubt the dimensions; a wrong dimension is.
            if !marked && counted.abs_diff(entry.parameters) > entry.parameters / 50 {
                report.add("parameters", entry.parameters, counted, "the dimensions lead to another count");
            }
            let spec = &architecture.spec;
            if spec.heads > 0 && spec.kv_heads > 0 && spec.heads % spec.kv_heads != 0 {
                report.add(
                    "architecture.kv_heads",
                    spec.kv_heads,
                    format!("a divisor of {}", spec.heads),
                    "heads share evenly",
                );
            }
            if let Some(moe) = spec.moe
                && (moe.used > moe.experts || moe.used == 0)
            {
                report.add(
                    "architecture.moe.used",
                    moe.used,
                    format!("1 to {}", moe.experts),
                    "a token uses some of all experts",
                );
            }
        }
        Body::Network(network) => {
            report.within("network.giga_ops", network.giga_ops, (1e-6, 1e7), "no network takes as few or as many");
            report.within(
                "network.activations_m",
                network.activations_m,
                (1e-6, 1e6),
                "no network holds as few or as many",
            );
        }
    }
}
