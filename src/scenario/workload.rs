//! One workload of a scenario.

use std::sync::Arc;

use super::document::Document;
use super::reader::{self, Keys};
use super::resolve::{FindModel, place, runtimes};
use super::{Assumed, DEFAULT_INPUT_TOKENS, FlashChoice, Targets, Workload};
use crate::catalog::Catalog;
use crate::diag::Diagnostic;
use crate::domain::{ImageSize, InputSize, KvPair, KvType, Model, Task};
use crate::units::{Bytes, PPM, Share};
use crate::yaml::{Node, Value};

/// Longest side of a network's input that is not absurd.
const MOST_INPUT_PX: u32 = 16_384;
/// When a scenario is silent and the model allows it.
const DEFAULT_CONTEXT: u64 = 4096;
/// Largest cache of prompts, in MiB: 16 TiB.
const MOST_CACHE_MIB: u64 = 1 << 24;

/// What reading a workload needs.
pub(super) struct Context<'a> {
    pub(super) doc: &'a Document,
    pub(super) catalog: &'a Catalog,
    pub(super) find_model: &'a FindModel<'a>,
}

/// Most workloads of a site class, those that must be together counted as one: what the search for a plan tells apart.
const MOST_GROUPS: usize = 128;

/// The workloads of a site class.
pub(super) fn read_all(context: &Context<'_>, node: &Node) -> Result<Vec<Workload>, Diagnostic> {
    let doc = context.doc;
    let Value::List(items) = &node.value else {
        return Err(doc.error(node.at, "`workloads` must be a list"));
    };
    if items.is_empty() {
        return Err(doc.error(node.at, "`workloads` is empty: a plan needs something to run"));
    }
    let mut workloads: Vec<Workload> = Vec::with_capacity(items.len());
    let mut relations = Vec::new();
    for item in items {
        let (workload, together, apart) = read(context, item)?;
        if workloads.iter().any(|w| w.name == workload.name) {
            return Err(doc.error(item.at, format!("two workloads are called `{}`", workload.name)));
        }
        workloads.push(workload);
        relations.push((together, apart));
    }
    for (i, (together, apart)) in relations.iter().enumerate() {
        for (name, node) in together {
            let j = partner(context, &workloads, i, name, node)?;
            join(&mut workloads, i, j, |w| &mut w.together_with);
        }
        for (name, node) in apart {
            let j = partner(context, &workloads, i, name, node)?;
            join(&mut workloads, i, j, |w| &mut w.apart_from);
        }
    }
    contradictions(doc, node, &workloads)?;
    Ok(workloads)
}

/// Together-with is transitive in effect: whoever ends up on the same devices must not be told to stay apart, nor to use
/// different processes' devices.
fn contradictions(doc: &Document, node: &Node, workloads: &[Workload]) -> Result<(), Diagnostic> {
    let mut group: Vec<usize> = (0..workloads.len()).collect();
    let mut changed = true;
    while changed {
        changed = false;
        for (i, workload) in workloads.iter().enumerate() {
            let same_process =
                workloads.iter().enumerate().filter(|(_, o)| o.process.is_some() && o.process == workload.process);
            let mates: Vec<usize> =
                workload.together_with.iter().copied().chain(same_process.map(|(j, _)| j)).collect();
            for j in mates {
                let lower = group[i].min(group[j]);
                changed |= group[i] != lower || group[j] != lower;
                group[i] = lower;
                group[j] = lower;
            }
        }
    }
    let groups = group.iter().enumerate().filter(|(i, g)| i == *g).count();
    if groups > MOST_GROUPS {
        return Err(doc
            .error(
                node.at,
                format!(
                    "{groups} workloads that need not share a device; at most {MOST_GROUPS} can be planned for one unit"
                ),
            )
            .hint("tie what runs on one device with `together_with`, or split the unit into `sites`"));
    }
    for (i, workload) in workloads.iter().enumerate() {
        if let Some(&j) = workload.apart_from.iter().find(|&&j| group[i] == group[j]) {
            return Err(doc.error(
                node.at,
                format!("`{}` and `{}` must be both together and apart", workload.name, workloads[j].name),
            ));
        }
    }
    Ok(())
}

