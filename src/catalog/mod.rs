//! The catalogs: shipped facts, the user's overlays, look-ups by id and alias.

pub mod check;
pub mod prices;
pub mod resolve;
pub mod schema;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::diag::Diagnostic;
use crate::domain::{Device, Format, KvPair, KvQuality, KvType, Model, OsImage, PublishedLosses, Runtime};
use crate::names::{self, folded, nearest};
use crate::speed::Calibration;
use crate::speed::vision::order::{Families, Member};
use crate::units::Share;
use crate::yaml;
use schema::{CatalogFile, DeviceEntry, ModelEntry};

/// The shipped catalogs as one JSON document, made from `catalogs/**/*.yaml` at build time.
const EMBEDDED: &str = include_str!(concat!(env!("OUT_DIR"), "/catalogs.json"));

/// Everything that is known: devices, models, formats, runtimes, operating systems, fitted constants.
#[derive(Debug, Clone)]
pub struct Catalog {
    devices: IndexMap<String, Device>,
    device_entries: Vec<DeviceEntry>,
    models: IndexMap<String, ModelEntry>,
    formats: IndexMap<String, Format>,
    runtimes: IndexMap<String, Runtime>,
    os_images: IndexMap<String, OsImage>,
    kv_types: Vec<KvQuality>,
    losses: Vec<PublishedLosses>,
    model_names: IndexMap<String, String>,
    calibration: Calibration,
    sha256: String,
    /// The file of every entry that an overlay has, by kind and id as [`check::Finding::entry`] names it.
    overlaid: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Embedded {
    devices: Vec<DeviceEntry>,
    models: Vec<ModelEntry>,
    formats: Vec<Format>,
    runtimes: Vec<Runtime>,
    os_images: Vec<OsImage>,
    kv_types: Vec<KvQuality>,
    losses: Vec<PublishedLosses>,
    calibration: Calibration,
}

impl Catalog {
    /// The shipped catalogs alone.
    ///
    /// # Errors
    /// A diagnostic when a shipped entry contradicts itself; the tests of the project keep that from being released.
    pub fn shipped() -> Result<Self, Diagnostic> {
        Self::with_overlays(&[])
    }

    /// The shipped catalogs with files of the user's laid over them: entries replace shipped ones of the same id, or are
    /// added. Each overlay is a file name and its text.
    ///
    /// # Errors
    /// What is wrong with an overlay, with file and line where there is one.
    pub fn with_overlays(overlays: &[(String, String)]) -> Result<Self, Diagnostic> {
        let shipped: Embedded = serde_json::from_str(EMBEDDED)
            .map_err(|e| Diagnostic::error(format!("the shipped catalogs are damaged: {e}")))?;
        let mut hash = Sha256::new();
        hash.update(EMBEDDED.as_bytes());
        let mut file = CatalogFile {
            devices: shipped.devices,
            models: shipped.models,
            formats: shipped.formats,
            runtimes: shipped.runtimes,
            os_images: shipped.os_images,
            kv_types: shipped.kv_types,
            losses: shipped.losses,
        };
        let mut overlaid = BTreeMap::new();
        for (name, text) in overlays {
            hash.update(text.as_bytes());
            let overlay: CatalogFile = yaml::parse_catalog(text, name)?;
            overlaid.extend(check::entries(&overlay).map(|entry| (entry, name.clone())));
            lay_over(&mut file, overlay, name)?;
        }
        let built = Self::build(file, shipped.calibration, hex(&hash.finalize()));
        // Only overlays can hold what the shipped catalogs, which are tested, do not.
        let mut catalog = built.map_err(|e| match overlays {
            [(name, _)] => e.in_file(name),
            _ => e,
        })?;
        catalog.overlaid = overlaid;
        Ok(catalog)
    }

    /// The file of an entry that an overlay has, by kind and id as [`check::Finding::entry`] names it.
    #[must_use]
    pub fn overlay_of(&self, entry: &str) -> Option<&str> {
        self.overlaid.get(entry).map(String::as_str)
    }

