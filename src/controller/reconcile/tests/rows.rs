//! The scenarios as rows that read as sentences.

mod covered;
mod dependencies;
mod drift;
mod failures;
mod half_done;
mod held;
mod installs;
mod interrupted_waits;
mod leaving;
mod moving;
mod obstacles;
mod outside;
mod refusals;
mod restarts;
mod versions;
mod waiting;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::installer::End;
use super::site::{Death, Site};

/// One case of a scenario.
pub struct Row {
    /// Its number in docs/components.md 19.
    scenario: u8,
    /// What is given and what follows.
    says: &'static str,
    plays: fn(Site),
}

const fn row(scenario: u8, says: &'static str, plays: fn(Site)) -> Row {
    Row {
        scenario,
        says,
        plays,
    }
}

/// Plays each row on a site of its own; all that fail are named.
fn play(rows: &[Row]) {
    let fails = |row: &&Row| {
        let played = catch_unwind(AssertUnwindSafe(|| (row.plays)(Site::new())));
        played.is_err()
    };
    let failed: Vec<String> = (rows.iter().filter(fails))
        .map(|row| format!("{}: {}", row.scenario, row.says))
        .collect();
    assert!(failed.is_empty(), "these fail:\n{}", failed.join("\n"));
}
