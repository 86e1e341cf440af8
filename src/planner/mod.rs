//! Answers: a plan, the limits of each device, one memory budget.

pub mod budget;
