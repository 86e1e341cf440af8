//! edgemem: which hardware runs these models, and what is the cheapest that really fits.
pub mod catalog;
pub mod diag;
pub mod domain;
pub mod memory;
pub mod scenario;
pub mod solve;
pub mod speed;
pub mod units;
pub mod yaml;
