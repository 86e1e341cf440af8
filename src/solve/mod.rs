//! The optimisation: which devices, and which candidate of each workload on which of them.
//!
//! [`solve`] finds the first plan in the order among plans ([`Rank`]) and proves it, [`alternatives`] the next ones with
//! other devices, [`judge`] checks any plan on its integers, and [`refusals`] tells why a device alone does not do. How
//! the search works, and why what it leaves out is never needed, stands in `docs/solver.md`.

mod answer;
mod assortment;
mod construct;
mod fleet;
mod front;
mod judge;
mod keys;
mod multipliers;
mod options;
mod pack;
mod pattern;
pub mod problem;
mod rates;
mod refusal;
mod search;
mod set;
mod unit;
mod value;
mod watch;

pub use answer::{Goal, MAX_ITEMS, MAX_POOLS, Outcome, Progress, SearchLimits, Status};
pub use judge::{Bought, Judged, Violation, judge, latency_holds, ordered, spares};
pub use keys::{Keys, Rank, mean_draw};
pub use problem::*;
pub use refusal::{Refusal, refusals};
pub use search::{alternatives, solve};
