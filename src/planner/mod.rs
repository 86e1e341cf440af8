//! Answers: a plan, the limits of each device, one memory budget.

pub mod budget;
mod build;
pub mod check;
pub mod checklist;
mod compare;
mod costs;
pub mod explain;
pub mod frontier;
pub mod launch;
pub mod limits;
mod partial;
mod plan;
mod rejected;
pub mod sensitivity;
pub mod validate;
pub mod whatif;
pub mod why_not;

pub use build::{Built, build};
pub use compare::{Compare, Comparison, Comparisons, Restriction};
pub use costs::{Energy, Market};
pub use launch::{Launch, launch};
pub use partial::{Partial, partial};
pub use plan::{
    Alternative, Assumption, OrderLine, Plan, PlannedDevice, PlannedPool, PlannedSite, PlannedWorkload, Wanted,
    WorkloadAssumption, plan, plan_with,
};
pub use rejected::{Joint, Rejected, Why, rejected};
