//! The tables of `tests/integration/README.md` are complete, and name tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

#[test]
fn every_fact_and_every_defect_has_its_row() {
    let [facts, defects] = ["## Facts", "## Defects"].map(|heading| numbers(&rows(heading)));
    assert_eq!(facts, (1..=56).collect());
    assert_eq!(defects, (1..=21).collect());
}

#[test]
fn every_test_in_a_row_exists() {
    let mut named = 0;
    for row in rows("## Facts").iter().chain(&rows("## Defects")) {
        let mut module = "";
        for name in row.split('`').skip(1).step_by(2) {
            let Some((of, test)) = name.split_once("::") else {
                continue;
            };
            module = if of.is_empty() { module } else { of };
            let file = at("http").join(format!("{module}.rs"));
            let is_one = test
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !file.is_file() || !is_one {
                continue; // of another family, or all of a module
            }
            let text = fs::read_to_string(&file).expect("a Rust file");
            assert!(
                text.contains(&format!("fn {test}()")),
                "{} has no test {test}",
                file.display()
            );
            named += 1;
        }
    }
    assert!(
        named > 60,
        "only {named} tests are named: the tables are not read as expected"
    );
}

/// The rows of the table below this heading, without its head.
fn rows(heading: &str) -> Vec<String> {
    let text = fs::read_to_string(at("README.md")).expect("tests/integration/README.md");
    let section = text.split_once(heading).expect("the heading").1;
    let section = section.split("\n## ").next().expect("a section");
    let rows = section.lines().filter(|line| line.starts_with("| "));
    rows.skip(1).map(str::to_owned).collect()
}

/// The numbers that rows begin with: `| 6, 7 |`, `| 12 paths told to clients |`.
fn numbers(rows: &[String]) -> BTreeSet<u32> {
    let first_cells = rows.iter().filter_map(|row| row.split('|').nth(1));
    let words = first_cells.flat_map(|cell| cell.split([' ', ',']));
    words.filter_map(|word| word.parse().ok()).collect()
}

fn at(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/integration")
        .join(path)
}
