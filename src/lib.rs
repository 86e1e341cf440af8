//! edgemem: which hardware runs these models, and what is the cheapest that really fits.
pub mod candidates;
pub mod catalog;
pub mod cli;
pub mod diag;
pub mod domain;
pub mod memory;
pub mod planner;
pub mod readers;
pub mod report;
pub mod scenario;
pub mod solve;
pub mod speed;
pub mod units;
pub mod yaml;
