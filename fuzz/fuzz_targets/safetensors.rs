//! Any bytes as the header of a safetensors file, any text as an index.
#![no_main]

use edgemem::readers::safetensors;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = safetensors::parse_header(bytes, "model.safetensors") {
        let sum: u64 = header.tensors.iter().map(|t| t.bytes.0).sum();
        assert_eq!(sum, header.data.0);
        if let Ok(weights) = safetensors::weights(vec![header], "model.safetensors") {
            let _ = safetensors::elements(&weights);
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = safetensors::parse_index(text, "model.safetensors.index.json");
    }
});
