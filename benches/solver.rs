//! How the search grows with workloads, devices, site classes and configurations: `cargo bench --bench solver`.

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Random, Size, realistic};
use std::time::Duration;

use edgemem::solve::{Problem, SearchLimits, solve};
use edgemem::units::Money;

fn main() {
    divan::main();
}

fn problem(size: Size, max_skus: Option<u32>) -> Problem {
    Problem { max_skus, ..realistic(&mut Random::new(2), size) }
}

fn run(bencher: divan::Bencher, problem: &Problem) {
    bencher.bench_local(|| solve(problem, &SearchLimits::default(), &mut |_| {}));
}

#[divan::bench(args = [2, 5, 10, 20], sample_count = 5)]
fn workloads(bencher: divan::Bencher, workloads: usize) {
    run(bencher, &problem(Size { skus: 100, modes: 3, sites: 1, workloads, configurations: 6, devices: 4 }, None));
}

#[divan::bench(args = [25, 50, 100, 200], sample_count = 5)]
fn catalog(bencher: divan::Bencher, skus: usize) {
    run(bencher, &problem(Size { skus, modes: 3, sites: 1, workloads: 10, configurations: 6, devices: 3 }, None));
}

#[divan::bench(args = [1, 2, 3, 4, 6], sample_count = 5)]
fn devices_per_unit(bencher: divan::Bencher, devices: u32) {
    run(bencher, &problem(Size { skus: 100, modes: 3, sites: 1, workloads: 10, configurations: 6, devices }, None));
}

#[divan::bench(args = [1, 2, 4, 6], sample_count = 5)]
fn configurations(bencher: divan::Bencher, configurations: u64) {
    run(bencher, &problem(Size { skus: 100, modes: 3, sites: 1, workloads: 10, configurations, devices: 3 }, None));
}

#[divan::bench(args = [1, 5, 10, 50], sample_count = 3)]
fn site_classes(bencher: divan::Bencher, sites: usize) {
    run(bencher, &problem(Size { skus: 60, modes: 2, sites, workloads: 2, configurations: 4, devices: 1 }, Some(4)));
}

/// Units of many devices, where patterns bound; a minute at most.
#[divan::bench(args = [50, 100], sample_count = 1, sample_size = 1)]
fn many_workloads(bencher: divan::Bencher, workloads: usize) {
    let size = Size { skus: 200, modes: 3, sites: 1, workloads, configurations: 6, devices: 10 };
    let problem = realistic(&mut Random::new(3), size);
    let limits = SearchLimits { time: Some(Duration::from_secs(60)), ..SearchLimits::default() };
    bencher.bench_local(|| solve(&problem, &limits, &mut |_| {}));
}

/// Site classes that share three SKUs with price breaks, two devices in a unit.
#[divan::bench(args = [5, 10, 50], sample_count = 3)]
fn fleets(bencher: divan::Bencher, sites: usize) {
    let mut r = Random::new(8);
    let size = Size { skus: 40, modes: 3, sites, workloads: 2, configurations: 6, devices: 2 };
    let mut problem = Problem { max_skus: Some(3), ..realistic(&mut r, size) };
    for sku in &mut problem.skus {
        let price = sku.prices[0].1.0;
        if r.chance(50) {
            continue;
        }
        sku.prices.push((r.pick(&[10, 50, 100]), Money(price * 9 / 10)));
        sku.prices.push((500, Money(price * 8 / 10)));
    }
    run(bencher, &problem);
}
