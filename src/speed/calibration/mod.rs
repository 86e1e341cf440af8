//! How the constants of the language model's speed come about: measurements in, laws, deviations and scatter out.
//!
//! The laws ([`crate::speed::language::law`]) are fitted along paths from the general to the special: all hardware, a kind
//! of processor, an engine on it, an engine on a kind of silicon. Each node starts from its parent's shares and moves away
//! only as far as its measurements insist. What remains is split into deviations of chips, formats, model families and
//! models, each drawn towards zero the more the fewer measurements it rests on. Ranges come from measurements that were
//! left out of the fit, so they say how wrong the estimate of an unseen device or model is.

mod folds;
mod language;
mod observation;
mod scatter;
mod tree;

pub use folds::{Fold, Judged, thirds};
pub use language::{Calibrator, DIVISIONS, Target};
pub use observation::{Measured, Observation};