    fn build(file: CatalogFile, mut calibration: Calibration, sha256: String) -> Result<Self, Diagnostic> {
        let os_images = by_id(file.os_images, |o| &o.id, "operating system image")?;
        let formats = by_id(file.formats, |f| &f.id, "format")?;
        let runtimes = by_id(file.runtimes, |r| &r.id, "runtime")?;
        let models = by_id(file.models, |m| &m.id, "model")?;
        let mut devices = IndexMap::with_capacity(file.devices.len());
        for entry in &file.devices {
            if devices.insert(entry.id.clone(), resolve::device(entry, &os_images)?).is_some() {
                return Err(Diagnostic::error(format!("device `{}` is defined twice in the catalogs", entry.id)));
            }
        }
        let mut model_names = IndexMap::with_capacity(models.len() * 3);
        for id in models.keys() {
            model_names.insert(folded(id), id.clone());
        }
        for (id, model) in &models {
            for alias in &model.aliases {
                model_names.entry(folded(alias)).or_insert_with(|| id.clone());
            }
        }
        let networks = models.values().filter_map(|m| {
            let member = Member { id: m.id.clone(), parameters: m.parameters, network: m.network.clone()? };
            Some((m.task, member))
        });
        calibration.vision.families = Families::of(networks);
        Ok(Self {
            devices,
            device_entries: file.devices,
            models,
            formats,
            runtimes,
            os_images,
            kv_types: file.kv_types,
            losses: file.losses,
            model_names,
            calibration,
            sha256,
            overlaid: BTreeMap::new(),
        })
    }

    /// All devices in catalog order.
    pub fn devices(&self) -> impl Iterator<Item = &Device> {
        self.devices.values()
    }

    /// All devices as written, in catalog order: prices with their dates, sources, accessories.
    pub fn device_entries(&self) -> impl Iterator<Item = &DeviceEntry> {
        self.device_entries.iter()
    }

    /// What pairs of cache types cost in quality.
    pub fn kv_types(&self) -> impl Iterator<Item = &KvQuality> {
        self.kv_types.iter()
    }

    /// The device at this place in catalog order.
    ///
    /// # Panics
    /// When there are not that many devices: indices come from [`Catalog::devices`].
    #[must_use]
    pub fn device_at(&self, index: usize) -> &Device {
        &self.devices[index]
    }

    /// All models as written, in catalog order.
    pub fn model_entries(&self) -> impl Iterator<Item = &ModelEntry> {
        self.models.values()
    }

    /// All weight formats in catalog order.
    pub fn formats(&self) -> impl Iterator<Item = &Format> {
        self.formats.values()
    }

    /// All runtimes in catalog order.
    pub fn runtimes(&self) -> impl Iterator<Item = &Runtime> {
        self.runtimes.values()
    }

    /// All operating system images in catalog order.
    pub fn os_images(&self) -> impl Iterator<Item = &OsImage> {
        self.os_images.values()
    }

    /// The fitted constants of the speed models.
    #[must_use]
    pub const fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// SHA-256 over the shipped catalogs and all overlays, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The device of this id or alias, when there is one.
    #[must_use]
    pub fn known_device(&self, id: &str) -> Option<&Device> {
        let alias = || self.devices.values().find(|d| d.aliases.iter().any(|a| a.id == id));
        self.devices.get(id).or_else(alias)
    }

    /// The device of this id or alias, with the modes that an alias restricts it to (empty: all).
    ///
    /// # Errors
    /// A diagnostic with the nearest valid id.
    pub fn device(&self, id: &str) -> Result<(&Device, &[String]), Diagnostic> {
        if let Some(device) = self.devices.get(id) {
            return Ok((device, &[]));
        }
        for device in self.devices.values() {
            if let Some(alias) = device.aliases.iter().find(|a| a.id == id) {
                return Ok((device, &alias.modes));
            }
        }
        let ids = self
            .devices
            .values()
            .flat_map(|d| std::iter::once(d.id.as_str()).chain(d.aliases.iter().map(|a| a.id.as_str())));
        Err(Diagnostic::error(format!("unknown device `{id}`")).did_you_mean(id, ids))
    }

    /// The model of this id or alias, without regard to case, spaces, `_` and `-`.
    ///
    /// # Errors
    /// A diagnostic with the nearest valid id, or what is wrong with the entry.
    pub fn model(&self, name: &str) -> Result<Model, Diagnostic> {
        let wanted = folded(name);
        if let Some(entry) = self.model_names.get(&wanted).and_then(|id| self.models.get(id)) {
            return resolve::model(entry);
        }
        let error = Diagnostic::error(format!("unknown model `{name}`"));
        let near = self.like_model(name);
        Err(if near.is_empty() {
            error.hint("a file works too: ./model.gguf or ./config.json")
        } else {
            error.suggest(&near)
        })
    }

