//! A plan that was changed for the worse is rejected, whatever was changed.

mod common;

use common::{Random, Size, coarse};
use edgemem::solve::{Assignment, Placed, Problem, SearchLimits, Violation, judge, solve};
use edgemem::units::{Bytes, Milliwatts, Money, Share};

fn solved() -> Vec<(Problem, Assignment)> {
    let size = Size { skus: 4, modes: 2, sites: 2, workloads: 3, configurations: 3, devices: 2 };
    let problems = (0..150).map(|seed| coarse(&mut Random::new(seed + 90_000), size));
    problems.filter_map(|p| Some((p.clone(), solve(&p, &SearchLimits::default(), &mut |_| {}).assignment?))).collect()
}

fn broken(problem: &Problem, plan: &Assignment) -> Vec<Violation> {
    judge(problem, plan).err().unwrap_or_default()
}

#[test]
fn an_accepted_plan_has_no_violation() {
    let all = solved();
    assert!(all.len() > 60, "{}", all.len());
    all.iter().for_each(|(problem, plan)| assert_eq!(broken(problem, plan), []));
}

#[test]
fn a_lost_a_doubled_and_a_foreign_workload_are_found() {
    for (problem, plan) in solved() {
        let mut lost = plan.clone();
        lost[0][0].hosted.remove(0);
        assert!(broken(&problem, &lost).iter().any(|v| matches!(v, Violation::Copies { site: 0, .. })));

        let mut doubled = plan.clone();
        let again = doubled[0][0].hosted[0].clone();
        doubled[0][0].hosted.push(again);
        assert!(broken(&problem, &doubled).iter().any(|v| matches!(v, Violation::Copies { site: 0, .. })));

        let hosted = &plan[0][0].hosted[0];
        let candidates = &problem.sites[0].workloads[hosted.workload].candidates;
        if let Some(other) = candidates.iter().position(|c| {
            c.host != plan[0][0].host && problem.hosts[c.host].pools.len() == problem.hosts[plan[0][0].host].pools.len()
        }) {
            let mut foreign = plan.clone();
            foreign[0][0].hosted[0].candidate = other;
            assert!(broken(&problem, &foreign).iter().any(|v| matches!(v, Violation::WrongHost { site: 0, .. })));
        }

        let mut nowhere = plan.clone();
        nowhere[0][0].hosted[0].candidate = candidates.len();
        assert_eq!(broken(&problem, &nowhere), [Violation::Unknown { site: 0, device: 0 }]);

        let mut idle = plan.clone();
        idle[0].push(Placed { host: plan[0][0].host, hosted: Vec::new() });
        assert!(broken(&problem, &idle).iter().any(|v| matches!(v, Violation::Idle { site: 0, .. })));

        let mut short = plan.clone();
        short.pop();
        assert_eq!(broken(&problem, &short), [Violation::Sites { given: plan.len() - 1 }]);
    }
}

#[test]
fn every_limit_is_exact() {
    for (problem, plan) in solved() {
        let judged = judge(&problem, &plan).unwrap();
        let unit = &plan[0];
        let price_of = |sku: usize| judged.bill.iter().find(|line| line.sku == sku).unwrap().price;
        let price: Money = unit.iter().map(|placed| price_of(problem.hosts[placed.host].sku)).sum();
        let with_limit = |limit: u64| {
            let mut p = problem.clone();
            p.sites[0].price_limit = Some(Money(limit));
            broken(&p, &plan)
        };
        assert_eq!(with_limit(price.0), []);
        assert_eq!(with_limit(price.0 - 1), [Violation::Price { site: 0, price }]);

        let power: Option<u64> = unit.iter().map(|placed| Some(problem.hosts[placed.host].power?.0)).sum();
        if let Some(power) = power {
            let mut p = problem.clone();
            p.sites[0].power_limit = Some(Milliwatts(power));
            assert_eq!(broken(&p, &plan), []);
            p.sites[0].power_limit = Some(Milliwatts(power - 1));
            assert_eq!(broken(&p, &plan), [Violation::Power { site: 0, draw: Milliwatts(power) }]);
        }

        let mut p = problem.clone();
        p.max_skus = Some(judged.bill.len() as u32 - 1);
        assert_eq!(broken(&p, &plan), [Violation::TooManySkus { given: judged.bill.len() }]);

        let mut p = problem.clone();
        p.sites[0].max_devices = unit.len() as u32 - 1;
        assert_eq!(broken(&p, &plan), [Violation::TooManyDevices { site: 0, given: unit.len() }]);

        let line = judged.bill[0];
        let mut p = problem.clone();
        p.skus[line.sku].prices = vec![(line.quantity + line.spares + line.extra + 1, line.price)];
        assert!(broken(&p, &plan).iter().any(|v| matches!(v, Violation::Unavailable { .. })));

        let load: u64 = unit[0]
            .hosted
            .iter()
            .map(|hosted| problem.sites[0].workloads[hosted.workload].candidates[hosted.candidate].load.0)
            .sum();
        if load > 0 {
            let mut p = problem.clone();
            p.max_load = Share(load - 1);
            assert!(broken(&p, &plan).contains(&Violation::Load { site: 0, device: 0, load: Share(load) }));
        }
    }
}

#[test]
fn a_pool_one_byte_short_is_found() {
    for (problem, plan) in solved() {
        let host = plan[0][0].host;
        let mut p = problem.clone();
        // The least capacity under which the plan still holds.
        let (mut low, mut high) = (0, p.hosts[host].pools[0].capacity.0);
        while low < high {
            let middle = (low + high) / 2;
            p.hosts[host].pools[0].capacity = Bytes(middle);
            if broken(&p, &plan).is_empty() { high = middle } else { low = middle + 1 }
        }
        p.hosts[host].pools[0].capacity = Bytes(high);
        assert_eq!(broken(&p, &plan), []);
        if high > 0 {
            p.hosts[host].pools[0].capacity = Bytes(high - 1);
            let short = |v: &Violation| matches!(v, Violation::Memory { pool: 0, short: Bytes(1), .. });
            assert!(broken(&p, &plan).iter().any(short));
        }
    }
}
