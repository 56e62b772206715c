//! Which scenarios have a row.

use std::collections::BTreeSet;

use super::{
    Row, dependencies, drift, failures, half_done, held, installs, interrupted_waits, leaving,
    moving, obstacles, outside, refusals, restarts, versions, waiting,
};

const ALL: [&[Row]; 15] = [
    installs::ROWS,
    outside::ROWS,
    failures::ROWS,
    refusals::ROWS,
    versions::ROWS,
    restarts::ROWS,
    half_done::ROWS,
    waiting::ROWS,
    interrupted_waits::ROWS,
    leaving::ROWS,
    moving::ROWS,
    dependencies::ROWS,
    drift::ROWS,
    held::ROWS,
    obstacles::ROWS,
];

/// The scenarios that are promised, with their numbers.
const PROMISED: &str = include_str!("../../../../../docs/components.md");
/// Where the tests are listed by scenario.
const LISTED: &str = include_str!("../../../../../tests/integration/README.md");

/// Numbers as they are written for people: `1–23, 25`.
fn ranges(numbers: &BTreeSet<u8>) -> String {
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    for number in numbers.iter().copied() {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let words = ranges.iter().map(|(first, last)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first}–{last}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[test]
fn at_least_80_scenarios_have_a_row_and_the_list_of_tests_says_which() {
    let rows = || ALL.iter().copied().flatten();
    let covered: BTreeSet<u8> = rows().map(|row| row.scenario).collect();
    assert!(
        covered.len() >= 80,
        "only {}: {}",
        covered.len(),
        ranges(&covered)
    );
    let (_, scenarios) = PROMISED
        .split_once("## 19. Scenarios")
        .expect("it is there");
    for row in rows() {
        let line = format!("\n| {} | ", row.scenario);
        assert!(scenarios.contains(&line), "{} is no scenario", row.scenario);
    }
    let line = format!(
        "Rows of `controller::reconcile::tests`: {}.",
        ranges(&covered)
    );
    assert!(
        LISTED.contains(&line),
        "tests/integration/README.md should say: {line}"
    );
}