    /// Models that may be meant by a name that none has: of its size where it tells one, and never a text encoder or a network
    /// that only ends alike (`mistral-7b` is no `e5-mistral-7b`).
    fn like_model(&self, name: &str) -> Vec<&str> {
        /// How far a model's parameters may be from the size that its name tells: names round, and count without tables.
        const ROUNDED: std::ops::RangeInclusive<f64> = 0.75..=1.35;
        let size = names::size(name);
        let first = names::parts(name.rsplit('/').next().unwrap_or(name)).into_iter().next();
        let begins = |known: &str| names::parts(known.rsplit('/').next().unwrap_or(known)).into_iter().next() == first;
        let sized = |model: &ModelEntry, known: &str| {
            size.is_none_or(|s| names::size(known) == Some(s) || ROUNDED.contains(&(model.parameters as f64 / s)))
        };
        let all = || {
            self.models.values().flat_map(move |m| {
                let known = std::iter::once(m.id.as_str()).chain(m.aliases.iter().map(String::as_str));
                known.filter(move |known| sized(m, known)).map(move |known| (m, known))
            })
        };
        let alike = || all().filter(|(m, known)| !m.task.is_encoder() || begins(known));
        let slip = nearest(name, alike().map(|(_, known)| known)).filter(|known| names::is_slip(name, known));
        if let Some(known) = slip {
            return vec![known];
        }
        // One name of each model: its id, where that has the parts.
        let mut found: Vec<&str> = Vec::new();
        let mut models: Vec<&str> = Vec::new();
        for known in names::containing(name, alike().map(|(_, known)| known), usize::MAX) {
            let id = self.model_names.get(&folded(known)).map_or(known, String::as_str);
            if !models.contains(&id) {
                models.push(id);
                found.push(known);
            }
        }
        found.truncate(names::SUGGESTED);
        if found.is_empty() {
            found.extend(nearest(name, all().filter(|(_, known)| begins(known)).map(|(_, known)| known)));
        }
        found
    }

    /// The weight format of this id or alias; case does not matter.
    ///
    /// # Errors
    /// A diagnostic with the nearest valid id.
    pub fn format(&self, id: &str) -> Result<&Format, Diagnostic> {
        let wanted = id.to_lowercase();
        self.formats
            .get(&wanted)
            .or_else(|| self.formats.values().find(|f| f.aliases.iter().any(|a| a.eq_ignore_ascii_case(id))))
            .ok_or_else(|| {
                Diagnostic::error(format!("unknown weight format `{id}`"))
                    .did_you_mean(id, self.formats.keys().map(String::as_str))
            })
    }

    /// The runtimes that an id or alias stands for: one backend, or all backends of an engine.
    ///
    /// # Errors
    /// A diagnostic with the nearest valid id.
    pub fn runtime(&self, id: &str) -> Result<Vec<&Runtime>, Diagnostic> {
        let named = |r: &Runtime| r.id == id || r.aliases.iter().any(|a| a == id);
        let found: Vec<_> = match self.runtimes.values().find(|r| named(r)) {
            Some(exact) if exact.engine_id != id => vec![exact],
            _ => self.runtimes.values().filter(|r| r.engine_id == id || named(r)).collect(),
        };
        if found.is_empty() {
            let ids = self.runtimes.values().flat_map(|r| [r.id.as_str(), r.engine_id.as_str()]);
            return Err(Diagnostic::error(format!("unknown runtime `{id}`")).did_you_mean(id, ids));
        }
        Ok(found)
    }

    /// The runtime with exactly this id.
    #[must_use]
    pub fn runtime_by_id(&self, id: &str) -> Option<&Runtime> {
        self.runtimes.get(id)
    }

    /// The operating system image of this id.
    ///
    /// # Errors
    /// A diagnostic with the nearest valid id.
    pub fn os_image(&self, id: &str) -> Result<&OsImage, Diagnostic> {
        self.os_images.get(id).ok_or_else(|| {
            Diagnostic::error(format!("unknown operating system image `{id}`"))
                .did_you_mean(id, self.os_images.keys().map(String::as_str))
        })
    }

