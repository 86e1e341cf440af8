//! The solver against every joint choice on small random problems.

mod common;

use common::Random;
use common::brute::{brute, small};
use edgemem::solve::{Assignment, Outcome, Problem, Rank, SearchLimits, Status, alternatives, judge, solve};

#[test]
fn the_solver_finds_the_first_of_all_plans() {
    first_of_all(0..600);
}

#[test]
fn the_solver_finds_the_first_of_all_plans_again() {
    first_of_all(600..1200);
}

fn first_of_all(seeds: std::ops::Range<u64>) {
    let mut feasible = 0;
    for seed in seeds {
        let problem = small(&mut Random::new(seed));
        let all = brute(&problem);
        // With bounds by patterns, which otherwise only large classes get, and without.
        for patterns_from in [usize::MAX, 1] {
            let limits = SearchLimits { patterns_from, ..SearchLimits::default() };
            check(&problem, all.first(), &solve(&problem, &limits, &mut |_| {}), seed);
        }
        feasible += usize::from(!all.is_empty());
    }
    assert!((250..590).contains(&feasible), "{feasible} of 600 have a plan");
}

fn check(problem: &Problem, first: Option<&(Rank, u64, Assignment)>, outcome: &Outcome, seed: u64) {
    let Some((rank, value, _)) = first else {
        assert_eq!(outcome.status, Status::Infeasible, "seed {seed}");
        return;
    };
    assert_eq!(outcome.status, Status::Optimal, "seed {seed}");
    assert_eq!(outcome.value, Some(*value), "seed {seed}");
    assert_eq!(outcome.bound, *value, "seed {seed}");
    let Some(plan) = &outcome.assignment else { panic!("seed {seed}: no plan") };
    let judged = judge(problem, plan).unwrap_or_else(|e| panic!("seed {seed}: {e:?}"));
    assert_eq!(judged.rank, *rank, "seed {seed}");
    assert!(outcome.first_of_equals, "seed {seed}");
}

#[test]
fn alternatives_are_the_next_plans_with_other_devices() {
    for seed in 0..300 {
        let problem = small(&mut Random::new(seed));
        let all = brute(&problem);
        let Some((_, _, plan)) = all.first() else { continue };
        let found = alternatives(&problem, plan, 4, &SearchLimits::default(), &mut |_| {});
        assert_eq!(found.len(), (all.len() - 1).min(4), "seed {seed}");
        for (outcome, (rank, value, _)) in found.iter().zip(&all[1..]) {
            assert_eq!(outcome.value, Some(*value), "seed {seed}");
            let judged = judge(&problem, outcome.assignment.as_ref().unwrap()).unwrap();
            assert_eq!(judged.rank, *rank, "seed {seed}");
        }
    }
}
