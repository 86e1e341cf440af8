//! What is said of a device that cannot be the whole unit is true.

mod common;

use common::{Random, Size, coarse};
use edgemem::solve::{Host, Refusal, SearchLimits, Status, refusals, solve};
use edgemem::units::{Bytes, Share};

#[test]
fn a_device_is_refused_exactly_when_it_cannot_be_the_whole_unit() {
    let (mut refused, mut fine) = (0, 0);
    for seed in 0..400 {
        let mut r = Random::new(seed + 7000);
        let size = Size { skus: 4, modes: 2, sites: 1, workloads: 3, configurations: 3, devices: 1 };
        let mut problem = coarse(&mut r, size);
        problem.sites[0].max_devices = 1;
        let told = refusals(&problem, 0);
        assert_eq!(told.len(), problem.hosts.len());
        for (host, refusal) in told.iter().enumerate() {
            let mut alone = problem.clone();
            for workload in &mut alone.sites[0].workloads {
                workload.candidates.retain(|candidate| candidate.host == host);
            }
            let outcome = solve(&alone, &SearchLimits::default(), &mut |_| {});
            assert_eq!(
                outcome.status == Status::Infeasible,
                refusal.is_some(),
                "seed {seed}, host {host}: {refusal:?}"
            );
            match refusal {
                Some(_) => refused += 1,
                None => fine += 1,
            }
            // Giving the device what it is told to lack opens it or moves the reason on, a little less does not.
            match *refusal {
                Some(Refusal::Memory { pool, short }) if short > Bytes::ZERO => {
                    let pools = |host: &mut Host, more: u64| host.pools[pool].capacity.0 += more;
                    let mut less = problem.clone();
                    pools(&mut less.hosts[host], short.0 - 1);
                    assert!(
                        matches!(refusals(&less, 0)[host], Some(Refusal::Memory { .. })),
                        "seed {seed}, host {host}"
                    );
                    pools(&mut less.hosts[host], 1);
                    let same = Some(Refusal::Memory { pool, short: Bytes(1) });
                    assert_ne!(refusals(&less, 0)[host], same, "seed {seed}, host {host}");
                }
                Some(Refusal::Load { over }) => {
                    let mut less = problem.clone();
                    less.max_load = Share(less.max_load.0 + over.0 - 1);
                    assert_eq!(refusals(&less, 0)[host], Some(Refusal::Load { over: Share(1) }));
                    less.max_load = Share(less.max_load.0 + 1);
                    assert!(
                        !matches!(refusals(&less, 0)[host], Some(Refusal::Load { .. })),
                        "seed {seed}, host {host}"
                    );
                }
                _ => {}
            }
        }
    }
    assert!(refused > 300 && fine > 300, "{refused} refused, {fine} fine");
}