    /// What a model loses in quality in a format on a runtime, over what its makers published; absent when nobody measured
    /// it. A format that it was made for costs nothing.
    ///
    /// Of vision and speech networks that is the figure published of the network on the engine; else that of its class
    /// there ([`PublishedLosses::of_class`]); else, where the engine published none, the middle of what other engines lose
    /// in the class.
    #[must_use]
    pub fn quality_loss(&self, model: &Model, runtime: &Runtime, format: &Format) -> Option<Share> {
        if model.is_made_for(&format.id) {
            return Some(Share::ZERO);
        }
        if model.task.is_language() || format.quality_loss == Some(Share::ZERO) {
            return format.quality_loss;
        }
        let tables = || self.losses.iter().filter(|l| l.task == model.task && l.formats.contains(&format.id));
        let own = || tables().filter(|l| l.engine == runtime.engine_id);
        own().find_map(|l| l.of(&model.id)).or_else(|| own().find_map(PublishedLosses::of_class)).or_else(|| {
            let mut classes: Vec<Share> = tables().filter_map(PublishedLosses::of_class).collect();
            classes.sort_unstable();
            // Of two in the middle the larger.
            classes.get(classes.len() / 2).copied().or(format.quality_loss)
        })
    }

    /// What quantising vision and speech networks costs, as published.
    pub fn losses(&self) -> impl Iterator<Item = &PublishedLosses> {
        self.losses.iter()
    }

    /// What quantising the cache costs in quality over f16; absent when nobody measured it.
    #[must_use]
    pub fn kv_quality_loss(&self, pair: KvPair) -> Option<Share> {
        let plain = |t| matches!(t, KvType::F32 | KvType::F16 | KvType::Bf16);
        if plain(pair.k) && plain(pair.v) {
            return Some(Share::ZERO);
        }
        self.kv_types.iter().find(|q| q.k == pair.k && q.v == pair.v).map(|q| q.quality_loss)
    }

    /// Leaves out the devices that a test does not keep; the hash tells which were kept.
    pub fn retain_devices(&mut self, mut keep: impl FnMut(&Device) -> bool) {
        self.devices.retain(|_, device| keep(device));
        self.device_entries.retain(|entry| self.devices.contains_key(&entry.id));
        let kept: Vec<&str> = self.devices.keys().map(String::as_str).collect();
        let kept = kept.join("\n");
        self.note_prices(&kept);
    }

    /// Takes a price list into the hash: other prices are other facts.
    fn note_prices(&mut self, text: &str) {
        let mut hash = Sha256::new();
        hash.update(self.sha256.as_bytes());
        hash.update(text.as_bytes());
        self.sha256 = hex(&hash.finalize());
    }

    /// The devices, for changes of prices and availability.
    pub(crate) fn devices_mut(&mut self) -> impl Iterator<Item = &mut Device> {
        self.devices.values_mut()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn lay_over(base: &mut CatalogFile, overlay: CatalogFile, name: &str) -> Result<(), Diagnostic> {
    replace_or_add(&mut base.devices, overlay.devices, |d| &d.id, name)?;
    replace_or_add(&mut base.models, overlay.models, |m| &m.id, name)?;
    replace_or_add(&mut base.formats, overlay.formats, |f| &f.id, name)?;
    replace_or_add(&mut base.runtimes, overlay.runtimes, |r| &r.id, name)?;
    replace_or_add(&mut base.os_images, overlay.os_images, |o| &o.id, name)?;
    for table in overlay.losses {
        base.losses.retain(|t| (&t.engine, t.task, &t.formats) != (&table.engine, table.task, &table.formats));
        base.losses.push(table);
    }
    for pair in overlay.kv_types {
        base.kv_types.retain(|q| (q.k, q.v) != (pair.k, pair.v));
        base.kv_types.push(pair);
    }
    Ok(())
}

fn replace_or_add<T>(base: &mut Vec<T>, overlay: Vec<T>, id: fn(&T) -> &String, name: &str) -> Result<(), Diagnostic> {
    let mut seen = std::collections::BTreeSet::new();
    for entry in overlay {
        if !seen.insert(id(&entry).clone()) {
            return Err(Diagnostic::error(format!("`{}` is defined twice", id(&entry))).in_file(name));
        }
        match base.iter_mut().find(|b| id(b) == id(&entry)) {
            Some(old) => *old = entry,
            None => base.push(entry),
        }
    }
    Ok(())
}

fn by_id<T>(entries: Vec<T>, id: fn(&T) -> &String, what: &str) -> Result<IndexMap<String, T>, Diagnostic> {
    let mut map = IndexMap::with_capacity(entries.len());
    for entry in entries {
        let key = id(&entry).clone();
        if map.insert(key.clone(), entry).is_some() {
            return Err(Diagnostic::error(format!("{what} `{key}` is defined twice in the catalogs")));
        }
    }
    Ok(map)
}
