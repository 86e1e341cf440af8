//! Any bytes are a GGUF header or are refused; a header describes a model or is refused.
#![no_main]

use edgemem::readers::gguf::{Header, model};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = Header::read(bytes) {
        let _ = model(&[header]);
    }
});