fn partner(
    context: &Context<'_>,
    workloads: &[Workload],
    i: usize,
    name: &str,
    node: &Node,
) -> Result<usize, Diagnostic> {
    let doc = context.doc;
    let j = workloads.iter().position(|w| w.name == name).ok_or_else(|| {
        doc.error(node.at, format!("no workload is called `{name}`"))
            .in_itself()
            .did_you_mean(name, workloads.iter().map(|w| w.name.as_str()))
    })?;
    if i == j {
        return Err(doc.error(node.at, format!("`{name}` names itself")));
    }
    Ok(j)
}

fn join(workloads: &mut [Workload], i: usize, j: usize, list: fn(&mut Workload) -> &mut Vec<usize>) {
    for (a, b) in [(i, j), (j, i)] {
        let partners = list(&mut workloads[a]);
        if !partners.contains(&b) {
            partners.push(b);
            partners.sort_unstable();
        }
    }
}

type Names<'a> = Vec<(&'a str, &'a Node)>;

fn read<'a>(context: &Context<'a>, node: &'a Node) -> Result<(Workload, Names<'a>, Names<'a>), Diagnostic> {
    let doc = context.doc;
    let mut keys = Keys::of(doc, node, "a workload")?;
    let name = reader::text(doc, keys.need("name")?, "name")?.to_owned();
    let model_node = keys.need("model")?;
    let model_name = reader::text(doc, model_node, "model")?.to_owned();
    let model = (context.find_model)(&model_name).map_err(|e| {
        // Errors inside a model's file keep their own place.
        if e.position().is_some() { e } else { place(doc, model_node, e) }
    })?;
    let model = match keys.get("input_px") {
        Some(node) => Arc::new(at_input(doc, node, &model)?),
        None => model,
    };
    let task = model.task;
    let language = task.is_language();
    for key in [
        "context",
        "prompt",
        "images",
        "image_px",
        "image_tokens",
        "kv_cache",
        "micro_batch",
        "flash_attention",
        "batch",
        "outputs",
        "prompt_cache_mib",
    ] {
        if let Some(node) = keys.get(key)
            && !language
        {
            return Err(doc.error(node.at, format!("`{key}` has no meaning for `{model_name}`, a {} model", task.id())));
        }
    }
    let mut assumed = Vec::new();
    let (images, image_tokens) = read_images(doc, &mut keys, &model, &mut assumed)?;
    let of_images = u64::from(images).saturating_mul(image_tokens.unwrap_or(0));
    let context_tokens = read_context(doc, &mut keys, &model, of_images)?;
    let streams = keys.read("streams", |d, n, k| reader::small(d, n, k, 1, 65_536))?.unwrap_or(1);
    let prompt = if task.is_encoder() {
        read_input(doc, &mut keys, context_tokens, task, &mut assumed)?
    } else {
        read_prompt(doc, &mut keys, context_tokens, of_images, language)?
    };
    let targets = read_targets(doc, keys.get("targets"), task)?;
    let duty = keys.read("duty", |d, n, k| reader::share(d, n, k, Share::ONE))?.unwrap_or(Share::ONE);
    let weights = keys.read("weights", |d, n, k| weights(d, n, k, context.catalog))?;
    let max_quality_loss = keys.read("max_quality_loss", |d, n, k| reader::share(d, n, k, Share(100 * PPM)))?;
    let kv_cache = keys.read("kv_cache", kv_cache)?;
    let kv_cache_written = kv_cache.is_some();
    let kv_cache = kv_cache.unwrap_or_else(|| vec![KvPair::F16]);
    let runtimes = keys.read("runtimes", |d, n, k| runtimes(d, n, k, context.catalog))?;
    let flash_attention = keys.read("flash_attention", flash)?.unwrap_or(FlashChoice::Auto);
    let micro_batch = keys.read("micro_batch", micro_batches)?.unwrap_or_else(|| vec![512]);
    let batch_node = keys.get("batch");
    let batch = batch_node.map(|n| reader::small(doc, n, "batch", 1, 1 << 20)).transpose()?;
    if let (Some(batch), Some(&largest)) = (batch, micro_batch.last())
        && largest > batch
        && keys.get("micro_batch").is_some()
    {
        return Err(doc
            .error(batch_node.and_then(|n| n.at), format!("`batch` {batch} is below `micro_batch` {largest}"))
            .hint("a micro-batch is a part of a batch"));
    }
    let outputs = keys.read("outputs", |d, n, k| reader::whole(d, n, k, 1, reader::MAX_CONTEXT))?;
    let prompt_cache = keys.read("prompt_cache_mib", |d, n, k| reader::whole(d, n, k, 0, MOST_CACHE_MIB))?;
    let replicas = keys.read("replicas", |d, n, k| reader::small(d, n, k, 1, 1000))?.unwrap_or(1);
    let process = keys.read("process", reader::text)?.map(ToOwned::to_owned);
    let together = keys.read("together_with", reader::texts)?.unwrap_or_default();
    let apart = keys.read("apart_from", reader::texts)?.unwrap_or_default();
    keys.finish()?;
    if !language && task != Task::Speech {
        assumed.push(Assumed::NetworkAlone);
    }
    let workload = Workload {
        name,
        model_name,
        model,
        context: context_tokens,
        streams,
        prompt,
        images,
        image_tokens,
        targets,
        duty,
        weights,
        max_quality_loss,
        kv_cache,
        kv_cache_written,
        runtimes,
        flash_attention,
        micro_batch,
        batch,
        outputs,
        prompt_cache: Bytes::mib(prompt_cache.unwrap_or(0)),
        replicas,
        process,
        together_with: Vec::new(),
        apart_from: Vec::new(),
        assumed,
    };
    Ok((workload, together, apart))
}

