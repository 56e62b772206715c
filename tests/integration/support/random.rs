//! Numbers that look random and can be had again from their seed.

use std::time::{SystemTime, UNIX_EPOCH};

/// A generator (SplitMix64) that shows its seed when a test fails.
pub struct Random {
    seed: u64,
    state: u64,
    shown_by: Option<&'static str>,
}

impl Random {
    /// Seeded by the clock, or by this environment variable; a failing test says which value to give it.
    pub fn from_environment(variable: &'static str) -> Random {
        let seed = match std::env::var(variable) {
            Ok(seed) => seed.parse().expect("a seed is a number"),
            Err(_) => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .expect("a clock after 1970")
                .as_nanos() as u64,
        };
        Random {
            seed,
            state: seed,
            shown_by: Some(variable),
        }
    }

    /// The generator of this seed.
    pub fn seeded(seed: u64) -> Random {
        Random {
            seed,
            state: seed,
            shown_by: None,
        }
    }

    /// A generator of its own, for a task.
    pub fn fork(&mut self) -> Random {
        Random::seeded(self.next())
    }

    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if let Some(variable) = self.shown_by.filter(|_| std::thread::panicking()) {
            eprintln!("--- the same numbers again: {variable}={}", self.seed);
        }
    }
}
