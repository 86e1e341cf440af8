//! The optimisation: which devices, and which candidate of each workload on which of them.

pub mod problem;

pub use problem::*;