fn read_context(doc: &Document, keys: &mut Keys<'_>, model: &Model, of_images: u64) -> Result<u64, Diagnostic> {
    let Some(architecture) = model.language() else { return Ok(0) };
    let max = architecture.spec.max_context;
    let Some(node) = keys.get("context") else {
        let default = if model.task.is_encoder() {
            // The room for one input is as large as the input.
            let input =
                keys.get("prompt").map(|n| reader::whole(doc, n, "prompt", 1, reader::MAX_CONTEXT)).transpose()?;
            if let (Some(input), Some(max)) = (input, max.filter(|max| input.is_some_and(|i| i > *max))) {
                let at = keys.get("prompt").and_then(|n| n.at);
                return Err(doc
                    .error(at, format!("`prompt` {input} is above the {max} tokens that `{}` was made for", model.id))
                    .hint(format!("at most {max}")));
            }
            input.unwrap_or(DEFAULT_INPUT_TOKENS)
        } else {
            // Images come on top of what a conversation needs.
            DEFAULT_CONTEXT.saturating_add(of_images).min(reader::MAX_CONTEXT)
        };
        return Ok(max.map_or(default, |m| m.min(default)));
    };
    let context = reader::whole(doc, node, "context", 1, reader::MAX_CONTEXT)?;
    match max {
        Some(max) if context > max => Err(doc
            .error(node.at, format!("`context` {context} is above the {max} tokens that `{}` was made for", model.id))
            .hint(format!("at most {max}"))),
        _ => Ok(context),
    }
}

/// The model fed with images of another size than the published one.
fn at_input(doc: &Document, node: &Node, model: &Model) -> Result<Model, Diagnostic> {
    let side = reader::small(doc, node, "input_px", 1, MOST_INPUT_PX)?;
    model.at_input(side).map_err(|why| match why {
        InputSize::NoImage => doc
            .error(node.at, format!("`input_px` has no meaning for `{}`, a {} model", model.id, model.task.id()))
            .hint("a vision-language model takes `images` with `image_px`"),
        InputSize::Unknown => {
            doc.error(node.at, format!("the input for which the operations of `{}` were counted is unknown", model.id))
        }
        InputSize::Stride(stride) => {
            let (below, above) = (side / stride * stride, (side / stride + 1) * stride);
            let near = if below == 0 { above.to_string() } else { format!("{below} or {above}") };
            doc.error(node.at, format!("`input_px` {side} is no multiple of {stride}")).hint(format!("such as {near}"))
        }
    })
}

