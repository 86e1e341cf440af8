//! Any text as a `config.json`: answered or refused, never a crash.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(model) = edgemem::readers::hf_config::parse(text, "config.json") {
        assert!(model.active_parameters <= model.parameters);
    }
});
