//! Kills at each point of a run without other faults, one at a time: every one must converge.

use driftless_tests::simulation::{Scenario, Setup, crash_points, simulate};

#[test]
fn every_crash_point_converges() {
    let every = std::env::var("DRIFTLESS_CRASH_EVERY").ok().and_then(|n| n.parse().ok()).unwrap_or(5u64);
    for scenario in Scenario::ALL {
        let points = crash_points(scenario, 7);
        let mut killed = 0;
        for point in (0..points).step_by(every as usize) {
            let setup = Setup { faultless: true, crash_at: Some(point), ..Setup::seeded(scenario, 7) };
            simulate(setup)
                .unwrap_or_else(|broken| panic!("{scenario:?}, killed at point {point} of {points}: {broken}"));
            killed += 1;
        }
        println!("{scenario:?}: {killed} of {points} crash points tried, all converge");
    }
}