/// Tokens that each image becomes, where there are images: as written, or by the model's own rule for the size that is
/// written or assumed.
fn read_images(
    doc: &Document,
    keys: &mut Keys<'_>,
    model: &Model,
    assumed: &mut Vec<Assumed>,
) -> Result<(u32, Option<u64>), Diagnostic> {
    let node = keys.get("images");
    let images = node.map(|n| reader::small(doc, n, "images", 0, 100_000)).transpose()?.unwrap_or(0);
    let (size_node, tokens_node) = (keys.get("image_px"), keys.get("image_tokens"));
    let size = size_node.map(|n| image_size(doc, n, "image_px")).transpose()?;
    let tokens = tokens_node.map(|n| reader::whole(doc, n, "image_tokens", 1, reader::MAX_CONTEXT)).transpose()?;
    if let (Some(_), Some(node)) = (size, tokens_node) {
        return Err(doc.error(node.at, "give either `image_px` or `image_tokens`"));
    }
    if images == 0 {
        return match size_node.or(tokens_node) {
            Some(node) => Err(doc.error(node.at, "the size of an image has no meaning without `images`")),
            None => Ok((0, None)),
        };
    }
    let at = node.and_then(|n| n.at);
    let Some(tower) = model.language().and_then(|a| a.spec.vision) else {
        return Err(doc.error(at, format!("`{}` takes no images", model.id)));
    };
    if tokens.is_some() {
        return Ok((images, tokens));
    }
    let Some(tokens) = crate::domain::image_tokens(model, &tower, size.unwrap_or(ImageSize::DEFAULT)) else {
        return Err(doc
            .error(at, format!("how many tokens an image of `{}` becomes is unknown", model.id))
            .hint("write it beside `images`, such as `image_tokens: 1024`"));
    };
    if size.is_none() {
        assumed.push(Assumed::ImageSize(ImageSize::DEFAULT, tokens));
    }
    Ok((images, Some(tokens)))
}

/// `1024x768`, or one number for a square.
fn image_size(doc: &Document, node: &Node, key: &str) -> Result<ImageSize, Diagnostic> {
    let most = ImageSize::LONGEST;
    if let Value::Text(text) = &node.value {
        let side = |text: &str| text.trim().parse::<u32>().ok().filter(|side| (1..=most).contains(side));
        let sides = text.split_once(['x', 'X', '×']).and_then(|(w, h)| Some((side(w)?, side(h)?)));
        return match sides {
            Some((width, height)) => Ok(ImageSize { width, height }),
            None => Err(doc.error(
                node.at,
                format!(
                    "`{key}` must be width x height in pixels such as 1024x768, sides up to {most}, found `{text}`"
                ),
            )),
        };
    }
    let side = reader::small(doc, node, key, 1, most)?;
    Ok(ImageSize { width: side, height: side })
}

fn read_prompt(
    doc: &Document,
    keys: &mut Keys<'_>,
    context: u64,
    image_tokens: u64,
    language: bool,
) -> Result<u64, Diagnostic> {
    let node = keys.get("prompt");
    if !language {
        return Ok(0);
    }
    let text = match node {
        Some(node) => {
            let text = reader::whole(doc, node, "prompt", 1, reader::MAX_CONTEXT)?;
            if text >= context {
                return Err(doc.error(node.at, format!("`prompt` {text} must be below `context` {context}")));
            }
            text
        }
        // Half of what the images leave.
        None => (context.saturating_sub(image_tokens) / 2).max(1),
    };
    let prompt = text.saturating_add(image_tokens);
    if prompt > context || (image_tokens > 0 && prompt == context) {
        let images = keys.get("images");
        let at = node.or(images).and_then(|n| n.at);
        let error =
            doc.error(at, format!("prompt and images take {prompt} tokens, which do not fit the context of {context}"));
        return Err(if image_tokens > 0 {
            error.hint(format!("the images alone take {image_tokens}: a longer `context`, or a smaller `image_px`"))
        } else {
            error
        });
    }
    Ok(prompt)
}

/// Tokens of one input of a text encoder: nothing is written after it, so that it may fill the context.
fn read_input(
    doc: &Document,
    keys: &mut Keys<'_>,
    context: u64,
    task: Task,
    assumed: &mut Vec<Assumed>,
) -> Result<u64, Diagnostic> {
    let Some(node) = keys.get("prompt") else {
        let input = DEFAULT_INPUT_TOKENS.min(context);
        assumed.push(if task == Task::Reranker { Assumed::PairTokens(input) } else { Assumed::InputTokens(input) });
        return Ok(input);
    };
    let input = reader::whole(doc, node, "prompt", 1, reader::MAX_CONTEXT)?;
    if input > context {
        return Err(doc.error(node.at, format!("`prompt` {input} must not be above `context` {context}")));
    }
    Ok(input)
}

