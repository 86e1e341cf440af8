//! What a search that was ended early says: a plan that holds, and a bound that is one.

mod common;

use std::sync::atomic::AtomicBool;

use common::{Random, Size, coarse, realistic};
use edgemem::solve::{Outcome, Problem, SearchLimits, Status, judge, solve};

fn search(problem: &Problem, limits: SearchLimits<'_>) -> Outcome {
    solve(problem, &limits, &mut |_| {})
}

/// Ends the search of a problem after more and more steps and holds every answer against the whole search's; how often it
/// ended with a plan and how often without one.
fn ended_early(problem: &Problem, name: &str, patterns_from: usize) -> (u32, u32) {
    let whole = search(problem, SearchLimits::default());
    let (mut feasible, mut unknown) = (0, 0);
    for doubling in 0..18 {
        let steps = 1024 << doubling;
        let limits = SearchLimits { steps: Some(steps), patterns_from, ..SearchLimits::default() };
        let cut = search(problem, limits);
        assert_eq!(cut, search(problem, limits), "{name}: the same number of steps ends elsewhere");
        match cut.status {
            Status::Optimal | Status::Infeasible => {
                assert_eq!((cut.status, cut.value), (whole.status, whole.value), "{name}, {steps} steps");
            }
            Status::Feasible => {
                feasible += 1;
                let plan = cut.assignment.as_ref().unwrap();
                let judged = judge(problem, plan).unwrap_or_else(|broken| panic!("{name}, {steps} steps: {broken:?}"));
                assert_eq!(Some(judged.value), cut.value, "{name}, {steps} steps");
                assert!(whole.value <= cut.value, "{name}, {steps} steps");
                assert!(cut.bound <= whole.value.unwrap(), "{name}, {steps} steps: {} is no bound", cut.bound);
            }
            Status::Unknown => {
                unknown += 1;
                assert!(cut.assignment.is_none() && cut.value.is_none());
                assert!(whole.value.is_none_or(|value| cut.bound <= value), "{name}, {steps} steps");
            }
        }
        if whole.steps <= steps {
            break;
        }
    }
    (feasible, unknown)
}

#[test]
fn an_ended_search_tells_a_plan_that_holds_and_a_true_bound() {
    let (mut feasible, mut unknown) = (0, 0);
    let mut count = |(a, b): (u32, u32)| {
        feasible += a;
        unknown += b;
    };
    for seed in 0..60 {
        let size =
            Size { skus: 8, modes: 3, sites: 1 + seed as usize % 4, workloads: 5, configurations: 4, devices: 4 };
        count(ended_early(&coarse(&mut Random::new(seed), size), &format!("coarse {seed}"), usize::MAX));
    }
    for seed in 0..12 {
        let size = Size { skus: 30, modes: 2, sites: 1, workloads: 9, configurations: 3, devices: 4 };
        count(ended_early(
            &realistic(&mut Random::new(seed), size),
            &format!("realistic {seed}"),
            1 + seed as usize % 2 * 100,
        ));
    }
    for seed in 0..6 {
        let size = Size { skus: 12, modes: 1, sites: 8, workloads: 2, configurations: 2, devices: 2 };
        let mut problem = realistic(&mut Random::new(seed), size);
        problem.max_skus = Some(2);
        count(ended_early(&problem, &format!("fleet {seed}"), usize::MAX));
    }
    assert!(feasible > 5 && unknown > 2, "the cases are too easy: {feasible} with a plan, {unknown} without");
}

#[test]
fn the_callers_flag_ends_a_search() {
    let size = Size { skus: 40, modes: 2, sites: 1, workloads: 30, configurations: 4, devices: 12 };
    let problem = realistic(&mut Random::new(1), size);
    let flag = AtomicBool::new(true);
    let limits = SearchLimits { cancel: Some(&flag), ..SearchLimits::default() };
    assert!(limits.spent());
    let outcome = search(&problem, limits);
    assert!(matches!(outcome.status, Status::Unknown | Status::Feasible), "{:?}", outcome.status);
    assert!(outcome.value.is_none_or(|value| outcome.bound <= value));
}
