//! The scenario file's JSON Schema, for editors: structure, units and bounds. Names are looked up by [`super::resolve`] alone,
//! since catalogs can be laid over.

use serde_json::{Map, Value, json};

use crate::domain::{DeviceClass, ImageSize, KvType};

/// The JSON Schema of a scenario file.
#[must_use]
pub fn scenario_schema() -> Value {
    let site_keys = || {
        vec![
            ("count", whole(1, 10_000_000, "Units of this kind [default: 1]")),
            ("redundancy", whole(0, 1, "1: every workload still runs when any one device of the unit fails")),
            ("workloads", list_of(reference("workload"), "What must run")),
        ]
    };
    let mut keys = vec![
        ("scenario", text("Name [default: that of the file]")),
        ("description", text("One sentence")),
        ("objective", json!({ "enum": ["capex", "tco", "power"], "default": "capex" })),
        ("headroom", share("Added to steady memory", 10.0, "25%")),
        ("confidence", share("How sure the unfavourable bounds are, 0.5 to 0.99", 0.99, "90%")),
        ("max_load", share("Most of a device's time that its workloads may take together", 1.0, "90%")),
        ("horizon", reference("horizon")),
        ("limits", reference("limits")),
        ("allow", reference("allow")),
        ("fleet", reference("fleet")),
        ("sites", list_of(reference("site"), "Kinds of units; or count and workloads at the top level for one kind")),
    ];
    keys.extend(site_keys());
    let mut scenario = group("A scenario: what must run, within which limits, on which devices", keys, &[]);
    let either = json!([{ "required": ["workloads"] }, { "required": ["sites"] }]);
    let mut site = vec![
        ("name", text("Name of the kind of unit")),
        ("limits", reference("limits")),
        ("allow", reference("allow")),
    ];
    site.extend(site_keys());
    let definitions = json!({
        "horizon": horizon(),
        "limits": limits(),
        "allow": allow(),
        "fleet": group("What holds over all kinds of units", vec![
            ("max_skus", whole(1, 1000, "Most different devices")),
            ("spares", share("More of every device bought, rounded up", 1.0, "0%")),
        ], &[]),
        "site": group("A kind of unit", site, &["name", "workloads"]),
        "targets": targets(),
        "workload": workload(),
        "words": { "description": "One or several; a list of one may be written as one value", "oneOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "type": "string", "minLength": 1 } },
        ]},
    });
    if let Value::Object(scenario) = &mut scenario {
        scenario.insert("oneOf".to_owned(), either);
        scenario.insert("$defs".to_owned(), definitions);
        scenario.shift_insert(0, "$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    }
    scenario
}

fn horizon() -> Value {
    group(
        "For energy costs",
        vec![
            ("years", number(0.0, 100.0, "Length of the horizon [default: 3]")),
            ("hours_per_day", number(0.0, 24.0, "Operating hours [default: 24]")),
            ("electricity_usd_per_kwh", number(0.0, 1000.0, "Price of a kilowatt-hour [default: 0.20]")),
        ],
        &[],
    )
}

fn limits() -> Value {
    group(
        "Limits on one unit",
        vec![
            ("price_usd", positive("Most it may cost, accessories included, in US dollars")),
            ("power_w", positive("Most it may draw at full load of the chosen modes, in watts")),
            ("devices", whole(1, 1000, "Most devices [default: 1]")),
            ("lead_time_days", whole(0, 10_000, "Most days from order to delivery")),
            (
                "settings",
                json!({
                    "description": "factory: the memory settings of machines stay as they are; any when not given",
                    "enum": ["factory", "any"],
                }),
            ),
        ],
        &[],
    )
}

fn allow() -> Value {
    let degrees = || json!({ "type": "integer", "minimum": -100, "maximum": 200 });
    let classes = DeviceClass::ALL.map(DeviceClass::id);
    let exclude = json!({
        "description": "Not these devices; an empty list is nothing",
        "oneOf": [{ "$ref": "#/$defs/words" }, { "type": "array", "maxItems": 0 }],
    });
    group(
        "Which devices and runtimes may be considered at all",
        vec![
            (
                "classes",
                json!({ "oneOf": [
                    { "enum": classes },
                    { "type": "array", "minItems": 1, "uniqueItems": true, "items": { "enum": classes } },
                ]}),
            ),
            ("vendors", words("Parts of vendors' names")),
            ("devices", words("Only these device ids")),
            ("exclude", exclude),
            ("runtimes", words("Only these runtimes")),
            (
                "operating_temp_c",
                group(
                    "Ambient range in °C that the device's own must cover",
                    vec![("min", degrees()), ("max", degrees())],
                    &["min", "max"],
                ),
            ),
            ("unverified", json!({ "type": "boolean", "description": "Facts that no source confirms may be used" })),
        ],
        &[],
    )
}

fn targets() -> Value {
    group(
        "What each stream must reach at the unfavourable bound of the estimate",
        vec![
            ("decode_tok_s", positive("Decoded tokens per second of each stream")),
            ("ttft_s", positive("Seconds to the first token of each stream at most")),
            (
                "inferences_s",
                positive("Inferences per second of each stream (of each camera): 24 streams at 15 need 360 in all"),
            ),
            ("latency_s", positive("Seconds of one inference at most")),
            ("realtime_factor", positive("Speech: seconds of work per second of the audio of each stream at most")),
        ],
        &[],
    )
}

fn workload() -> Value {
    let kv = KvType::ALL.map(KvType::id);
    let kv_type = json!({
        "type": "string",
        "description": "One type for keys and values, or a pair such as q8_0/q4_0",
        "anyOf": [{ "enum": kv }, { "pattern": "^[A-Za-z0-9_]+( */ *[A-Za-z0-9_]+)?$" }],
    });
    let micro = || whole(1, 1 << 20, "Most tokens computed at once (llama.cpp) [default: 512]");
    group(
        "One model that must run",
        vec![
            ("name", text("Name, unique in its kind of unit")),
            ("model", text("Catalog id or alias, or a file: ./model.gguf, ./config.json")),
            (
                "context",
                whole(
                    1,
                    1 << 28,
                    "Tokens per stream, prompt and answer together [default: 4096; of an embedding model or reranker as many as `prompt`]",
                ),
            ),
            (
                "streams",
                whole(1, 65_536, "Sequences, cameras or microphones at once, each with the targets [default: 1]"),
            ),
            (
                "prompt",
                whole(
                    1,
                    1 << 28,
                    "Tokens, for the time to the first one [default: half of the context]. Embedding models: tokens of one input; rerankers: of query and passage together; 512 when not given",
                ),
            ),
            ("images", whole(0, 100_000, "Images in the prompt")),
            (
                "image_px",
                json!({
                    "description": "Size of each image in pixels, 1024x768, or one side of a square; 1024x1024 when not given",
                    "oneOf": [
                        { "type": "integer", "minimum": 1, "maximum": ImageSize::LONGEST },
                        { "type": "string", "pattern": "^ *[0-9]+ *[xX×] *[0-9]+ *$" },
                    ],
                }),
            ),
            (
                "input_px",
                whole(1, 16_384, "Side of the input of a vision network, where the model is not at its published one"),
            ),
            ("image_tokens", whole(1, 1 << 28, "Tokens that each image becomes, in place of its size")),
            ("targets", reference("targets")),
            ("duty", share("Share of time at the target rate", 1.0, "100%")),
            ("weights", words("Weight formats to choose from [default: all within max_quality_loss]")),
            ("max_quality_loss", share("Perplexity increase of the format over f16", 100.0, "5%")),
            (
                "kv_cache",
                json!({ "oneOf": [
                    kv_type,
                    { "type": "array", "minItems": 1, "uniqueItems": true, "items": kv_type },
                ]}),
            ),
            ("runtimes", words("Runtimes to choose from [default: all]")),
            ("flash_attention", json!({ "enum": ["auto", "on", "off", true, false], "default": "auto" })),
            ("micro_batch", json!({ "oneOf": [micro(), { "type": "array", "minItems": 1, "items": micro() }] })),
            (
                "batch",
                whole(1, 1 << 20, "Most tokens handed over at once (llama.cpp) [default: 2048, or the micro-batch]"),
            ),
            (
                "outputs",
                whole(1, 1 << 28, "Rows of logits asked for at once (llama.cpp) [default: what a server asks for]"),
            ),
            (
                "prompt_cache_mib",
                whole(
                    0,
                    1 << 24,
                    "Most that llama-server keeps of finished prompts (--cache-ram), in MiB [default: 0]",
                ),
            ),
            ("replicas", whole(1, 1000, "Copies on different devices [default: 1]")),
            ("process", text("Workloads of one process share the engine's own memory")),
            ("together_with", words("Workloads that must be on the same devices")),
            ("apart_from", words("Workloads that must be on other devices")),
        ],
        &["name", "model"],
    )
}

fn group(description: &str, keys: Vec<(&str, Value)>, required: &[&str]) -> Value {
    let properties: Map<String, Value> = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut schema = json!({
        "description": description,
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn list_of(items: Value, description: &str) -> Value {
    json!({ "description": description, "type": "array", "minItems": 1, "items": items })
}

fn words(description: &str) -> Value {
    json!({ "description": description, "$ref": "#/$defs/words" })
}

fn text(description: &str) -> Value {
    json!({ "description": description, "type": "string", "minLength": 1 })
}

fn whole(min: u64, max: u64, description: &str) -> Value {
    json!({ "description": description, "type": "integer", "minimum": min, "maximum": max })
}

fn number(min: f64, max: f64, description: &str) -> Value {
    json!({ "description": description, "type": "number", "minimum": min, "maximum": max })
}

fn positive(description: &str) -> Value {
    json!({ "description": description, "type": "number", "exclusiveMinimum": 0 })
}

fn share(description: &str, max: f64, default: &str) -> Value {
    json!({
        "description": format!("{description}; a share such as 25% or 0.25 [default: {default}]"),
        "oneOf": [
            { "type": "number", "minimum": 0, "maximum": max },
            { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? *%$" },
        ],
    })
}
