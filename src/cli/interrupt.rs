//! Ctrl-C: the first ends a search with the best plan so far, the second ends the program.

use super::output;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the user asked for an end.
static ASKED: AtomicBool = AtomicBool::new(false);

/// What shells call a program that Ctrl-C ended: 128 + SIGINT.
const ENDED: i32 = 130;

/// From now on Ctrl-C sets this flag; pressed once more it ends the program. Where no handler can be installed Ctrl-C ends
/// the program at once, as ever.
pub(crate) fn flag() -> &'static AtomicBool {
    let _ = ctrlc::set_handler(on_interrupt);
    &ASKED
}

/// Whether the user asked for an end.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

#[expect(clippy::exit, reason = "the user asked twice")]
fn on_interrupt() {
    if ASKED.swap(true, Ordering::Relaxed) {
        std::process::exit(ENDED);
    }
    output::note("ending the search with the best plan so far (Ctrl-C again ends the program)");
}