fn read_targets(doc: &Document, node: Option<&Node>, task: Task) -> Result<Targets, Diagnostic> {
    let Some(node) = node else { return Ok(Targets::default()) };
    let mut keys = Keys::of(doc, node, "targets")?;
    let decode = keys.get("decode_tok_s");
    let ttft = keys.get("ttft_s");
    let inferences = keys.get("inferences_s");
    let latency = keys.get("latency_s");
    let realtime = keys.get("realtime_factor");
    keys.finish()?;
    let meaningless = |node: Option<&Node>, key: &str, instead: &str| match node {
        Some(node) => Err(doc
            .error(node.at, format!("`{key}` has no meaning for a {} model", task.id()))
            .hint(format!("use {instead}"))),
        None => Ok(()),
    };
    if task.decodes() {
        for (node, key) in [(inferences, "inferences_s"), (latency, "latency_s"), (realtime, "realtime_factor")] {
            meaningless(node, key, "decode_tok_s or ttft_s")?;
        }
    } else {
        for (node, key) in [(decode, "decode_tok_s"), (ttft, "ttft_s")] {
            meaningless(node, key, "inferences_s or latency_s")?;
        }
        if task != Task::Speech {
            meaningless(realtime, "realtime_factor", "inferences_s")?;
        }
    }
    let realtime = realtime.map(|n| reader::positive(doc, n, "realtime_factor")).transpose()?;
    let inferences_s = inferences.map(|n| reader::positive(doc, n, "inferences_s")).transpose()?;
    if let (Some(_), Some(_), Some(node)) = (realtime, inferences_s, inferences) {
        return Err(doc.error(node.at, "give either `inferences_s` or `realtime_factor`"));
    }
    Ok(Targets {
        decode_tok_s: decode.map(|n| reader::positive(doc, n, "decode_tok_s")).transpose()?,
        ttft: ttft.map(|n| reader::seconds(doc, n, "ttft_s")).transpose()?,
        inferences_s,
        realtime_factor: realtime,
        latency: latency.map(|n| reader::seconds(doc, n, "latency_s")).transpose()?,
    })
}

fn weights(doc: &Document, node: &Node, key: &str, catalog: &Catalog) -> Result<Vec<String>, Diagnostic> {
    let mut ids = Vec::new();
    for (text, node) in reader::texts(doc, node, key)? {
        let id = &catalog.format(text).map_err(|e| place(doc, node, e))?.id;
        if ids.contains(id) {
            return Err(doc.error(node.at, format!("`{text}` is `{id}`, which stands there already")));
        }
        ids.push(id.clone());
    }
    Ok(ids)
}

fn kv_cache(doc: &Document, node: &Node, key: &str) -> Result<Vec<KvPair>, Diagnostic> {
    let ids = KvType::ALL.map(KvType::id);
    reader::texts(doc, node, key)?
        .into_iter()
        .map(|(text, node)| {
            let one = |id: &str| {
                KvType::from_id(id).ok_or_else(|| {
                    doc.error(node.at, format!("unknown cache type `{id}`"))
                        .did_you_mean(id, ids)
                        .hint(format!("cache types are {}; a pair is written q8_0/q4_0", ids.join(", ")))
                })
            };
            match text.split_once('/') {
                Some((k, v)) => Ok(KvPair { k: one(k.trim())?, v: one(v.trim())? }),
                None => one(text).map(|t| KvPair { k: t, v: t }),
            }
        })
        .collect()
}

fn flash(doc: &Document, node: &Node, key: &str) -> Result<FlashChoice, Diagnostic> {
    match &node.value {
        Value::Text(text) if text == "auto" => Ok(FlashChoice::Auto),
        Value::Text(text) if text == "on" => Ok(FlashChoice::On),
        Value::Text(text) if text == "off" => Ok(FlashChoice::Off),
        Value::Bool(true) => Ok(FlashChoice::On),
        Value::Bool(false) => Ok(FlashChoice::Off),
        other => Err(doc.error(node.at, format!("`{key}` must be auto, on or off, found {}", other.kind()))),
    }
}

fn micro_batches(doc: &Document, node: &Node, key: &str) -> Result<Vec<u32>, Diagnostic> {
    let items = reader::list(node);
    if items.is_empty() {
        return Err(doc.error(node.at, format!("`{key}` is an empty list")));
    }
    let mut sizes = items.iter().map(|n| reader::small(doc, n, key, 1, 1 << 20)).collect::<Result<Vec<_>, _>>()?;
    sizes.sort_unstable();
    sizes.dedup();
    Ok(sizes)
}
