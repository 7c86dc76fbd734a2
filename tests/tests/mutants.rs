//! Each guard of the protocol, removed, must be noticed by the simulation.

use driftless_tests::simulation::{Mutant, Setup, simulate};

/// Seeds tried before a mutant counts as unnoticed.
const SEEDS: u64 = 10_000;

#[test]
fn every_mutant_is_caught() {
    let mut alive = Vec::new();
    for mutant in Mutant::ALL {
        let scenario = mutant.scenario();
        let caught = (0..SEEDS).find_map(|seed| {
            let setup = Setup { mutant: Some(mutant), ..Setup::seeded(scenario, seed) };
            simulate(setup).err().map(|broken| (seed, broken))
        });
        match caught {
            Some((seed, broken)) => {
                println!(
                    "{mutant:?}: caught by {scenario:?} seed {seed}: {}",
                    broken.lines().next().unwrap_or_default()
                );
            }
            None => alive.push(mutant),
        }
    }
    assert!(alive.is_empty(), "not noticed: {alive:?}");
}
