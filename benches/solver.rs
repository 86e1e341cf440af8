//! How the search grows with workloads, devices, site classes and configurations: `cargo bench --bench solver`.

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Random, Size, realistic};
use edgemem::solve::{Problem, SearchLimits, solve};

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
