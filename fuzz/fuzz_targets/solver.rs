//! Any bytes as the choices of a small problem: the solver against every joint choice.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use common::Random;
use common::brute::{brute, small};
use edgemem::solve::{SearchLimits, Status, judge, solve};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let problem = small(&mut Random::from_bytes(bytes));
    let all = brute(&problem);
    for patterns_from in [usize::MAX, 1] {
        let outcome = solve(&problem, &SearchLimits { patterns_from, ..SearchLimits::default() }, &mut |_| {});
        let Some((rank, value, _)) = all.first() else {
            assert_eq!(outcome.status, Status::Infeasible);
            continue;
        };
        assert_eq!((outcome.status, outcome.value, outcome.bound), (Status::Optimal, Some(*value), *value));
        let judged = judge(&problem, outcome.assignment.as_ref().expect("a plan")).expect("a plan that holds");
        assert_eq!(judged.rank, *rank);
        assert!(outcome.first_of_equals);
    }
});
