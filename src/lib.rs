//! edgemem: which hardware runs these models, and what is the cheapest that really fits.

// In the library and its binary only: tests and benchmarks may unwrap what they have just made.
#![warn(clippy::unwrap_used, clippy::expect_used)]

pub mod candidates;
pub mod catalog;
pub mod cli;
pub mod diag;
pub mod domain;
pub mod figures;
mod hashing;
pub mod memory;
pub mod names;
pub mod planner;
pub mod readers;
pub mod report;
pub mod scenario;
pub mod shell;
pub mod solve;
pub mod speed;
pub mod units;
pub mod visible;
pub mod yaml;
